/* How many descriptors and threads a context leaves behind. Included after common.h by the programs t_leaks*.c. */
#ifndef OXIZMQ_CTESTS_LEAKS_H
#define OXIZMQ_CTESTS_LEAKS_H

static int descriptors, threads;

static void remember (void)
{
    descriptors = count_entries ("/proc/self/fd");
    threads = count_entries ("/proc/self/task");
}

/* A thread that was joined may be seen for a moment after. */
static void compare (const char *what)
{
    int d = 0, t = 0;
    for (int i = 0; i < 100; i++) {
        d = count_entries ("/proc/self/fd") - descriptors;
        t = count_entries ("/proc/self/task") - threads;
        if (d == 0 && t == 0)
            break;
        rest (5);
    }
    line ("%s: %d descriptors and %d threads left", what, d, t);
}

/* Sends zeros if there is room. */
UNUSED static void try_send (void *socket, size_t size, int flags)
{
    static char zeros[300000];
    (void) zmq_send (socket, zeros, size, ZMQ_DONTWAIT | flags);
}

#endif
