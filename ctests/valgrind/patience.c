/*
 * Put before a program of libzmq's that gives its peers a fixed time to connect, by valgrind's runner: there everything is
 * slower, so its pauses are longer too. Otherwise it goes on too early and then waits for ever, or fails in a thread and crashes.
 */
#include <time.h>
#include <unistd.h>

#define TIMES 5

int usleep (useconds_t microseconds)
{
    const long long nanoseconds = 1000LL * TIMES * microseconds;
    const struct timespec pause = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return nanosleep (&pause, NULL);
}
