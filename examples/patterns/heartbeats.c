/*
 * Heartbeats of the protocol itself: ZMQ_HEARTBEAT_IVL, without a line of application code.
 *
 * A process that is stopped, or a host that has lost its cable, keeps its connection open: nothing tells the other side.
 * With heartbeats a PING goes out every so often, and a peer that has not answered within the time limit is taken for
 * dead; the connection is closed and made anew when that works. Here the peer is a process of its own that is stopped
 * (SIGSTOP) and later continued; a monitor socket tells what happens to the connection.
 */
#include "story.h"

#include <signal.h>
#include <sys/wait.h>

#define ENDPOINT "tcp://127.0.0.1:5676"

static void answering_process (void)
{
    void *context = zmq_ctx_new ();
    void *socket = bound (context, ZMQ_REP, ENDPOINT);
    for (message_t request; receive (socket, &request);)
        send_on (socket, &request);
}

/* Waits for one of two events on a monitor; which of them came. */
static int next_event (void *monitor, int first, int second)
{
    for (message_t event;;) {
        EXPECT (readable (monitor, 10000) && receive (monitor, &event) && event.frame[0].size == 6);
        uint16_t kind;
        memcpy (&kind, event.frame[0].data, sizeof kind);
        if (kind == first || kind == second)
            return kind;
    }
}

int main (void)
{
    pid_t peer = fork (); /* before there is any context */
    EXPECT (peer != -1);
    if (peer == 0)
        answering_process ();

    void *context = zmq_ctx_new (), *socket = new_socket (context, ZMQ_DEALER);
    set_int (socket, ZMQ_HEARTBEAT_IVL, 100);
    set_int (socket, ZMQ_HEARTBEAT_TIMEOUT, 500);
    EXPECT (zmq_socket_monitor (socket, "inproc://events", ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) == 0);
    void *monitor = connected (context, ZMQ_PAIR, "inproc://events");
    connect_to (socket, ENDPOINT);

    message_t answer;
    EXPECT (next_event (monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0) == ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    SEND (socket, "", "are you there?");
    EXPECT (receive (socket, &answer) && is (&answer, 1, "are you there?"));
    say ("the peer is there");
    rest (800);
    EXPECT (!readable (monitor, 0)); /* an idle connection with a living peer stays */

    long stopped = now ();
    EXPECT (kill (peer, SIGSTOP) == 0);
    EXPECT (next_event (monitor, ZMQ_EVENT_DISCONNECTED, 0) == ZMQ_EVENT_DISCONNECTED);
    say ("the peer hangs: noticed after %ld ms", now () - stopped);
    EXPECT (now () - stopped < 5000);

    EXPECT (kill (peer, SIGCONT) == 0);
    while (next_event (monitor, ZMQ_EVENT_HANDSHAKE_SUCCEEDED, ZMQ_EVENT_DISCONNECTED) != ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
        ;
    SEND (socket, "", "and now?");
    EXPECT (receive (socket, &answer) && is (&answer, 1, "and now?"));
    say ("the peer goes on: connected again");

    EXPECT (kill (peer, SIGKILL) == 0 && waitpid (peer, NULL, 0) == peer);
    zmq_close (monitor);
    zmq_close (socket);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
