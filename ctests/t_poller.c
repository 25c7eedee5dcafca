/* zmq_poller_*: the draft poller: registration errors, what is reported, one at a time and all. Called by ctests/run. */
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"

#include <poll.h>
#include <sys/epoll.h>

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
    event = (zmq_poller_event_t){&event, 77, &event, 77};
    SHOW (zmq_poller_wait (NULL, &event, 0));
    line ("no event: %d", !event.socket && event.fd == -1 && !event.user_data && !event.events);
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

static int is_readable (int descriptor, int patience)
{
    struct pollfd item = {descriptor, POLLIN, 0};
    return poll (&item, 1, patience);
}

/* A poller that watches the socket, and its descriptor, which is silent. */
static void *new_watcher (void *socket, int *descriptor)
{
    zmq_poller_event_t event;
    void *poller = zmq_poller_new ();
    NEED (zmq_poller_add (poller, socket, NULL, ZMQ_POLLIN) == 0);
    NEED (zmq_poller_fd (poller, descriptor) == 0);
    settle ();
    NEED (zmq_poller_wait (poller, &event, 0) == -1);
    return poller;
}

/* For thread-safe sockets, whose messages have one part. */
static void send_one (void *socket, const char *text)
{
    NEED (zmq_send (socket, text, strlen (text), 0) == (int) strlen (text));
}

static int receive_one (void *socket, int flags)
{
    zmq_msg_t message;
    NEED (zmq_msg_init (&message) == 0);
    int size = zmq_msg_recv (&message, socket, flags);
    zmq_msg_close (&message);
    return size;
}

/* Whoever else takes in what came: the descriptor goes on telling of what is left. */
static void shared_by_one_thread (void *context, const char *transport)
{
    line ("-- the descriptors of two pollers, %s", transport);
    zmq_poller_event_t event;
    int one, other;
    void *gather = new_socket (context, ZMQ_GATHER), *scatter = new_socket (context, ZMQ_SCATTER);
    join_pair (gather, scatter, transport);
    void *first = new_watcher (gather, &one), *second = new_watcher (gather, &other);
    line ("idle: %d %d", is_readable (one, 0), is_readable (other, 0));
    send_one (scatter, "a");
    send_one (scatter, "bc");
    line ("two messages: %d %d", is_readable (one, 1000), is_readable (other, 1000));
    settle ();
    line ("received %d", receive_one (gather, ZMQ_DONTWAIT));
    line ("one is left: %d %d", is_readable (one, 0), is_readable (other, 0));
    SHOW (zmq_poller_wait (first, &event, 0));
    line ("the first has looked: %d %d", is_readable (one, 0), is_readable (other, 0));
    SHOW (zmq_poller_wait (second, &event, 0));
    line ("received %d", receive_one (gather, ZMQ_DONTWAIT));
    SHOW (zmq_poller_wait (first, &event, 0));
    SHOW (zmq_poller_wait (second, &event, 0));
    NEED (zmq_poller_remove (first, gather) == 0);
    send_one (scatter, "d");
    line ("removed from the first: %d %d", is_readable (one, 50), is_readable (other, 1000));
    NEED (zmq_poller_destroy (&second) == 0);
    NEED (zmq_poller_destroy (&first) == 0);
    send_one (scatter, "e");
    line ("no poller: received %d", receive_one (gather, 0));
    end_socket (scatter);
    end_socket (gather);
}

/* More sockets have messages than one wait tells of. */
static void more_than_told (void *context)
{
    line ("-- a descriptor for two sockets");
    zmq_poller_event_t event;
    void *gathers[2], *scatters[2];
    int descriptor;
    for (int i = 0; i < 2; i++) {
        gathers[i] = new_socket (context, ZMQ_GATHER);
        scatters[i] = new_socket (context, ZMQ_SCATTER);
        join_pair (gathers[i], scatters[i], "tcp");
    }
    void *poller = new_watcher (gathers[0], &descriptor);
    NEED (zmq_poller_add (poller, gathers[1], NULL, ZMQ_POLLIN) == 0);
    settle ();
    SHOW (zmq_poller_wait (poller, &event, 0));
    send_one (scatters[0], "a");
    send_one (scatters[1], "b");
    settle ();
    for (int i = 0; i < 2; i++) {
        SHOW (zmq_poller_wait (poller, &event, 0));
        line ("socket %d told, readable %d", event.socket == gathers[1], is_readable (descriptor, 0));
        line ("received %d", receive_one (event.socket, ZMQ_DONTWAIT));
    }
    SHOW (zmq_poller_wait (poller, &event, 0));
    line ("readable %d", is_readable (descriptor, 0));
    NEED (zmq_poller_destroy (&poller) == 0);
    for (int i = 0; i < 2; i++) {
        end_socket (scatters[i]);
        end_socket (gathers[i]);
    }
}

static void *receives_one (void *socket)
{
    NEED (receive_one (socket, 0) == 1);
    return NULL;
}

/* A thread that blocks in a receive takes one of two messages; the loop has to hear of the other. */
static void shared_by_threads (void *context, const char *transport)
{
    line ("-- a loop and a thread that receives, %s", transport);
    zmq_poller_event_t event;
    int descriptor;
    void *server = new_socket (context, ZMQ_SERVER), *client = new_socket (context, ZMQ_CLIENT);
    join_pair (server, client, transport);
    void *poller = new_watcher (server, &descriptor);
    for (int round = 0; round < 3; round++) {
        pthread_t thread;
        NEED (pthread_create (&thread, NULL, receives_one, server) == 0);
        rest (50);
        int loop = epoll_create1 (EPOLL_CLOEXEC);
        struct epoll_event wanted = {.events = EPOLLIN}, found;
        NEED (epoll_ctl (loop, EPOLL_CTL_ADD, descriptor, &wanted) == 0);
        send_one (client, "a");
        send_one (client, "b");
        pthread_join (thread, NULL);
        settle ();
        line ("woken: %d", epoll_wait (loop, &found, 1, 1000));
        SHOW (zmq_poller_wait (poller, &event, 1000));
        line ("received %d", receive_one (server, ZMQ_DONTWAIT));
        while (zmq_poller_wait (poller, &event, 0) == 0)
            continue;
        close (loop);
    }
    NEED (zmq_poller_destroy (&poller) == 0);
    end_socket (client);
    end_socket (server);
}

int main (void)
{
    void *context = new_context ();
    registration (context);
    readiness (context);
    own_descriptor (context);
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        shared_by_one_thread (context, TRANSPORTS[i]);
        shared_by_threads (context, TRANSPORTS[i]);
    }
    more_than_told (context);
    end_context (context);
    return 0;
}
