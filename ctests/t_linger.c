/* What happens to unsent messages when a socket closes, by linger and transport; how long term waits. Called by ctests/run. */
#include "common.h"
#include "raw.h"

static const char *about (long milliseconds)
{
    return milliseconds < 150 ? "at once" : milliseconds < 1200 ? "after the linger" : "late";
}

static void closed_before_the_peer_binds (const char *transport, int linger)
{
    char endpoint[256];
    void *context = new_context (), *other = new_context ();
    void *pull = new_socket (other, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, transport, endpoint);
    end_socket (pull);
    settle ();
    set_int (push, ZMQ_LINGER, linger);
    NEED (zmq_connect (push, endpoint) == 0);
    for (int i = 0; i < 3; i++)
        NEED (send_parts (push, "late", NULL) == 0);
    end_socket (push);
    if (linger == 0)
        settle ();
    pull = new_socket (other, ZMQ_PULL);
    NEED (zmq_bind (pull, endpoint) == 0);
    if (linger == 0)
        set_int (pull, ZMQ_RCVTIMEO, 300);
    int count = 0;
    while (count < 3 && take ("pull", pull, 0) == 0)
        count++;
    long started = milliseconds ();
    end_context (context);
    line ("-- %s linger %d: %d came, term returned %s", transport, linger, count, about (milliseconds () - started));
    end_socket (pull);
    end_context (other);
}

static void nobody_ever_comes (int linger)
{
    void *context = new_context ();
    void *push = new_socket (context, ZMQ_PUSH);
    set_int (push, ZMQ_LINGER, linger);
    NEED (zmq_connect (push, "tcp://127.0.0.1:5998") == 0);
    NEED (send_parts (push, "lost", NULL) == 0);
    end_socket (push);
    long started = milliseconds ();
    end_context (context);
    line ("-- nobody comes, linger %d: term returned %s", linger, about (milliseconds () - started));
}

static void all_arrive (const char *transport)
{
    char endpoint[256];
    static char data[10000];
    void *context = new_context (), *other = new_context ();
    void *pull = new_socket (other, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, transport, endpoint);
    set_int (push, ZMQ_LINGER, -1);
    set_int (push, ZMQ_SNDHWM, 0);
    NEED (zmq_connect (push, endpoint) == 0);
    for (int i = 0; i < 500; i++)
        NEED (zmq_send (push, data, sizeof data, 0) == sizeof data);
    end_socket (push);
    int count = 0;
    while (count < 500 && zmq_recv (pull, data, sizeof data, 0) == sizeof data)
        count++;
    end_context (context);
    line ("-- %s: %d of 500 arrive after close", transport, count);
    end_socket (pull);
    end_context (other);
}

static void answers_stay_readable (void)
{
    line ("-- the sender is gone, its messages are not");
    char endpoint[256];
    void *context = new_context ();
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, "inproc", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    set_int (push, ZMQ_LINGER, 0);
    for (int i = 0; i < 3; i++)
        send_parts (push, "inproc", NULL);
    end_socket (push);
    settle ();
    line ("%d came", take_all ("pull", pull));
    end_socket (pull);
    end_context (context);
}

/* Subscriptions are not waited for when the one they are for has not said who he is. */
static void strangers_are_not_waited_for (int type, const char *name)
{
    char endpoint[256];
    void *context = new_context ();
    void *socket = new_socket (context, type);
    set_int (socket, ZMQ_LINGER, -1);
    bind_any (socket, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    settle ();
    if (type == ZMQ_SUB)
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "topic", 5) == 0);
    settle ();
    end_socket (socket);
    long started = milliseconds ();
    end_context (context);
    line ("-- %s and a peer that says nothing: term returned %s", name, about (milliseconds () - started));
    close (fd);
}

int main (void)
{
    strangers_are_not_waited_for (ZMQ_SUB, "SUB");
    strangers_are_not_waited_for (ZMQ_XPUB, "XPUB");
    strangers_are_not_waited_for (ZMQ_ROUTER, "ROUTER");
    closed_before_the_peer_binds ("tcp", -1);
    closed_before_the_peer_binds ("tcp", 0);
    closed_before_the_peer_binds ("tcp", 10000);
    closed_before_the_peer_binds ("ipc", -1);
    closed_before_the_peer_binds ("ipc", 0);
    nobody_ever_comes (0);
    nobody_ever_comes (300);
    all_arrive ("tcp");
    all_arrive ("ipc");
    answers_stay_readable ();
    return 0;
}
