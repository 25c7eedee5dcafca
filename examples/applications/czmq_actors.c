/*
 * CZMQ, the C library on top of libzmq, as Debian packages it: actors, certificates with an authenticator, a proxy and
 * beacons. None of it knows which libzmq is underneath.
 */
#include <czmq.h>

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf ("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                            \
            fflush (stdout);                                                                                           \
            _exit (1);                                                                                                 \
        }                                                                                                              \
    } while (0)

/* An actor is a thread with a pair of sockets between it and whoever has started it. */
static void counter (zsock_t *pipe, void *argument)
{
    int count = *(int *) argument;
    zsock_signal (pipe, 0);
    for (;;) {
        char *command = zstr_recv (pipe);
        if (!command || streq (command, "$TERM")) {
            zstr_free (&command);
            return;
        }
        zsock_send (pipe, "si", command, ++count);
        zstr_free (&command);
    }
}

static void actors (void)
{
    int first = 41, count = 0;
    zactor_t *actor = zactor_new (counter, &first);
    zstr_send (actor, "count");
    char *word = NULL;
    EXPECT (zsock_recv (actor, "si", &word, &count) == 0 && streq (word, "count") && count == 42);
    zstr_free (&word);
    zactor_destroy (&actor);
    puts ("an actor has counted");
}

/* CURVE, with an authenticator that knows one certificate. */
static void certificates (void)
{
    zactor_t *authenticator = zactor_new (zauth, NULL);
    char folder[] = "czmq-XXXXXX";
    EXPECT (mkdtemp (folder));
    zcert_t *server_cert = zcert_new (), *client_cert = zcert_new (), *stranger_cert = zcert_new ();
    char *file = zsys_sprintf ("%s/client.txt", folder);
    zcert_save_public (client_cert, file);
    zstr_sendx (authenticator, "CURVE", folder, NULL);
    zsock_wait (authenticator);

    zsock_t *server = zsock_new (ZMQ_PUSH), *client = zsock_new (ZMQ_PULL), *stranger = zsock_new (ZMQ_PULL);
    zcert_apply (server_cert, server);
    zsock_set_curve_server (server, 1);
    zsock_set_zap_domain (server, "global");
    int port = zsock_bind (server, "tcp://127.0.0.1:*");
    EXPECT (port > 0);
    zcert_apply (stranger_cert, stranger);
    zsock_set_curve_serverkey (stranger, zcert_public_txt (server_cert));
    EXPECT (zsock_connect (stranger, "tcp://127.0.0.1:%d", port) == 0);
    zcert_apply (client_cert, client);
    zsock_set_curve_serverkey (client, zcert_public_txt (server_cert));
    EXPECT (zsock_connect (client, "tcp://127.0.0.1:%d", port) == 0);

    zstr_send (server, "secret");
    char *text = zstr_recv (client);
    EXPECT (text && streq (text, "secret"));
    zstr_free (&text);
    zpoller_t *poller = zpoller_new (stranger, NULL);
    EXPECT (zpoller_wait (poller, 200) == NULL);
    puts ("the certificate on file is let in, another one is not");

    zpoller_destroy (&poller);
    zsock_destroy (&server);
    zsock_destroy (&client);
    zsock_destroy (&stranger);
    zcert_destroy (&server_cert);
    zcert_destroy (&client_cert);
    zcert_destroy (&stranger_cert);
    zactor_destroy (&authenticator);
    EXPECT (unlink (file) == 0 && rmdir (folder) == 0);
    zstr_free (&file);
}

static void proxies (void)
{
    zactor_t *proxy = zactor_new (zproxy, NULL);
    zstr_sendx (proxy, "FRONTEND", "PULL", "inproc://front", NULL);
    zsock_wait (proxy);
    zstr_sendx (proxy, "BACKEND", "PUSH", "inproc://back", NULL);
    zsock_wait (proxy);
    zsock_t *in = zsock_new_push (">inproc://front"), *out = zsock_new_pull (">inproc://back");
    zmsg_t *message = zmsg_new ();
    zmsg_addstr (message, "first");
    zmsg_addstrf (message, "%d", 2);
    zmsg_send (&message, in);
    message = zmsg_recv (out);
    EXPECT (message && zmsg_size (message) == 2);
    char *first = zmsg_popstr (message), *second = zmsg_popstr (message);
    EXPECT (streq (first, "first") && streq (second, "2"));
    puts ("a message of two frames has passed a proxy");
    zstr_free (&first);
    zstr_free (&second);
    zmsg_destroy (&message);
    zsock_destroy (&in);
    zsock_destroy (&out);
    zactor_destroy (&proxy);
}

/* Two beacons on a port hear each other, and not themselves. */
static void beacons (void)
{
    zactor_t *speaker = zactor_new (zbeacon, NULL), *listener = zactor_new (zbeacon, NULL);
    zactor_t *all[] = {speaker, listener};
    for (int i = 0; i < 2; i++) {
        zsock_send (all[i], "si", "CONFIGURE", 5764);
        char *host = zstr_recv (all[i]);
        EXPECT (host);
        if (!*host) {
            puts ("no beacons: no interface here can broadcast");
            zstr_free (&host);
            goto over;
        }
        zstr_free (&host);
    }
    zsock_send (listener, "sb", "SUBSCRIBE", "", 0);
    zsock_send (speaker, "sbi", "PUBLISH", "I am here", 9, 50);
    zsock_set_rcvtimeo (listener, 5000);
    char *address = zstr_recv (listener);
    zframe_t *words = address ? zframe_recv (listener) : NULL;
    EXPECT (address && words && zframe_size (words) == 9 && memcmp (zframe_data (words), "I am here", 9) == 0);
    printf ("a beacon was heard from %s\n", address);
    zstr_free (&address);
    zframe_destroy (&words);
over:
    zactor_destroy (&speaker);
    zactor_destroy (&listener);
}

int main (void)
{
    setvbuf (stdout, NULL, _IOLBF, 0);
    actors ();
    certificates ();
    proxies ();
    beacons ();
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    printf ("CZMQ %d.%d.%d on libzmq %d.%d.%d\n", CZMQ_VERSION_MAJOR, CZMQ_VERSION_MINOR, CZMQ_VERSION_PATCH, major, minor, patch);
    return 0;
}
