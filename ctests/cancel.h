/* A thread that does something until it is cancelled. Included after common.h by t_cancel.c and t_left_waits.c. */
#ifndef OXIZMQ_CTESTS_CANCEL_H
#define OXIZMQ_CTESTS_CANCEL_H

/* What a thread does until it is cancelled. */
struct job
{
    void *socket, *other;
    void (*act) (struct job *);
    volatile int begun;
};

static void *until_cancelled (void *argument)
{
    struct job *job = argument;
    __atomic_store_n (&job->begun, 1, __ATOMIC_SEQ_CST);
    for (;;)
        job->act (job);
    return NULL;
}

/* Cancels a thread after so many microseconds; it has to end although nothing ever comes. */
static int is_cancelled (struct job job, int time)
{
    pthread_t thread;
    void *result;
    job.begun = 0;
    NEED (pthread_create (&thread, NULL, until_cancelled, &job) == 0);
    while (!__atomic_load_n (&job.begun, __ATOMIC_SEQ_CST))
        usleep (100);
    usleep (time);
    NEED (pthread_cancel (thread) == 0);
    NEED (pthread_join (thread, &result) == 0);
    return result == PTHREAD_CANCELED;
}

static void receives (struct job *job)
{
    char text[16];
    zmq_recv (job->socket, text, sizeof text, 0);
}

static void polls (struct job *job)
{
    zmq_pollitem_t items[] = {{job->socket, 0, ZMQ_POLLIN, 0}, {NULL, 0, 0, 0}};
    zmq_poll (items, 2, -1);
}

#endif
