/* One allocation of the library in n fails, of whatever size, in all that a program does with it: calls may answer ENOMEM, and
   connections may end and be made anew, but the process lives, and no message that was taken comes in part. Called by
   ctests/faults/run. */
#include "faults.h"

static unsigned refused;

static const char *const OVER[] = {"inproc", "ipc", "tcp", "ws"};
#define OVER_COUNT 4

/* Whether a call succeeded; if not, it was for want of memory. */
static int made (int result, const char *what)
{
    if (result != -1)
        return 1;
    CHECK (zmq_errno () == ENOMEM, "%s says %s", what, errno_name (zmq_errno ()));
    refused++;
    return 0;
}

#define TRY(call)                                                                                                      \
    for (int tries = 0; !made (call, #call); tries++)                                                                  \
    CHECK (tries < 1000, "%s never succeeds", #call)

static void *make (void *context, int type)
{
    void *socket;
    for (int tries = 0; !(socket = zmq_socket (context, type)); tries++) {
        CHECK (zmq_errno () == ENOMEM && tries < 1000, "zmq_socket says %s", errno_name (zmq_errno ()));
        refused++;
    }
    static const int options[][2] = {{ZMQ_LINGER, 0}, {ZMQ_RECONNECT_IVL, 1}, {ZMQ_RCVTIMEO, 50}, {ZMQ_SNDTIMEO, 50}};
    for (unsigned at = 0; at < sizeof options / sizeof *options; at++)
        TRY (zmq_setsockopt (socket, options[at][0], &options[at][1], sizeof (int)));
    return socket;
}

/* Sends messages of all kinds of sizes and of three parts until so many came; all that comes is whole. */
static void pass (void *from, void *to, const char *when)
{
    static const unsigned sizes[] = {0, 1, 40, 300, 1000, 5000, 20000, 60000, 100000, 150000, 300000};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    static unsigned char sent[300001], got[300001];
    int came = 0;
    for (long end = milliseconds () + PATIENCE; came < 40;) {
        CHECK (milliseconds () < end, "%s: %d came", when, came);
        unsigned char kind = (unsigned char) (rand () % SIZES);
        int over = 0;
        for (int part = 0; part < 3 && !over; part++) {
            unsigned size = sizes[(kind + part) % SIZES] + 1;
            memset (sent, kind, size);
            int result, tries = 0;
            /* For want of memory a part can be sent again, and the message goes on. */
            while ((result = zmq_send (from, sent, size, part < 2 ? ZMQ_SNDMORE : 0)) == -1 && zmq_errno () == ENOMEM && tries++ < 1000)
                refused++;
            CHECK (result != -1 || (zmq_errno () == EAGAIN && part == 0), "%s: sending part %d says %s", when, part, errno_name (zmq_errno ()));
            over = result == -1;
        }
        for (int part = 0, more = 1; more; part++) {
            int size = zmq_recv (to, got, sizeof got, part ? ZMQ_DONTWAIT : 0);
            if (size == -1 && zmq_errno () == ENOMEM && part-- >= 0) {
                refused++;
                continue;
            }
            if (size == -1 && part == 0 && zmq_errno () == EAGAIN)
                break;
            CHECK (size > 0, "%s: receiving part %d says %s", when, part, errno_name (zmq_errno ()));
            kind = part ? kind : got[0];
            CHECK (part < 3 && kind < SIZES && size == (int) sizes[(kind + part) % SIZES] + 1, "%s: part %d of %d bytes", when, part, size);
            for (int at = 0; at < size; at++)
                CHECK (got[at] == kind, "%s: part %d holds something else", when, part);
            more = get_int (to, ZMQ_RCVMORE);
            CHECK (more || part == 2, "%s: %d parts", when, part + 1);
            came += !more;
        }
    }
}

/* A topic that no reserve has room for: the subscriber asks until it is noted, and the publisher notes it or asks to be told anew; so does
   one whose application shall hear of it. */
static void large_topics (unsigned every, int publisher)
{
    enum { SIZE = 100000, TOPICS = 3 };
    static unsigned char topic[SIZE], got[SIZE + 1];
    fault_every = every;
    void *context;
    while (!(context = zmq_ctx_new ()))
        CHECK (zmq_errno () == ENOMEM, "zmq_ctx_new says %s", errno_name (zmq_errno ()));
    for (int transport = 0; transport < OVER_COUNT; transport++) {
        if (!strcmp (OVER[transport], "inproc"))
            continue; /* A pipe inside the process is not made again. */
        char name[64], endpoint[256];
        size_t size = sizeof endpoint;
        strcpy (name, fresh_name (OVER[transport]));
        void *from = make (context, publisher), *to = make (context, ZMQ_SUB);
        TRY (zmq_bind (from, name));
        NEED (zmq_getsockopt (from, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
        for (unsigned char number = 0; number < TOPICS; number++) {
            topic[0] = number;
            TRY (zmq_setsockopt (to, ZMQ_SUBSCRIBE, topic, SIZE));
        }
        TRY (zmq_connect (to, endpoint));
        const unsigned all = (1u << TOPICS) - 1;
        unsigned seen = 0, noted = publisher == ZMQ_PUB ? all : 0;
        for (long end = milliseconds () + PATIENCE; seen != all || noted != all;) {
            CHECK (milliseconds () < end, "topics over %s: %x noted, %x came", OVER[transport], noted, seen);
            if (noted != all && zmq_recv (from, got, sizeof got, ZMQ_DONTWAIT) == sizeof got && got[0] == 1)
                noted |= 1u << got[1];
            topic[0] = (unsigned char) (rand () % TOPICS);
            CHECK (zmq_send (from, topic, SIZE, 0) != -1 || zmq_errno () == ENOMEM, "publishing says %s", errno_name (zmq_errno ()));
            int received = zmq_recv (to, got, sizeof got, ZMQ_DONTWAIT);
            if (received == -1)
                continue;
            CHECK (received == SIZE && got[0] < TOPICS, "%d bytes of topic %d", received, got[0]);
            seen |= 1u << got[0];
        }
        end_socket (from);
        end_socket (to);
    }
    end_context (context);
    fault_every = 0;
}

/* Who comes in when there is no memory to ask for leave: a handler is asked in full or not at all, and nobody comes in unasked. */
static void asked (unsigned every)
{
    enum { PARTS = 8, OFTEN = 100 };
    fault_every = every;
    void *context;
    while (!(context = zmq_ctx_new ()))
        CHECK (zmq_errno () == ENOMEM, "zmq_ctx_new says %s", errno_name (zmq_errno ()));
    void *handler = make (context, ZMQ_ROUTER), *server = make (context, ZMQ_PULL), *client = make (context, ZMQ_PUSH);
    char endpoint[256];
    size_t size = sizeof endpoint;
    const int limit = 300, wait = 0;
    TRY (zmq_bind (handler, "inproc://zeromq.zap.01"));
    TRY (zmq_setsockopt (server, ZMQ_ZAP_DOMAIN, "domain", 6));
    TRY (zmq_setsockopt (server, ZMQ_HANDSHAKE_IVL, &limit, sizeof limit));
    TRY (zmq_setsockopt (client, ZMQ_HANDSHAKE_IVL, &limit, sizeof limit));
    TRY (zmq_setsockopt (server, ZMQ_RCVTIMEO, &wait, sizeof wait));
    TRY (zmq_setsockopt (client, ZMQ_SNDTIMEO, &wait, sizeof wait));
    TRY (zmq_bind (server, "tcp://127.0.0.1:*"));
    NEED (zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    TRY (zmq_connect (client, endpoint));
    int requests = 0;
    for (long end = milliseconds () + PATIENCE; requests < OFTEN;) {
        CHECK (milliseconds () < end, "one in %u: asked %d times", every, requests);
        char part[PARTS][300];
        int sizes[PARTS], parts = 0;
        for (int more = 1; more;) {
            CHECK (parts < PARTS, "one in %u: a request of more than %d parts", every, PARTS);
            int got = zmq_recv (handler, part[parts], sizeof part[parts], parts ? ZMQ_DONTWAIT : 0);
            if (got == -1 && zmq_errno () == ENOMEM)
                continue;
            if (got == -1 && parts == 0 && zmq_errno () == EAGAIN)
                break;
            CHECK (got != -1, "one in %u: part %d says %s", every, parts, errno_name (zmq_errno ()));
            sizes[parts++] = got;
            more = get_int (handler, ZMQ_RCVMORE);
        }
        zmq_send (client, "unasked", 7, 0);
        CHECK (zmq_recv (server, endpoint, sizeof endpoint, 0) == -1, "one in %u: somebody came in unasked", every);
        if (!parts)
            continue;
        CHECK (parts == PARTS && sizes[1] == 0 && sizes[2] == 3 && sizes[4] == 6 && sizes[7] == 4 && memcmp (part[7], "NULL", 4) == 0,
               "one in %u: a request of %d parts", every, parts);
        requests++;
        /* The client shall try again. */
        static const char *const answer[] = {"", "1.0", "1", "300", "", "", ""};
        TRY (zmq_send (handler, part[0], sizes[0], ZMQ_SNDMORE));
        for (int at = 0; at < 7; at++)
            TRY (zmq_send (handler, answer[at], strlen (answer[at]), at < 6 ? ZMQ_SNDMORE : 0));
    }
    end_socket (client);
    end_socket (server);
    end_socket (handler);
    end_context (context);
    fault_every = 0;
}

static void program (unsigned every)
{
    static const struct {
        int from, to;
    } kinds[] = {{ZMQ_PUSH, ZMQ_PULL}, {ZMQ_PAIR, ZMQ_PAIR}, {ZMQ_DEALER, ZMQ_DEALER}, {ZMQ_PUB, ZMQ_SUB}, {ZMQ_XPUB, ZMQ_XSUB}};
    fault_every = every;
    void *context;
    while (!(context = zmq_ctx_new ()))
        CHECK (zmq_errno () == ENOMEM, "zmq_ctx_new says %s", errno_name (zmq_errno ()));
    for (unsigned kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (int transport = 0; transport < OVER_COUNT; transport++) {
            char when[64], name[64], endpoint[256];
            size_t size = sizeof endpoint;
            snprintf (when, sizeof when, "one in %u, kind %u, %s", every, kind, OVER[transport]);
            strcpy (name, fresh_name (OVER[transport]));
            void *from = make (context, kinds[kind].from), *to = make (context, kinds[kind].to);
            TRY (zmq_setsockopt (to, kinds[kind].to == ZMQ_SUB ? ZMQ_SUBSCRIBE : ZMQ_ROUTING_ID, kinds[kind].to == ZMQ_SUB ? "" : "x", kinds[kind].to != ZMQ_SUB));
            TRY (zmq_bind (to, name));
            NEED (zmq_getsockopt (to, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
            TRY (zmq_connect (from, endpoint));
            if (kinds[kind].to == ZMQ_XSUB)
                TRY (zmq_send (to, "\1", 1, 0));
            pass (from, to, when);
            end_socket (from);
            end_socket (to);
        }
    end_context (context);
    fault_every = 0;
}

int main (void)
{
    static const unsigned steps[] = {97, 41, 17, 7, 3, 2};
    for (unsigned at = 0; at < sizeof steps / sizeof *steps; at++)
        program (steps[at]);
    for (unsigned at = 0; at < sizeof steps / sizeof *steps; at++)
        asked (steps[at]);
    for (unsigned at = 0; at < sizeof steps / sizeof *steps; at++)
        large_topics (steps[at], ZMQ_PUB);
    for (unsigned at = 0; at < sizeof steps / sizeof *steps; at++)
        large_topics (steps[at], ZMQ_XPUB);
    CHECK (fault_every_hits > 1000 && refused > 0, "%u allocations failed, %u calls said so", fault_every_hits, refused);
    line ("the process lives, and all that comes is whole");
    return 0;
}
