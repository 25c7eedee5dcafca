/* zmq_socket_monitor: which events a connection's life raises, on both sides, and their endpoints. Called by ctests/run. */
#include "common.h"

static const char *event_name (unsigned event)
{
    switch (event) {
        case ZMQ_EVENT_CONNECTED: return "CONNECTED";
        case ZMQ_EVENT_CONNECT_DELAYED: return "CONNECT_DELAYED";
        case ZMQ_EVENT_CONNECT_RETRIED: return "CONNECT_RETRIED";
        case ZMQ_EVENT_LISTENING: return "LISTENING";
        case ZMQ_EVENT_BIND_FAILED: return "BIND_FAILED";
        case ZMQ_EVENT_ACCEPTED: return "ACCEPTED";
        case ZMQ_EVENT_ACCEPT_FAILED: return "ACCEPT_FAILED";
        case ZMQ_EVENT_CLOSED: return "CLOSED";
        case ZMQ_EVENT_CLOSE_FAILED: return "CLOSE_FAILED";
        case ZMQ_EVENT_DISCONNECTED: return "DISCONNECTED";
        case ZMQ_EVENT_MONITOR_STOPPED: return "MONITOR_STOPPED";
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: return "HANDSHAKE_FAILED_NO_DETAIL";
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return "HANDSHAKE_SUCCEEDED";
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: return "HANDSHAKE_FAILED_PROTOCOL";
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return "HANDSHAKE_FAILED_AUTH";
        default: return "another event";
    }
}

/* Prints the events that come until it is quiet; which of them are about `endpoint`. */
static void report (const char *who, void *watcher, const char *endpoint)
{
    while (comes (watcher, 200)) {
        unsigned char frame[8];
        char where[256] = "";
        NEED (zmq_recv (watcher, frame, sizeof frame, 0) == 6);
        NEED (get_int (watcher, ZMQ_RCVMORE) == 1);
        NEED (zmq_recv (watcher, where, sizeof where - 1, 0) != -1);
        NEED (get_int (watcher, ZMQ_RCVMORE) == 0);
        uint16_t event;
        uint32_t value;
        memcpy (&event, frame, 2);
        memcpy (&value, frame + 2, 4);
        /* How often a connection is tried depends on the clock. */
        if (event == ZMQ_EVENT_CONNECT_RETRIED)
            continue;
        const char *kind = event == ZMQ_EVENT_CONNECT_DELAYED ? errno_name ((int) value) : value > 2 ? "a descriptor" : "0";
        line ("%s: %s, value %s, %s", who, event_name (event), event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? value ? "nonzero" : "0" : kind,
              strcmp (where, endpoint) == 0 ? "the endpoint" : where[0] ? "an address" : "no address");
        if (event == ZMQ_EVENT_MONITOR_STOPPED)
            return;
    }
}

/* A watcher is closed after what it watches: libzmq waits with its I/O thread for somebody who takes the events. */
static void life (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- %s", transport);
    void *rep = new_socket (context, ZMQ_REP), *req = new_socket (context, ZMQ_REQ);
    void *server = watch (context, rep, ZMQ_EVENT_ALL), *client = watch (context, req, ZMQ_EVENT_ALL);
    bind_any (rep, transport, endpoint);
    report ("server", server, endpoint);
    NEED (zmq_connect (req, endpoint) == 0);
    settle ();
    report ("client", client, endpoint);
    report ("server", server, endpoint);
    send_parts (req, "question", NULL);
    take ("rep", rep, 0);
    report ("client", client, endpoint);
    send_parts (rep, "answer", NULL);
    take ("req", req, 0);
    line ("the server closes");
    end_socket (rep);
    report ("server", server, endpoint);
    line ("and the client is told");
    zmq_pollitem_t item = {client, 0, ZMQ_POLLIN, 0};
    unsigned char frame[8];
    char where[256];
    NEED (zmq_poll (&item, 1, 2000) == 1 && zmq_recv (client, frame, sizeof frame, 0) == 6);
    NEED (zmq_recv (client, where, sizeof where, 0) != -1);
    line ("first: %s", event_name (frame[0] | (unsigned) frame[1] << 8));
    end_socket (req);
    settle ();
    end_socket (client);
    end_socket (server);
}

static void mistakes (void *context)
{
    line ("-- mistakes");
    void *socket = new_socket (context, ZMQ_REQ);
    SHOW (zmq_socket_monitor (socket, "tcp://127.0.0.1:5999", ZMQ_EVENT_ALL));
    SHOW (zmq_socket_monitor (socket, "nonsense", ZMQ_EVENT_ALL));
    SHOW (zmq_socket_monitor (socket, "inproc://m1", 0));
    SHOW (zmq_socket_monitor (socket, NULL, 0));
    /* Somebody must listen: libzmq waits for that when a monitor is replaced. */
    void *watcher = watch (context, socket, ZMQ_EVENT_ALL);
    SHOW (zmq_socket_monitor (socket, "inproc://m3", ZMQ_EVENT_LISTENING));
    void *other = new_socket (context, ZMQ_REQ);
    report ("the old one", watcher, "");
    end_socket (watcher);
    SHOW (zmq_socket_monitor (other, "inproc://m3", ZMQ_EVENT_ALL));
    watcher = new_socket (context, ZMQ_PAIR);
    NEED (zmq_connect (watcher, "inproc://m3") == 0);
    SHOW (zmq_socket_monitor (socket, NULL, 0));
    end_socket (other);
    end_socket (socket);
    settle ();
    end_socket (watcher);
}

static void by_name (void *context)
{
    char endpoint[256], named[256];
    line ("-- a host by its name");
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    void *watcher = watch (context, push, ZMQ_EVENT_ALL);
    bind_any (pull, "tcp", endpoint);
    snprintf (named, sizeof named, "tcp://localhost%s", strrchr (endpoint, ':'));
    NEED (zmq_connect (push, named) == 0);
    settle ();
    report ("client", watcher, named);
    end_socket (push);
    end_socket (pull);
    settle ();
    end_socket (watcher);
}

static void masked (void *context)
{
    char endpoint[256];
    line ("-- only what was asked for");
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    NEED (zmq_socket_monitor (pull, "inproc://masked", ZMQ_EVENT_ACCEPTED) == 0);
    void *watcher = new_socket (context, ZMQ_PAIR);
    NEED (zmq_connect (watcher, "inproc://masked") == 0);
    bind_any (pull, "tcp", endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "x", NULL);
    take ("pull", pull, 0);
    report ("server", watcher, endpoint);
    end_socket (push);
    end_socket (pull);
    report ("server", watcher, endpoint);
    end_socket (watcher);
}

int main (void)
{
    void *context = new_context ();
    life (context, "tcp");
    life (context, "ipc");
    mistakes (context);
    by_name (context);
    masked (context);
    end_context (context);
    return 0;
}
