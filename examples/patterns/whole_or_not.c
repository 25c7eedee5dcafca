/*
 * A message of several parts arrives whole or not at all, also when the sender dies in the middle of it.
 *
 * A process sends messages of ten parts as fast as it can and is killed at some moment, several times. The receiver
 * counts the parts of each message: a part of a message is never seen, whatever was under way.
 */
#include "story.h"

#include <signal.h>
#include <sys/wait.h>

#define ENDPOINT "tcp://127.0.0.1:5711"
#define PARTS 10
#define KILLS 8

static void sending_process (void)
{
    static char part[20000];
    void *context = zmq_ctx_new (), *socket = connected (context, ZMQ_PUSH, ENDPOINT);
    for (int number = 0;; number++)
        for (int i = 0; i < PARTS; i++) {
            memset (part, 'a' + i, sizeof part);
            memcpy (part, &number, sizeof number);
            zmq_send (socket, part, (size_t) (1 + i * 2000), i + 1 < PARTS ? ZMQ_SNDMORE : 0);
        }
}

/* Receives one message and checks it; false when none comes. */
static bool receive_whole (void *socket)
{
    for (int i = 0, more = 1; more; i++) {
        zmq_msg_t part;
        zmq_msg_init (&part);
        if (i == 0 && !readable (socket, 200))
            return false;
        EXPECT (zmq_msg_recv (&part, socket, ZMQ_DONTWAIT) != -1); /* once the first part is there, all are */
        EXPECT (i < PARTS && zmq_msg_size (&part) == (size_t) (1 + i * 2000));
        const char *data = zmq_msg_data (&part);
        EXPECT (i == 0 || data[zmq_msg_size (&part) - 1] == 'a' + i);
        more = zmq_msg_more (&part);
        EXPECT (more == (i + 1 < PARTS));
        zmq_msg_close (&part);
    }
    return true;
}

int main (void)
{
    pid_t senders[KILLS];
    for (int i = 0; i < KILLS; i++) { /* all of them before there is a context; they wait stopped for their turn */
        senders[i] = fork ();
        if (senders[i] == 0) {
            raise (SIGSTOP);
            sending_process ();
        }
    }
    void *context = zmq_ctx_new (), *socket = bound (context, ZMQ_PULL, ENDPOINT);
    int count = 0;
    for (int i = 0; i < KILLS; i++) {
        int before = count, status;
        waitpid (senders[i], &status, WUNTRACED);
        kill (senders[i], SIGCONT);
        while (count - before < 50 + 30 * i)
            count += receive_whole (socket);
        kill (senders[i], SIGKILL);
        EXPECT (waitpid (senders[i], NULL, 0) == senders[i]);
        while (receive_whole (socket))
            count++;
    }
    say ("%d senders killed, %d messages, each of them whole", KILLS, count);
    zmq_close (socket);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
