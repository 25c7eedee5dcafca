/* What a context leaves behind that had sockets of the newer types, STREAM, ws, udp, PLAIN, CURVE, ZAP or pollers in it: no
   descriptor and no thread. Called by ctests/run; t_leaks.c has the types of old. */
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"
#include "leaks.h"
#include "raw.h"

struct pair
{
    int bound, connected;
};

static const struct pair NEWER[] = {
    {ZMQ_SERVER, ZMQ_CLIENT},   {ZMQ_CLIENT, ZMQ_SERVER},   {ZMQ_RADIO, ZMQ_DISH},  {ZMQ_DISH, ZMQ_RADIO},
    {ZMQ_SCATTER, ZMQ_GATHER},  {ZMQ_GATHER, ZMQ_SCATTER},  {ZMQ_PEER, ZMQ_PEER},   {ZMQ_CHANNEL, ZMQ_CHANNEL},
};
static const struct pair OF_OLD[] = {
    {ZMQ_PAIR, ZMQ_PAIR},       {ZMQ_XPUB, ZMQ_SUB},        {ZMQ_SUB, ZMQ_PUB},     {ZMQ_REP, ZMQ_REQ},
    {ZMQ_ROUTER, ZMQ_DEALER},   {ZMQ_PULL, ZMQ_PUSH},
};
static const struct pair STREAMS[] = {{ZMQ_STREAM, ZMQ_STREAM}};
static const struct pair UDP[] = {{ZMQ_DISH, ZMQ_RADIO}};
#define COUNT(array) (sizeof array / sizeof *array)

enum state { IDLE, UNREAD, LINGERS, MONITORED, POLLED, STATE_COUNT };
static const char *const STATE[] = {"idle", "unread", "lingering", "monitored", "polled"};

enum security { NONE, PLAIN, CURVE, CURVE_WITH_ZAP };
static char public_key[41], secret_key[41];

/* A message that sockets of every kind can send; the newer ones want a group or a peer that they know. */
static void send_something (void *socket, size_t size)
{
    zmq_msg_t message;
    NEED (zmq_msg_init_size (&message, size) == 0);
    memset (zmq_msg_data (&message), 0, size);
    if (get_int (socket, ZMQ_TYPE) == ZMQ_RADIO)
        NEED (zmq_msg_set_group (&message, "group") == 0);
    if (zmq_msg_send (&message, socket, ZMQ_DONTWAIT) == -1)
        zmq_msg_close (&message);
}

static void prepare (void *socket, enum security security, int serves)
{
    const int type = get_int (socket, ZMQ_TYPE);
    if (type == ZMQ_SUB)
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "", 0) == 0);
    if (type == ZMQ_DISH)
        NEED (zmq_join (socket, "group") == 0);
    if (security == PLAIN && serves)
        set_int (socket, ZMQ_PLAIN_SERVER, 1);
    else if (security == PLAIN)
        NEED (zmq_setsockopt (socket, ZMQ_PLAIN_USERNAME, "name", 4) == 0 && zmq_setsockopt (socket, ZMQ_PLAIN_PASSWORD, "word", 4) == 0);
    if (security == CURVE_WITH_ZAP && serves)
        NEED (zmq_setsockopt (socket, ZMQ_ZAP_DOMAIN, "domain", 6) == 0);
    if (security >= CURVE && serves)
        set_int (socket, ZMQ_CURVE_SERVER, 1);
    else if (security >= CURVE)
        NEED (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, public_key, 41) == 0 && zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, public_key, 41) == 0);
    if (security >= CURVE)
        NEED (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, secret_key, 41) == 0);
}

static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

static void connect_them (void *bound, void *connected, const char *transport)
{
    char endpoint[256];
    size_t size = sizeof endpoint;
    pthread_mutex_lock (&names);
    if (strcmp (transport, "ws") == 0)
        NEED (zmq_bind (bound, "ws://127.0.0.1:*/path") == 0);
    else if (strcmp (transport, "udp") == 0)
        NEED (zmq_bind (bound, "udp://127.0.0.1:5999") == 0);
    else
        NEED (zmq_bind (bound, fresh_name (transport)) == 0);
    NEED (zmq_getsockopt (bound, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    pthread_mutex_unlock (&names);
    NEED (zmq_connect (connected, strcmp (transport, "udp") == 0 ? "udp://127.0.0.1:5999" : endpoint) == 0);
}

/* With a handler of ZAP that is asked and never answers. */
static void *deaf_handler (void *context)
{
    void *handler = new_socket (context, ZMQ_REP);
    NEED (zmq_bind (handler, "inproc://zeromq.zap.01") == 0);
    return handler;
}

static void one (const struct pair *pair, const char *transport, enum state state, enum security security, int bound_first)
{
    void *context = new_context (), *events = NULL, *poller = NULL, *handler = security == CURVE_WITH_ZAP ? deaf_handler (context) : NULL;
    void *both[] = {new_socket (context, pair->bound), new_socket (context, pair->connected)};
    prepare (both[0], security, 1);
    prepare (both[1], security, 0);
    if (state == MONITORED) {
        NEED (zmq_socket_monitor (both[0], "inproc://events", ZMQ_EVENT_ALL) == 0);
        events = new_socket (context, ZMQ_PAIR);
        NEED (zmq_connect (events, "inproc://events") == 0);
    }
    if (state == POLLED) {
        zmq_poller_event_t event;
        NEED ((poller = zmq_poller_new ()) != NULL);
        for (int i = 0; i < 2; i++)
            NEED (zmq_poller_add (poller, both[i], NULL, ZMQ_POLLIN) == 0);
        (void) zmq_poller_wait (poller, &event, 0);
    }
    connect_them (both[0], both[1], transport);
    if (state == LINGERS)
        set_int (both[1], ZMQ_LINGER, 50);
    if (state != IDLE)
        rest (50);
    static const size_t sizes[] = {0, 20, 600, 7000, 200000};
    for (int i = 0; i < 2 && (state == UNREAD || state == LINGERS); i++)
        for (size_t j = 0; j < COUNT (sizes) && (sizes[j] < 8000 || strcmp (transport, "udp") != 0); j++)
            send_something (both[i], sizes[j]);
    if (poller)
        NEED (zmq_poller_destroy (&poller) == 0);
    end_socket (both[!bound_first]);
    end_socket (both[bound_first]);
    if (events)
        end_socket (events);
    if (handler)
        end_socket (handler);
    end_context (context);
}

struct group
{
    const char *name, *transport;
    const struct pair *pairs;
    size_t count;
    enum security security;
};

struct turn
{
    const struct group *group;
    enum state state;
};

static void *whole_group (void *argument)
{
    const struct turn *turn = argument;
    const struct group *group = turn->group;
    for (size_t i = 0; i < group->count; i++)
        for (int bound_first = 0; bound_first < 2; bound_first++)
            one (&group->pairs[i], group->transport, turn->state, group->security, bound_first);
    return NULL;
}

static const struct group GROUPS[] = {
    {"the newer types over inproc", "inproc", NEWER, COUNT (NEWER), NONE},
    {"the newer types over ipc", "ipc", NEWER, COUNT (NEWER), NONE},
    {"the newer types over tcp", "tcp", NEWER, COUNT (NEWER), NONE},
    {"STREAM", "tcp", STREAMS, COUNT (STREAMS), NONE},
    {"ws", "ws", OF_OLD, COUNT (OF_OLD), NONE},
    {"udp", "udp", UDP, COUNT (UDP), NONE},
    {"PLAIN", "tcp", OF_OLD, COUNT (OF_OLD), PLAIN},
    {"CURVE", "tcp", OF_OLD, COUNT (OF_OLD), CURVE},
    {"CURVE with a ZAP handler that says nothing", "tcp", OF_OLD, COUNT (OF_OLD), CURVE_WITH_ZAP},
};

/* All states at once, but for udp, whose port is one. */
static void all_states (const struct group *group)
{
    struct turn turns[STATE_COUNT];
    pthread_t workers[STATE_COUNT];
    const int alone = strcmp (group->transport, "udp") == 0;
    remember ();
    for (int i = 0; i < STATE_COUNT; i++) {
        turns[i] = (struct turn){group, (enum state) i};
        NEED (pthread_create (&workers[i], NULL, whole_group, &turns[i]) == 0);
        if (alone)
            pthread_join (workers[i], NULL);
    }
    for (int i = 0; i < STATE_COUNT; i++) {
        if (!alone)
            pthread_join (workers[i], NULL);
        line ("%s, %s: %zu pairs closed in both orders", group->name, STATE[i], group->count);
    }
    compare (group->name);
}

/* Peers of STREAM that speak, are silent, or are cut off in the middle of what they say. */
static void raw_peers (void)
{
    remember ();
    for (int i = 0; i < 12; i++) {
        char endpoint[256];
        void *context = new_context ();
        void *stream = new_socket (context, ZMQ_STREAM);
        bind_any (stream, "tcp", endpoint);
        int fd = raw_connect (endpoint);
        if (i % 2)
            raw_send (fd, "hello", 5);
        if (i % 3 == 0)
            settle ();
        if (i % 4 < 2)
            close (fd);
        end_socket (stream);
        end_context (context);
        if (i % 4 >= 2)
            close (fd);
    }
    compare ("plain peers of STREAM");
}

/* DGRAM has no peers, but what it was told and was to tell. */
static void datagrams (void)
{
    remember ();
    for (int i = 0; i < 6; i++) {
        void *context = new_context ();
        void *a = new_socket (context, ZMQ_DGRAM), *b = new_socket (context, ZMQ_DGRAM);
        NEED (zmq_bind (a, "udp://127.0.0.1:5998") == 0 && zmq_bind (b, "udp://127.0.0.1:5997") == 0);
        if (i % 3 > 0)
            NEED (zmq_send (a, "127.0.0.1:5997", 14, ZMQ_SNDMORE) == 14 && zmq_send (a, "hello", 5, 0) == 5);
        if (i % 3 > 1)
            settle ();
        end_socket (i % 2 ? a : b);
        end_socket (i % 2 ? b : a);
        end_context (context);
    }
    compare ("DGRAM");
}

int main (void)
{
    setvbuf (stdout, NULL, _IONBF, 0);
    NEED (zmq_curve_keypair (public_key, secret_key) == 0);
    for (size_t i = 0; i < COUNT (GROUPS); i++)
        all_states (&GROUPS[i]);
    raw_peers ();
    datagrams ();
    return 0;
}
