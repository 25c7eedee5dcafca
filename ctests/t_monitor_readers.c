/* Monitors whose readers come late or are slow: nothing is lost, and the last event comes. Called by ctests/run. */
#include "common.h"

/* More events than two default high water marks have room for. libzmq waits for the reader where there is no room. */
enum { CYCLES = 1600, LATE = 300 };

struct reader
{
    void *context;
    const char *endpoint;
    /* Whether it connects in time; then it does not receive for a while. */
    int is_there;
    void *socket;
};

static void *read_all (void *argument)
{
    const struct reader *reader = argument;
    void *watcher = reader->socket;
    rest_calmly (LATE);
    if (!reader->is_there)
        NEED (zmq_connect (watcher, reader->endpoint) == 0);
    int listening = 0, closed = 0;
    uint16_t event = 0;
    while (event != ZMQ_EVENT_MONITOR_STOPPED) {
        unsigned char frame[8];
        char where[256];
        if (zmq_recv (watcher, frame, sizeof frame, 0) != 6 || zmq_recv (watcher, where, sizeof where, 0) == -1) {
            line ("the last event never came");
            break;
        }
        memcpy (&event, frame, 2);
        listening += event == ZMQ_EVENT_LISTENING;
        closed += event == ZMQ_EVENT_CLOSED;
    }
    line ("%d times LISTENING, %d times CLOSED", listening, closed);
    end_socket (watcher);
    return NULL;
}

static void watched (const char *how, struct reader reader, int cycles)
{
    pthread_t thread;
    line ("-- %s", how);
    void *pull = new_socket (reader.context, ZMQ_PULL);
    NEED (zmq_socket_monitor (pull, reader.endpoint, ZMQ_EVENT_ALL) == 0);
    reader.socket = new_socket (reader.context, ZMQ_PAIR);
    if (reader.is_there)
        NEED (zmq_connect (reader.socket, reader.endpoint) == 0);
    NEED (pthread_create (&thread, NULL, read_all, &reader) == 0);
    for (int i = 0; i < cycles; i++) {
        char endpoint[256];
        bind_any (pull, "tcp", endpoint);
        NEED (zmq_unbind (pull, endpoint) == 0);
    }
    rest_calmly (2 * LATE);
    end_socket (pull);
    pthread_join (thread, NULL);
}

int main (void)
{
    void *context = new_context ();
    watched ("a late reader", (struct reader){context, "inproc://late", 0, NULL}, 3);
    watched ("a slow reader", (struct reader){context, "inproc://slow", 1, NULL}, CYCLES);
    end_context (context);
    return 0;
}
