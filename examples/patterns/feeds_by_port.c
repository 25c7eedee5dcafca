/*
 * One port per feed, so that the network can treat them differently.
 *
 * Two PUB sockets on two ports share a line: small quotes that must be quick, and pictures that need not be. Each is a
 * TCP connection of its own, so a router can give each port its share without knowing anything about 0MQ. Here the
 * kernel plays the router: tc (HTB) leaves the pictures' port 8 Mbit/s of loopback. It happens in a network namespace of
 * the program's own, so that nothing else on this host is slowed down; where that is not permitted it says so.
 */
#define _GNU_SOURCE
#include "story.h"

#include <sched.h>

#define QUOTES "tcp://127.0.0.1:5717"
#define PICTURES "tcp://127.0.0.1:5718"
#define PICTURE 50000 /* bytes */
#define TIME 1500     /* milliseconds */

static void quotes (void *context, void *argument)
{
    (void) argument;
    void *socket = bound (context, ZMQ_PUB, QUOTES);
    char time[32];
    do {
        rest (2);
        snprintf (time, sizeof time, "%ld", now ());
    } while (SEND (socket, time));
    zmq_close (socket);
}

static void pictures (void *context, void *argument)
{
    (void) argument;
    static char picture[PICTURE];
    void *socket = new_socket (context, ZMQ_PUB);
    set_int (socket, ZMQ_SNDHWM, 10); /* a picture that cannot be sent now is not worth keeping */
    set_int (socket, ZMQ_SNDBUF, 100000);
    bind_to (socket, PICTURES);
    while (zmq_send (socket, picture, sizeof picture, 0) != -1)
        rest (1);
    zmq_close (socket);
}

typedef struct {
    long quotes, latest; /* the worst delay of a quote, ms */
    double megabits;     /* of pictures per second */
} result_t;

static result_t listen_for_a_while (void)
{
    static char picture[PICTURE];
    result_t result = {0};
    void *context = zmq_ctx_new ();
    void *quote = connected (context, ZMQ_SUB, QUOTES), *image = new_socket (context, ZMQ_SUB);
    set_int (image, ZMQ_RCVBUF, 100000);
    connect_to (image, PICTURES);
    set_text (quote, ZMQ_SUBSCRIBE, "");
    set_text (image, ZMQ_SUBSCRIBE, "");
    EXPECT (readable (quote, 5000) && readable (image, 5000));
    zmq_pollitem_t items[] = {{quote, 0, ZMQ_POLLIN, 0}, {image, 0, ZMQ_POLLIN, 0}};
    long count = 0, started = now ();
    while (now () - started < TIME) {
        message_t message;
        EXPECT (zmq_poll (items, 2, 100) != -1);
        if (items[0].revents && receive (quote, &message)) {
            long delay = now () - atol (text (&message, 0));
            result.latest = delay > result.latest ? delay : result.latest;
            result.quotes++;
        }
        if (items[1].revents && zmq_recv (image, picture, sizeof picture, 0) == PICTURE)
            count++;
    }
    result.megabits = (double) count * PICTURE * 8 / 1e6 / ((double) (now () - started) / 1000);
    zmq_close (quote);
    zmq_close (image);
    EXPECT (zmq_ctx_term (context) == 0);
    say ("%ld quotes, the slowest took %ld ms; pictures: %.1f Mbit/s", result.quotes, result.latest, result.megabits);
    return result;
}

int main (void)
{
    if (unshare (CLONE_NEWNET) != 0 && unshare (CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        say ("a network namespace of its own is not permitted here");
        return 77;
    }
    if (system ("ip link set lo up && tc qdisc add dev lo root handle 1: htb default 10 r2q 1000 2>/dev/null"
                " && tc class add dev lo parent 1: classid 1:10 htb rate 10gbit quantum 60000"
                " && tc class add dev lo parent 1: classid 1:20 htb rate 10gbit quantum 60000"
                " && tc filter add dev lo parent 1: protocol ip prio 1 u32 match ip sport 5718 0xffff flowid 1:20") != 0) {
        say ("this kernel has no HTB to shape traffic with");
        return 77;
    }
    role_t *feeds[] = {start (quotes, NULL), start (pictures, NULL)};
    result_t before = listen_for_a_while ();
    EXPECT (system ("tc class change dev lo classid 1:20 htb rate 8mbit burst 100k quantum 60000") == 0);
    say ("the pictures' port now has 8 Mbit/s");
    result_t after = listen_for_a_while ();
    for (int i = 0; i < 2; i++)
        stop (feeds[i]);
    EXPECT (after.megabits > 2 && after.megabits < 16 && before.megabits > 2 * after.megabits);
    EXPECT (after.quotes > 100 && after.quotes > before.quotes / 4);
    return 0;
}
