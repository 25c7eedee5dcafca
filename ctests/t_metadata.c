/* Properties of received messages: Socket-Type, Identity, Peer-Address, User-Id, ZMQ_SRCFD, sharing. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API
#include "common.h"

static void show_properties (const char *transport, void *socket)
{
    static const char *const NAMES[] = {"Socket-Type", "Identity", "Routing-Id", "Peer-Address", "User-Id", "socket-type", "Nothing", ""};
    zmq_msg_t message;
    NEED (zmq_msg_init (&message) == 0);
    for (int part = 0, more = 1; more; part++) {
        NEED (zmq_msg_recv (&message, socket, 0) != -1);
        more = zmq_msg_more (&message);
        line ("%s part %d", transport, part);
        for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
            const char *value = zmq_msg_gets (&message, NAMES[i]);
            if (value && strncmp (value, "localhost:", 10) == 0)
                value = "localhost:, user, group and process"; /* of the peer, over ipc */
            line ("'%s' is %s%s%s", NAMES[i], value ? "'" : errno_name (zmq_errno ()), value ? value : "", value ? "'" : "");
        }
        line ("source descriptor %d", zmq_msg_get (&message, ZMQ_SRCFD) > 2);
        zmq_msg_t copy;
        NEED (zmq_msg_init (&copy) == 0 && zmq_msg_copy (&copy, &message) == 0);
        const char *value = zmq_msg_gets (&copy, "Socket-Type");
        line ("of a copy '%s'", value ? value : "none");
        zmq_msg_close (&copy);
    }
    zmq_msg_close (&message);
}

/* Names and values are bytes, whatever these mean. */
static void own_properties (void *context)
{
    static const char *const OWN[] = {"X-name:value", "X-\xff:\xfe value", "X-name:another"};
    static const char *const NAMES[] = {"X-name", "X-\xff", "X-\xfe"};
    char endpoint[256];
    zmq_msg_t message;
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++)
        NEED (zmq_setsockopt (push, ZMQ_METADATA, OWN[i], strlen (OWN[i])) == 0);
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "message", NULL);
    NEED (zmq_msg_init (&message) == 0 && zmq_msg_recv (&message, pull, 0) != -1);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const char *value = zmq_msg_gets (&message, NAMES[i]);
        line ("own property %d is %s", (int) i, value ? value : errno_name (zmq_errno ()));
    }
    zmq_msg_close (&message);
    end_socket (push);
    end_socket (pull);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
        NEED (zmq_setsockopt (req, ZMQ_ROUTING_ID, "asker", 5) == 0);
        join_pair (rep, req, TRANSPORTS[i]);
        send_parts (req, "question", "part", NULL);
        show_properties (TRANSPORTS[i], rep);
        send_parts (rep, "answer", NULL);
        show_properties (TRANSPORTS[i], req);
        end_socket (req);
        end_socket (rep);
    }
    own_properties (context);
    end_context (context);
    return 0;
}
