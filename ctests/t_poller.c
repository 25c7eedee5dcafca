/* zmq_poller_*: the draft poller: registration errors, what is reported, one at a time and all. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"

static void registration (void *context)
{
    line ("-- registration");
    void *poller = zmq_poller_new (), *socket = new_socket (context, ZMQ_PULL);
    int pipes[2];
    NEED (pipe (pipes) == 0);
    zmq_poller_event_t event;
    SHOW (zmq_poller_add (NULL, socket, NULL, ZMQ_POLLIN));
    SHOW (zmq_poller_add (poller, NULL, NULL, ZMQ_POLLIN));
    SHOW (zmq_poller_wait (poller, &event, 0));
    SHOW (zmq_poller_wait (poller, &event, -1));
    SHOW (zmq_poller_add (poller, socket, NULL, ZMQ_POLLIN));
    SHOW (zmq_poller_add (poller, socket, NULL, ZMQ_POLLIN));
    SHOW (zmq_poller_size (poller));
    SHOW (zmq_poller_modify (poller, socket, ZMQ_POLLIN));
    SHOW (zmq_poller_modify (poller, poller, ZMQ_POLLIN));
    SHOW (zmq_poller_add_fd (poller, pipes[0], &event, ZMQ_POLLIN));
    SHOW (zmq_poller_add_fd (poller, pipes[0], &event, ZMQ_POLLIN));
    SHOW (zmq_poller_add_fd (poller, -1, &event, ZMQ_POLLIN));
    SHOW (zmq_poller_modify_fd (poller, pipes[1], ZMQ_POLLIN));
    SHOW (zmq_poller_remove_fd (poller, pipes[1]));
    SHOW (zmq_poller_wait (poller, &event, 20));
    SHOW (zmq_poller_remove_fd (poller, pipes[0]));
    SHOW (zmq_poller_remove (poller, socket));
    SHOW (zmq_poller_remove (poller, socket));
    SHOW (zmq_poller_size (poller));
    SHOW (zmq_poller_destroy (&poller));
    SHOW_POINTER (poller);
    SHOW (zmq_poller_destroy (&poller));
    SHOW (zmq_poller_destroy (NULL));
    close (pipes[0]);
    close (pipes[1]);
    end_socket (socket);
}

static void readiness (void *context)
{
    line ("-- readiness");
    int tags[3], pipes[2];
    zmq_poller_event_t events[4];
    void *poller = zmq_poller_new ();
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    NEED (pipe (pipes) == 0);
    NEED (zmq_poller_add (poller, pull, &tags[0], ZMQ_POLLIN) == 0);
    NEED (zmq_poller_add (poller, push, &tags[1], ZMQ_POLLOUT) == 0);
    NEED (zmq_poller_add_fd (poller, pipes[0], &tags[2], ZMQ_POLLIN) == 0);
    SHOW (zmq_poller_wait_all (poller, events, 4, 0));
    join_pair (pull, push, "tcp");
    int count = zmq_poller_wait_all (poller, events, 4, 1000);
    line ("%d: tag %d, socket %d, events %d", count, events[0].user_data == &tags[1], events[0].socket == push, events[0].events);
    NEED (zmq_poller_modify (poller, push, 0) == 0);
    SHOW (zmq_poller_wait_all (poller, events, 4, 0));
    send_parts (push, "x", NULL);
    SHOW (zmq_poller_wait (poller, events, 1000));
    line ("tag %d, socket %d, events %d", events[0].user_data == &tags[0], events[0].socket == pull, events[0].events);
    NEED (write (pipes[1], "x", 1) == 1);
    count = zmq_poller_wait_all (poller, events, 4, 1000);
    line ("%d ready", count);
    SHOW (zmq_poller_wait_all (poller, events, 1, 1000));
    take ("pull", pull, 0);
    SHOW (zmq_poller_wait (poller, events, 1000));
    line ("tag %d, descriptor %d, events %d, no socket %d", events[0].user_data == &tags[2], events[0].fd == pipes[0], events[0].events, events[0].socket == NULL);
    NEED (zmq_poller_remove_fd (poller, pipes[0]) == 0);
    SHOW (zmq_poller_wait (poller, events, 30));
    NEED (zmq_poller_destroy (&poller) == 0);
    close (pipes[0]);
    close (pipes[1]);
    end_socket (push);
    end_socket (pull);
}

static void own_descriptor (void *context)
{
    char endpoint[256];
    line ("-- a socket and its own descriptor");
    int tag;
    zmq_poller_event_t events[2];
    void *poller = zmq_poller_new (), *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (push, "tcp", endpoint);
    NEED (zmq_poller_add (poller, pull, NULL, ZMQ_POLLIN) == 0);
    NEED (zmq_poller_add_fd (poller, get_int (pull, ZMQ_FD), &tag, ZMQ_POLLIN) == 0);
    NEED (zmq_connect (pull, endpoint) == 0);
    settle ();
    int count = zmq_poller_wait_all (poller, events, 2, 500);
    line ("connected: %d ready, tag %d", count, events[0].user_data == &tag);
    SHOW (zmq_poller_wait_all (poller, events, 2, 50));
    send_parts (push, "x", NULL);
    settle ();
    SHOW (zmq_poller_wait_all (poller, events, 2, 500));
    SHOW (zmq_poller_wait_all (poller, events, 2, 0));
    take ("pull", pull, 0);
    NEED (zmq_poller_destroy (&poller) == 0);
    end_socket (push);
    end_socket (pull);
}

int main (void)
{
    void *context = new_context ();
    registration (context);
    readiness (context);
    own_descriptor (context);
    end_context (context);
    return 0;
}
