/* A poller of the draft interface, which Debian's libzmq5 does not export. Built against the installed package by
   tests/install/deb-inside. */
#undef NDEBUG
#define ZMQ_BUILD_DRAFT_API
#include <zmq.h>
#include <assert.h>
#include <stdio.h>

int main(void)
{
    void *poller = zmq_poller_new();

    assert(poller);
    assert(zmq_poller_size(poller) == 0);
    assert(zmq_poller_destroy(&poller) == 0);
    printf("a draft says hello\n");
    return 0;
}
