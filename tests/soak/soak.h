/*
 * What the parts of the soak test share: random choices, numbered messages whose content tells who sent them, and the
 * books, in which every message is entered as sent, delivered, or dropped by a rule of the manual. See main.c.
 */
#ifndef OXIZMQ_SOAK_H
#define OXIZMQ_SOAK_H

#include <zmq.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends the whole run: something that must not happen has happened. */
#define WANT(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail (__FILE__, __LINE__, #condition);                                                                     \
    } while (0)
void fail (const char *file, int line, const char *condition);

/* The books of one pattern. `dropped`: by a PUB whose reader had a full queue; `taken`: along by a socket that was closed. */
struct books {
    uint64_t episodes, sent, delivered, dropped, taken, faults;
};

/* What a pattern's thread has. */
struct world {
    const char *name;
    void (*episode) (struct world *world);
    struct books books;
    uint64_t random;
    /* What it does, and since when, with what, for the report of a thread that is stuck or has failed. */
    const char *doing;
    char note[1200];
    volatile long since;
};

extern struct world worlds[];
extern const int world_count;
/* The folder for sockets and this program's own name, for children. */
extern char folder[];
extern const char *program;
int child (int argc, char **argv);

long now_ms (void);
void rest_ms (int time);
void doing (struct world *world, const char *what);

/* A number below `bound`. */
static inline uint32_t below (struct world *world, uint32_t bound)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t) ((world->random >> 11) % bound);
}

enum { MOST_SENDERS = 8, MOST_MESSAGES = 20000, NO_TIME_LEFT = 75000 };

/* What became of a message. */
enum { UNDER_WAY, CAME, TAKEN };

/* Which messages came, from whom. */
struct ledger {
    uint64_t sent[MOST_SENDERS], delivered[MOST_SENDERS], taken[MOST_SENDERS];
    /* Messages of nobody known may come as well. */
    int strangers;
    unsigned char fate[MOST_SENDERS][MOST_MESSAGES];
    uint32_t size[MOST_SENDERS][MOST_MESSAGES];
};
struct ledger *open_ledger (void);
/* Enters the fate of a message that has not come: a socket that was closed has taken it along. */
void take_along (struct ledger *ledger, unsigned sender, uint64_t number);
/* Enters what is in the ledger into the books: all that was sent must have come but for what was taken along. */
void close_ledger (struct world *world, struct ledger *ledger);
uint64_t total (const uint64_t counts[MOST_SENDERS]);

enum { SINGLE = 1, SMALL = 2 };

/* Sends the next message of a sender, of one or more frames; 0 if it would block. */
int send_next (struct world *world, struct ledger *ledger, void *socket, unsigned sender, char topic, int flags);
/* Makes the next message of a sender a frame of ZMTP, for one that speaks it by hand; gives its size. */
size_t frame_next (struct world *world, struct ledger *ledger, unsigned sender, unsigned char frame[256]);
/* The same through ROUTER, SERVER and PEER, and the other way round: what is in front of the message. */
int send_bytes (void *socket, const void *data, size_t size, int flags);
/* Receives a whole message, checks it to the last byte and enters it; 0 if there is none. */
struct received {
    unsigned sender;
    uint64_t number;
};
int receive_next (struct ledger *ledger, void *socket, struct received *received);
/* Reads a whole message and sends it back; 0 if there is none. `routed`: by zmq_msg_set_routing_id. */
int echo (void *socket, int routed);

/* A context with one or two I/O threads. */
void *make_context (struct world *world);
void end_context (struct world *world, void *context);
/* A socket that does not linger, with high water marks of `hwm`, or 0. */
void *make_socket (void *context, int type, int hwm);
void end_socket (void *socket);
/* Binds to a fresh endpoint of a random transport and writes it; `kinds`: letters of inproc, tcp, ipc and ws. */
void bind_anywhere (struct world *world, void *socket, const char *kinds, char endpoint[256]);
void set_int (void *socket, int option, int value);
/* Rests until one of the sockets, eight at most, has something, for 20 ms at most. */
void await (void **sockets, int count);

/* The episodes of outsiders.c. */
void plain_bytes (struct world *world);
void strangers (struct world *world);
void trickles (struct world *world);
void processes (struct world *world);

#endif
