/* A connection that ends after any byte of a handshake, whatever the mechanism and whichever side was speaking: who waits for more
   hears of it, and the next connection is made. Between the two is a relay, which knows nothing of what it passes on. (f_peers cuts
   off peers that it plays itself, with NULL.) Called by ctests/faults/run. */
#include "faults.h"
#include "../raw.h"

/* What the relay passes in each direction of its next connection, and of that one alone, before it closes both ends. */
static int allowed[2] = {INT32_MAX, INT32_MAX};
/* How much passed of the last connection. */
static volatile int passed[2];
static int resets;

static int listener, server_port;

static int dial (void)
{
    char endpoint[64];
    sprintf (endpoint, "tcp://127.0.0.1:%d", server_port);
    return raw_connect (endpoint);
}

static void hang_up (int fd)
{
    if (resets)
        setsockopt (fd, SOL_SOCKET, SO_LINGER, &(struct linger) {1, 0}, sizeof (struct linger));
    close (fd);
}

/* Passes bytes on until a direction has had its share, or an end closes. */
static void pass_on (int ends[2])
{
    int had[2] = {0, 0}, may[2];
    for (int way = 0; way < 2; way++) {
        may[way] = __atomic_exchange_n (&allowed[way], INT32_MAX, __ATOMIC_SEQ_CST);
        passed[way] = 0;
    }
    while (had[0] < may[0] && had[1] < may[1]) {
        struct pollfd items[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}};
        NEED (poll (items, 2, PATIENCE) > 0);
        for (int way = 0; way < 2; way++) {
            char bytes[4096];
            int room = may[way] - had[way] < (int) sizeof bytes ? may[way] - had[way] : (int) sizeof bytes;
            if (!items[way].revents || room == 0)
                continue;
            ssize_t count = recv (ends[way], bytes, (size_t) room, 0);
            if (count <= 0)
                return;
            raw_send (ends[!way], bytes, (size_t) count);
            had[way] += (int) count;
            passed[way] = had[way];
        }
    }
}

static void *relay (void *unused)
{
    (void) unused;
    for (;;) {
        int ends[2] = {accept (listener, NULL, NULL), -1};
        if (ends[0] == -1)
            return NULL;
        ends[1] = dial ();
        pass_on (ends);
        hang_up (ends[0]);
        hang_up (ends[1]);
    }
}

/* Lets everybody in who has the password, or whose key was checked already. */
static void *doorman (void *handler)
{
    char frame[256], id[256];
    int size, id_size = 0, good = 0;
    for (int number = 0; (size = zmq_recv (handler, frame, sizeof frame, 0)) != -1;) {
        if (number == 1)
            memcpy (id, frame, (size_t) (id_size = size));
        if (number == 5)
            good = size == 5 && memcmp (frame, "CURVE", 5) == 0;
        if (number == 7)
            good = size == 6 && memcmp (frame, "secret", 6) == 0;
        number++;
        if (get_int (handler, ZMQ_RCVMORE))
            continue;
        zmq_send (handler, "1.0", 3, ZMQ_SNDMORE);
        zmq_send (handler, id, (size_t) id_size, ZMQ_SNDMORE);
        zmq_send (handler, good ? "200" : "400", 3, ZMQ_SNDMORE);
        zmq_send (handler, "", 0, ZMQ_SNDMORE);
        zmq_send (handler, "", 0, ZMQ_SNDMORE);
        zmq_send (handler, "", 0, 0);
        number = good = 0;
    }
    zmq_close (handler);
    return NULL;
}

static void plain (void *server, void *client)
{
    set_int (server, ZMQ_PLAIN_SERVER, 1);
    NEED (zmq_setsockopt (client, ZMQ_PLAIN_USERNAME, "user", 4) == 0);
    NEED (zmq_setsockopt (client, ZMQ_PLAIN_PASSWORD, "secret", 6) == 0);
}

static void curve (void *server, void *client)
{
    char public[41], secret[41];
    NEED (zmq_curve_keypair (public, secret) == 0);
    set_int (server, ZMQ_CURVE_SERVER, 1);
    NEED (zmq_setsockopt (server, ZMQ_CURVE_SECRETKEY, secret, 41) == 0);
    NEED (zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, public, 41) == 0);
    NEED (zmq_curve_keypair (public, secret) == 0);
    NEED (zmq_setsockopt (client, ZMQ_CURVE_PUBLICKEY, public, 41) == 0);
    NEED (zmq_setsockopt (client, ZMQ_CURVE_SECRETKEY, secret, 41) == 0);
}

static void none (void *server, void *client)
{
    (void) server;
    (void) client;
}

static void cut (void *context, const char *name, void (*secure) (void *, void *), int step)
{
    char through[64], endpoint[256];
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
    secure (pull, push);
    void *at_server = watch_all (context, pull), *at_client = watch_all (context, push);
    bind_any (pull, "tcp", endpoint);
    server_port = atoi (strrchr (endpoint, ':') + 1);
    listener = raw_listen (through);
    pthread_t thread;
    NEED (pthread_create (&thread, NULL, relay, NULL) == 0);
    NEED (zmq_connect (push, through) == 0);
    CHECK (wait_event (at_server, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, PATIENCE) != -1, "%s: no connection", name);
    CHECK (wait_event (at_client, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, PATIENCE) != -1, "%s: no connection", name);
    int whole[2] = {passed[0], passed[1]};
    int cuts = 0;
    for (int way = 0; way < 2; way++)
        for (int bytes = 1; bytes < whole[way]; bytes += step) {
            /* The end of this connection brings one that ends early, and that one the next. */
            __atomic_store_n (&allowed[way], bytes, __ATOMIC_SEQ_CST);
            NEED (zmq_disconnect (push, through) == 0);
            NEED (zmq_connect (push, through) == 0);
            /* Who has spoken last may have all it needs. */
            CHECK (wait_event (way == 0 ? at_server : at_client, ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, PATIENCE) != -1,
                   "%s: after %d bytes the %s hears nothing of the end", name, bytes, way == 0 ? "server" : "client");
            exchange (push, pull, name);
            cuts++;
        }
    line ("%s: cut after any of %d bytes of the client's and %d of the server's, %s", name, whole[0], whole[1], resets ? "by a reset" : "in good order");
    CHECK (cuts > 10, "%s: only %d cuts", name, cuts);
    end_socket (push);
    end_socket (pull);
    end_socket (at_client);
    end_socket (at_server);
    shutdown (listener, SHUT_RDWR);
    pthread_join (thread, NULL);
    close (listener);
}

int main (void)
{
    void *context = new_context (), *handler = zmq_socket (context, ZMQ_REP);
    NEED (zmq_bind (handler, "inproc://zeromq.zap.01") == 0);
    pthread_t thread;
    NEED (pthread_create (&thread, NULL, doorman, handler) == 0);
    for (resets = 0; resets < 2; resets++) {
        cut (context, "NULL", none, 3);
        cut (context, "PLAIN", plain, 5);
        cut (context, "CURVE", curve, 11);
    }
    end_context (context);
    pthread_join (thread, NULL);
    return 0;
}
