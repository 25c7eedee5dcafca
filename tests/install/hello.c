/* A request and its reply over tcp and inproc, from one thread. Built against the installed library by tests/install/run. */
#undef NDEBUG
#include <zmq.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

static void exchange(void *context, const char *bind_to)
{
    void *server = zmq_socket(context, ZMQ_REP);
    void *client = zmq_socket(context, ZMQ_REQ);
    char endpoint[256];
    size_t size = sizeof endpoint;
    char buffer[16];

    assert(server && client);
    assert(zmq_bind(server, bind_to) == 0);
    assert(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    assert(zmq_connect(client, endpoint) == 0);
    assert(zmq_send(client, "Hello", 5, 0) == 5);
    assert(zmq_recv(server, buffer, sizeof buffer, 0) == 5 && memcmp(buffer, "Hello", 5) == 0);
    assert(zmq_send(server, "World", 5, 0) == 5);
    assert(zmq_recv(client, buffer, sizeof buffer, 0) == 5 && memcmp(buffer, "World", 5) == 0);
    assert(zmq_close(client) == 0);
    assert(zmq_close(server) == 0);
}

int main(void)
{
    int major, minor, patch;
    void *context = zmq_ctx_new();

    assert(context);
    exchange(context, "tcp://127.0.0.1:*");
    exchange(context, "inproc://hello");
    assert(zmq_ctx_term(context) == 0);
    zmq_version(&major, &minor, &patch);
    printf("libzmq %d.%d.%d says hello\n", major, minor, patch);
    return 0;
}
