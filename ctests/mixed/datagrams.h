/*
 * The plays of sockets whose messages fit into a datagram: RADIO, DISH and DGRAM. Included by mixed.c.
 */
#ifndef OXIZMQ_MIXED_DATAGRAMS_H
#define OXIZMQ_MIXED_DATAGRAMS_H

#include "../common.h"
#include "greetings.h"

/* libzmq 4.3.5 overflows its buffer above 8 KiB (issue 4296), and a receiver's kernel has room for only some datagrams. */
static const size_t DATAGRAM_SIZES[] = {0, 1, 33, 255, 256, 257, 1472, 1473, 7900, 5};
#define DATAGRAM_SIZE_COUNT (sizeof DATAGRAM_SIZES / sizeof *DATAGRAM_SIZES)

static void make_body (zmq_msg_t *message, size_t number)
{
    const size_t size = DATAGRAM_SIZES[number % DATAGRAM_SIZE_COUNT];
    NEED (zmq_msg_init_size (message, size) == 0);
    for (size_t i = 0; i < size; i++)
        ((unsigned char *) zmq_msg_data (message))[i] = (unsigned char) (i * 31 + number);
}

static void tell (void *socket)
{
    zmq_msg_t message;
    for (size_t i = 0; i < 4 * DATAGRAM_SIZE_COUNT; i++) {
        make_body (&message, i);
        tell_group (socket, GROUPS[i % 4], &message);
        rest (1);
    }
    NEED (zmq_msg_init_size (&message, 3) == 0);
    memcpy (zmq_msg_data (&message), "end", 3);
    tell_group (socket, "movies", &message);
}

static void hear (void *socket)
{
    for (int alive = 1; alive;) {
        zmq_msg_t message;
        NEED (zmq_msg_init (&message) == 0);
        NEED (zmq_msg_recv (&message, socket, 0) != -1);
        if (!greeting (zmq_msg_data (&message), zmq_msg_size (&message))) {
            printf ("in '%s' ", zmq_msg_group (&message));
            print_bytes (zmq_msg_data (&message), zmq_msg_size (&message));
            printf ("\n");
        }
        alive = !(zmq_msg_size (&message) == 3 && memcmp (zmq_msg_data (&message), "end", 3) == 0);
        zmq_msg_close (&message);
    }
}

/* Sends datagrams to an address and prints what comes back. */
static void post (void *socket, const char *address)
{
    for (size_t i = 0; i <= 2 * DATAGRAM_SIZE_COUNT; i++) {
        zmq_msg_t message;
        char from[64] = "";
        make_body (&message, i);
        if (i == 2 * DATAGRAM_SIZE_COUNT)
            NEED (zmq_msg_init_size (&message, 3) == 0 && memcpy (zmq_msg_data (&message), "end", 3));
        NEED (zmq_send (socket, address, strlen (address), ZMQ_SNDMORE) != -1);
        NEED (zmq_msg_send (&message, socket, 0) != -1);
        NEED (zmq_recv (socket, from, sizeof from - 1, 0) != -1);
        line ("from the address it went to: %d", strcmp (from, address) == 0);
        take ("datagram", socket, 0);
    }
}

#endif
