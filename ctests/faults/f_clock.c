/* The clock of the day jumps by years, forwards and backwards, while things wait: nothing comes early, late or never.
   Called by ctests/faults/run. */
#define ZMQ_BUILD_DRAFT_API
#include "faults.h"

static void *jumps (void *over)
{
    long years[] = {1, -1, 10, -30, 0};
    for (int i = 0; !*(volatile int *) over; i++) {
        fault_clock = years[i % 5] * 365L * 86400L;
        rest (3);
    }
    return NULL;
}

static void took (const char *what, long start, long least, long most)
{
    long time = milliseconds () - start;
    CHECK (time >= least && time < most, "%s takes %ld ms", what, time);
}

static volatile int called;

static void timer (int id, void *argument)
{
    (void) id;
    (void) argument;
    called++;
}

int main (void)
{
    char byte, endpoint[256];
    int over = 0;
    pthread_t clock;
    NEED (pthread_create (&clock, NULL, jumps, &over) == 0);
    void *context = new_context (), *server = quick_socket (context, ZMQ_REP), *client = quick_socket (context, ZMQ_REQ);
    for (int i = 0; i < 2; i++) {
        void *socket = i ? server : client;
        set_int (socket, ZMQ_HEARTBEAT_IVL, 20);
        set_int (socket, ZMQ_HEARTBEAT_TIMEOUT, 2000);
    }
    void *watcher = watch_all (context, client);
    bind_any (server, "tcp", endpoint);
    NEED (zmq_connect (client, endpoint) == 0);
    exchange (client, server, "at first");
    for (int i = 0; i < 5; i++) {
        zmq_pollitem_t item = {server, 0, ZMQ_POLLIN, 0};
        long start = milliseconds ();
        CHECK (zmq_poll (&item, 1, 60) == 0, "something comes");
        took ("zmq_poll for 60 ms", start, 60, PATIENCE);
        start = milliseconds ();
        set_int (server, ZMQ_RCVTIMEO, 60);
        CHECK (zmq_recv (server, &byte, 1, 0) == -1 && zmq_errno () == EAGAIN, "something comes");
        took ("zmq_recv for 60 ms", start, 60, PATIENCE);
        exchange (client, server, "in between");
    }
    int event;
    while ((event = next_event (watcher, NULL, 0)) != 0)
        CHECK (event != ZMQ_EVENT_DISCONNECTED, "the heartbeat has lost the peer");
    line ("timeouts and heartbeats keep their time");

    void *timers = zmq_timers_new ();
    NEED (zmq_timers_add (timers, 30, timer, NULL) != -1);
    for (long start = milliseconds (); milliseconds () - start < 200;) {
        long wait = zmq_timers_timeout (timers);
        CHECK (wait >= 0 && wait <= 30, "the next timer is in %ld ms", wait);
        rest ((int) wait);
        NEED (zmq_timers_execute (timers) == 0);
    }
    CHECK (called >= 1 && called <= 8, "%d calls in 200 ms", called);
    zmq_timers_destroy (&timers);
    line ("timers keep their time");

    /* Reconnection, and the end of lingering. */
    NEED (zmq_unbind (server, endpoint) == 0);
    NEED (wait_event (watcher, ZMQ_EVENT_CONNECT_RETRIED, PATIENCE) != -1);
    NEED (zmq_bind (server, endpoint) == 0);
    exchange (client, server, "reconnected");
    line ("a connection comes back");
    end_socket (watcher);
    end_socket (client);
    end_socket (server);
    void *lingering = zmq_socket (context, ZMQ_PUSH);
    set_int (lingering, ZMQ_LINGER, 150);
    NEED (zmq_connect (lingering, "tcp://127.0.0.1:9") == 0 && zmq_send (lingering, "x", 1, 0) == 1);
    long start = milliseconds ();
    end_socket (lingering);
    end_context (context);
    took ("lingering for 150 ms", start, 140, PATIENCE);
    over = 1;
    pthread_join (clock, NULL);
    line ("lingering keeps its time; the library asked for the time of day %s", fault_clock_asked ? "" : "never");
    CHECK (fault_clock_asked == 0, "it asked %d times", fault_clock_asked);
    return 0;
}
