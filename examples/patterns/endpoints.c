/*
 * Endpoints: names of interfaces, wildcards, many on one socket, and in any order.
 *
 * A bind may name an interface instead of an address, let the system choose the port, or take all interfaces; what
 * came of it is in ZMQ_LAST_ENDPOINT. A socket may bind and connect as often as it likes, to different transports, and
 * a connect may come before its bind: it tries again until there is somebody.
 */
#include "story.h"

static void *context;

static const char *last_endpoint (void *socket)
{
    static char name[256];
    size_t size = sizeof name;
    EXPECT (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, name, &size) == 0);
    return name;
}

static int port_of (const char *endpoint)
{
    return atoi (strrchr (endpoint, ':') + 1);
}

static void ask (const char *endpoint, void *service)
{
    void *client = connected (context, ZMQ_REQ, endpoint);
    message_t message;
    EXPECT (SEND (client, "hello") && readable (service, 10000) && receive (service, &message) && send_on (service, &message));
    EXPECT (readable (client, 10000) && receive (client, &message) && is (&message, 0, "hello"));
    zmq_close (client);
}

/* Binds to what is written, asks there; the endpoint must begin as said. */
static void bind_and_ask (const char *written, const char *begins)
{
    char there[128];
    void *service = bound (context, ZMQ_REP, written);
    const char *is_at = last_endpoint (service);
    say ("%-18s is %s", written, is_at);
    EXPECT (strncmp (is_at, begins, strlen (begins)) == 0 && port_of (is_at) > 0);
    snprintf (there, sizeof there, "tcp://127.0.0.1:%d", port_of (is_at));
    ask (there, service);
    zmq_close (service);
}

/* One socket that serves three transports and two ports at a time. */
static void many_binds (void)
{
    char first[256], second[256], local[256];
    void *service = new_socket (context, ZMQ_REP);
    bind_to (service, "tcp://127.0.0.1:*");
    strcpy (first, last_endpoint (service));
    bind_to (service, "tcp://lo:*");
    strcpy (second, last_endpoint (service));
    bind_to (service, "ipc://*");
    strcpy (local, last_endpoint (service));
    bind_to (service, "inproc://here");
    EXPECT (strcmp (first, second) != 0);
    const char *all[] = {first, "inproc://here", second, local, first};
    for (int i = 0; i < 5; i++)
        ask (all[i], service);
    EXPECT (zmq_unbind (service, second) == 0);
    ask (first, service);
    say ("one socket served tcp twice, ipc and inproc");
    zmq_close (service);
}

/* A socket that binds and connects; all connects before their binds. */
static void any_order (void)
{
    char folder[] = "endpoints-XXXXXX", here[64];
    EXPECT (mkdtemp (folder));
    snprintf (here, sizeof here, "ipc://%s/socket", folder);
    void *out = new_socket (context, ZMQ_PUSH);
    connect_to (out, "tcp://127.0.0.1:5712");
    connect_to (out, "inproc://later");
    connect_to (out, here);
    bind_to (out, "tcp://127.0.0.1:5713");
    void *in[] = {connected (context, ZMQ_PULL, "tcp://127.0.0.1:5713"), bound (context, ZMQ_PULL, here),
                  bound (context, ZMQ_PULL, "tcp://127.0.0.1:5712"), bound (context, ZMQ_PULL, "inproc://later")};
    int heard[4] = {0}, all = 0;
    for (int i = 0; all < 4; i++) {
        EXPECT (i < 5000 && SEND (out, "work"));
        rest (2);
        all = 0;
        for (int j = 0; j < 4; j++) {
            message_t message;
            heard[j] += readable (in[j], 0) && receive (in[j], &message);
            all += heard[j] > 0;
        }
    }
    say ("one socket fed four others; three of them bound after it had connected");
    for (int i = 0; i < 4; i++)
        zmq_close (in[i]);
    zmq_close (out);
    rest (20);
    unlink (here + strlen ("ipc://")); /* unless the library has done so */
    EXPECT (rmdir (folder) == 0);
}

int main (void)
{
    context = zmq_ctx_new ();
    bind_and_ask ("tcp://lo:5714", "tcp://127.0.0.1:5714");
    bind_and_ask ("tcp://lo:*", "tcp://127.0.0.1:");
    bind_and_ask ("tcp://*:5715", "tcp://0.0.0.0:5715");
    bind_and_ask ("tcp://*:*", "tcp://0.0.0.0:");
    bind_and_ask ("tcp://127.0.0.1:0", "tcp://127.0.0.1:");
    void *socket = new_socket (context, ZMQ_REP);
    EXPECT (zmq_bind (socket, "tcp://nosuchinterface:5716") == -1 && zmq_errno () == ENODEV);
    zmq_close (socket);
    many_binds ();
    any_order ();
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
