/*
 * How the two sides of a conversation begin: each on a line from the runner, a publisher when its subscriber has heard it.
 *
 * Nothing tells a publisher whether somebody listens, and how long that takes is up to the machine. So it greets until the
 * runner tells it to go on, which is when the subscriber has said "heard". Included by mixed.c.
 */
#ifndef OXIZMQ_MIXED_GREETINGS_H
#define OXIZMQ_MIXED_GREETINGS_H

#include <poll.h>

#include "../common.h"

static void wait_for_go (void)
{
    char line_read[16];
    NEED (fgets (line_read, sizeof line_read, stdin) != NULL);
}

/* A greeting for each subscription, and for each group. */
static const char *const GREETINGS[] = {"message? hello", "end? hello"};
static const char *const GROUPS[] = {"movies", "not joined", "a-group-with-a-name-of-some-length", ""};

static int publishes (int type)
{
    return type == ZMQ_PUB || type == ZMQ_XPUB || type == ZMQ_RADIO;
}

/* Which of the greetings this is, as a bit, or 0. */
static int greeting (const void *data, size_t size)
{
    int found = 0;
    for (int i = 0; i < 2; i++)
        if (size == strlen (GREETINGS[i]) && memcmp (data, GREETINGS[i], size) == 0)
            found = 1 << i;
    return found;
}

static void tell_group (void *socket, const char *group, zmq_msg_t *message)
{
    NEED (zmq_msg_set_group (message, group) == 0);
    NEED (zmq_msg_send (message, socket, 0) != -1);
}

static void greet_until_go (void *socket)
{
    struct pollfd input = {0, POLLIN, 0};
    while (poll (&input, 1, 10) == 0)
        for (int i = 0; i < 2; i++) {
            zmq_msg_t message;
            NEED (zmq_msg_init_size (&message, strlen (GREETINGS[i])) == 0);
            memcpy (zmq_msg_data (&message), GREETINGS[i], strlen (GREETINGS[i]));
            if (get_int (socket, ZMQ_TYPE) == ZMQ_RADIO)
                tell_group (socket, GROUPS[2 * i], &message);
            else
                NEED (zmq_msg_send (&message, socket, 0) != -1);
        }
    wait_for_go ();
}

static void hear_greetings (void *socket)
{
    for (int heard = 0; heard != 3;) {
        zmq_msg_t message;
        NEED (zmq_msg_init (&message) == 0);
        NEED (zmq_msg_recv (&message, socket, 0) != -1);
        heard |= greeting (zmq_msg_data (&message), zmq_msg_size (&message));
        zmq_msg_close (&message);
    }
    line ("heard");
}

#endif
