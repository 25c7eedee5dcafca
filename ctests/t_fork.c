/* fork with an open context: the child may close and end what it inherited, the parent goes on. Called by ctests/run. */
#include "common.h"

#include <signal.h>
#include <sys/wait.h>

static void child_of (void *context, void *socket)
{
    /* What libzmq lets a child do with its parent's handles. */
    int closed = zmq_close (socket);
    int ended = zmq_ctx_term (context);
    int code = ended == -1 ? zmq_errno () : 0;
    printf ("child: close %d, term %d %s\n", closed, ended, errno_name (code));
    fflush (stdout);
    _exit (0);
}

static void child_with_its_own (const char *endpoint)
{
    void *context = new_context ();
    void *push = new_socket (context, ZMQ_PUSH);
    set_int (push, ZMQ_LINGER, -1);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "from the child", NULL);
    end_socket (push);
    end_context (context);
    _exit (0);
}

static void wait_for (pid_t child)
{
    int status = 0;
    NEED (child != -1 && waitpid (child, &status, 0) == child);
    line ("child ended with %d", status);
}

static volatile sig_atomic_t interrupted;

static void on_alarm (int number)
{
    (void) number;
    interrupted = 1;
}

static void signals (void *context)
{
    char buffer[8];
    line ("-- a signal interrupts what waits");
    void *pull = new_socket (context, ZMQ_PULL);
    zmq_pollitem_t item = {pull, 0, ZMQ_POLLIN, 0};
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction (SIGALRM, &action, NULL);
    alarm (1);
    SHOW (zmq_recv (pull, buffer, sizeof buffer, 0));
    line ("interrupted %d", interrupted);
    interrupted = 0;
    alarm (1);
    SHOW (zmq_poll (&item, 1, 3000));
    line ("interrupted %d", interrupted);
    end_socket (pull);
}

int main (void)
{
    char endpoint[256];
    void *context = new_context ();
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "before", NULL);
    take ("pull", pull, 0);

    pid_t child = fork ();
    if (child == 0)
        child_of (context, pull);
    wait_for (child);
    send_parts (push, "after", NULL);
    take ("pull", pull, 0);

    child = fork ();
    if (child == 0)
        child_with_its_own (endpoint);
    take ("pull", pull, 0);
    wait_for (child);
    send_parts (push, "still here", NULL);
    take ("pull", pull, 0);
    signals (context);
    end_socket (push);
    end_socket (pull);
    end_context (context);
    return 0;
}
