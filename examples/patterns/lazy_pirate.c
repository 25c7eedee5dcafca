/*
 * Lazy Pirate: a client that does not trust its server.
 *
 * A REQ socket whose answer is lost waits for ever, and may not send again. So the client waits with a limit; when it
 * is over it throws the socket away, opens a new one and asks again, and gives up after a few tries. The server is an
 * ordinary REP. Here it is slow once, then it dies and is started again.
 */
#include "story.h"

#define ENDPOINT "tcp://127.0.0.1:5601"
#define PATIENCE 400 /* milliseconds per try */
#define TRIES 4

static void server (void *context, void *argument)
{
    const char *slow_on = argument;
    void *socket = bound (context, ZMQ_REP, ENDPOINT);
    for (message_t request; receive (socket, &request);) {
        if (slow_on && is (&request, 0, slow_on)) {
            slow_on = NULL; /* once */
            rest (PATIENCE + 200);
        }
        send_on (socket, &request);
    }
    zmq_close (socket);
}

/* Asks until the right answer comes; how many tries that took, 0 for never. */
static int ask (void *context, const char *request)
{
    for (int try = 1; try <= TRIES; try++) {
        void *socket = connected (context, ZMQ_REQ, ENDPOINT);
        message_t answer;
        SEND (socket, request);
        bool answered = readable (socket, PATIENCE) && receive (socket, &answer);
        zmq_close (socket); /* the next try starts afresh: an answer that comes late has nowhere to go */
        if (answered) {
            EXPECT (is (&answer, 0, request));
            say ("'%s': answered at try %d", request, try);
            return try;
        }
        say ("'%s': no answer", request);
    }
    say ("'%s': given up", request);
    return 0;
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *alive = start (server, "two");
    EXPECT (ask (context, "one") == 1);
    EXPECT (ask (context, "two") > 1); /* the server was too slow for the first try */

    stop (alive);
    EXPECT (ask (context, "three") == 0);
    alive = start (server, NULL);
    EXPECT (ask (context, "four") >= 1);

    stop (alive);
    EXPECT (zmq_ctx_term (context) == 0);
    say ("the client never hung");
    return 0;
}
