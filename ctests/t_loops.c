/*
 * Applications with a loop of their own, which sleeps on ZMQ_FD: nothing that comes is missed. The loops are quick and
 * long enough for a library to do for them what it does for busy ones only.
 */
#include "common.h"

#include "loops.h"

static void dialogues (const char *transport)
{
    for (int way = 0; way < WAYS; way++)
        for (int by_events = 1; by_events >= 0; by_events--) {
            void *context = new_context (), *others = strcmp (transport, "inproc") ? new_context () : context;
            void *socket = new_socket (context, ZMQ_DEALER);
            char endpoint[256];
            struct echo peer;
            bind_any (socket, transport, endpoint);
            start_echo (&peer, others, endpoint);
            NEED (by_events || zmq_send (socket, "", 1, 0) == 1);
            struct loop loop = loop_on (socket, way);
            if (!by_events) {
                char buffer[8];
                NEED (await (&loop, ZMQ_POLLIN) && zmq_recv (socket, buffer, sizeof buffer, 0) == 1);
                /* It asks for no events, but has a library see that it is a loop first. */
                converse (&loop, 100, 1);
            }
            line ("%s, %s%s: %d answers", transport, WAY_NAMES[way], by_events ? "" : ", receiving",
                  converse (&loop, 1500, by_events));
            NEED (zmq_send (socket, "", 0, 0) == 0);
            end_echo (&peer);
            end_loop (&loop);
            end_socket (socket);
            if (others != context)
                end_context (others);
            end_context (context);
        }
}

/* Both ends are loops. */
static void two_loops (void)
{
    void *context = new_context (), *other = new_context ();
    void *one = new_socket (context, ZMQ_PAIR), *two = new_socket (other, ZMQ_PAIR);
    pthread_t thread;
    join_pair (one, two, "tcp");
    struct loop asking = loop_on (one, EDGE), answering = loop_on (two, EDGE);
    NEED (pthread_create (&thread, NULL, answering_loop, &answering) == 0);
    line ("two loops: %d answers", converse (&asking, 4000, 1));
    ask (one, 0);
    pthread_join (thread, NULL);
    end_loop (&asking);
    end_loop (&answering);
    end_socket (one);
    end_socket (two);
    end_context (context);
    end_context (other);
}

/* Many senders, each with pauses of its own. */
#define SENDERS 24
#define EACH 400

static void *send_with_pauses (void *socket)
{
    for (int i = 0; i < EACH; i++) {
        int body[2] = {(int) ((uintptr_t) socket >> 6), i};
        NEED (zmq_send (socket, body, sizeof body, 0) == sizeof body);
        if (i % 3 == 0)
            usleep ((useconds_t) (i * 7 % 130));
    }
    return NULL;
}

static void many_senders (int way)
{
    void *context = new_context (), *others = new_context (), *pull = new_socket (context, ZMQ_PULL), *push[SENDERS];
    char endpoint[256];
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0}, count = 0, wrong = 0;
    bind_any (pull, "tcp", endpoint);
    for (int i = 0; i < SENDERS; i++) {
        push[i] = new_socket (others, ZMQ_PUSH);
        NEED (zmq_connect (push[i], endpoint) == 0);
    }
    struct loop loop = loop_on (pull, way);
    for (int i = 0; i < SENDERS; i++)
        NEED (pthread_create (&threads[i], NULL, send_with_pauses, push[i]) == 0);
    while (count < SENDERS * EACH && await (&loop, ZMQ_POLLIN)) {
        int body[2], who = 0;
        NEED (zmq_recv (pull, body, sizeof body, ZMQ_DONTWAIT) == sizeof body);
        while (who < SENDERS - 1 && (int) ((uintptr_t) push[who] >> 6) != body[0])
            who++;
        wrong += body[1] != next[who]++;
        count++;
    }
    line ("many senders, %s: %d messages, %d out of order", WAY_NAMES[way], count, wrong);
    for (int i = 0; i < SENDERS; i++) {
        pthread_join (threads[i], NULL);
        end_socket (push[i]);
    }
    end_loop (&loop);
    end_socket (pull);
    end_context (others);
    end_context (context);
}

/* What peers send while the application is away, after a busy time. */
#define PEERS 3

static void *send_much (void *socket)
{
    static char body[65536];
    for (int i = 0; i < 300; i++)
        NEED (zmq_send (socket, body, sizeof body, 0) == sizeof body);
    return NULL;
}

static void away (void)
{
    void *context = new_context (), *others = new_context (), *router = new_socket (context, ZMQ_ROUTER), *peers[PEERS];
    char endpoint[256], buffer[8];
    pthread_t threads[PEERS];
    int count = 0;
    set_int (router, ZMQ_RCVHWM, 0);
    bind_any (router, "tcp", endpoint);
    struct loop loop = loop_on (router, POLL);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = new_socket (others, ZMQ_DEALER);
        set_int (peers[i], ZMQ_SNDHWM, 1);
        set_int (peers[i], ZMQ_SNDTIMEO, 20000);
        NEED (zmq_connect (peers[i], endpoint) == 0);
    }
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < PEERS; i++)
            ask (peers[i], round);
        for (int i = 0; i < PEERS; i++) {
            NEED (await (&loop, ZMQ_POLLIN));
            zmq_msg_t id;
            zmq_msg_init (&id);
            NEED (zmq_msg_recv (&id, router, ZMQ_DONTWAIT) > 0);
            NEED (zmq_recv (router, buffer, sizeof buffer, ZMQ_DONTWAIT) == 4);
            NEED (zmq_msg_send (&id, router, ZMQ_SNDMORE) > 0);
            NEED (zmq_send (router, buffer, 4, 0) == 4);
        }
        for (int i = 0; i < PEERS; i++)
            NEED (zmq_recv (peers[i], buffer, sizeof buffer, 0) == 4);
    }
    for (int i = 0; i < PEERS; i++)
        NEED (pthread_create (&threads[i], NULL, send_much, peers[i]) == 0);
    /* Nobody calls the router until all is sent, which is more than the kernel holds. */
    for (int i = 0; i < PEERS; i++)
        pthread_join (threads[i], NULL);
    while (count < PEERS * 300 && await (&loop, ZMQ_POLLIN)) {
        NEED (zmq_recv (router, buffer, sizeof buffer, ZMQ_DONTWAIT) > 0);
        count += zmq_recv (router, buffer, sizeof buffer, ZMQ_DONTWAIT) == 65536;
    }
    line ("away: %d messages", count);
    for (int i = 0; i < PEERS; i++)
        end_socket (peers[i]);
    end_loop (&loop);
    end_socket (router);
    end_context (others);
    end_context (context);
}

int main (void)
{
    dialogues ("tcp");
    dialogues ("ipc");
    dialogues ("inproc");
    two_loops ();
    many_senders (POLL);
    many_senders (EDGE);
    away ();
    return 0;
}
