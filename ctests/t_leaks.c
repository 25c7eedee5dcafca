/* What a context leaves behind: no descriptor and no thread, whatever its sockets were doing when they were closed. Called by ctests/run. */
#include "common.h"
#include "leaks.h"

struct pair
{
    int bound, connected;
    const char *name;
};

static const struct pair PAIRS[] = {
    {ZMQ_PAIR, ZMQ_PAIR, "PAIR-PAIR"},       {ZMQ_PUB, ZMQ_SUB, "PUB-SUB"},       {ZMQ_SUB, ZMQ_PUB, "SUB-PUB"},
    {ZMQ_XPUB, ZMQ_XSUB, "XPUB-XSUB"},       {ZMQ_REP, ZMQ_REQ, "REP-REQ"},       {ZMQ_ROUTER, ZMQ_DEALER, "ROUTER-DEALER"},
    {ZMQ_DEALER, ZMQ_ROUTER, "DEALER-ROUTER"}, {ZMQ_ROUTER, ZMQ_REQ, "ROUTER-REQ"}, {ZMQ_PULL, ZMQ_PUSH, "PULL-PUSH"},
    {ZMQ_PUSH, ZMQ_PULL, "PUSH-PULL"},
};
#define PAIR_COUNT (sizeof PAIRS / sizeof *PAIRS)

enum state { IDLE, UNREAD, MIDWAY_OUT, MIDWAY_IN, LINGERS, MONITORED, STATE_COUNT };
static const char *const STATE[] = {"idle", "unread", "half sent", "half received", "lingering", "monitored"};

static void busy (enum state state, void *bound, void *connected)
{
    char buffer[8];
    void *both[] = {bound, connected};
    static const size_t sizes[] = {0, 20, 600, 70000, 200000};
    switch (state) {
        case MIDWAY_IN:
        case UNREAD:
            for (int i = 0; i < 2; i++)
                for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
                    try_send (both[i], sizes[j], ZMQ_SNDMORE);
                    try_send (both[i], sizes[j], 0);
                }
            rest (100);
            for (int i = 0; state == MIDWAY_IN && i < 2; i++)
                (void) zmq_recv (both[i], buffer, sizeof buffer, ZMQ_DONTWAIT);
            break;
        case MIDWAY_OUT:
            for (int i = 0; i < 2; i++) {
                try_send (both[i], 600, ZMQ_SNDMORE);
                try_send (both[i], 200000, ZMQ_SNDMORE);
            }
            break;
        case LINGERS:
            set_int (connected, ZMQ_LINGER, 50);
            for (int i = 0; i < 50; i++)
                try_send (connected, 200000, 0);
            break;
        default: break;
    }
}

static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

static void one (const struct pair *pair, const char *transport, enum state state, int bound_first)
{
    void *context = new_context (), *events = NULL;
    void *bound = new_socket (context, pair->bound), *connected = new_socket (context, pair->connected);
    for (int i = 0; i < 2; i++)
        if ((i ? pair->bound : pair->connected) == ZMQ_SUB)
            NEED (zmq_setsockopt (i ? bound : connected, ZMQ_SUBSCRIBE, "", 0) == 0);
    if (state == MONITORED) {
        NEED (zmq_socket_monitor (bound, "inproc://events", ZMQ_EVENT_ALL) == 0);
        events = new_socket (context, ZMQ_PAIR);
        NEED (zmq_connect (events, "inproc://events") == 0);
    }
    /* The names are counted. */
    pthread_mutex_lock (&names);
    join_pair (bound, connected, transport);
    pthread_mutex_unlock (&names);
    if (state != IDLE)
        rest (100);
    busy (state, bound, connected);
    end_socket (bound_first ? bound : connected);
    if (events && bound_first)
        end_socket (events);
    end_socket (bound_first ? connected : bound);
    if (events && !bound_first)
        end_socket (events);
    end_context (context);
}

struct turn
{
    const char *transport;
    enum state state;
};

static void *all_pairs (void *argument)
{
    struct turn *turn = argument;
    for (size_t i = 0; i < PAIR_COUNT; i++)
        for (int bound_first = 0; bound_first < 2; bound_first++)
            one (&PAIRS[i], turn->transport, turn->state, bound_first);
    return NULL;
}

static void states (const char *transport)
{
    struct turn turns[STATE_COUNT];
    pthread_t workers[STATE_COUNT];
    remember ();
    for (int i = 0; i < STATE_COUNT; i++) {
        turns[i] = (struct turn){transport, (enum state) i};
        NEED (pthread_create (&workers[i], NULL, all_pairs, &turns[i]) == 0);
    }
    for (int i = 0; i < STATE_COUNT; i++) {
        pthread_join (workers[i], NULL);
        line ("%s, %s: %zu pairs closed in both orders", transport, STATE[i], PAIR_COUNT);
    }
    compare (transport);
}

static void pending (void)
{
    remember ();
    for (int i = 0; i < 20; i++) {
        void *context = new_context ();
        void *a = new_socket (context, ZMQ_PUSH), *b = new_socket (context, ZMQ_PULL), *c = new_socket (context, ZMQ_DEALER);
        NEED (zmq_connect (a, "inproc://nobody") == 0 && zmq_connect (c, "inproc://nobody") == 0);
        try_send (a, 600, 0);
        try_send (c, 600, ZMQ_SNDMORE);
        if (i % 2)
            NEED (zmq_bind (b, "inproc://nobody") == 0);
        void *all[] = {a, b, c};
        for (int j = 0; j < 3; j++)
            end_socket (all[(i + j) % 3]);
        end_context (context);
    }
    compare ("connected over inproc before anybody bound");
}

static void endpoints (void)
{
    static const char *const nowhere[] = {"tcp://127.0.0.1:9", "ipc://nobody.ipc", "tcp://localhost:9", "tcp://192.0.2.1:9"};
    remember ();
    for (int i = 0; i < 12; i++) {
        char endpoint[256];
        void *context = new_context ();
        void *a = new_socket (context, ZMQ_DEALER), *b = new_socket (context, ZMQ_ROUTER);
        NEED (zmq_connect (a, nowhere[i % 4]) == 0);
        bind_any (b, TRANSPORTS[i % 3], endpoint);
        NEED (zmq_connect (a, endpoint) == 0);
        if (i % 2) {
            rest (100);
            NEED (zmq_unbind (b, endpoint) == 0);
            NEED (zmq_disconnect (a, nowhere[i % 4]) == 0);
        }
        end_socket (a);
        end_socket (b);
        end_context (context);
    }
    compare ("connected to nobody, unbound, disconnected");
}

static void after_shutdown (void)
{
    remember ();
    for (int i = 0; i < 12; i++) {
        void *context = new_context ();
        void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
        join_pair (pull, push, TRANSPORTS[i % 3]);
        try_send (push, 200000, i % 2 ? ZMQ_SNDMORE : 0);
        NEED (zmq_ctx_shutdown (context) == 0);
        end_socket (push);
        end_socket (pull);
        end_context (context);
    }
    compare ("shut down");
}

int main (void)
{
    setvbuf (stdout, NULL, _IONBF, 0);
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        states (TRANSPORTS[i]);
    pending ();
    endpoints ();
    after_shutdown ();
    return 0;
}
