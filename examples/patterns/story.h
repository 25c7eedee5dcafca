/*
 * What the programs of this folder share. Read it first, it is short.
 *
 * Each program tells one idea as a story between roles. A role is a function that stands for a process: it has a
 * context of its own and reaches the others over the network only. main() starts roles, stops them as a crash would,
 * and checks what comes back with EXPECT: a program that ends with status 0 has seen everything it promised.
 *
 * A role ends when its context is shut down: every call then fails with ETERM, so the loops here are written as
 * `while (receive (...))` and close their sockets when that is over. A socket opened after that is NULL, which every
 * function here puts up with.
 */
#ifndef OXIZMQ_EXAMPLES_STORY_H
#define OXIZMQ_EXAMPLES_STORY_H

#include <zmq.h>

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wunused-function"

/* Ends the program when something is not as the story says. */
#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf ("%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition, zmq_strerror (zmq_errno ()));          \
            fflush (stdout);                                                                                           \
            _exit (1);                                                                                                 \
        }                                                                                                              \
    } while (0)

/* ---- time ---- */

static long now (void) /* milliseconds */
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

static void rest (long milliseconds)
{
    struct timespec t = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    while (nanosleep (&t, &t) == -1 && errno == EINTR)
        ;
}

/* Prints a line with the time since the first one. */
__attribute__ ((format (printf, 1, 2))) static void say (const char *format, ...)
{
    static long first;
    char words[512];
    va_list arguments;
    va_start (arguments, format);
    vsnprintf (words, sizeof words, format, arguments);
    va_end (arguments);
    first = first ? first : now ();
    printf ("%6.2f  %s\n", (now () - first) / 1000.0, words);
    fflush (stdout);
}

/* ---- roles ---- */

typedef void role_function (void *context, void *argument);

typedef struct {
    pthread_t thread;
    void *context, *argument;
    role_function *run;
} role_t;

static void *run_role (void *given)
{
    role_t *role = given;
    role->run (role->context, role->argument);
    return NULL;
}

static role_t *start (role_function *run, void *argument)
{
    role_t *role = malloc (sizeof *role);
    *role = (role_t){.context = zmq_ctx_new (), .argument = argument, .run = run};
    EXPECT (role->context && pthread_create (&role->thread, NULL, run_role, role) == 0);
    return role;
}

/* Waits until a role has come to its own end. */
static void finish (role_t *role)
{
    EXPECT (pthread_join (role->thread, NULL) == 0);
    EXPECT (zmq_ctx_term (role->context) == 0);
    free (role);
}

/* Stops a role wherever it is, as the end of its process would. */
static void stop (role_t *role)
{
    EXPECT (zmq_ctx_shutdown (role->context) == 0);
    finish (role);
}

/* ---- sockets ---- */

/* Whether the last call failed because the context has ended. */
static bool ended (void)
{
    return zmq_errno () == ETERM || zmq_errno () == ENOTSOCK;
}

static void set_int (void *socket, int option, int value)
{
    EXPECT (zmq_setsockopt (socket, option, &value, sizeof value) == 0 || ended ());
}

static void set_text (void *socket, int option, const char *text)
{
    EXPECT (zmq_setsockopt (socket, option, text, strlen (text)) == 0 || ended ());
}

static int get_int (void *socket, int option)
{
    int value = 0;
    size_t size = sizeof value;
    EXPECT (zmq_getsockopt (socket, option, &value, &size) == 0 || ended ());
    return value;
}

/* A socket that forgets what it could not deliver when it is closed; NULL when the context has ended. */
static void *new_socket (void *context, int type)
{
    void *socket = zmq_socket (context, type);
    EXPECT (socket || ended ());
    set_int (socket, ZMQ_LINGER, 0);
    return socket;
}

static void bind_to (void *socket, const char *endpoint)
{
    EXPECT (zmq_bind (socket, endpoint) == 0 || ended ());
}

static void connect_to (void *socket, const char *endpoint)
{
    EXPECT (zmq_connect (socket, endpoint) == 0 || ended ());
}

static void *bound (void *context, int type, const char *endpoint)
{
    void *socket = new_socket (context, type);
    bind_to (socket, endpoint);
    return socket;
}

static void *connected (void *context, int type, const char *endpoint)
{
    void *socket = new_socket (context, type);
    connect_to (socket, endpoint);
    return socket;
}

/* Whether there is something to receive within so many milliseconds. */
static bool readable (void *socket, long milliseconds)
{
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    return socket && zmq_poll (&item, 1, milliseconds) == 1;
}

/* ---- messages: up to 8 short frames, each with a zero byte behind it, so that text can be used as a string ---- */

#define FRAMES 8
#define FRAME_SIZE 255

typedef struct {
    int count;
    struct {
        size_t size;
        char data[FRAME_SIZE + 1];
    } frame[FRAMES];
} message_t;

static void append (message_t *message, const void *data, size_t size)
{
    EXPECT (message->count < FRAMES && size <= FRAME_SIZE);
    memcpy (message->frame[message->count].data, data, size);
    message->frame[message->count].data[size] = 0;
    message->frame[message->count++].size = size;
}

static const char *text (const message_t *message, int frame)
{
    return frame < message->count ? message->frame[frame].data : "";
}

static bool is (const message_t *message, int frame, const char *wanted)
{
    return frame < message->count && message->frame[frame].size == strlen (wanted)
           && memcmp (message->frame[frame].data, wanted, strlen (wanted)) == 0;
}

/* The frames from `first` on, as a message of their own: what is left when an envelope has been taken off. */
static message_t from (const message_t *message, int first)
{
    message_t rest_of_it = {0};
    for (int i = first; i < message->count; i++)
        append (&rest_of_it, message->frame[i].data, message->frame[i].size);
    return rest_of_it;
}

/* Receives a whole message. False: nothing came in time (ZMQ_RCVTIMEO), or the context has ended. */
static bool receive (void *socket, message_t *message)
{
    int more = 1;
    for (message->count = 0; more; message->count++) {
        EXPECT (message->count < FRAMES);
        char *data = message->frame[message->count].data;
        int size = zmq_recv (socket, data, FRAME_SIZE, 0);
        if (size == -1) {
            EXPECT (ended () || zmq_errno () == EAGAIN);
            return false;
        }
        EXPECT (size <= FRAME_SIZE);
        message->frame[message->count].size = (size_t) size;
        data[size] = 0;
        more = get_int (socket, ZMQ_RCVMORE);
    }
    return true;
}

/* Sends a whole message. False: it would have had to wait longer than ZMQ_SNDTIMEO, or the context has ended. */
static bool send_on (void *socket, const message_t *message)
{
    for (int i = 0; i < message->count; i++) {
        int flags = i + 1 < message->count ? ZMQ_SNDMORE : 0;
        if (zmq_send (socket, message->frame[i].data, message->frame[i].size, flags) == -1) {
            EXPECT (ended () || zmq_errno () == EAGAIN);
            return false;
        }
    }
    return true;
}

/* SEND (socket, "a", "b") sends a message of two frames. */
#define SEND(socket, ...) send_texts (socket, __VA_ARGS__, (const char *) NULL)

__attribute__ ((sentinel)) static bool send_texts (void *socket, ...)
{
    message_t message = {0};
    va_list frames;
    va_start (frames, socket);
    for (const char *frame; (frame = va_arg (frames, const char *));)
        append (&message, frame, strlen (frame));
    va_end (frames);
    return send_on (socket, &message);
}

#endif
