/*
 * Time that counts only while this process's other threads get the processor when they want it. A program that rests "long
 * enough for a connection to be made" means that: on a machine that is busy with something else it has to rest longer.
 * Included by common.h.
 */
#ifndef OXIZMQ_CTESTS_CALM_H
#define OXIZMQ_CTESTS_CALM_H

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__ ((unused))

UNUSED static void rest (int milliseconds)
{
    struct timespec t = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    while (nanosleep (&t, &t) == -1 && errno == EINTR)
        ;
}

/* How long the other threads have waited for a processor so far, in nanoseconds, and whether one of them wants one now. */
static uint64_t others_waited (int *wanting)
{
    uint64_t sum = 0;
    char name[300], state = 'S';
    *wanting = 0;
    DIR *tasks = opendir ("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir (tasks));) {
        unsigned long long ran, waited = 0;
        if (task->d_name[0] == '.' || atoi (task->d_name) == (int) syscall (SYS_gettid))
            continue;
        snprintf (name, sizeof name, "/proc/self/task/%s/schedstat", task->d_name);
        FILE *file = fopen (name, "re");
        if (file && fscanf (file, "%llu %llu", &ran, &waited) == 2)
            sum += waited;
        if (file)
            fclose (file);
        snprintf (name, sizeof name, "/proc/self/task/%s/stat", task->d_name);
        file = fopen (name, "re");
        /* The name in brackets has no blank, libzmq's threads have none in theirs. */
        if (file && fscanf (file, "%*d %*s %c", &state) == 1)
            *wanting |= state == 'R';
        if (file)
            fclose (file);
    }
    if (tasks)
        closedir (tasks);
    return sum;
}

/* Whether since `before`, some milliseconds ago, nobody was kept from working for long. Who wants a processor now may have been
   woken just now, or may have waited all the time, which is counted only once it has got one. A thread that has gone takes its
   waiting along. */
static int was_calm (uint64_t before)
{
    const int code = errno;
    int wanting = 1;
    uint64_t now = before;
    for (int tries = 0; wanting && tries < 50; tries++) {
        if (tries > 0)
            rest (2);
        now = others_waited (&wanting);
    }
    errno = code;
    return !wanting && now < before + 2000000;
}

/* Rests for so long a time of calm, but for no more than five times as long by the clock. */
UNUSED static void rest_calmly (int milliseconds)
{
    const int step = 10;
    for (int naps = 5 * milliseconds / step; milliseconds > 0 && naps > 0; naps--) {
        int wanting;
        const uint64_t before = others_waited (&wanting);
        rest (step);
        if (was_calm (before))
            milliseconds -= step;
    }
}

#endif
