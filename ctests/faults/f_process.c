/* How a process comes to its end, or becomes another one, with contexts, sockets and threads alive: exit, return, _exit, the end
   of its main thread, exec, fork; the library loaded and unloaded. Called by ctests/faults/run. */
#define _GNU_SOURCE
#include "faults.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>

static const char *self;
static void *context, *pull, *push, *blocked;
static volatile int over;

static void *traffic (void *unused)
{
    char byte;
    (void) unused;
    while (!over) {
        (void) zmq_send (push, "x", 1, ZMQ_DONTWAIT);
        (void) zmq_recv (pull, &byte, 1, ZMQ_DONTWAIT);
    }
    return NULL;
}

static void *waits (void *unused)
{
    char byte;
    (void) unused;
    (void) zmq_recv (blocked, &byte, 1, 0);
    return NULL;
}

/* Traffic, and a thread that sleeps in a call. */
static void live (void)
{
    pthread_t thread;
    context = new_context ();
    pull = quick_socket (context, ZMQ_PULL), push = quick_socket (context, ZMQ_PUSH);
    blocked = zmq_socket (context, ZMQ_PULL);
    join_pair (pull, push, "tcp");
    NEED (zmq_bind (blocked, "ipc://blocked") == 0);
    exchange (push, pull, "alive");
    NEED (pthread_create (&thread, NULL, traffic, NULL) == 0 && pthread_create (&thread, NULL, waits, NULL) == 0);
    rest (20);
}

static void by_exit (void)
{
    exit (0);
}

static void by_fast_exit (void)
{
    _exit (0);
}

static void by_quick_exit (void)
{
    quick_exit (0);
}

static void at_the_end (void)
{
    /* As a program that ends its context in an exit handler. */
    over = 1;
    rest (5);
    zmq_ctx_shutdown (context);
    rest (20);
    zmq_close (pull);
    zmq_close (push);
    zmq_close (blocked);
    zmq_ctx_term (context);
}

static void by_exit_handler (void)
{
    atexit (at_the_end);
    exit (0);
}

static void *ends_later (void *unused)
{
    (void) unused;
    rest (30);
    over = 1;
    exit (0);
}

static void by_the_main_thread (void)
{
    pthread_t thread;
    NEED (pthread_create (&thread, NULL, ends_later, NULL) == 0);
    pthread_exit (NULL);
}

static void by_exec (void)
{
    execl (self, self, "descriptors", NULL);
    _exit (9);
}

static void by_fork_and_exec (void)
{
    pid_t child = fork ();
    if (child == 0)
        by_exec ();
    int status;
    NEED (waitpid (child, &status, 0) == child);
    exchange (push, pull, "after a child");
    _exit (WIFEXITED (status) ? WEXITSTATUS (status) : 8);
}

static void by_system (void)
{
    char command[512];
    snprintf (command, sizeof command, "%s descriptors", self);
    _exit (system (command) == 0 ? 0 : 7);
}

/* A copy of the library, so that this program's own is not in the way: loaded, used, unloaded with threads and sockets
   alive; and again. */
static void unloaded (void)
{
    const char *library = getenv ("ZMQ_LIBRARY");
    char command[1024];
    NEED (library != NULL);
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf (name, sizeof name, "./copy-%d.so", i % 2);
        snprintf (command, sizeof command, "test -e %s || cp -L %s %s", name, library, name);
        NEED (system (command) == 0);
        void *handle = dlopen (name, RTLD_NOW | RTLD_LOCAL);
        CHECK (handle, "%s", dlerror ());
        void *(*ctx_new) (void) = (void *(*) (void)) dlsym (handle, "zmq_ctx_new");
        void *(*make) (void *, int) = (void *(*) (void *, int)) dlsym (handle, "zmq_socket");
        int (*connect) (void *, const char *) = (int (*) (void *, const char *)) dlsym (handle, "zmq_connect");
        int (*send) (void *, const void *, size_t, int) = (int (*) (void *, const void *, size_t, int)) dlsym (handle, "zmq_send");
        int (*close) (void *) = (int (*) (void *)) dlsym (handle, "zmq_close");
        int (*term) (void *) = (int (*) (void *)) dlsym (handle, "zmq_ctx_term");
        int (*set) (void *, int, const void *, size_t) = (int (*) (void *, int, const void *, size_t)) dlsym (handle, "zmq_setsockopt");
        CHECK (ctx_new != zmq_ctx_new, "it is this program's own");
        void *other = ctx_new (), *socket = make (other, ZMQ_PUSH);
        NEED (set (socket, ZMQ_LINGER, &(int) {0}, sizeof (int)) == 0);
        NEED (connect (socket, "tcp://127.0.0.1:9") == 0 && send (socket, "x", 1, 0) == 1);
        if (i == 0)
            NEED (close (socket) == 0 && term (other) == 0);
        /* Otherwise its I/O thread goes on. */
        NEED (dlclose (handle) == 0);
        rest (50);
    }
    over = 1;
    _exit (0);
}

/* A REQ and a REP whose last words are said by a destructor of the thread's own data, when what the library kept for the
   thread is gone. */
static void *asks, *answers;

static void last_words (void *unused)
{
    char body[1000];
    zmq_pollitem_t item = {answers, 0, ZMQ_POLLIN, 0};
    zmq_msg_t message;
    (void) unused;
    for (int turn = 0; turn < 30; turn++) {
        CHECK (zmq_send (asks, body, sizeof body, 0) == sizeof body, "asking: %s", errno_name (zmq_errno ()));
        CHECK (turn % 2 || zmq_poll (&item, 1, PATIENCE) == 1, "polling: %s", errno_name (zmq_errno ()));
        CHECK (zmq_recv (answers, body, sizeof body, 0) == sizeof body, "hearing: %s", errno_name (zmq_errno ()));
        CHECK (zmq_msg_init_size (&message, 20000) == 0 && zmq_msg_send (&message, answers, 0) == 20000, "answering");
        CHECK (zmq_recv (asks, body, sizeof body, 0) == 20000, "no answer: %s", errno_name (zmq_errno ()));
    }
}

static void *speaks_last (void *key)
{
    last_words (NULL);
    pthread_setspecific (*(pthread_key_t *) key, &asks);
    return NULL;
}

static void by_the_end_of_a_thread (void)
{
    pthread_t thread;
    pthread_key_t key;
    char public[41], secret[41];
    NEED (pthread_key_create (&key, last_words) == 0);
    for (int curve = 0; curve < 2; curve++) {
        context = new_context ();
        asks = quick_socket (context, ZMQ_REQ), answers = quick_socket (context, ZMQ_REP);
        set_int (asks, ZMQ_RCVTIMEO, PATIENCE);
        set_int (answers, ZMQ_RCVTIMEO, PATIENCE);
        if (curve) {
            NEED (zmq_curve_keypair (public, secret) == 0);
            set_int (answers, ZMQ_CURVE_SERVER, 1);
            NEED (zmq_setsockopt (answers, ZMQ_CURVE_SECRETKEY, secret, 41) == 0);
            NEED (zmq_setsockopt (asks, ZMQ_CURVE_SERVERKEY, public, 41) == 0);
            NEED (zmq_setsockopt (asks, ZMQ_CURVE_PUBLICKEY, public, 41) == 0);
            NEED (zmq_setsockopt (asks, ZMQ_CURVE_SECRETKEY, secret, 41) == 0);
        }
        join_pair (answers, asks, "tcp");
        NEED (pthread_create (&thread, NULL, speaks_last, &key) == 0 && pthread_join (thread, NULL) == 0);
        end_socket (asks);
        end_socket (answers);
        end_context (context);
    }
    exit (0);
}

static void ends (const char *what, void (*how) (void))
{
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0) {
        alarm (20);
        live ();
        how ();
        _exit (99);
    }
    int status;
    NEED (waitpid (child, &status, 0) == child);
    CHECK (WIFEXITED (status), "%s: killed by %s", what, strsignal (WTERMSIG (status)));
    CHECK (WEXITSTATUS (status) == 0, "%s: ended with %d", what, WEXITSTATUS (status));
    line ("%s: in good order", what);
}

int main (int argc, char **argv)
{
    self = argv[0];
    if (argc == 2) {
        /* What this process was started with; "." and ".." and that of the folder are no concern. */
        int most = 0;
        for (int fd = 3; fd < 1000; fd++)
            most += lseek (fd, 0, SEEK_CUR) != -1 || errno != EBADF;
        _exit (most);
    }
    ends ("exit", by_exit);
    ends ("_exit", by_fast_exit);
    ends ("quick_exit", by_quick_exit);
    ends ("exit, with an exit handler that ends the context", by_exit_handler);
    ends ("the end of the main thread", by_the_main_thread);
    ends ("the end of a thread, with last words", by_the_end_of_a_thread);
    ends ("exec", by_exec);
    ends ("fork and exec", by_fork_and_exec);
    ends ("system", by_system);
    ends ("the library unloaded", unloaded);
    return 0;
}
