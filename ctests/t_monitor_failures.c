/* zmq_socket_monitor where something fails: binding, accepting, connecting, a peer of the wrong kind or none, one that
   does not speak WebSocket. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"
#include "raw.h"

static void *context;

/* Prints the first few events; values that are numbers of descriptors as such. */
static void report (void *watcher, int limit)
{
    for (int count = 0; count < limit && comes (watcher, 300); count++) {
        unsigned char frame[8];
        char where[256] = "";
        uint16_t event;
        int32_t value;
        NEED (zmq_recv (watcher, frame, sizeof frame, 0) == 6 && zmq_recv (watcher, where, sizeof where - 1, 0) != -1);
        memcpy (&event, frame, 2);
        memcpy (&value, frame + 2, 4);
        char *port = strrchr (where, ':');
        if (port && port - where > 5)
            *port = 0;
        switch (event) {
            case ZMQ_EVENT_BIND_FAILED: /* libzmq names the address without its transport */
                line ("event %#x, %s", event, errno_name (value));
                break;
            case ZMQ_EVENT_ACCEPT_FAILED: /* for a filter libzmq's errno is any that was left from before */
                line ("event %#x, %s, %s", event, value == EAGAIN || value == EACCES ? "refused" : errno_name (value), where);
                break;
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
                line ("event %#x, %#x, %s", event, value, where);
                break;
            case ZMQ_EVENT_CONNECT_DELAYED:
            case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                line ("event %#x, %s, %s", event, errno_name (value), where);
                break;
            default:
                line ("event %#x, a descriptor %d, %s", event, value > 2, where);
        }
    }
}

static void end_watched (void *socket, void *watcher)
{
    end_socket (socket);
    report (watcher, 100);
    end_socket (watcher);
}

static void binding (void)
{
    char endpoint[256], in_use[256] = "ipc://nosuchfolder/x";
    void *holder = new_socket (context, ZMQ_PULL);
    bind_any (holder, "tcp", endpoint);
    const char *const bad[] = {endpoint, in_use, "tcp://192.0.2.1:5999", "tcp://nosuch0:5999", "tcp://127.0.0.1", "inproc://",
                               "ipc://@taken", "inproc://taken"};
    NEED (zmq_bind (holder, "ipc://@taken") == 0 && zmq_bind (holder, "inproc://taken") == 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        line ("-- bind %d", (int) i);
        void *pull = new_socket (context, ZMQ_PULL), *watcher = watch (context, pull, ZMQ_EVENT_BIND_FAILED | ZMQ_EVENT_LISTENING | ZMQ_EVENT_MONITOR_STOPPED);
        /* libzmq's errno may be one of the monitor's, and it tells of a CLOSED at no address first. */
        line ("%d", zmq_bind (pull, bad[i]));
        report (watcher, 10);
        end_watched (pull, watcher);
    }
    end_socket (holder);
}

static void refused_by_a_filter (void)
{
    char endpoint[256];
    line ("-- refused by a filter");
    void *pull = new_socket (context, ZMQ_PULL), *watcher = watch (context, pull, ZMQ_EVENT_ALL & ~ZMQ_EVENT_LISTENING);
    NEED (zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, "10.0.0.0/8", 10) == 0);
    bind_any (pull, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    line ("%s", raw_fate (fd, 400));
    report (watcher, 10);
    close (fd);
    end_watched (pull, watcher);
}

static void wrong_kind (const char *transport)
{
    char endpoint[256];
    line ("-- PULL meets SUB over %s", transport);
    void *pull = new_socket (context, ZMQ_PULL), *sub = new_socket (context, ZMQ_SUB);
    void *server = watch (context, pull, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    bind_any (pull, transport, endpoint);
    NEED (zmq_connect (sub, endpoint) == 0);
    report (server, 10);
    end_socket (sub);
    end_watched (pull, server);
}

static void connecting (void)
{
    char endpoint[256];
    close (raw_listen (endpoint));
    line ("-- nobody there");
    void *push = new_socket (context, ZMQ_PUSH), *watcher = watch (context, push, ZMQ_EVENT_ALL & ~ZMQ_EVENT_CONNECT_RETRIED);
    set_int (push, ZMQ_RECONNECT_IVL, -1);
    NEED (zmq_connect (push, endpoint) == 0);
    report (watcher, 10);
    end_watched (push, watcher);
    line ("-- no such file");
    push = new_socket (context, ZMQ_PUSH), watcher = watch (context, push, ZMQ_EVENT_ALL & ~ZMQ_EVENT_CONNECT_RETRIED);
    set_int (push, ZMQ_RECONNECT_IVL, -1);
    NEED (zmq_connect (push, "ipc://nosuch.ipc") == 0);
    report (watcher, 10);
    end_watched (push, watcher);
}

/* Gives a connection up that a listener whose queue is full does not answer. */
static void given_up (const char *transport)
{
    char endpoint[256], of_transport[256];
    int others[3], listener = raw_listen (endpoint);
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    NEED (listen (listener, 0) == 0 && getsockname (listener, (struct sockaddr *) &address, &length) == 0);
    for (int i = 0; i < 3; i++) {
        others[i] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        NEED (connect (others[i], (struct sockaddr *) &address, length) == 0 || errno == EINPROGRESS);
    }
    snprintf (of_transport, sizeof of_transport, "%s%s", transport, endpoint + 3);
    line ("-- given up, %s", transport);
    void *push = new_socket (context, ZMQ_PUSH), *watcher = watch (context, push, ZMQ_EVENT_CLOSED | ZMQ_EVENT_CONNECTED);
    NEED (zmq_connect (push, of_transport) == 0);
    rest (200);
    NEED (zmq_disconnect (push, of_transport) == 0);
    report (watcher, 10);
    end_watched (push, watcher);
    for (int i = 0; i < 3; i++)
        close (others[i]);
    close (listener);
}

/* Who connects is answered something else than the upgrade, and does not come again. */
static void no_web_socket (const char *what, const char *answer)
{
    char endpoint[256], request[4096];
    int listener = raw_listen (endpoint), came = 0;
    memcpy (endpoint, " ws", 3);
    line ("-- the server answers %s", what);
    void *push = new_socket (context, ZMQ_PUSH), *watcher = watch (context, push, ZMQ_EVENT_ALL & ~ZMQ_EVENT_CONNECT_DELAYED);
    set_int (push, ZMQ_RECONNECT_IVL, 10);
    NEED (zmq_connect (push, endpoint + 1) == 0);
    for (struct pollfd item = {listener, POLLIN, 0}; came < 3 && poll (&item, 1, came ? 300 : 5000) == 1; came++) {
        int fd = accept (listener, NULL, NULL);
        NEED (fd != -1 && recv (fd, request, sizeof request, 0) > 0);
        raw_send (fd, answer, strlen (answer));
        raw_fate (fd, 2000);
        close (fd);
    }
    line ("came %d times", came);
    report (watcher, 10);
    close (listener);
    end_watched (push, watcher);
}

/* A stranger says something else than a request to upgrade. */
static void no_request (const char *what, const void *request, size_t size)
{
    char endpoint[256];
    line ("-- a stranger says %s", what);
    void *pull = new_socket (context, ZMQ_PULL), *watcher = watch (context, pull, ZMQ_EVENT_ALL & ~ZMQ_EVENT_LISTENING);
    bind_any (pull, "ws", endpoint);
    int fd = raw_connect (endpoint);
    raw_send (fd, request, size);
    line ("%s", raw_fate (fd, 2000));
    report (watcher, 10);
    close (fd);
    end_watched (pull, watcher);
}

/* Who makes no handshake of ZMTP 3 may pass for an older peer, but no handshake has succeeded. */
static void stranger (const char *what, const void *bytes, size_t size)
{
    char endpoint[256];
    unsigned char greeting[64];
    line ("-- %s", what);
    void *router = new_socket (context, ZMQ_ROUTER), *watcher = watch (context, router, ZMQ_EVENT_ALL & ~ZMQ_EVENT_LISTENING);
    bind_any (router, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    raw_send (fd, bytes, size);
    raw_read (fd, greeting, sizeof greeting, 200);
    report (watcher, 10);
    line ("it goes");
    shutdown (fd, SHUT_WR);
    report (watcher, 10);
    close (fd);
    end_watched (router, watcher);
}

static void plain_bytes (void)
{
    char endpoint[256];
    line ("-- plain bytes for STREAM");
    void *stream = new_socket (context, ZMQ_STREAM), *watcher = watch (context, stream, ZMQ_EVENT_ALL & ~ZMQ_EVENT_LISTENING);
    bind_any (stream, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    report (watcher, 10);
    shutdown (fd, SHUT_WR);
    report (watcher, 10);
    close (fd);
    end_watched (stream, watcher);
}

/* Events of version 2 name both ends: a connection that was lost has none here any more. */
static void local_ends (void)
{
    char endpoint[256];
    line ("-- local ends");
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ), *watcher = new_socket (context, ZMQ_PAIR);
    set_int (req, ZMQ_RECONNECT_IVL, 50);
    NEED (zmq_socket_monitor_versioned (req, "inproc://both", ZMQ_EVENT_ALL_V2, 2, ZMQ_PAIR) == 0 && zmq_connect (watcher, "inproc://both") == 0);
    bind_any (rep, "tcp", endpoint);
    NEED (zmq_connect (req, endpoint) == 0);
    settle ();
    end_socket (rep);
    for (int retried = 0; retried < 2;) {
        char local[256] = "", remote[256] = "";
        uint64_t event, count, value;
        NEED (zmq_recv (watcher, &event, 8, 0) == 8 && zmq_recv (watcher, &count, 8, 0) == 8 && count == 1 && zmq_recv (watcher, &value, 8, 0) == 8);
        NEED (zmq_recv (watcher, local, sizeof local - 1, 0) != -1 && zmq_recv (watcher, remote, sizeof remote - 1, 0) != -1);
        line ("event %#lx, local %s, remote %d", (unsigned long) event, local[0] ? "an address" : "none", strcmp (remote, endpoint) == 0);
        retried += event == ZMQ_EVENT_CONNECT_RETRIED;
    }
    end_socket (req);
    end_socket (watcher);
}

int main (void)
{
    static const char BROWSER[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: one with a long name, as they have\r\n\r\n";
    static const unsigned char ZMTP_2[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5, 0, 0};
    context = new_context ();
    binding ();
    refused_by_a_filter ();
    wrong_kind ("tcp");
    wrong_kind ("ipc");
    connecting ();
    given_up ("tcp");
    given_up ("ws");
    no_web_socket ("400", "HTTP/1.1 400 Bad Request\r\n\r\n");
    no_web_socket ("404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    no_web_socket ("no subprotocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n");
    no_web_socket ("no HTTP", "\177ZMTP\r\n\r\n");
    no_request ("ZMTP", GREETING, sizeof GREETING);
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    no_request ("GET", get, sizeof get - 1);
    stranger ("a browser", BROWSER, sizeof BROWSER - 1);
    stranger ("a peer of ZMTP 2.0", ZMTP_2, sizeof ZMTP_2);
    plain_bytes ();
    local_ends ();
    end_context (context);
    return 0;
}
