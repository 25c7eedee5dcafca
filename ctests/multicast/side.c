/*
 * One side of a reliable multicast, started by ctests/multicast/run:
 *
 *     side publish ENDPOINT      publishes numbered messages until standard input is closed
 *     side slowly ENDPOINT       the same, slowly
 *     side leave ENDPOINT        publishes some, then HURRIED more at once, and leaves: they take longer than a second at ZMQ_RATE
 *     side stay ENDPOINT         wants all that one who leaves has sent in a hurry
 *     side subscribe ENDPOINT    from whatever number it hears first, wants as many more as COUNT in order and unharmed
 */
#define ZMQ_BUILD_DRAFT_API 1
#include "../common.h"

#include <poll.h>

/* NORM may take some seconds until it first asks for what was lost; what the buffers, of 1500 packets, do not hold any more by
   then is lost for good. Hence SLOW_PACE. */
enum { COUNT = 500, SETTLED = 100, PACE = 2, SLOW_PACE = 8, LIMIT = 20000 };
enum { HURRIED = 150, HURRIED_SIZE = 2000, HURRIED_RATE = 1000 };

/* Within one packet of the network, in several, and in many. */
static const size_t SIZES[] = {8, 200, 1500, 5000, 9000};

static size_t size_count = sizeof SIZES / sizeof *SIZES;
static int pace;

static size_t make (unsigned char *body, uint32_t number)
{
    /* The first messages are small, so that the kernel can hold them for a subscriber that is slow to start. */
    const size_t size = SIZES[number % (number < SETTLED ? 2 : size_count)];
    memcpy (body, &number, sizeof number);
    for (size_t i = sizeof number; i < size; i++)
        body[i] = (unsigned char) (i * 31 + number);
    return size;
}

static void publish (void *socket)
{
    unsigned char body[16384];
    struct pollfd input = {0, POLLIN, 0};
    for (uint32_t number = 0; poll (&input, 1, pace) == 0; number++) {
        const size_t size = make (body, number);
        NEED (zmq_send (socket, body, size, 0) == (int) size);
    }
}

/* The calm ones before, empty, let subscribers find the publisher. */
static void leave (void *context, void *socket)
{
    set_int (socket, ZMQ_LINGER, -1);
    static const char body[HURRIED_SIZE];
    for (int i = 0; i < 10; i++) {
        NEED (zmq_send (socket, "", 0, 0) == 0);
        rest_calmly (30);
    }
    for (int i = 0; i < HURRIED; i++)
        NEED (zmq_send (socket, body, sizeof body, 0) == HURRIED_SIZE);
    end_socket (socket);
    end_context (context);
}

static void stay (void *socket)
{
    unsigned char body[HURRIED_SIZE];
    set_int (socket, ZMQ_RCVTIMEO, 5000);
    line ("listens");
    fflush (stdout);
    for (int count = 0; count < HURRIED;) {
        const int size = zmq_recv (socket, body, sizeof body, 0);
        if (size == -1) {
            line ("%d of %d", count, HURRIED);
            return;
        }
        count += size == HURRIED_SIZE;
    }
    line ("all of those in a hurry");
}

static void subscribe (void *socket)
{
    unsigned char body[16384], wanted[16384];
    uint32_t next = 0;
    for (uint32_t count = 0; count < COUNT; count++) {
        uint32_t number = 0;
        const int size = zmq_recv (socket, body, sizeof body, 0);
        if (size == -1)
            line ("nothing after %u messages, the last before %u", count, next);
        NEED (size >= (int) sizeof number);
        memcpy (&number, body, sizeof number);
        if (count > 0 && number != next) {
            line ("instead of %u came %u", next, number);
            exit (1);
        }
        next = number + 1;
        NEED (make (wanted, number) == (size_t) size && memcmp (body, wanted, (size_t) size) == 0);
        if (count + 1 == SETTLED) {
            line ("%d in order", SETTLED);
            fflush (stdout);
        }
    }
    line ("%d in order", COUNT);
}

int main (int argc, char **argv)
{
    NEED (argc == 3);
    const int leaves = strcmp (argv[1], "leave") == 0, stays = strcmp (argv[1], "stay") == 0;
    const int slowly = strcmp (argv[1], "slowly") == 0, publishes = leaves || slowly || strcmp (argv[1], "publish") == 0;
    void *context = new_context ();
    void *socket = new_socket (context, publishes ? ZMQ_PUB : ZMQ_SUB);
    set_int (socket, ZMQ_RCVTIMEO, LIMIT);
    set_int (socket, ZMQ_RATE, leaves || stays ? HURRIED_RATE : 100000);
    set_int (socket, ZMQ_RCVBUF, 1 << 20);
    /* libzmq's norm engine stalls after a few messages of more than a packet. */
    if (strncmp (argv[2], "norm://", 7) == 0)
        size_count = 2;
    /* At ZMQ_RATE; one who leaves over norm is ours, and Debian's libzmq does not know the option. */
    if (leaves && strncmp (argv[2], "norm://", 7) == 0)
        set_int (socket, ZMQ_NORM_MODE, 0 /* ZMQ_NORM_FIXED */);
    pace = slowly ? SLOW_PACE : PACE;
    if (publishes) {
        NEED (zmq_bind (socket, argv[2]) == 0);
        if (leaves)
            leave (context, socket);
        else
            publish (socket);
    } else {
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "", 0) == 0);
        NEED (zmq_connect (socket, argv[2]) == 0);
        if (stays)
            stay (socket);
        else
            subscribe (socket);
    }
    fflush (stdout);
    /* Not ended with care: libzmq's norm engine does not come to an end where nobody listens any more. */
    _exit (0);
}
