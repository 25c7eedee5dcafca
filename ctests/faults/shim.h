/*
 * Faults on demand: shim.c stands between the library and the C library, and lets chosen calls fail. It is part of each
 * program f_*.c of this folder, whose own definitions of these functions are found before those of the C library.
 */
#ifndef OXIZMQ_FAULTS_SHIM_H
#define OXIZMQ_FAULTS_SHIM_H

enum fault
{
    FAULT_SOCKET,
    FAULT_BIND,
    FAULT_LISTEN,
    FAULT_ACCEPT,
    FAULT_CONNECT,
    FAULT_CONNECTED, /* what getsockopt (SO_ERROR) says of a connect that was under way */
    FAULT_SEND,
    FAULT_RECV,
    FAULT_SETSOCKOPT,
    FAULT_NAME, /* getsockname, getpeername */
    FAULT_EPOLL_CREATE,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_EVENTFD,
    FAULT_POLL,
    FAULT_FCNTL,
    FAULT_THREAD,
    FAULT_MEMORY, /* of `fault_large` bytes or more */
    FAULT_COUNT
};

/* Lets the next `times` of these calls fail with `error`, in whatever thread, after `after` that do not. */
void fault_arm (enum fault what, int error, int after, int times);

/* How many calls have failed since; and how many of those that were armed did not happen yet. */
int fault_hits (enum fault what);
int fault_left (enum fault what);
void fault_disarm (enum fault what);

/* At most so many bytes are sent by one call; 0: any number. Not received: a read that brings less than there is room for
   has emptied a stream, epoll(7) says. */
extern volatile int fault_bytes;
/* What counts as much memory. */
extern volatile unsigned long fault_large;
/* Lets one in so many allocations of the library itself fail, scattered and whatever its size; 0 lets none. And how many have. */
extern volatile unsigned fault_every;
extern volatile unsigned fault_every_hits;
/* How far the clock of the day is off, in seconds; and how often it was asked for. */
extern volatile long fault_clock;
extern volatile int fault_clock_asked;

#endif
