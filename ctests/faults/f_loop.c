/* An application that closes the ZMQ_FD of a busy loop by mistake, and opens other files, which get its number: messages come all
   the same, other sockets go on, and the library neither closes nor reads nor changes what has the number now. Called by
   ctests/faults/run. */
#define _GNU_SOURCE
#include "faults.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

/* What has the number afterwards. An epoll is what a ZMQ_FD is, too. */
enum { NOTHING, COUNTER, PIPE, EPOLL, FILES };
static const char *const FILE_NAMES[] = {"nothing", "an eventfd", "a pipe", "an epoll"};

/* When the descriptor is closed: before the library has done anything for the loop, or when connections are shown in it. */
enum { EARLY, BUSY, TIMES };
static const char *const TIME_NAMES[] = {"before the loop is busy", "with connections in it"};

/* How a child ends for which there is nothing to try. */
#define NO_EPOLL 9

static char key;
static int pipe_ends[2];

/* What an epoll watches, as the kernel tells; 0 for other files. */
static int watched (int fd)
{
    char path[64], text[256];
    int count = 0;
    snprintf (path, sizeof path, "/proc/self/fdinfo/%d", fd);
    FILE *file = fopen (path, "r");
    while (file && fgets (text, sizeof text, file))
        count += strncmp (text, "tfd:", 4) == 0;
    if (file)
        fclose (file);
    return count;
}

/* A file with something in it to lose. */
static int open_file (int kind)
{
    int fd = -1;
    if (kind == COUNTER)
        fd = eventfd (7, EFD_NONBLOCK);
    else if (kind == PIPE) {
        NEED (pipe2 (pipe_ends, O_NONBLOCK) == 0 && write (pipe_ends[1], "water", 5) == 5);
        fd = pipe_ends[0];
    } else if (kind == EPOLL) {
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = &key}};
        NEED (pipe2 (pipe_ends, O_NONBLOCK) == 0 && (fd = epoll_create1 (0)) != -1);
        NEED (epoll_ctl (fd, EPOLL_CTL_ADD, pipe_ends[0], &event) == 0);
    }
    return fd;
}

/* While the library works. */
static void is_left_alone (int kind, int fd)
{
    struct epoll_event event;
    if (kind == EPOLL)
        CHECK (watched (fd) == 1 && epoll_wait (fd, &event, 1, 0) == 0, "the application's epoll has %d in it", watched (fd));
}

/* In the end. */
static void is_as_it_was (int kind, int fd)
{
    uint64_t count = 0;
    char bytes[8];
    struct epoll_event event = {0};
    is_left_alone (kind, fd);
    CHECK (kind == NOTHING || fcntl (fd, F_GETFD) != -1, "%s is closed", FILE_NAMES[kind]);
    if (kind == COUNTER)
        CHECK (read (fd, &count, sizeof count) == sizeof count && count == 7, "the eventfd has %d", (int) count);
    else if (kind == PIPE)
        CHECK (read (fd, bytes, sizeof bytes) == 5, "the pipe's bytes are gone");
    else if (kind == EPOLL) {
        NEED (write (pipe_ends[1], "x", 1) == 1);
        CHECK (epoll_wait (fd, &event, 1, 0) == 1 && event.data.ptr == &key, "the epoll does not tell what it should");
    }
}

static void *echo (void *socket)
{
    int number;
    while (zmq_recv (socket, &number, sizeof number, 0) == sizeof number && number != -1)
        NEED (zmq_send (socket, &number, sizeof number, 0) == sizeof number);
    end_socket (socket);
    return NULL;
}

/* A question and its answer, waited for on the descriptor, or by asking only. */
static void talk (void *socket, int fd)
{
    static int asked;
    int number = ++asked, got = 0;
    NEED (zmq_send (socket, &number, sizeof number, 0) == sizeof number);
    for (long end = milliseconds () + PATIENCE; !(get_int (socket, ZMQ_EVENTS) & ZMQ_POLLIN);) {
        struct pollfd item = {fd, POLLIN, 0};
        CHECK (milliseconds () < end && (fd == -1 || poll (&item, 1, PATIENCE) == 1), "no answer");
    }
    CHECK (zmq_recv (socket, &got, sizeof got, ZMQ_DONTWAIT) == sizeof got && got == number, "not the answer");
}

static void scene (const char *transport, int when, int kind, int replaced)
{
    char endpoint[256];
    void *context = new_context (), *peer = quick_socket (context, ZMQ_DEALER), *loop = quick_socket (context, ZMQ_DEALER);
    void *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
    pthread_t thread;
    set_int (peer, ZMQ_RCVTIMEO, -1);
    bind_any (peer, transport, endpoint);
    int fd = get_int (loop, ZMQ_FD), all = watched (fd) + 1;
    /* Where it is no epoll it is what the library's own threads ring by, and a write does not ask whose a number is. */
    if (all == 1 && kind != NOTHING)
        _exit (NO_EPOLL);
    NEED (zmq_connect (loop, endpoint) == 0);
    NEED (pthread_create (&thread, NULL, echo, peer) == 0);
    join_pair (pull, push, transport);
    talk (loop, fd);
    /* Where the I/O thread does everything, and over inproc, there is only the bell, for ever. */
    int shows = all > 1 && strcmp (transport, "inproc") != 0;
    for (long end = milliseconds () + PATIENCE; when == BUSY && shows && watched (fd) < all;) {
        CHECK (milliseconds () < end, "the connection is not shown in ZMQ_FD");
        talk (loop, fd);
    }
    int file = open_file (kind);
    NEED (replaced || close (fd) == 0);
    NEED (kind == NOTHING || (dup2 (file, fd) == fd && close (file) == 0));
    for (int i = 0; i < 300; i++) {
        talk (loop, -1);
        is_left_alone (kind, fd);
    }
    /* The watchdog looks after what the application leaves. */
    rest_calmly (30);
    int number = 5, got;
    for (int i = 0; i < 100; i++) {
        zmq_pollitem_t item = {loop, 0, ZMQ_POLLIN, 0};
        NEED (zmq_send (loop, &number, sizeof number, 0) == sizeof number);
        CHECK (i % 2 == 0 || zmq_poll (&item, 1, PATIENCE) == 1, "zmq_poll sees nothing");
        set_int (loop, ZMQ_RCVTIMEO, PATIENCE);
        CHECK (zmq_recv (loop, &got, sizeof got, 0) == sizeof got, "a receive that waits gets nothing");
        is_left_alone (kind, fd);
    }
    exchange (push, pull, "another socket");
    /* One more connection, for which there would be room in the descriptor. */
    NEED (zmq_connect (loop, endpoint) == 0);
    for (int i = 0; i < 100; i++)
        talk (loop, -1);
    number = -1;
    NEED (zmq_send (loop, &number, sizeof number, 0) == sizeof number);
    NEED (pthread_join (thread, NULL) == 0);
    end_socket (loop);
    is_left_alone (kind, fd);
    exchange (push, pull, "another socket, afterwards");
    end_socket (push);
    end_socket (pull);
    end_context (context);
    is_as_it_was (kind, fd);
}

int main (void)
{
    for (int transport = 0; transport < TRANSPORT_COUNT; transport++)
        for (int when = 0; when < TIMES; when++)
            for (int kind = 0; kind < FILES; kind++)
                for (int replaced = 0; replaced < (kind == NOTHING ? 1 : 2); replaced++) {
                    int status;
                    fflush (stdout);
                    pid_t child = fork ();
                    if (child == 0) {
                        alarm (60);
                        scene (TRANSPORTS[transport], when, kind, replaced);
                        _exit (0);
                    }
                    NEED (waitpid (child, &status, 0) == child);
                    if (WIFEXITED (status) && WEXITSTATUS (status) == NO_EPOLL)
                        continue;
                    CHECK (status == 0, "%s, closed %s, %s has the number%s: %s", TRANSPORTS[transport], TIME_NAMES[when],
                           FILE_NAMES[kind], replaced ? " by dup2" : "", WIFSIGNALED (status) ? strsignal (WTERMSIG (status)) : "failed");
                    line ("%s, closed %s, %s has the number%s: it is left alone, and all goes on", TRANSPORTS[transport],
                          TIME_NAMES[when], FILE_NAMES[kind], replaced ? " by dup2" : "");
                }
    return 0;
}
