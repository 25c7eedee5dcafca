/*
 * Authentication, 27/ZAP: what a REP or ROUTER handler is asked, what comes of its answers, and what monitors hear of
 * it. Called by ctests/run.
 */
#include "common.h"

#define HANDSHAKES                                                                                                     \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL        \
     | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

static void *context;

static void *new_handler (int type)
{
    void *handler = new_socket (context, type);
    NEED (zmq_bind (handler, "inproc://zeromq.zap.01") == 0);
    return handler;
}

static void end_handler (void *handler)
{
    NEED (zmq_unbind (handler, "inproc://zeromq.zap.01") == 0);
    end_socket (handler);
}

/* Whom a ROUTER shall answer: the name that it made up, and the empty frame behind it. */
typedef struct
{
    char name[256];
    int size;
} asker_t;

static void take_request (void *handler, int type, asker_t *asker)
{
    if (type == ZMQ_ROUTER) {
        char empty[1];
        asker->size = zmq_recv (handler, asker->name, sizeof asker->name, 0);
        NEED (asker->size > 0);
        NEED (zmq_recv (handler, empty, sizeof empty, 0) == 0);
    }
    take ("handler", handler, 0);
}

static void begin_reply (void *handler, int type, const asker_t *asker)
{
    if (type == ZMQ_ROUTER) {
        NEED (zmq_send (handler, asker->name, asker->size, ZMQ_SNDMORE) == asker->size);
        NEED (zmq_send (handler, "", 0, ZMQ_SNDMORE) == 0);
    }
}

static void reply_with (void *handler, int type, const asker_t *asker, const char *status, const char *properties, size_t size)
{
    begin_reply (handler, type, asker);
    const char *frames[] = {"1.0", "1", status, "text", "somebody"};
    for (int i = 0; i < 5; i++)
        NEED (zmq_send (handler, frames[i], strlen (frames[i]), ZMQ_SNDMORE) >= 0);
    NEED (zmq_send (handler, properties, size, 0) >= 0);
}

static void reply (void *handler, int type, const asker_t *asker, const char *status)
{
    static const char properties[] = "\5Hello\0\0\0\5World\5Empty\0\0\0";
    reply_with (handler, type, asker, status, properties, sizeof properties);
}

/* A server or client that says its handshakes, and where it does so. */
typedef struct
{
    void *socket, *monitor;
} watched_t;

static watched_t watched (int type)
{
    watched_t it = {.socket = new_socket (context, type)};
    it.monitor = watch (context, it.socket, HANDSHAKES);
    /* Once is enough. */
    set_int (it.socket, ZMQ_RECONNECT_IVL, -1);
    return it;
}

static void show_events (const char *name, watched_t it)
{
    unsigned char head[6];
    char endpoint[256];
    while (comes (it.monitor, 200) && zmq_recv (it.monitor, head, sizeof head, 0) == sizeof head) {
        uint16_t event;
        uint32_t value;
        memcpy (&event, head, 2);
        memcpy (&value, head + 2, 4);
        NEED (zmq_recv (it.monitor, endpoint, sizeof endpoint, 0) >= 0);
        line ("%s: event %x, value %x", name, event, value);
    }
}

static void end_watched (watched_t it)
{
    NEED (zmq_socket_monitor (it.socket, NULL, 0) == 0);
    end_socket (it.monitor);
    end_socket (it.socket);
}

static void gets (zmq_msg_t *message, const char *property)
{
    const char *value = zmq_msg_gets (message, property);
    line ("%s: %s", property, value ? value : "none");
}

static void take_with_properties (void *server)
{
    zmq_msg_t message;
    NEED (zmq_msg_init (&message) == 0);
    if (zmq_msg_recv (&message, server, 0) == -1)
        line ("server <- %s", errno_name (zmq_errno ()));
    else {
        printf ("server <- ");
        print_bytes (zmq_msg_data (&message), zmq_msg_size (&message));
        putchar ('\n');
        gets (&message, "User-Id");
        gets (&message, "Hello");
        gets (&message, "Empty");
        gets (&message, "Peer-Address");
    }
    NEED (zmq_msg_close (&message) == 0);
}

static void set_text (void *socket, int option, const char *text)
{
    NEED (zmq_setsockopt (socket, option, text, strlen (text)) == 0);
}

static void set_up (void *server, void *client, const char *mechanism)
{
    if (strcmp (mechanism, "PLAIN") == 0) {
        set_int (server, ZMQ_PLAIN_SERVER, 1);
        set_text (client, ZMQ_PLAIN_USERNAME, "user");
        set_text (client, ZMQ_PLAIN_PASSWORD, "password");
    }
    set_text (server, ZMQ_ZAP_DOMAIN, "domain");
    set_text (server, ZMQ_ROUTING_ID, "the server");
}

static void answered (int type, const char *mechanism, const char *status)
{
    line ("-- %s, %s handler says %s", mechanism, type == ZMQ_REP ? "REP" : "ROUTER", status);
    asker_t asker;
    void *handler = new_handler (type);
    watched_t server = watched (ZMQ_PULL), client = watched (ZMQ_PUSH);
    set_up (server.socket, client.socket, mechanism);
    join_pair (server.socket, client.socket, "tcp");
    take_request (handler, type, &asker);
    reply (handler, type, &asker, status);
    show_events ("server", server);
    /* A peer that shall try again later is to be disconnected without a word; libzmq leaves it waiting instead. */
    if (strcmp (status, "300") != 0)
        show_events ("client", client);
    set_int (client.socket, ZMQ_SNDTIMEO, 0);
    zmq_send (client.socket, "hello", 5, 0);
    set_int (server.socket, ZMQ_RCVTIMEO, 200);
    take_with_properties (server.socket);
    end_watched (client);
    end_watched (server);
    end_handler (handler);
}

static void malformed (const char *what, const char *frames[], int count)
{
    line ("-- %s", what);
    asker_t asker;
    void *handler = new_handler (ZMQ_REP);
    watched_t server = watched (ZMQ_PULL), client = watched (ZMQ_PUSH);
    set_up (server.socket, client.socket, "PLAIN");
    join_pair (server.socket, client.socket, "tcp");
    take_request (handler, ZMQ_REP, &asker);
    for (int i = 0; i < count; i++)
        NEED (zmq_send (handler, frames[i], strlen (frames[i]), i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
    show_events ("server", server);
    end_watched (client);
    end_watched (server);
    end_handler (handler);
}

#define MALFORMED(what, ...)                                                                                           \
    do {                                                                                                               \
        const char *frames[] = {__VA_ARGS__};                                                                          \
        malformed (what, frames, sizeof frames / sizeof *frames);                                                      \
    } while (0)

/* Each connection asks on its own, and who is answered last comes in last. */
static void out_of_order (void)
{
    line ("-- two answers in the other order");
    asker_t askers[2];
    char endpoint[256];
    void *handler = new_handler (ZMQ_ROUTER), *server = new_socket (context, ZMQ_PULL), *clients[2];
    set_text (server, ZMQ_ZAP_DOMAIN, "domain");
    bind_any (server, "tcp", endpoint);
    for (int i = 0; i < 2; i++) {
        clients[i] = new_socket (context, ZMQ_PUSH);
        NEED (zmq_connect (clients[i], endpoint) == 0);
        NEED (zmq_send (clients[i], i ? "second" : "first", i ? 6 : 5, 0) > 0);
        take_request (handler, ZMQ_ROUTER, &askers[i]);
    }
    for (int i = 1; i >= 0; i--) {
        reply (handler, ZMQ_ROUTER, &askers[i], "200");
        take ("server", server, 0);
    }
    end_socket (clients[0]);
    end_socket (clients[1]);
    end_socket (server);
    end_handler (handler);
}

/* The side that connects asks as well, if it has a domain. */
static void both_sides (void)
{
    line ("-- the client asks, too");
    asker_t asker;
    void *handler = new_handler (ZMQ_REP);
    void *server = new_socket (context, ZMQ_PULL), *client = new_socket (context, ZMQ_PUSH);
    set_text (client, ZMQ_ZAP_DOMAIN, "of the client");
    join_pair (server, client, "tcp");
    take_request (handler, ZMQ_REP, &asker);
    reply (handler, ZMQ_REP, &asker, "200");
    NEED (zmq_send (client, "hello", 5, 0) == 5);
    take ("server", server, 0);
    end_socket (client);
    end_socket (server);
    end_handler (handler);
}

/* What the handler says of the peer that the peer has said, too. */
static void said_twice (const char *what, const char *properties, size_t size)
{
    line ("-- the handler says of the peer %s", what);
    asker_t asker;
    void *handler = new_handler (ZMQ_REP);
    watched_t server = watched (ZMQ_ROUTER), client = watched (ZMQ_DEALER);
    set_text (server.socket, ZMQ_ZAP_DOMAIN, "domain");
    set_text (client.socket, ZMQ_ROUTING_ID, "own");
    join_pair (server.socket, client.socket, "tcp");
    take_request (handler, ZMQ_REP, &asker);
    /* In libzmq the last word counts: the peer has spoken. */
    settle ();
    reply_with (handler, ZMQ_REP, &asker, "200", properties, size);
    show_events ("server", server);
    NEED (zmq_send (client.socket, "hello", 5, ZMQ_DONTWAIT) == 5 || zmq_errno () == EAGAIN);
    set_int (server.socket, ZMQ_RCVTIMEO, 200);
    zmq_msg_t message;
    NEED (zmq_msg_init (&message) == 0);
    for (int part = 0; part < 2 && zmq_msg_recv (&message, server.socket, 0) != -1; part++) {
        print_bytes (zmq_msg_data (&message), zmq_msg_size (&message));
        putchar ('\n');
        if (part == 1) {
            gets (&message, "Identity");
            gets (&message, "Socket-Type");
        }
    }
    NEED (zmq_msg_close (&message) == 0);
    end_watched (client);
    end_watched (server);
    end_handler (handler);
}

#define SAID_TWICE(what, properties) said_twice (what, properties, sizeof properties - 1)

int main (void)
{
    static const char *const mechanisms[] = {"NULL", "PLAIN"}, *const statuses[] = {"200", "300", "400", "500"};
    context = new_context ();
    for (int mechanism = 0; mechanism < 2; mechanism++)
        for (int status = 0; status < 4; status++)
            answered (status % 2 ? ZMQ_ROUTER : ZMQ_REP, mechanisms[mechanism], statuses[status]);
    answered (ZMQ_ROUTER, "PLAIN", "200");
    MALFORMED ("too few frames", "1.0", "1", "200", "text", "somebody");
    MALFORMED ("too many frames", "1.0", "1", "200", "text", "somebody", "", "");
    MALFORMED ("one frame", "");
    MALFORMED ("another version", "1.1", "1", "200", "text", "somebody", "");
    MALFORMED ("another request", "1.0", "2", "200", "text", "somebody", "");
    MALFORMED ("an unknown status", "1.0", "1", "600", "text", "somebody", "");
    MALFORMED ("a status in words", "1.0", "1", "fine", "text", "somebody", "");
    MALFORMED ("broken properties", "1.0", "1", "200", "text", "somebody", "nonsense");
    SAID_TWICE ("its routing id", "\10Identity\0\0\0\5byzap");
    SAID_TWICE ("its type", "\13Socket-Type\0\0\0\6DEALER");
    SAID_TWICE ("another type", "\13Socket-Type\0\0\0\6ROUTER");
    SAID_TWICE ("a wrong type", "\13Socket-Type\0\0\0\3PUB");
    out_of_order ();
    both_sides ();
    end_context (context);
    return 0;
}
