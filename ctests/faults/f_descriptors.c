/* Descriptors: none left for a context, a socket, a listener, a connection; an application that closes those of the library;
   the standard streams closed. Called by ctests/faults/run. */
#define _GNU_SOURCE
#include "faults.h"
#include "../raw.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

static void limit_descriptors (int more)
{
    struct rlimit limit;
    NEED (getrlimit (RLIMIT_NOFILE, &limit) == 0);
    /* Those open now have the lowest numbers. */
    limit.rlim_cur = more < 0 ? limit.rlim_max : (rlim_t) (count_entries ("/proc/self/fd") - 3 + more);
    NEED (setrlimit (RLIMIT_NOFILE, &limit) == 0);
}

/* The errno of a call that has failed, which is that there are no descriptors. */
static void out_of_descriptors (const char *what)
{
    int error = zmq_errno ();
    CHECK (error == EMFILE, "%s says %s", what, errno_name (error));
}

/* How far a program comes with so many descriptors. */
static int with_few (int more, const char *transport)
{
    char endpoint[256] = "";
    size_t size = sizeof endpoint;
    int came = 0;
    limit_descriptors (more);
    void *context = zmq_ctx_new (), *pull = NULL, *push = NULL;
    if (!context)
        out_of_descriptors ("zmq_ctx_new");
    else if (came++, !(pull = zmq_socket (context, ZMQ_PULL)))
        out_of_descriptors ("zmq_socket");
    else if (came++, !(push = zmq_socket (context, ZMQ_PUSH)))
        out_of_descriptors ("zmq_socket");
    else if (came++, zmq_bind (pull, fresh_name (transport)) == -1)
        out_of_descriptors ("zmq_bind");
    else if (came++, zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size) == -1)
        fail ("no endpoint");
    else if (zmq_connect (push, endpoint) == -1)
        out_of_descriptors ("zmq_connect");
    else {
        came++;
        set_int (pull, ZMQ_RCVTIMEO, 300);
        set_int (push, ZMQ_SNDTIMEO, 300);
        if (zmq_send (push, "few", 3, 0) == 3 && zmq_recv (pull, endpoint, 3, 0) == 3)
            came++;
    }
    /* Whatever failed for want of descriptors works when there are some. */
    limit_descriptors (-1);
    if (came >= 5) {
        set_int (pull, ZMQ_RCVTIMEO, 50);
        set_int (push, ZMQ_SNDTIMEO, PATIENCE);
        exchange (push, pull, "with more descriptors");
    }
    for (int i = 0; i < 2; i++) {
        void *socket = i ? push : pull;
        if (socket) {
            set_int (socket, ZMQ_LINGER, 0);
            end_socket (socket);
        }
    }
    if (context)
        end_context (context);
    return came;
}

static void few (void)
{
    static const char *const steps[] = {"nothing", "a context", "a socket", "two sockets", "a bound socket", "a connecting socket", "a message"};
    for (int transport = 1; transport < TRANSPORT_COUNT; transport++) {
        int before = -1;
        for (int more = 0; more < 16; more++) {
            int came = with_few (more, TRANSPORTS[transport]);
            CHECK (came >= before, "with %d descriptors less works than before", more);
            if (came != before)
                line ("%s, %d descriptors more: as far as %s", TRANSPORTS[transport], more, steps[came]);
            before = came;
        }
        CHECK (before == 6, "16 descriptors are not enough");
    }
}

static double processor_time (void)
{
    struct timespec time;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

/* More connections than descriptors: those that wait are accepted when others have gone. */
static void too_many_connections (void)
{
    char endpoint[256];
    void *context = new_context (), *pull = quick_socket (context, ZMQ_PULL), *watcher = watch_all (context, pull);
    bind_any (pull, "tcp", endpoint);
    /* To the child: few enough are left now. And back: it has connected. */
    int limited[2], first[2];
    char byte;
    NEED (pipe (limited) == 0 && pipe (first) == 0);
    pid_t child = fork ();
    if (child == 0) {
        int fds[40];
        NEED (read (limited[0], &byte, 1) == 1);
        for (int i = 0; i < 40; i++)
            fds[i] = raw_connect (endpoint);
        NEED (write (first[1], "x", 1) == 1);
        sleep (1);
        for (int i = 0; i < 39; i++)
            close (fds[i]);
        /* The last one is a peer in good order. */
        unsigned char buffer[128];
        raw_send (fds[39], GREETING, sizeof GREETING);
        raw_send (fds[39], buffer, ready_command (buffer, "PUSH"));
        raw_send (fds[39], "\0\4last", 6);
        while (raw_read (fds[39], buffer, sizeof buffer, PATIENCE) > 0)
            ;
        _exit (0);
    }
    limit_descriptors (10);
    NEED (write (limited[1], "x", 1) == 1);
    NEED (read (first[0], &byte, 1) == 1);
    int failures = 0, value, event;
    double worked = processor_time ();
    for (long end = milliseconds () + 500; milliseconds () < end;)
        if ((event = next_event (watcher, &value, 20)) == ZMQ_EVENT_ACCEPT_FAILED) {
            CHECK (value == EMFILE, "accepting fails with %s", errno_name (value));
            failures++;
        }
    worked = processor_time () - worked;
    line ("without descriptors: some failures of accept in half a second: %s, little work: %s", failures > 0 ? "yes" : "no",
          worked < 0.2 ? "yes" : "no");
    /* One at each turn of 10 ms, and one for each connection that came. */
    CHECK (failures > 0 && failures <= 120 && worked < 0.2, "%d failures, %.3f s of work", failures, worked);
    char body[8];
    set_int (pull, ZMQ_RCVTIMEO, PATIENCE);
    CHECK (zmq_recv (pull, body, sizeof body, 0) == 4 && memcmp (body, "last", 4) == 0, "the last one is not served");
    line ("those that waited are served when others have gone");
    limit_descriptors (-1);
    end_socket (pull);
    end_socket (watcher);
    end_context (context);
    NEED (waitpid (child, NULL, 0) == child);
    for (int end = 0; end < 2; end++) {
        close (limited[end]);
        close (first[end]);
    }
}

/* In a child, which has 20 seconds; 0 is what it should end with. */
static void in_child (const char *what, const char *result, void (*work) (void))
{
    fflush (stdout);
    pid_t child = fork ();
    if (child == 0) {
        alarm (20);
        work ();
        _exit (0);
    }
    int status;
    NEED (waitpid (child, &status, 0) == child);
    CHECK (WIFEXITED (status), "%s: killed by %s", what, strsignal (WTERMSIG (status)));
    CHECK (WEXITSTATUS (status) == 0, "%s: ended with %d", what, WEXITSTATUS (status));
    line ("%s: %s", what, result);
}

static void *context, *pull, *push;
static const char *transport;

static void connected (const char *over)
{
    context = new_context ();
    pull = quick_socket (context, ZMQ_PULL), push = quick_socket (context, ZMQ_PUSH);
    join_pair (pull, push, over);
    exchange (push, pull, "before");
}

/* Calls may fail by now, but they come back. */
static void use (void)
{
    char bytes[8];
    set_int (push, ZMQ_SNDTIMEO, 20);
    for (int i = 0; i < 5; i++) {
        zmq_pollitem_t items[] = {{pull, 0, ZMQ_POLLIN, 0}, {push, 0, ZMQ_POLLOUT, 0}};
        (void) zmq_send (push, "x", 1, 0);
        (void) zmq_poll (items, 2, 5);
        (void) zmq_recv (pull, bytes, sizeof bytes, 0);
        (void) zmq_getsockopt (pull, ZMQ_EVENTS, bytes, &(size_t) {4});
    }
    zmq_close (pull);
    zmq_close (push);
}

static void use_and_end (void)
{
    use ();
    if (zmq_ctx_term (context) != 0)
        _exit (5);
}

static void closes_zmq_fd (void)
{
    for (int transport = 0; transport < TRANSPORT_COUNT; transport++) {
        connected (TRANSPORTS[transport]);
        NEED (close (get_int (pull, ZMQ_FD)) == 0 && close (get_int (push, ZMQ_FD)) == 0);
        use_and_end ();
    }
}

/* The context does not end then: an I/O thread that sleeps on descriptors that are gone cannot be woken. */
static void closes_everything (void)
{
    connected (transport);
    close_range (3, ~0u, 0);
    use ();
}

/* The numbers that the library had are others' now: files, and pipes that are always readable. */
static void takes_everything (void)
{
    connected (transport);
    int most = count_entries ("/proc/self/fd") + 3, file = open ("/dev/zero", O_RDWR);
    for (int fd = 3; fd < most; fd++)
        if (fd != file)
            dup2 (file, fd);
    use ();
}

static void closes_standard_streams (void)
{
    int out = dup (1);
    for (int fd = 0; fd < 3; fd++)
        close (fd);
    connected ("tcp");
    for (int fd = 0; fd < 3; fd++)
        if (fcntl (fd, F_GETFD) != -1) {
            dprintf (out, "the library has taken descriptor %d\n", fd);
            _exit (6);
        }
    /* As a daemon does. */
    for (int fd = 0; fd < 3; fd++)
        NEED (open ("/dev/null", O_RDWR) == fd);
    exchange (push, pull, "after");
    use_and_end ();
}

int main (void)
{
    few ();
    too_many_connections ();
    in_child ("ZMQ_FD is closed", "calls return and the context ends", closes_zmq_fd);
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        transport = TRANSPORTS[i];
        in_child ("all descriptors are closed", "calls return", closes_everything);
        in_child ("all descriptors are another file's", "calls return", takes_everything);
    }
    in_child ("the standard streams are closed", "nothing takes their place", closes_standard_streams);
    return 0;
}
