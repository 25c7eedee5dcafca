/* What the parts of the abuse test share: a child's random choices and everything that its threads may lay hands on. */
#ifndef OXIZMQ_ABUSE_H
#define OXIZMQ_ABUSE_H

#include <zmq.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { SOCKETS = 12, CONTEXTS = 2, POLLERS = 3, TIMERS = 2, COUNTERS = 2, MESSAGES = 6, THREADS = 3, CALLS = 400 };

/* The handles are shared by all threads, stale ones among them. */
struct hands {
    void *volatile contexts[CONTEXTS], *volatile sockets[SOCKETS], *volatile pollers[POLLERS], *volatile timers[TIMERS];
    void *volatile counters[COUNTERS];
};
extern struct hands hands;

/* Each thread has messages of its own: zmq_msg_t is not to be shared. */
struct abuser {
    uint64_t random, theme;
    zmq_msg_t messages[MESSAGES];
    /* The last call, for the report. */
    const char *volatile call;
};

static inline uint32_t below (struct abuser *me, uint32_t bound)
{
    me->random ^= me->random << 13;
    me->random ^= me->random >> 7;
    me->random ^= me->random << 17;
    return (uint32_t) ((me->random >> 11) % bound);
}

/* One of an array's. */
#define COUNT(array) ((uint32_t) (sizeof (array) / sizeof *(array)))
#define ANY(array) ((array)[below (me, COUNT (array))])

/* A handle of this kind, of another kind, a stale one, or no handle at all. */
void *any_handle (struct abuser *me, void *volatile *kind, uint32_t count);
int any_int (struct abuser *me);
/* Less than a moment, in milliseconds. */
long any_timeout (struct abuser *me);
/* A size that no object has. */
size_t impossible (struct abuser *me);
/* A size for which there is a buffer: 1024 at most. */
size_t any_size (struct abuser *me);
/* An endpoint, a text that is none, or null. */
const char *any_endpoint (struct abuser *me);

#define SOCKET any_handle (me, hands.sockets, SOCKETS)
#define CONTEXT any_handle (me, hands.contexts, CONTEXTS)
#define POLLER any_handle (me, hands.pollers, POLLERS)
#define TIMER any_handle (me, hands.timers, TIMERS)
#define COUNTER any_handle (me, hands.counters, COUNTERS)

/* Ends the child: a call has panicked inside the library, or answered what no call answers. */
void fail (struct abuser *me, const char *what);

/* One random call. */
void call_anything (struct abuser *me);
/* A new socket of any type, which neither waits nor lingers for long. */
void *fresh_socket (struct abuser *me, void *context);

#endif
