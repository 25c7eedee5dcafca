/*
 * Suicidal Snail: a subscriber that would rather die than be late.
 *
 * A subscriber that is too slow fills queues first at its own side, then at the publisher, and then it loses messages
 * without a word. For some work late is worse than nothing: the publisher puts the time into every message and the
 * subscriber ends when that is too long ago, for somebody to notice.
 */
#include "story.h"

#define ENDPOINT "tcp://127.0.0.1:5615"
#define TOO_LATE 800 /* milliseconds */

static void publisher (void *context, void *argument)
{
    (void) argument;
    void *socket = bound (context, ZMQ_PUB, ENDPOINT);
    char time[32];
    do {
        snprintf (time, sizeof time, "%ld", now ());
        rest (1);
    } while (SEND (socket, time));
    zmq_close (socket);
}

typedef struct {
    int work; /* milliseconds per message */
    int count;
    long lateness;
} subscriber_t;

static void subscriber (void *context, void *argument)
{
    subscriber_t *self = argument;
    void *socket = connected (context, ZMQ_SUB, ENDPOINT);
    set_text (socket, ZMQ_SUBSCRIBE, "");
    for (message_t tick; self->lateness <= TOO_LATE && receive (socket, &tick);) {
        self->lateness = now () - atol (text (&tick, 0));
        self->count++;
        if (self->work)
            rest (self->work);
    }
    zmq_close (socket);
}

int main (void)
{
    subscriber_t hare = {.work = 0}, snail = {.work = 10};
    role_t *source = start (publisher, NULL), *first = start (subscriber, &hare), *second = start (subscriber, &snail);
    finish (second); /* by its own hand */
    say ("the snail: %d messages, the last one %ld ms old; it has ended itself", snail.count, snail.lateness);
    stop (first);
    stop (source);
    say ("the hare: %d messages, the last one %ld ms old", hare.count, hare.lateness);
    EXPECT (snail.lateness > TOO_LATE);
    EXPECT (hare.lateness <= TOO_LATE && hare.count > snail.count);
    return 0;
}
