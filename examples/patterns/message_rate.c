/*
 * How many messages of 16 bytes a second go from one process to another over tcp. The process that receives stands in
 * main; the one that sends is a role. Nothing is tuned, and each message is one call on either side.
 */
#include "story.h"

#define ENDPOINT "tcp://127.0.0.1:5719"
#define COUNT 3000000

static void sender (void *context, void *argument)
{
    (void) argument;
    void *socket = connected (context, ZMQ_PUSH, ENDPOINT);
    set_int (socket, ZMQ_LINGER, -1);
    struct {
        uint64_t number, rest;
    } body = {0, 0};
    for (; body.number <= COUNT; body.number++)
        EXPECT (zmq_send (socket, &body, sizeof body, 0) == sizeof body);
    zmq_close (socket);
}

int main (void)
{
    void *context = zmq_ctx_new (), *socket = bound (context, ZMQ_PULL, ENDPOINT);
    role_t *other = start (sender, NULL);
    uint64_t body[2];
    EXPECT (zmq_recv (socket, body, sizeof body, 0) == 16 && body[0] == 0);
    long started = now ();
    for (uint64_t number = 1; number <= COUNT; number++)
        EXPECT (zmq_recv (socket, body, sizeof body, 0) == 16 && body[0] == number);
    long time = now () - started;
    finish (other);
    zmq_close (socket);
    EXPECT (zmq_ctx_term (context) == 0);
    say ("%d messages of 16 bytes, %.1f million a second", COUNT, COUNT / 1000.0 / (double) (time ? time : 1));
    return 0;
}
