/* Transports that a socket type cannot use: ENOCOMPATPROTO. Called by ctests/run. */
#include "common.h"

int main (void)
{
    static const int TYPES[] = {ZMQ_PAIR, ZMQ_PUB, ZMQ_SUB, ZMQ_REQ, ZMQ_REP, ZMQ_DEALER, ZMQ_ROUTER, ZMQ_PULL, ZMQ_PUSH,
                                ZMQ_XPUB, ZMQ_XSUB, ZMQ_STREAM};
    void *context = new_context ();
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        void *socket = new_socket (context, TYPES[i]);
        line ("type %d", TYPES[i]);
        SHOW (zmq_bind (socket, "udp://127.0.0.1:5999"));
        SHOW (zmq_connect (socket, "udp://127.0.0.1:5999"));
        end_socket (socket);
    }
    end_context (context);
    return 0;
}
