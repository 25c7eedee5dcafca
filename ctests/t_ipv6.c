/* tcp over IPv6 and over names: what is accepted with and without ZMQ_IPV6, and that messages pass. Called by ctests/run. */
#include "common.h"

static void *context;

static void try_both (const char *bind_to, const char *connect_to, int ipv6)
{
    char endpoint[256];
    size_t size = sizeof endpoint;
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    set_int (pull, ZMQ_IPV6, ipv6);
    set_int (push, ZMQ_IPV6, ipv6);
    line ("-- bind %s, connect %s, ipv6 %d, ipv4only %d", bind_to, connect_to, ipv6, get_int (pull, ZMQ_IPV4ONLY));
    int result = zmq_bind (pull, bind_to);
    line ("bind %d %s", result, result ? errno_name (zmq_errno ()) : "");
    if (result == 0) {
        NEED (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
        char *port = strrchr (endpoint, ':');
        char target[300];
        snprintf (target, sizeof target, "tcp://%s%s", connect_to, port);
        *port = 0;
        line ("bound to %s", endpoint);
        result = zmq_connect (push, target);
        line ("connect %d %s", result, result ? errno_name (zmq_errno ()) : "");
        set_int (pull, ZMQ_RCVTIMEO, 500);
        if (result == 0 && zmq_send (push, "hello", 5, ZMQ_DONTWAIT) == 5)
            take ("pull", pull, 0);
    }
    end_socket (push);
    end_socket (pull);
}

int main (void)
{
    context = new_context ();
    try_both ("tcp://127.0.0.1:*", "127.0.0.1", 0);
    try_both ("tcp://127.0.0.1:*", "localhost", 0);
    try_both ("tcp://*:*", "127.0.0.1", 0);
    try_both ("tcp://lo:*", "127.0.0.1", 0);
    try_both ("tcp://[::1]:*", "[::1]", 1);
    try_both ("tcp://[::1]:*", "[::1]", 0);
    try_both ("tcp://*:*", "[::1]", 1);
    try_both ("tcp://*:*", "127.0.0.1", 1);
    try_both ("tcp://[::]:*", "127.0.0.1", 1);
    try_both ("tcp://127.0.0.1:*", "[::ffff:127.0.0.1]", 0);
    try_both ("tcp://127.0.0.1:*", "::ffff:127.0.0.1", 0);
    try_both ("tcp://[::ffff:127.0.0.1]:*", "127.0.0.1", 0);
    try_both ("tcp://[::ffff:127.0.0.1]:*", "127.0.0.1", 1);
    try_both ("tcp://127.0.0.1:*", "127.0.0.1", 1);
    end_context (context);
    return 0;
}
