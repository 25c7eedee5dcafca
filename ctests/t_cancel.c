/* Threads that end in the middle: pthread_exit(3) and pthread_cancel(3), around calls of the library. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"
#include "cancel.h"
#include <sys/uio.h>

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

static void leaves_by_a_timer (int id, void *argument)
{
    (void) id;
    leaves (argument);
}

static void *executes (void *timers)
{
    usleep (5000);
    zmq_timers_execute (timers);
    return timers;
}

/* A handler ends its thread; the timers are as good as before. */
static void timers (void)
{
    int left = 0;
    void *timers = zmq_timers_new (), *result;
    NEED (zmq_timers_add (timers, 1, leaves_by_a_timer, &left) != -1);
    NEED (zmq_timers_add (timers, 1000000, leaves_by_a_timer, &left) != -1);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        NEED (pthread_create (&thread, NULL, executes, timers) == 0);
        NEED (pthread_join (thread, &result) == 0);
        line ("-- a timer ends its thread: %s", result == NULL ? "yes" : "no");
    }
    NEED (zmq_timers_destroy (&timers) == 0);
    line ("-- %d left", left);
}

static void *context;

static void receives_a_message (struct job *job)
{
    zmq_msg_t message;
    zmq_msg_init (&message);
    zmq_msg_recv (&message, job->socket, 0);
    zmq_msg_close (&message);
}

static void receives_with_a_timeout (struct job *job)
{
    set_int (job->socket, ZMQ_RCVTIMEO, 20000);
    receives (job);
}

static void sends (struct job *job)
{
    zmq_send (job->socket, "text", 4, 0);
}

static void sends_a_message (struct job *job)
{
    zmq_msg_t message;
    zmq_msg_init_size (&message, 10);
    zmq_msg_send (&message, job->socket, 0);
}

static void polls_with_a_timeout (struct job *job)
{
    zmq_pollitem_t item = {job->socket, 0, ZMQ_POLLIN, 0};
    zmq_poll (&item, 1, 20000);
}

static void destroys (void *poller)
{
    NEED (zmq_poller_destroy (&poller) == 0);
}

static void waits_with_a_poller (struct job *job)
{
    zmq_poller_event_t event;
    void *poller = zmq_poller_new ();
    pthread_cleanup_push (destroys, poller);
    NEED (zmq_poller_add (poller, job->socket, NULL, ZMQ_POLLIN) == 0);
    zmq_poller_wait (poller, &event, -1);
    pthread_cleanup_pop (1);
}

static void waits_for_all_with_a_timeout (struct job *job)
{
    zmq_poller_event_t events[2];
    void *poller = zmq_poller_new ();
    pthread_cleanup_push (destroys, poller);
    NEED (zmq_poller_add (poller, job->socket, NULL, ZMQ_POLLIN) == 0 && zmq_poller_add_fd (poller, 0, NULL, ZMQ_POLLERR) == 0);
    zmq_poller_wait_all (poller, events, 2, 20000);
    pthread_cleanup_pop (1);
}

static void sends_buffers (struct job *job)
{
    struct iovec buffers[] = {{"text", 4}, {"more", 4}};
    zmq_sendiov (job->socket, buffers, 2, 0);
}

static void receives_buffers (struct job *job)
{
    struct iovec buffers[2];
    size_t count = 2;
    for (int got = zmq_recviov (job->socket, buffers, &count, 0); got > 0; got--)
        free (buffers[got - 1].iov_base);
}

static void ends_the_context (struct job *job)
{
    zmq_ctx_term (job->other);
}

static void proxies (struct job *job)
{
    zmq_proxy (job->socket, job->other, NULL);
}

static void rests (struct job *job)
{
    (void) job;
    zmq_sleep (20);
}

static const struct
{
    const char *name;
    void (*act) (struct job *);
    int type;
} BLOCKED[] = {
    {"zmq_recv", receives, ZMQ_PULL},
    {"zmq_recv with a timeout", receives_with_a_timeout, ZMQ_PULL},
    {"zmq_msg_recv", receives_a_message, ZMQ_ROUTER},
    {"zmq_send", sends, ZMQ_PUSH},
    {"zmq_msg_send", sends_a_message, ZMQ_DEALER},
    {"zmq_poll", polls, ZMQ_SUB},
    {"zmq_poll with a timeout", polls_with_a_timeout, ZMQ_REP},
    {"zmq_poller_wait", waits_with_a_poller, ZMQ_PULL},
    {"zmq_poller_wait_all with a timeout", waits_for_all_with_a_timeout, ZMQ_SUB},
    {"zmq_sendiov", sends_buffers, ZMQ_PUSH},
    {"zmq_recviov", receives_buffers, ZMQ_PULL},
    {"zmq_ctx_term", ends_the_context, ZMQ_PULL},
    {"zmq_proxy", proxies, ZMQ_ROUTER},
    {"zmq_sleep", rests, ZMQ_PAIR},
};

/* A thread that waits for what never comes; the sockets can be closed then, and the context ends. */
static void waits (void)
{
    for (size_t i = 0; i < sizeof BLOCKED / sizeof *BLOCKED; i++) {
        void *own = new_context ();
        struct job job = {new_socket (own, BLOCKED[i].type), new_socket (own, ZMQ_DEALER), BLOCKED[i].act, 0};
        void *other = job.other;
        NEED (zmq_bind (job.socket, "tcp://127.0.0.1:*") == 0);
        NEED (zmq_bind (other, "tcp://127.0.0.1:*") == 0);
        if (BLOCKED[i].act == ends_the_context)
            job.other = own;
        line ("-- %s: %s", BLOCKED[i].name, is_cancelled (job, 20000) ? "cancelled" : "returned");
        end_socket (job.socket);
        end_socket (other);
        end_context (own);
    }
}

/* The socket goes on with another thread: with its connections, which the cancelled one may have been reading. */
static void goes_on (const char *transport, int peers, void (*act) (struct job *))
{
    char endpoint[256];
    void *pushes[40], *pull = new_socket (context, ZMQ_PULL);
    bind_any (pull, transport, endpoint);
    for (int i = 0; i < peers; i++) {
        pushes[i] = new_socket (context, ZMQ_PUSH);
        NEED (zmq_connect (pushes[i], endpoint) == 0);
        send_parts (pushes[i], "first", NULL);
    }
    int received = 0, cancelled = 0;
    char text[16];
    while (received < peers && zmq_recv (pull, text, sizeof text, 0) == 5)
        received++;
    for (int i = 0; i < 10; i++) {
        cancelled += is_cancelled ((struct job){pull, NULL, act, 0}, 1000);
        for (int peer = 0; peer < peers; peer++)
            send_parts (pushes[peer], "again", NULL);
        for (int peer = 0; peer < peers && zmq_recv (pull, text, sizeof text, 0) == 5; peer++)
            received++;
    }
    line ("-- %d peers over %s: %d times cancelled, %d messages", peers, transport, cancelled, received);
    for (int i = 0; i < peers; i++)
        end_socket (pushes[i]);
    end_socket (pull);
}

#define CLIENTS 40

static void serves (struct job *job)
{
    char id[16], text[16];
    int size = zmq_recv (job->socket, id, sizeof id, 0);
    int length = zmq_recv (job->socket, text, sizeof text, 0);
    zmq_send (job->socket, id, size, ZMQ_SNDMORE);
    zmq_send (job->socket, text, length, 0);
}

/* One server after the other with very many clients, each cancelled when all have their answers. */
static void servers (void)
{
    char endpoint[256], text[16];
    void *clients[CLIENTS], *router = new_socket (context, ZMQ_ROUTER);
    bind_any (router, "tcp", endpoint);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = new_socket (context, ZMQ_DEALER);
        NEED (zmq_connect (clients[i], endpoint) == 0);
    }
    int cancelled = 0, answers = 0;
    for (int turn = 0; turn < 5; turn++) {
        pthread_t thread;
        void *result;
        struct job job = {router, NULL, serves, 0};
        NEED (pthread_create (&thread, NULL, until_cancelled, &job) == 0);
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < CLIENTS; i++)
                NEED (zmq_send (clients[i], "ask", 3, 0) == 3);
            for (int i = 0; i < CLIENTS; i++)
                answers += zmq_recv (clients[i], text, sizeof text, 0) == 3;
        }
        for (int i = 0; i < CLIENTS; i++) {
            NEED (zmq_send (clients[i], "one", 3, 0) == 3);
            answers += zmq_recv (clients[i], text, sizeof text, 0) == 3;
        }
        usleep (1000 * turn);
        NEED (pthread_cancel (thread) == 0 && pthread_join (thread, &result) == 0);
        cancelled += result == PTHREAD_CANCELED;
    }
    line ("-- %d servers cancelled, %d answers", cancelled, answers);
    for (int i = 0; i < CLIENTS; i++)
        end_socket (clients[i]);
    end_socket (router);
}

/* A cleanup handler that uses the library, as the thread ends. */
static void cleans_up (void *argument)
{
    struct job *job = argument;
    char text[16];
    set_int (job->socket, ZMQ_RCVTIMEO, 20);
    NEED (zmq_recv (job->socket, text, sizeof text, 0) == -1 && zmq_errno () == EAGAIN);
    end_socket (job->socket);
}

static void receives_and_cleans_up (struct job *job)
{
    pthread_cleanup_push (cleans_up, job);
    receives (job);
    pthread_cleanup_pop (0);
}

int main (void)
{
    threads_of_the_library ();
    timers ();
    waits ();
    context = new_context ();
    goes_on ("tcp", 1, receives);
    goes_on ("tcp", 1, polls);
    goes_on ("ipc", 3, receives);
    goes_on ("inproc", 1, receives);
    goes_on ("tcp", 40, receives);
    goes_on ("tcp", 3, waits_with_a_poller);
    goes_on ("inproc", 3, waits_for_all_with_a_timeout);
    servers ();
    struct job job = {new_socket (context, ZMQ_PULL), NULL, receives_and_cleans_up, 0};
    NEED (zmq_bind (job.socket, "tcp://127.0.0.1:*") == 0);
    line ("-- cleaning up: %d", is_cancelled (job, 20000));
    end_context (context);
    return 0;
}
