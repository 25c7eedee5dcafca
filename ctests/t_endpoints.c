/* Endpoints that are refused, by which errno, for bind and connect and by type of socket. Called by ctests/run. */
#include "common.h"

static const char *const BAD[] = {
    "tcp", "tcp:", "tcp://", "tcp:/127.0.0.1:5000", "://", "//", "tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://:5000",
    "tcp://127.0.0.1:x", "tcp://127.0.0.1:65536",
    "tcp://127.0.0.256:5000", "tcp://1.2.3:5000", "tcp://nosuchnic0:5000", "tcp://::1:x",
    "ipc://", "inproc://", "nosuch://x", "TCP://127.0.0.1:5000", "Inproc://x", "http://127.0.0.1:5000", "tcp//x", "inproc",
    "tcp://*", "tcp://*:", "tcp://10.255.255.1:*", "tcp://;127.0.0.1:5000",
    "tcp://127.0.0.1:x;127.0.0.1:5000", "tcp://nosuch;127.0.0.1:5000", "tcp://127.0.0.1:0;127.0.0.1:x",
};

static void bad_ones (void *context)
{
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        void *socket = new_socket (context, ZMQ_DEALER);
        line ("-- %s", BAD[i]);
        SHOW (zmq_bind (socket, BAD[i]));
        end_socket (socket);
        /* libzmq connects to such a port, less 65536. */
        if (strstr (BAD[i], ":65536"))
            continue;
        /* Names are looked up later, so that connecting to them may be accepted. */
        socket = new_socket (context, ZMQ_DEALER);
        SHOW (zmq_connect (socket, BAD[i]));
        end_socket (socket);
    }
}

static void in_use (void *context)
{
    line ("-- in use");
    char endpoint[256], longer[300];
    void *first = new_socket (context, ZMQ_REP), *second = new_socket (context, ZMQ_REP);
    bind_any (first, "tcp", endpoint);
    SHOW (zmq_bind (second, endpoint));
    SHOW (zmq_bind (first, endpoint));
    SHOW (zmq_bind (first, "inproc://taken"));
    SHOW (zmq_bind (second, "inproc://taken"));
    SHOW (zmq_bind (first, "inproc://taken"));
    SHOW (zmq_unbind (first, "inproc://taken"));
    SHOW (zmq_bind (second, "inproc://taken"));
    SHOW (zmq_unbind (first, "inproc://taken"));
    SHOW (zmq_bind (first, "ipc://@oxi-ctest-in-use"));
    SHOW (zmq_bind (second, "ipc://@oxi-ctest-in-use"));
    SHOW (zmq_bind (first, "ipc:///nosuch/folder/socket"));
    memset (longer, 'p', sizeof longer);
    memcpy (longer, "ipc://", 6);
    longer[299] = 0;
    line ("an ipc path of 293 bytes");
    int result = zmq_bind (first, longer);
    line ("bind %d %s", result, errno_name (zmq_errno ()));
    result = zmq_connect (second, longer);
    line ("connect %d %s", result, errno_name (zmq_errno ()));
    SHOW (zmq_unbind (first, endpoint));
    SHOW (zmq_unbind (first, endpoint));
    end_socket (first);
    end_socket (second);
}

static void after_unbind (void *context)
{
    line ("-- an endpoint is free after unbind and after close");
    char endpoint[256];
    void *first = new_socket (context, ZMQ_REP), *second = new_socket (context, ZMQ_REP);
    bind_any (first, "tcp", endpoint);
    NEED (zmq_unbind (first, endpoint) == 0);
    settle ();
    SHOW (zmq_bind (second, endpoint));
    end_socket (second);
    settle ();
    SHOW (zmq_bind (first, endpoint));
    end_socket (first);
}

static void last_endpoint (void *context)
{
    line ("-- last endpoint");
    char endpoint[256] = "";
    size_t size = sizeof endpoint;
    void *socket = new_socket (context, ZMQ_ROUTER);
    SHOW (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size));
    line ("size %zu '%s'", size, endpoint);
    NEED (zmq_bind (socket, "inproc://name") == 0);
    size = sizeof endpoint;
    SHOW (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size));
    line ("size %zu '%s'", size, endpoint);
    size = 5;
    SHOW (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size));
    NEED (zmq_bind (socket, "tcp://lo:*") == 0);
    size = sizeof endpoint;
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    line ("an interface by name: %d", strncmp (endpoint, "tcp://127.0.0.1:", 16) == 0);
    NEED (zmq_bind (socket, "tcp://*:*") == 0);
    size = sizeof endpoint;
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    line ("every interface: %d", strncmp (endpoint, "tcp://0.0.0.0:", 14) == 0);
    SHOW (zmq_unbind (socket, endpoint));
    NEED (zmq_bind (socket, "ipc://*") == 0);
    size = sizeof endpoint;
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    line ("a free name: %d", strncmp (endpoint, "ipc:///", 7) == 0 || strncmp (endpoint, "ipc://", 6) == 0);
    SHOW (zmq_unbind (socket, endpoint));
    NEED (zmq_bind (socket, "ipc://@oxi-ctest-last") == 0);
    size = sizeof endpoint;
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    line ("size %zu '%s'", size, endpoint);
    NEED (zmq_bind (socket, "ipc://relative.ipc") == 0);
    line ("the file is there: %d", access ("relative.ipc", F_OK) == 0);
    SHOW (zmq_unbind (socket, "ipc://relative.ipc"));
    SHOW (zmq_connect (socket, "tcp://127.0.0.1:5999"));
    size = sizeof endpoint;
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    line ("size %zu '%s'", size, endpoint);
    SHOW (zmq_disconnect (socket, "tcp://127.0.0.1:5999"));
    SHOW (zmq_disconnect (socket, "tcp://127.0.0.1:5999"));
    end_socket (socket);
}

/* What is bound or connected is found under any spelling of its address. */
static void other_spellings (void *context)
{
    static const struct { int ipv6; const char *bound, *spelled; } WHERE[] = {
        {0, "127.0.0.1", "localhost"}, {0, "127.0.0.1", "127.1"}, {0, "127.0.0.1", "[::ffff:127.0.0.1]"},
        {0, "localhost", "localhost"}, {0, "lo", "localhost"}, {0, "127.0.0.1", "127.0.0.2"},
        {1, "127.0.0.1", "127.0.0.1"}, {1, "127.0.0.1", "127.1"}, {1, "localhost", "localhost"},
        {1, "[::1]", "::1"}, {1, "[::ffff:127.0.0.1]", "127.0.0.1"},
    };
    line ("-- other spellings");
    for (size_t i = 0; i < sizeof WHERE / sizeof *WHERE; i++) {
        char endpoint[256], spelled[300];
        size_t size = sizeof endpoint;
        void *socket = new_socket (context, ZMQ_PULL);
        set_int (socket, ZMQ_IPV6, WHERE[i].ipv6);
        line ("ipv6 %d, %s, %s", WHERE[i].ipv6, WHERE[i].bound, WHERE[i].spelled);
        snprintf (endpoint, sizeof endpoint, "tcp://%s:*", WHERE[i].bound);
        NEED (zmq_bind (socket, endpoint) == 0);
        NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
        /* What follows the digits of a port counts for nothing, nor do zeros before them. */
        for (int turn = 0; turn < 2; turn++) {
            snprintf (spelled, sizeof spelled, turn ? "tcp://%s:0%sx" : "tcp://%s:%s", WHERE[i].spelled,
                      strrchr (endpoint, ':') + 1);
            int result = zmq_unbind (socket, spelled);
            line ("unbind %d %s", result, result ? errno_name (zmq_errno ()) : "");
            settle ();
            NEED (turn || result || zmq_bind (socket, endpoint) == 0);
        }
        end_socket (socket);
    }
    static const char *const SPELLED[] = {"localhost", "127.1", "[::ffff:127.0.0.1]", "127.0.0.2"};
    for (size_t i = 0; i < sizeof SPELLED / sizeof *SPELLED; i++) {
        char spelled[300];
        void *socket = new_socket (context, ZMQ_PUSH);
        NEED (zmq_connect (socket, "tcp://127.0.0.1:5999") == 0);
        snprintf (spelled, sizeof spelled, "tcp://%s:5999", SPELLED[i]);
        line ("%s", SPELLED[i]);
        SHOW (zmq_disconnect (socket, spelled));
        SHOW (zmq_disconnect (socket, "tcp://127.0.0.1:5999"));
        end_socket (socket);
    }
}

/* A second peer is turned away by a PAIR, and its endpoint goes. */
static void turned_away (void *context)
{
    line ("-- a connection that is turned away over inproc");
    void *pair[3];
    for (int i = 0; i < 3; i++)
        pair[i] = new_socket (context, ZMQ_PAIR);
    NEED (zmq_bind (pair[1], "inproc://wanted") == 0);
    NEED (zmq_bind (pair[2], "inproc://turned-away") == 0);
    SHOW (zmq_connect (pair[0], "inproc://wanted"));
    SHOW (zmq_connect (pair[0], "inproc://turned-away"));
    for (int i = 0; i < 3; i++)
        rest_using (pair[i], 40);
    rest_using (pair[0], 40);
    line ("-- transports that are not for this type");
    SHOW (zmq_connect (pair[0], "udp://127.0.0.1:5999"));
    SHOW (zmq_disconnect (pair[0], "udp://127.0.0.1:5999"));
    SHOW (zmq_unbind (pair[0], "udp://127.0.0.1:5999"));
    SHOW (zmq_disconnect (pair[0], "inproc://turned-away"));
    SHOW (zmq_disconnect (pair[0], "inproc://wanted"));
    for (int i = 0; i < 3; i++)
        end_socket (pair[i]);
}

/* Each of many is found, in any order, and none twice. */
static void many (void *context, const char *transport)
{
    enum { COUNT = 300 };
    char name[64];
    line ("-- %d connections over %s", COUNT, transport);
    void *socket = new_socket (context, ZMQ_PUSH);
    int failed = 0, again = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf (name, sizeof name, "%s%d", transport, 1 + i / 2);
        failed += zmq_connect (socket, name) != 0;
    }
    for (int i = 0; i < COUNT / 2; i++) {
        snprintf (name, sizeof name, "%s%d", transport, 1 + i * 7 % (COUNT / 2));
        failed += zmq_disconnect (socket, name) != 0;
        again += zmq_disconnect (socket, name) == 0;
    }
    line ("failed %d, again %d", failed, again);
    end_socket (socket);
}

int main (void)
{
    void *context = new_context ();
    bad_ones (context);
    in_use (context);
    after_unbind (context);
    last_endpoint (context);
    other_spellings (context);
    turned_away (context);
    many (context, "inproc://many-");
    many (context, "tcp://127.0.0.3:");
    end_context (context);
    return 0;
}
