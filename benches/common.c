/* The helpers of the benchmark, see bench.h. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

void fail (const char *file, int line, const char *condition)
{
    fprintf (stderr, "%s:%d: %s: %s\n", file, line, condition, zmq_strerror (zmq_errno ()));
    exit (1);
}

double now (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

double cpu_time (void)
{
    struct timespec t;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

void *shared_memory (size_t size)
{
    void *memory = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE (memory != MAP_FAILED);
    return memory;
}

pid_t start_child (void (*peer) (void *), void *argument)
{
    pid_t child = fork ();
    REQUIRE (child != -1);
    if (child == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        peer (argument);
        _exit (0);
    }
    return child;
}

void end_child (pid_t child)
{
    int status;
    REQUIRE (waitpid (child, &status, 0) == child);
    REQUIRE (status == 0);
}

void set_int (void *socket, int option, int value)
{
    REQUIRE (zmq_setsockopt (socket, option, &value, sizeof value) == 0);
}

void *open_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    REQUIRE (socket != NULL);
    set_int (socket, ZMQ_LINGER, 0);
    set_int (socket, ZMQ_SNDTIMEO, 10000);
    set_int (socket, ZMQ_RCVTIMEO, 10000);
    return socket;
}

void bind_somewhere (void *socket, const char *transport, char endpoint[256])
{
    char wanted[64];
    if (strcmp (transport, "tcp") == 0)
        snprintf (wanted, sizeof wanted, "tcp://127.0.0.1:*");
    else if (strcmp (transport, "ipc") == 0)
        snprintf (wanted, sizeof wanted, "ipc://bench-%ld.ipc", (long) getpid ());
    else
        snprintf (wanted, sizeof wanted, "inproc://bench");
    REQUIRE (zmq_bind (socket, wanted) == 0);
    size_t length = 256;
    REQUIRE (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0);
}

int compare_doubles (const void *a, const void *b)
{
    const double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

double median (double *values, size_t count)
{
    qsort (values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

int raw_listen (int *port)
{
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE (fd != -1);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    REQUIRE (bind (fd, (struct sockaddr *) &address, length) == 0);
    REQUIRE (listen (fd, 1024) == 0);
    REQUIRE (getsockname (fd, (struct sockaddr *) &address, &length) == 0);
    *port = ntohs (address.sin_port);
    return fd;
}

int raw_connect (int port)
{
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    REQUIRE (fd != -1);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK), .sin_port = htons ((uint16_t) port)};
    REQUIRE (connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
    REQUIRE (setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    return fd;
}

int port_of (const char *endpoint)
{
    const char *colon = strrchr (endpoint, ':');
    REQUIRE (colon != NULL);
    return atoi (colon + 1);
}

void write_all (int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t count = send (fd, at, size, MSG_NOSIGNAL);
        if (count == -1 && errno == EINTR)
            continue;
        REQUIRE (count > 0);
        at += count;
        size -= (size_t) count;
    }
}

void read_all (int fd, void *bytes, size_t size)
{
    char *at = bytes;
    while (size > 0) {
        ssize_t count = read (fd, at, size);
        if (count == -1 && errno == EINTR)
            continue;
        REQUIRE (count > 0);
        at += count;
        size -= (size_t) count;
    }
}

void zmtp_handshake (int fd, const char *type)
{
    unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    unsigned char hello[64 + 64], answer[64 + 2 + 255];
    const size_t length = strlen (type), body = 6 + 1 + 11 + 4 + length;
    memcpy (hello, greeting, 64);
    unsigned char *ready = hello + 64;
    ready[0] = 4;
    ready[1] = (unsigned char) body;
    memcpy (ready + 2, "\5READY\13Socket-Type\0\0\0", 6 + 1 + 11 + 3);
    ready[2 + 21] = (unsigned char) length;
    memcpy (ready + 2 + 22, type, length);
    write_all (fd, hello, 64 + 2 + body);
    read_all (fd, answer, 64 + 2);
    REQUIRE (answer[0] == 0xff && answer[64] == 4);
    read_all (fd, answer + 66, answer[65]);
}

int zmtp_connect (int port, const char *type)
{
    int fd = raw_connect (port);
    zmtp_handshake (fd, type);
    return fd;
}
