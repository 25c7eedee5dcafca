/*
 * The plays of sockets whose messages are one frame: CLIENT, SERVER, SCATTER, GATHER, PEER and CHANNEL; and of STREAM, whose
 * messages are what came at once. Included by mixed.c.
 */
#ifndef OXIZMQ_MIXED_SINGLE_H
#define OXIZMQ_MIXED_SINGLE_H

#include "../common.h"

static const size_t SIZES[] = {1, 33, 34, 0, 255, 256, 257, 8191, 8192, 8193, 65535, 65536, 100000, 1 << 20, 5};
#define SIZE_COUNT (sizeof SIZES / sizeof *SIZES)
#define MESSAGES (4 * (int) SIZE_COUNT)

/* `routing_id`: whom a PEER that has connected speaks to; 0 for all others. */
static void send_single (void *socket, uint32_t routing_id, const void *body, size_t size)
{
    zmq_msg_t message;
    NEED (zmq_msg_init_size (&message, size) == 0);
    memcpy (zmq_msg_data (&message), body, size);
    NEED (!routing_id || zmq_msg_set_routing_id (&message, routing_id) == 0);
    NEED (zmq_msg_send (&message, socket, 0) == (int) size);
}

static void send_sized (void *socket, uint32_t routing_id, int number)
{
    static unsigned char body[1 << 20];
    const size_t size = SIZES[(size_t) number % SIZE_COUNT];
    for (size_t j = 0; j < size; j++)
        body[j] = (unsigned char) (j * 31 + (size_t) number);
    send_single (socket, routing_id, body, size);
}

/* Sends and expects the same back, one by one and with several under way. */
static void query (void *socket, uint32_t routing_id)
{
    for (int i = 0; i < MESSAGES; i++) {
        send_sized (socket, routing_id, i);
        take ("answer", socket, 0);
    }
    for (int i = 0; i < 20; i++)
        send_sized (socket, routing_id, i);
    for (int i = 0; i < 20; i++)
        take ("answer", socket, 0);
    send_single (socket, routing_id, "end", 3);
    take ("last answer", socket, 0);
}

static void supply (void *socket)
{
    for (int i = 0; i < MESSAGES; i++)
        send_sized (socket, 0, i);
    send_single (socket, 0, "end", 3);
}

/* Sends bytes to the one connection there is, and wants them back. */
static void pour (void *socket)
{
    static unsigned char body[1 << 20], back[1 << 20];
    char name[256];
    const int name_size = zmq_recv (socket, name, sizeof name, 0);
    NEED (name_size > 0 && zmq_recv (socket, back, sizeof back, 0) == 0);
    for (size_t i = 0; i <= SIZE_COUNT; i++) {
        const size_t size = i == SIZE_COUNT ? 3 : SIZES[i];
        for (size_t j = 0; j < size; j++)
            body[j] = i == SIZE_COUNT ? (unsigned char) "end"[j] : (unsigned char) (j * 31 + i);
        /* To send nothing is to close a connection. */
        if (size == 0)
            continue;
        NEED (zmq_send (socket, name, (size_t) name_size, ZMQ_SNDMORE) == name_size);
        NEED (zmq_send (socket, body, size, 0) == (int) size);
        for (size_t got = 0; got < size;) {
            char from[256];
            NEED (zmq_recv (socket, from, sizeof from, 0) == name_size && memcmp (from, name, (size_t) name_size) == 0);
            const int count = zmq_recv (socket, back + got, sizeof back - got, 0);
            NEED (count > 0 && got + (size_t) count <= size);
            got += (size_t) count;
        }
        line ("%zu bytes came back, %s", size, memcmp (body, back, size) == 0 ? "the same" : "others");
    }
}

#endif
