/*
 * A proxy that takes orders: PAUSE, RESUME, STATISTICS, TERMINATE on a control socket.
 *
 * While it pauses, messages wait in the queues of its sockets and none is lost. STATISTICS answers with eight frames of
 * 64-bit numbers: messages and bytes received and sent, at the front and at the back. (It is left out of what libzmq
 * 4.3.4 promises in public; 4.3.5 and this library have it for REP and PAIR control sockets.)
 */
#include "story.h"

#define FRONT "tcp://127.0.0.1:5654"
#define BACK "tcp://127.0.0.1:5655"
#define CONTROL "tcp://127.0.0.1:5656"
#define MESSAGES 50

static void proxy (void *context, void *argument)
{
    (void) argument;
    void *front = bound (context, ZMQ_PULL, FRONT), *back = bound (context, ZMQ_PUSH, BACK);
    void *control = bound (context, ZMQ_PAIR, CONTROL);
    EXPECT (zmq_proxy_steerable (front, back, NULL, control) == 0); /* 0: it was told to end */
    zmq_close (front);
    zmq_close (back);
    zmq_close (control);
}

/* Before its next order a proxy answers one that has an answer: so the orders before have been carried out. */
static uint64_t passed (void *control)
{
    message_t numbers;
    uint64_t sent;
    SEND (control, "STATISTICS");
    EXPECT (receive (control, &numbers) && numbers.count == 8 && numbers.frame[6].size == sizeof sent);
    memcpy (&sent, numbers.frame[6].data, sizeof sent); /* messages sent at the back */
    return sent;
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *middle = start (proxy, NULL);
    void *out = connected (context, ZMQ_PUSH, FRONT), *in = connected (context, ZMQ_PULL, BACK);
    void *control = connected (context, ZMQ_PAIR, CONTROL);
    message_t message;

    for (int i = 0; i < MESSAGES; i++)
        SEND (out, "first");
    for (int i = 0; i < MESSAGES; i++)
        EXPECT (receive (in, &message) && is (&message, 0, "first"));
    EXPECT (passed (control) == MESSAGES);
    say ("%d messages have passed", MESSAGES);

    SEND (control, "PAUSE");
    EXPECT (passed (control) == MESSAGES);
    for (int i = 0; i < MESSAGES; i++)
        SEND (out, "second");
    EXPECT (!readable (in, 300));
    say ("paused: nothing passes");

    SEND (control, "RESUME");
    for (int i = 0; i < MESSAGES; i++)
        EXPECT (receive (in, &message) && is (&message, 0, "second"));
    EXPECT (passed (control) == 2 * MESSAGES);
    say ("resumed: all %d are there", MESSAGES);

    SEND (control, "TERMINATE");
    finish (middle);
    zmq_close (out);
    zmq_close (in);
    zmq_close (control);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
