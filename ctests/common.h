/*
 * What every program t_*.c of this folder shares. Each of them prints what a ZeroMQ library does, one fact per line;
 * ctests/run runs it on libzmq 4.3.5 and on this library and compares the lines. So: nothing that differs from run to
 * run (ports, pointers, times, the order of unrelated peers) may be printed.
 */
#ifndef OXIZMQ_CTESTS_COMMON_H
#define OXIZMQ_CTESTS_COMMON_H

#include <zmq.h>

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "calm.h"

/* Ends the program, loudly, when something that is not under test goes wrong. */
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf ("%s:%d: %s failed: %s\n", __FILE__, __LINE__, #condition, zmq_strerror (zmq_errno ()));            \
            fflush (stdout);                                                                                           \
            _exit (3);                                                                                                 \
        }                                                                                                              \
    } while (0)

/* Prints a call as it is written, its result, and for -1 the errno by name. */
#define SHOW(call) show (#call, (errno = 0, (long) (call)))

/* The same for calls that return a pointer: only NULL or not is of interest. */
#define SHOW_POINTER(call) show_pointer (#call, (errno = 0, (const void *) (call)))

/* Lines reach the file even if the program then crashes. */
__attribute__ ((constructor)) static void write_whole_lines (void)
{
    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
}

UNUSED static int count_entries (const char *folder)
{
    int count = 0;
    DIR *entries = opendir (folder);
    while (entries && readdir (entries))
        count++;
    if (entries)
        closedir (entries);
    return count;
}

static int descriptors_at_start;
static pid_t process;

__attribute__ ((constructor)) static void count_what_there_is (void)
{
    descriptors_at_start = count_entries ("/proc/self/fd");
    process = getpid ();
}

/* Every context has ended by now, and took its descriptors and threads along: "." and ".." and ours. */
__attribute__ ((destructor)) static void tell_what_is_left (void)
{
    int descriptors = count_entries ("/proc/self/fd") - descriptors_at_start, threads = 0;
    /* The kernel wakes who joins a thread before it takes the thread off its list. */
    for (int tries = 0; tries < 1000 && (threads = count_entries ("/proc/self/task") - 3) > 0; tries++)
        usleep (1000);
    if (getpid () == process && (descriptors || threads))
        printf ("left behind: %d descriptors, %d threads\n", descriptors, threads);
}

UNUSED static const char *errno_name (int code)
{
    static char other[32];
    switch (code) {
#define NAME(x) case x: return #x
        NAME (EINVAL); NAME (EFAULT); NAME (ENOTSOCK); NAME (EAGAIN); NAME (ENOTSUP); NAME (EPROTONOSUPPORT);
        NAME (ENOBUFS); NAME (ENETDOWN); NAME (EADDRINUSE); NAME (EADDRNOTAVAIL); NAME (ECONNREFUSED);
        NAME (EINPROGRESS); NAME (EMSGSIZE); NAME (EAFNOSUPPORT); NAME (ENETUNREACH); NAME (ECONNABORTED);
        NAME (ECONNRESET); NAME (ENOTCONN); NAME (ETIMEDOUT); NAME (EHOSTUNREACH); NAME (ENETRESET); NAME (EFSM);
        NAME (ENOCOMPATPROTO); NAME (ETERM); NAME (EMTHREAD); NAME (ENODEV); NAME (EINTR); NAME (EMFILE);
        NAME (ENOMEM); NAME (ENOENT); NAME (EACCES); NAME (EPERM); NAME (ENAMETOOLONG); NAME (EPIPE); NAME (EBADF);
        NAME (ENOTDIR); NAME (EROFS); NAME (ENOTRECOVERABLE); NAME (EBUSY); NAME (ESRCH);
#undef NAME
        case 0: return "0";
    }
    snprintf (other, sizeof other, "errno %d", code);
    return other;
}

UNUSED static void show (const char *call, long result)
{
    const int code = zmq_errno ();
    if (result == -1)
        printf ("%s -> -1 %s\n", call, errno_name (code));
    else
        printf ("%s -> %ld\n", call, result);
}

UNUSED static void show_pointer (const char *call, const void *result)
{
    const int code = zmq_errno ();
    if (result)
        printf ("%s -> a pointer\n", call);
    else
        printf ("%s -> NULL %s\n", call, errno_name (code));
}

UNUSED static void line (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
UNUSED static void line (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    vprintf (format, arguments);
    va_end (arguments);
    putchar ('\n');
}

/* Long enough for a connection on this host to be made or torn down. */
UNUSED static void settle (void)
{
    rest_calmly (100);
}

UNUSED static long milliseconds (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

UNUSED static int get_int (void *socket, int option);

/* Rests, and meanwhile lets a socket take note of what has happened: libzmq's do that only while they are used. */
UNUSED static void rest_using (void *socket, int time)
{
    for (int done = 0; done < time; done += 20) {
        rest_calmly (20);
        get_int (socket, ZMQ_EVENTS);
    }
}

UNUSED static void *new_context (void)
{
    void *context = zmq_ctx_new ();
    NEED (context != NULL);
    return context;
}

UNUSED static void set_int (void *socket, int option, int value)
{
    NEED (zmq_setsockopt (socket, option, &value, sizeof value) == 0);
}

UNUSED static int get_int (void *socket, int option)
{
    int value = -12345;
    size_t size = sizeof value;
    NEED (zmq_getsockopt (socket, option, &value, &size) == 0);
    return value;
}

/* A socket that waits for at most two seconds and does not linger. */
UNUSED static void *new_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    NEED (socket != NULL);
    set_int (socket, ZMQ_LINGER, 0);
    set_int (socket, ZMQ_RCVTIMEO, 2000);
    set_int (socket, ZMQ_SNDTIMEO, 2000);
    return socket;
}

UNUSED static void end_socket (void *socket)
{
    NEED (zmq_close (socket) == 0);
}

UNUSED static void end_context (void *context)
{
    NEED (zmq_ctx_term (context) == 0);
}

/* The transports every pattern is tried on. */
UNUSED static const char *const TRANSPORTS[] = {"inproc", "ipc", "tcp"};
#define TRANSPORT_COUNT 3

/* A name to bind to that nobody has: a closed socket keeps its own for a moment. ipc files are in the working folder. */
UNUSED static const char *fresh_name (const char *transport)
{
    static int count;
    static char name[32];
    if (strcmp (transport, "tcp") == 0)
        return "tcp://127.0.0.1:*";
    if (strcmp (transport, "ws") == 0)
        return "ws://127.0.0.1:*";
    snprintf (name, sizeof name, strcmp (transport, "ipc") == 0 ? "ipc://here-%d.ipc" : "inproc://here-%d", ++count);
    return name;
}

/* Binds to any free endpoint of a transport and gives back where that is, in a buffer of 256 bytes. */
UNUSED static void bind_any (void *socket, const char *transport, char *endpoint)
{
    size_t size = 256;
    NEED (zmq_bind (socket, fresh_name (transport)) == 0);
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
}

/* Binds one socket, connects the other. */
UNUSED static void join_pair (void *binds, void *connects, const char *transport)
{
    char endpoint[256];
    bind_any (binds, transport, endpoint);
    NEED (zmq_connect (connects, endpoint) == 0);
}

/* Starts a socket's monitor for these events; gives a PAIR that receives them. */
UNUSED static void *watch (void *context, void *socket, int events)
{
    char name[32];
    strcpy (name, fresh_name ("inproc"));
    NEED (zmq_socket_monitor (socket, name, events) == 0);
    void *watcher = new_socket (context, ZMQ_PAIR);
    NEED (zmq_connect (watcher, name) == 0);
    return watcher;
}

/* Prints bytes as text where they can be read, else as hexadecimal; long ones by length and sum. */
UNUSED static void print_bytes (const void *data, size_t size)
{
    const unsigned char *bytes = data;
    if (size > 48) {
        uint32_t sum = 2166136261u;
        for (size_t i = 0; i < size; i++)
            sum = (sum ^ bytes[i]) * 16777619u;
        printf ("<%zu bytes, sum %08x>", size, sum);
        return;
    }
    int readable = 1;
    for (size_t i = 0; i < size; i++)
        readable &= bytes[i] >= 32 && bytes[i] < 127;
    printf (readable ? "'" : "0x");
    for (size_t i = 0; i < size; i++)
        printf (readable ? "%c" : "%02x", bytes[i]);
    printf (readable ? "'" : "");
}

/* zmq_send, but a timeout that passed while others kept this process from its work does not count. */
UNUSED static int send_calmly (void *socket, const void *data, size_t size, int flags)
{
    for (int tries = 0;; tries++) {
        int wanting;
        const uint64_t before = others_waited (&wanting);
        const int result = zmq_send (socket, data, size, flags);
        if (result != -1 || zmq_errno () != EAGAIN || (flags & ZMQ_DONTWAIT) || tries == 5 || was_calm (before))
            return result;
    }
}

/* Sends the parts up to NULL as one message; prints only a failure. */
UNUSED static int send_parts (void *socket, const char *first, ...) __attribute__ ((sentinel));
UNUSED static int send_parts (void *socket, const char *first, ...)
{
    va_list parts;
    va_start (parts, first);
    int result = 0;
    for (const char *part = first; part && result == 0;) {
        const char *next = va_arg (parts, const char *);
        if (send_calmly (socket, part, strlen (part), next ? ZMQ_SNDMORE : 0) == -1) {
            printf ("sending '%s' -> %s\n", part, errno_name (zmq_errno ()));
            result = -1;
        }
        part = next;
    }
    va_end (parts);
    return result;
}

/* Whether something can be read within this time of calm. */
UNUSED static int comes (void *socket, int patience)
{
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    for (int tries = 0; tries < 5; tries++) {
        int wanting;
        const uint64_t before = others_waited (&wanting);
        if (zmq_poll (&item, 1, patience) == 1)
            return 1;
        if (was_calm (before))
            return 0;
    }
    return 0;
}

/* zmq_msg_recv, but a timeout that passed while others kept this process from its work does not count. */
UNUSED static int receive_calmly (zmq_msg_t *message, void *socket, int flags)
{
    for (int tries = 0;; tries++) {
        int wanting;
        const uint64_t before = others_waited (&wanting);
        const int result = zmq_msg_recv (message, socket, flags);
        if (result != -1 || zmq_errno () != EAGAIN || (flags & ZMQ_DONTWAIT) || tries == 5 || was_calm (before))
            return result;
    }
}

/* Receives one whole message and prints it; `name` says who received it. */
UNUSED static int take (const char *name, void *socket, int flags)
{
    zmq_msg_t message;
    printf ("%s <-", name);
    for (int more = 1, count = 0; more; count++) {
        NEED (zmq_msg_init (&message) == 0);
        if (receive_calmly (&message, socket, flags) == -1) {
            printf (" %s\n", errno_name (zmq_errno ()));
            zmq_msg_close (&message);
            return -1;
        }
        more = zmq_msg_more (&message);
        NEED (more == get_int (socket, ZMQ_RCVMORE));
        printf (count ? " | " : " ");
        print_bytes (zmq_msg_data (&message), zmq_msg_size (&message));
        NEED (zmq_msg_close (&message) == 0);
    }
    putchar ('\n');
    return 0;
}

/* Takes what is there until nothing comes for 120 ms. */
UNUSED static int take_all (const char *name, void *socket)
{
    int count = 0;
    while (comes (socket, 120) && take (name, socket, ZMQ_DONTWAIT) == 0)
        count++;
    return count;
}

#endif
