/*
 * A clock for many: what time is it over there?
 *
 * A node asks the time server (REQ/REP) and takes half of the round trip for the way back. The shortest of several
 * round trips is the best of them: the answer cannot be wrong by more than half of it. Ticks come by PUB, and the node
 * that has set its clock can tell how old each one is. The server's clock is 5 seconds ahead here.
 */
#include "story.h"

#define ASK "tcp://127.0.0.1:5686"
#define TICKS "tcp://127.0.0.1:5687"
#define AHEAD 5000000LL
#define ASKED 50

static long long microseconds (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void time_server (void *context, void *argument)
{
    (void) argument;
    void *ask = bound (context, ZMQ_REP, ASK), *ticks = bound (context, ZMQ_PUB, TICKS);
    zmq_pollitem_t item = {ask, 0, ZMQ_POLLIN, 0};
    long next = now ();
    for (;;) {
        char time[32];
        long wait = next - now ();
        if (zmq_poll (&item, 1, wait > 0 ? wait : 0) == -1)
            break;
        snprintf (time, sizeof time, "%lld", microseconds () + AHEAD);
        message_t in;
        if (item.revents && receive (ask, &in))
            SEND (ask, time);
        if (now () >= next) {
            SEND (ticks, "tick", time);
            next = now () + 50;
        }
    }
    zmq_close (ask);
    zmq_close (ticks);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *server = start (time_server, NULL);
    void *ask = connected (context, ZMQ_REQ, ASK), *ticks = connected (context, ZMQ_SUB, TICKS);
    set_text (ticks, ZMQ_SUBSCRIBE, "tick");

    long long best = 1LL << 60, offset = 0;
    message_t in;
    for (int i = 0; i < ASKED; i++) {
        long long asked = microseconds ();
        EXPECT (SEND (ask, "time?") && receive (ask, &in));
        long long trip = microseconds () - asked;
        if (trip < best) {
            best = trip;
            offset = atoll (text (&in, 0)) - (asked + trip / 2);
        }
    }
    say ("the server is %lld us ahead, give or take %lld", offset, best / 2);
    EXPECT (llabs (offset - AHEAD) <= best / 2 + 1);

    long long last = 0;
    for (int i = 0; i < 10; i++) {
        EXPECT (receive (ticks, &in));
        long long tick = atoll (text (&in, 1)), age = microseconds () - (tick - offset);
        EXPECT (tick > last && age > -best && age < 5000000);
        last = tick;
    }
    say ("10 ticks, each newer than the one before");

    zmq_close (ask);
    zmq_close (ticks);
    stop (server);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
