/*
 * A bus without a middle: PUB and SUB over reliable multicast, epgm (in UDP) and pgm (its own protocol).
 *
 * Each packet goes to a multicast group once, however many listen; a listener that misses one asks for it again.
 * Publishers and subscribers only know interface, group and port. ZMQ_RATE limits the sender, in kilobits per second.
 * It needs OpenPGM (on Debian: libpgm-5.3-0); pgm also needs the right to open raw sockets.
 */
#include "story.h"

#define LISTENERS 3
#define MESSAGES 500
#define DOOR "tcp://127.0.0.1:5708" /* where a listener says that it hears */

static void listener (void *context, void *argument)
{
    const char *bus = argument;
    void *socket = new_socket (context, ZMQ_SUB);
    set_int (socket, ZMQ_RECOVERY_IVL, 5000);
    set_text (socket, ZMQ_SUBSCRIBE, "");
    connect_to (socket, bus);
    void *door = connected (context, ZMQ_PUSH, DOOR);
    message_t message;
    for (int next = 0; next <= MESSAGES && receive (socket, &message);) {
        int number = atoi (text (&message, 1));
        EXPECT (is (&message, 0, "bus"));
        if (next == 0)
            SEND (door, "I hear");
        if (next <= 1 && number == 0)
            next = 1;
        else
            EXPECT (number == next++); /* from the first to the last, in order, without a gap */
    }
    zmq_close (door);
    zmq_close (socket);
}

static void publisher (void *context, void *argument)
{
    const char *bus = argument;
    void *socket = new_socket (context, ZMQ_PUB);
    set_int (socket, ZMQ_RATE, 20000);
    set_int (socket, ZMQ_RECOVERY_IVL, 5000);
    bind_to (socket, bus);
    void *door = bound (context, ZMQ_PULL, DOOR);
    message_t word;
    /* Who joins late does not get what was before: say 0 until everybody is there. */
    for (int there = 0; there < LISTENERS && SEND (socket, "bus", "0");)
        there += readable (door, 10) && receive (door, &word);
    for (int i = 1; i <= MESSAGES; i++) {
        char number[16];
        snprintf (number, sizeof number, "%d", i);
        if (!SEND (socket, "bus", number))
            break;
    }
    receive (door, &word); /* stays for repairs until the end */
    zmq_close (door);
    zmq_close (socket);
}

int main (void)
{
    setenv ("PGM_MIN_LOG_LEVEL", "ERROR", 0); /* OpenPGM warns of loopback otherwise */
    if (!zmq_has ("pgm")) {
        say ("this library was built without pgm, or OpenPGM is not installed");
        return 77;
    }
    static char *const BUS[] = {"epgm://127.0.0.1;239.192.5.7:5708", "pgm://127.0.0.1;239.192.5.8:5709"};
    for (int i = 0; i < 2; i++) {
        void *context = zmq_ctx_new (), *probe = new_socket (context, ZMQ_PUB);
        bool permitted = zmq_bind (probe, BUS[i]) == 0;
        int why = zmq_errno ();
        zmq_close (probe);
        EXPECT (zmq_ctx_term (context) == 0);
        if (!permitted && i == 1 && (why == EPERM || why == EACCES)) {
            say ("%s: raw sockets are not permitted here", BUS[i]);
            continue;
        }
        EXPECT (permitted);
        role_t *listeners[LISTENERS];
        for (int j = 0; j < LISTENERS; j++)
            listeners[j] = start (listener, BUS[i]);
        role_t *source = start (publisher, BUS[i]);
        for (int j = 0; j < LISTENERS; j++)
            finish (listeners[j]);
        stop (source);
        say ("%s: %d listeners have all %d messages in order", BUS[i], LISTENERS, MESSAGES);
    }
    return 0;
}
