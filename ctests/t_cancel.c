/* Threads that end in the middle: pthread_exit(3) and pthread_cancel(3), around calls of the library. Called by ctests/run. */
#include "common.h"

#include <zmq_utils.h>

static volatile int step;
static pthread_t itself;

static void leaves (void *argument)
{
    *(int *) argument += 1;
    pthread_exit (NULL);
}

static void sleeps (void *argument)
{
    (void) argument;
    itself = pthread_self ();
    __atomic_store_n (&step, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause ();
}

/* What the library starts may end as any thread does. */
static void threads_of_the_library (void)
{
    int left = 0;
    for (int i = 0; i < 3; i++) {
        void *thread = zmq_threadstart (leaves, &left);
        NEED (thread != NULL);
        zmq_threadclose (thread);
    }
    line ("-- %d of 3 left by pthread_exit", left);
    step = 0;
    void *thread = zmq_threadstart (sleeps, NULL);
    NEED (thread != NULL);
    while (!__atomic_load_n (&step, __ATOMIC_SEQ_CST))
        usleep (1000);
    NEED (pthread_cancel (itself) == 0);
    zmq_threadclose (thread);
    line ("-- cancelled and closed");
}

int main (void)
{
    threads_of_the_library ();
    return 0;
}
