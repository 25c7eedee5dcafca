/* fork while connections live: children that close, use, exec or are killed, and a parent that sleeps in a call meanwhile.
   Called by ctests/run. */
#include "common.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void *context, *pull, *push, *router, *dealer, *sub, *pub, *idle;

/* Every handle the parent has; in an order that libzmq survives. */
static void close_all (void)
{
    void *sockets[] = {pull, push, router, dealer, sub, pub, idle};
    int closed = 0;
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        closed += zmq_close (sockets[i]) == 0;
    int ended = zmq_ctx_term (context);
    line ("child: closed %d, term %d", closed, ended);
}

/* Lets libzmq's own threads come to rest. Where fork finds one of them with a mailbox locked, that mailbox stays locked in
   the child, whose zmq_close or zmq_ctx_term waits for ever: 2 of 400 runs. tests/forked.rs forks this library at any time. */
static void quiet (void)
{
    rest_calmly (30);
}

static void wait_for (const char *what, pid_t child)
{
    int status = 0;
    NEED (child != -1 && waitpid (child, &status, 0) == child);
    line ("%s ended with %d", what, status);
}

static void still_works (const char *when)
{
    line ("-- %s", when);
    char endpoint[256];
    send_parts (push, "over ipc", NULL);
    take ("pull", pull, 0);
    send_parts (dealer, "question", NULL);
    char id[16];
    int size = zmq_recv (router, id, sizeof id, 0);
    take ("router", router, 0);
    NEED (zmq_send (router, id, (size_t) size, ZMQ_SNDMORE) == size);
    send_parts (router, "answer", NULL);
    take ("dealer", dealer, 0);
    send_parts (pub, "news", NULL);
    take ("sub", sub, 0);
    /* New connections, too. */
    void *a = new_socket (context, ZMQ_PAIR), *b = new_socket (context, ZMQ_PAIR);
    bind_any (a, "tcp", endpoint);
    NEED (zmq_connect (b, endpoint) == 0);
    send_parts (b, "new", NULL);
    take ("a", a, 0);
    end_socket (a);
    end_socket (b);
}

static void *sleeper (void *socket)
{
    take ("the sleeper", socket, 0);
    return NULL;
}

/* The parent's other thread sleeps in a call while the child closes everything. */
static void while_another_thread_sleeps (void)
{
    pthread_t thread;
    set_int (idle, ZMQ_RCVTIMEO, -1);
    NEED (pthread_create (&thread, NULL, sleeper, idle) == 0);
    settle ();
    pid_t child = fork ();
    if (child == 0) {
        void *own = new_context ();
        void *socket = new_socket (own, ZMQ_PAIR);
        NEED (zmq_bind (socket, "inproc://own") == 0);
        end_socket (socket);
        end_context (own);
        line ("child: a context of its own came and went");
        _exit (0);
    }
    wait_for ("the child", child);
    void *other = new_socket (context, ZMQ_PUSH);
    NEED (zmq_connect (other, "inproc://idle") == 0);
    send_parts (other, "wake up", NULL);
    NEED (pthread_join (thread, NULL) == 0);
    end_socket (other);
}

/* How many descriptors a program that the child becomes finds, besides the standard ones. */
static void becomes_another_program (const char *self)
{
    int before = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t child = fork ();
    if (child == 0) {
        execl (self, self, "count", NULL);
        _exit (9);
    }
    wait_for ("the program", child);
    close (before);
}

static int count_descriptors (void)
{
    int count = 0;
    DIR *folder = opendir ("/proc/self/fd");
    NEED (folder != NULL);
    for (struct dirent *entry; (entry = readdir (folder));)
        count += entry->d_name[0] != '.' && atoi (entry->d_name) > 2 && atoi (entry->d_name) != dirfd (folder);
    closedir (folder);
    return count;
}

static void uses_what_it_inherited (void)
{
    pid_t child = fork ();
    if (child == 0) {
        /* Not what it may do, but it must not harm the parent. */
        char buffer[16];
        alarm (5);
        (void) !zmq_getsockopt (pull, ZMQ_TYPE, buffer, &(size_t) {4});
        _exit (0);
    }
    wait_for ("the child", child);
}

int main (int argc, char **argv)
{
    char endpoint[256];
    if (argc == 2 && strcmp (argv[1], "count") == 0) {
        line ("the program finds %d descriptors", count_descriptors ());
        return 0;
    }
    context = new_context ();
    pull = new_socket (context, ZMQ_PULL), push = new_socket (context, ZMQ_PUSH);
    router = new_socket (context, ZMQ_ROUTER), dealer = new_socket (context, ZMQ_DEALER);
    pub = new_socket (context, ZMQ_PUB), sub = new_socket (context, ZMQ_SUB), idle = new_socket (context, ZMQ_PULL);
    join_pair (pull, push, "ipc");
    bind_any (router, "tcp", endpoint);
    NEED (zmq_connect (dealer, endpoint) == 0);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0) == 0);
    join_pair (pub, sub, "tcp");
    NEED (zmq_bind (idle, "inproc://idle") == 0);
    rest_using (pub, 100);
    still_works ("before");

    quiet ();
    pid_t child = fork ();
    if (child == 0) {
        close_all ();
        _exit (0);
    }
    wait_for ("the child", child);
    still_works ("after a child closed everything");

    child = fork ();
    if (child == 0) {
        /* Its end runs whatever libraries registered for it. */
        exit (0);
    }
    wait_for ("the child", child);
    still_works ("after a child that just ended");

    child = fork ();
    if (child == 0)
        pause ();
    rest (50);
    kill (child, SIGKILL);
    wait_for ("the killed child", child);
    still_works ("after a child was killed");

    for (int i = 0; i < 20; i++) {
        send_parts (push, "unread", NULL);
        quiet ();
        child = fork ();
        if (child == 0) {
            zmq_close (push);
            zmq_close (pull);
            zmq_ctx_term (context);
            _exit (0);
        }
        int status;
        NEED (waitpid (child, &status, 0) == child && status == 0);
    }
    line ("%d unread messages are still there", take_all ("pull", pull));
    uses_what_it_inherited ();
    becomes_another_program (argv[0]);
    while_another_thread_sleeps ();
    still_works ("at the end");

    void *sockets[] = {pull, push, router, dealer, sub, pub, idle};
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        end_socket (sockets[i]);
    end_context (context);
    return 0;
}
