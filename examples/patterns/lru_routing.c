/*
 * Least-recently-used routing against round-robin.
 *
 * DEALER deals out work in turn, whether a worker is free or not: with one slow worker the tasks pile up there. A
 * ROUTER that sends a task only to a worker that has asked for one, the one that waits longest first, keeps everybody
 * busy. Both ways do the same 60 tasks here with the same four workers, one of which is 20 times slower.
 */
#include "story.h"

#define BY_ROUTER "tcp://127.0.0.1:5616"
#define BY_DEALER "tcp://127.0.0.1:5617"
#define WORKERS 4
#define TASKS 60

static int work_time (const char *name)
{
    return strcmp (name, "slow") == 0 ? 60 : 3;
}

/* Asks for a task by handing in the result of the one before. */
static void asking_worker (void *context, void *argument)
{
    void *socket = connected (context, ZMQ_REQ, BY_ROUTER);
    SEND (socket, "ready");
    for (message_t task; receive (socket, &task);) {
        rest (work_time (argument));
        SEND (socket, argument);
    }
    zmq_close (socket);
}

static void served_worker (void *context, void *argument)
{
    void *socket = connected (context, ZMQ_REP, BY_DEALER);
    for (message_t task; receive (socket, &task);) {
        rest (work_time (argument));
        SEND (socket, argument);
    }
    zmq_close (socket);
}

/* How many of the tasks the slow worker did. */
static int least_recently_used (void *context)
{
    void *socket = bound (context, ZMQ_ROUTER, BY_ROUTER);
    int by_slow = 0, given = 0, done = 0;
    for (message_t asks; done < TASKS;) {
        EXPECT (receive (socket, &asks)); /* in the order in which they became free */
        bool ready = is (&asks, 2, "ready");
        done += !ready;
        by_slow += is (&asks, 2, "slow");
        message_t task = {0};
        append (&task, asks.frame[0].data, asks.frame[0].size);
        append (&task, "", 0);
        append (&task, "work", 4);
        if (given++ < TASKS)
            send_on (socket, &task);
    }
    zmq_close (socket);
    return by_slow;
}

static int round_robin (void *context)
{
    void *socket = bound (context, ZMQ_DEALER, BY_DEALER);
    int by_slow = 0;
    rest (300); /* until all of them have connected */
    for (int i = 0; i < TASKS; i++)
        SEND (socket, "", "work");
    for (int i = 0; i < TASKS; i++) {
        message_t result;
        EXPECT (receive (socket, &result));
        by_slow += is (&result, 1, "slow");
    }
    zmq_close (socket);
    return by_slow;
}

int main (void)
{
    static const char *const NAMES[WORKERS] = {"slow", "fast", "quick", "rapid"};
    void *context = zmq_ctx_new ();
    role_t *asking[WORKERS], *served[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        asking[i] = start (asking_worker, (void *) NAMES[i]);
        served[i] = start (served_worker, (void *) NAMES[i]);
    }
    long start_time = now ();
    int fair = round_robin (context);
    long turn = now () - start_time;
    start_time = now ();
    int used = least_recently_used (context);
    long lru = now () - start_time;
    say ("round-robin: %d of %d tasks by the slow worker, %ld ms", fair, TASKS, turn);
    say ("least recently used: %d of %d tasks by the slow worker, %ld ms", used, TASKS, lru);
    EXPECT (used < fair && lru < turn);
    for (int i = 0; i < WORKERS; i++) {
        stop (asking[i]);
        stop (served[i]);
    }
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
