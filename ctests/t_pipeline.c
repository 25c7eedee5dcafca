/* PUSH and PULL: order, round robin to several, fair queueing from several, connect before bind. Called by ctests/run. */
#include "common.h"

static void one_to_many (void *context, const char *transport)
{
    char endpoint[256], name[16];
    line ("-- one PUSH, three PULL over %s", transport);
    void *push = new_socket (context, ZMQ_PUSH), *pulls[3];
    bind_any (push, transport, endpoint);
    for (int i = 0; i < 3; i++) {
        pulls[i] = new_socket (context, ZMQ_PULL);
        NEED (zmq_connect (pulls[i], endpoint) == 0);
        settle ();
    }
    for (int i = 0; i < 9; i++) {
        snprintf (name, sizeof name, "job %d", i);
        send_parts (push, name, i % 3 == 2 ? "and more" : NULL, NULL);
    }
    for (int i = 0; i < 3; i++) {
        snprintf (name, sizeof name, "pull %d", i);
        line ("%s got %d", name, take_all (name, pulls[i]));
    }
    end_socket (pulls[1]);
    settle ();
    for (int i = 0; i < 4; i++)
        send_parts (push, "after one left", NULL);
    line ("pull 0 got %d", take_all ("pull 0", pulls[0]));
    line ("pull 2 got %d", take_all ("pull 2", pulls[2]));
    end_socket (pulls[0]);
    end_socket (pulls[2]);
    end_socket (push);
}

static void many_to_one (void *context, const char *transport)
{
    char endpoint[256], text[16];
    line ("-- three PUSH, one PULL over %s", transport);
    void *pull = new_socket (context, ZMQ_PULL), *pushes[3];
    bind_any (pull, transport, endpoint);
    for (int i = 0; i < 3; i++) {
        pushes[i] = new_socket (context, ZMQ_PUSH);
        NEED (zmq_connect (pushes[i], endpoint) == 0);
        for (int j = 0; j < 3; j++) {
            snprintf (text, sizeof text, "%d from %d", j, i);
            send_parts (pushes[i], text, NULL);
        }
        settle ();
    }
    int next[3] = {0, 0, 0}, in_order = 1, count = 0;
    while (count < 9) {
        char buffer[16] = "";
        NEED (zmq_recv (pull, buffer, sizeof buffer - 1, 0) != -1);
        in_order &= buffer[0] - '0' == next[buffer[7] - '0']++;
        if (count++ < 3)
            line ("at first '%s'", buffer);
    }
    line ("each in order: %d", in_order);
    for (int i = 0; i < 3; i++)
        end_socket (pushes[i]);
    end_socket (pull);
}

static void connect_first (void *context, const char *transport)
{
    char endpoint[256];
    line ("-- connect before bind over %s", transport);
    /* A name that is free: bind once, let go, and come back later. */
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    bind_any (pull, transport, endpoint);
    end_socket (pull);
    settle ();
    NEED (zmq_connect (push, endpoint) == 0);
    for (int i = 0; i < 5; i++)
        NEED (send_parts (push, "early", NULL) == 0);
    settle ();
    pull = new_socket (context, ZMQ_PULL);
    SHOW (zmq_bind (pull, endpoint) != 0);
    /* The first comes when the connection is tried again, the others with it. */
    take ("pull", pull, 0);
    line ("pull got %d more", take_all ("pull", pull));
    send_parts (push, "now", NULL);
    take ("pull", pull, 0);
    end_socket (push);
    end_socket (pull);
}

static void long_stream (void *context, const char *transport)
{
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    set_int (pull, ZMQ_RCVHWM, 0);
    set_int (push, ZMQ_SNDHWM, 0);
    join_pair (pull, push, transport);
    static char data[200000];
    uint64_t sum = 0, expected = 0;
    for (unsigned i = 0; i < 3000; i++) {
        size_t size = i % 100 == 0 ? 150000 + i : (i * 37) % 9000;
        memset (data, (int) i, size);
        NEED (zmq_send (push, data, size, i % 7 ? 0 : ZMQ_SNDMORE) == (int) size);
        expected += size * (i & 255);
    }
    for (unsigned i = 0; i < 3000; i++) {
        int size = zmq_recv (pull, data, sizeof data, 0);
        NEED (size != -1);
        NEED (size == 0 || (unsigned char) data[size - 1] == (i & 255));
        sum += (uint64_t) size * (i & 255);
        NEED (get_int (pull, ZMQ_RCVMORE) == (i % 7 == 0));
    }
    line ("-- 3000 messages of many sizes over %s: %s", transport, sum == expected ? "all came" : "lost");
    end_socket (push);
    end_socket (pull);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        one_to_many (context, TRANSPORTS[i]);
        many_to_one (context, TRANSPORTS[i]);
        connect_first (context, TRANSPORTS[i]);
        long_stream (context, TRANSPORTS[i]);
    }
    end_context (context);
    return 0;
}
