/* STREAM: a plain TCP peer of a ZeroMQ socket, in both roles; connection notes, closing, several peers. Called by ctests/run. */
#include "common.h"
#include "raw.h"

/* Receives an id frame and a body; prints the body. */
static int take_from (void *stream, unsigned char *id)
{
    int size = zmq_recv (stream, id, 32, 0);
    if (size == -1) {
        line ("stream <- %s", errno_name (zmq_errno ()));
        return -1;
    }
    line ("id of %d bytes, first %d", size, id[0]);
    take ("stream", stream, 0);
    return size;
}

static void say (void *stream, const unsigned char *id, int size, const char *text)
{
    NEED (zmq_send (stream, id, (size_t) size, ZMQ_SNDMORE) == size);
    SHOW (zmq_send (stream, text, strlen (text), 0));
}

static void show_raw (const char *who, int fd)
{
    unsigned char buffer[64];
    int n = raw_read (fd, buffer, sizeof buffer, 200);
    printf ("%s reads ", who);
    if (n > 0)
        print_bytes (buffer, (size_t) n);
    line ("%s", n == -1 ? "the end" : n == 0 ? "nothing" : "");
}

static void binds (void *context, int notify)
{
    char endpoint[256];
    unsigned char id[32], other[32];
    line ("-- binds, notify %d", notify);
    void *stream = new_socket (context, ZMQ_STREAM);
    set_int (stream, ZMQ_STREAM_NOTIFY, notify);
    set_int (stream, ZMQ_RCVTIMEO, 500);
    bind_any (stream, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    if (notify)
        take_from (stream, id);
    raw_send (fd, "hello", 5);
    int size = take_from (stream, id);
    say (stream, id, size, "hello yourself");
    show_raw ("the peer", fd);
    int second = raw_connect (endpoint);
    if (notify)
        take_from (stream, other);
    raw_send (second, "me too", 6);
    int other_size = take_from (stream, other);
    line ("ids differ %d", memcmp (id, other, (size_t) size) != 0);
    say (stream, other, other_size, "to the second");
    show_raw ("the second", second);
    line ("the peer leaves");
    close (fd);
    take_from (stream, id);
    rest_using (stream, 100);
    SHOW (zmq_send (stream, id, (size_t) size, ZMQ_SNDMORE));
    line ("an empty body closes");
    NEED (zmq_send (stream, other, (size_t) other_size, ZMQ_SNDMORE) == other_size);
    SHOW (zmq_send (stream, "", 0, 0));
    rest_using (stream, 200);
    show_raw ("the second", second);
    close (second);
    end_socket (stream);
}

static void connects (void *context)
{
    char endpoint[256];
    unsigned char id[32];
    line ("-- connects");
    int listener = raw_listen (endpoint);
    void *stream = new_socket (context, ZMQ_STREAM);
    NEED (zmq_connect (stream, endpoint) == 0);
    int fd = accept (listener, NULL, NULL);
    int size = take_from (stream, id);
    say (stream, id, size, "GET / HTTP/1.0\r\n");
    show_raw ("the server", fd);
    raw_send (fd, "200", 3);
    take_from (stream, id);
    close (fd);
    take_from (stream, id);
    close (listener);
    end_socket (stream);
}

int main (void)
{
    void *context = new_context ();
    binds (context, 1);
    binds (context, 0);
    connects (context);
    end_context (context);
    return 0;
}
