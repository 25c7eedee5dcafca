/* What the programs f_*.c share: sockets with monitors, and messages that come through in the end. Each prints what it has
   seen and ends with 0, or says what failed and ends with another status. */
#ifndef OXIZMQ_FAULTS_H
#define OXIZMQ_FAULTS_H

#include "../common.h"
#include "shim.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* How long anything may take on a busy machine. */
#define PATIENCE 20000

UNUSED static void fail (const char *format, ...) __attribute__ ((format (printf, 1, 2), noreturn));
UNUSED static void fail (const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    printf ("FAILED: ");
    vprintf (format, arguments);
    putchar ('\n');
    fflush (stdout);
    _exit (1);
}

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail (__VA_ARGS__);                                                                                        \
    } while (0)

/* A child that does not outlive this process, however that ends. */
UNUSED static pid_t fork_mortal (void)
{
    pid_t parent = getpid (), child = fork ();
    if (child == 0)
        NEED (prctl (PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid () == parent);
    return child;
}

/* A socket whose connections come back quickly. */
UNUSED static void *quick_socket (void *context, int type)
{
    void *socket = new_socket (context, type);
    set_int (socket, ZMQ_RECONNECT_IVL, 5);
    set_int (socket, ZMQ_RCVTIMEO, 50);
    set_int (socket, ZMQ_SNDTIMEO, PATIENCE);
    if (type == ZMQ_REQ) {
        set_int (socket, ZMQ_REQ_RELAXED, 1);
        set_int (socket, ZMQ_REQ_CORRELATE, 1);
    }
    return socket;
}

/* Starts a monitor of everything, from any thread. */
UNUSED static void *watch_all (void *context, void *socket)
{
    static int serial;
    char name[64];
    snprintf (name, sizeof name, "inproc://watch-%d", __atomic_add_fetch (&serial, 1, __ATOMIC_SEQ_CST));
    NEED (zmq_socket_monitor (socket, name, ZMQ_EVENT_ALL) == 0);
    void *watcher = new_socket (context, ZMQ_PAIR);
    NEED (zmq_connect (watcher, name) == 0);
    return watcher;
}

/* The next event and its value; 0 when none comes in time. */
UNUSED static int next_event (void *watcher, int *value, int patience)
{
    unsigned char frame[8];
    uint16_t event;
    int32_t number;
    zmq_pollitem_t item = {watcher, 0, ZMQ_POLLIN, 0};
    if (zmq_poll (&item, 1, patience) != 1)
        return 0;
    NEED (zmq_recv (watcher, frame, sizeof frame, 0) == 6);
    while (get_int (watcher, ZMQ_RCVMORE))
        NEED (zmq_recv (watcher, NULL, 0, 0) != -1);
    memcpy (&event, frame, 2);
    memcpy (&number, frame + 2, 4);
    if (value)
        *value = number;
    return event;
}

/* Waits for any of these events; gives its value, or -1 if it does not come. */
UNUSED static int wait_event (void *watcher, int events, int patience)
{
    long end = milliseconds () + patience;
    int value = 0, event;
    while ((event = next_event (watcher, &value, (int) (end - milliseconds () > 0 ? end - milliseconds () : 0))) != 0)
        if (event & events)
            return value;
    return -1;
}

/* A message goes from client to server (PUSH, PULL), or a question is answered (REQ, REP); tried until it succeeds,
   because what is under way when a connection breaks may be lost. */
UNUSED static void exchange (void *client, void *server, const char *when)
{
    static unsigned count;
    unsigned mine = __atomic_add_fetch (&count, 1, __ATOMIC_SEQ_CST), got;
    int answers = get_int (client, ZMQ_TYPE) == ZMQ_REQ;
    long end = milliseconds () + PATIENCE;
    do {
        CHECK (milliseconds () < end, "%s: nothing comes through", when);
        CHECK (zmq_send (client, &mine, sizeof mine, 0) == sizeof mine, "%s: sending: %s", when, errno_name (zmq_errno ()));
        /* All that is there: questions that were asked again and again may wait in a row. */
        unsigned next;
        int flags = 0;
        for (got = 0; zmq_recv (server, &next, sizeof next, flags) == sizeof next;) {
            if (answers)
                CHECK (zmq_send (server, &next, sizeof next, 0) == sizeof next, "%s: answering", when);
            if (next == mine) {
                got = next;
                flags = ZMQ_DONTWAIT;
            }
        }
        if (answers && got == mine) {
            got = 0;
            if (zmq_recv (client, &got, sizeof got, 0) != sizeof got)
                got = 0;
        }
    } while (got != mine);
}

#endif
