/* Every socket function with NULL, with something that is no socket, and with bad flags. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"

static void no_socket (const char *what, void *bad)
{
    char buffer[64];
    int value = 0;
    size_t size = sizeof value;
    zmq_msg_t message;
    NEED (zmq_msg_init (&message) == 0);
    line ("-- %s", what);
    SHOW (zmq_close (bad));
    SHOW (zmq_bind (bad, "inproc://a"));
    SHOW (zmq_connect (bad, "inproc://a"));
    SHOW (zmq_unbind (bad, "inproc://a"));
    SHOW (zmq_disconnect (bad, "inproc://a"));
    SHOW (zmq_setsockopt (bad, ZMQ_LINGER, &value, sizeof value));
    SHOW (zmq_getsockopt (bad, ZMQ_LINGER, &value, &size));
    SHOW (zmq_send (bad, "x", 1, 0));
    SHOW (zmq_send_const (bad, "x", 1, 0));
    SHOW (zmq_recv (bad, buffer, sizeof buffer, 0));
    SHOW (zmq_msg_send (&message, bad, 0));
    SHOW (zmq_msg_recv (&message, bad, 0));
    SHOW (zmq_sendmsg (bad, &message, 0));
    SHOW (zmq_recvmsg (bad, &message, 0));
    SHOW (zmq_socket_monitor (bad, "inproc://m", ZMQ_EVENT_ALL));
    struct iovec *none = NULL;
    size_t count = 1;
    SHOW (zmq_recviov (bad, none, &count, 0));
    SHOW (zmq_sendiov (bad, none, 1, 0));
    SHOW (zmq_msg_close (&message));
}

static void polling (void *socket)
{
    line ("-- zmq_poll");
    static char zeros[4096];
    zmq_pollitem_t items[2] = {{socket, 0, ZMQ_POLLIN, 0}, {zeros, 0, ZMQ_POLLIN, 0}};
    SHOW (zmq_poll (NULL, 0, 0));
    SHOW (zmq_poll (items, 0, 0));
    SHOW (zmq_poll (items, 1, 0));
    SHOW (zmq_poll (items, 2, 0));
    zmq_pollitem_t native = {NULL, 0, ZMQ_POLLOUT, 0};
    int pipes[2];
    NEED (pipe (pipes) == 0);
    native.fd = pipes[1];
    SHOW (zmq_poll (&native, 1, 0));
    line ("revents %d", native.revents);
    native.fd = pipes[0];
    native.events = ZMQ_POLLIN;
    SHOW (zmq_poll (&native, 1, 20));
    close (pipes[1]);
    SHOW (zmq_poll (&native, 1, 0));
    line ("revents %d", native.revents);
    close (pipes[0]);
}

static void empty_names (void *socket)
{
    line ("-- missing names and buffers");
    SHOW (zmq_bind (socket, ""));
    SHOW (zmq_connect (socket, ""));
    SHOW (zmq_bind (socket, "nothing"));
    SHOW (zmq_connect (socket, "nothing"));
    SHOW (zmq_unbind (socket, ""));
    SHOW (zmq_unbind (socket, "nothing"));
    SHOW (zmq_disconnect (socket, "tcp://127.0.0.1:9"));
    SHOW (zmq_unbind (socket, "inproc://nobody"));
    SHOW (zmq_disconnect (socket, "inproc://nobody"));
    SHOW (zmq_unbind (socket, "ipc://nobody"));
}

/* The number of a peer is wanted at once, which is not to be had of a connection that is waited for. */
static void impatient_peer (void *context)
{
    char endpoint[256];
    line ("-- zmq_connect_peer with ZMQ_IMMEDIATE");
    void *server = new_socket (context, ZMQ_PEER), *peer = new_socket (context, ZMQ_PEER);
    set_int (peer, ZMQ_IMMEDIATE, 1);
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        bind_any (server, TRANSPORTS[i], endpoint);
        uint32_t number = zmq_connect_peer (peer, endpoint);
        line ("%s: %s, %s", TRANSPORTS[i], number ? "a number" : "none", errno_name (zmq_errno ()));
        SHOW (zmq_disconnect (peer, endpoint));
    }
    end_socket (peer);
    end_socket (server);
}

int main (void)
{
    static char zeros[4096];
    no_socket ("NULL", NULL);
    no_socket ("zeros", zeros);
    void *context = new_context ();
    no_socket ("a context", context);
    void *socket = new_socket (context, ZMQ_PAIR);
    polling (socket);
    empty_names (socket);
    impatient_peer (context);
    end_socket (socket);
    end_context (context);
    return 0;
}
