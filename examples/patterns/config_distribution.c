/*
 * Configuration distribution: every node has the same table, also one that comes late.
 *
 * The server numbers each change and publishes it. A node subscribes first and then asks for a snapshot; it takes the
 * table as it stood at number N from the snapshot, drops published changes up to N and applies those after it, so that
 * no change is lost or done twice however the two interleave. Changes come from anybody, by PUSH to the server.
 */
#include "story.h"

#define SNAPSHOT "tcp://127.0.0.1:5683"
#define CHANGES "tcp://127.0.0.1:5684"
#define UPDATES "tcp://127.0.0.1:5685"
#define KEYS 50
#define UPDATES_SENT 600
#define NODES 3

static void server (void *context, void *argument)
{
    (void) argument;
    void *snapshot = bound (context, ZMQ_ROUTER, SNAPSHOT), *changes = bound (context, ZMQ_PUB, CHANGES);
    void *updates = bound (context, ZMQ_PULL, UPDATES);
    zmq_pollitem_t items[] = {{updates, 0, ZMQ_POLLIN, 0}, {snapshot, 0, ZMQ_POLLIN, 0}};
    int table[KEYS] = {0};
    char number[24] = "0", key[16], value[16];
    message_t in;
    for (long count = 0; zmq_poll (items, 2, -1) != -1;) {
        if (items[0].revents && receive (updates, &in)) { /* key, value */
            table[atoi (text (&in, 0))] = atoi (text (&in, 1));
            snprintf (number, sizeof number, "%ld", ++count);
            SEND (changes, number, text (&in, 0), text (&in, 1));
        }
        if (items[1].revents && receive (snapshot, &in))
            for (int i = 0; i <= KEYS; i++) { /* one message per key, and one that says it is all */
                message_t out = in;
                out.count = 1;
                snprintf (key, sizeof key, "%d", i);
                snprintf (value, sizeof value, "%d", i < KEYS ? table[i] : 0);
                append (&out, number, strlen (number));
                append (&out, i < KEYS ? key : "END", strlen (i < KEYS ? key : "END"));
                append (&out, value, strlen (value));
                send_on (snapshot, &out);
            }
    }
    zmq_close (snapshot);
    zmq_close (changes);
    zmq_close (updates);
}

typedef struct {
    int starts_after; /* milliseconds */
    int table[KEYS];
    long number, from_snapshot, dropped;
} node_t;

static void node (void *context, void *argument)
{
    node_t *self = argument;
    message_t in;
    rest (self->starts_after);
    void *changes = connected (context, ZMQ_SUB, CHANGES), *snapshot = connected (context, ZMQ_DEALER, SNAPSHOT);
    set_text (changes, ZMQ_SUBSCRIBE, "");
    EXPECT (readable (changes, 10000)); /* the subscription works: there are changes all the time */
    SEND (snapshot, "please");
    while (receive (snapshot, &in) && !is (&in, 1, "END"))
        self->table[atoi (text (&in, 1))] = atoi (text (&in, 2));
    self->number = self->from_snapshot = atol (text (&in, 0));
    while (self->number < UPDATES_SENT && receive (changes, &in)) {
        long number = atol (text (&in, 0));
        if (number <= self->from_snapshot) {
            self->dropped++;
            continue;
        }
        EXPECT (number == self->number + 1); /* no gap */
        self->number = number;
        self->table[atoi (text (&in, 1))] = atoi (text (&in, 2));
    }
    zmq_close (changes);
    zmq_close (snapshot);
}

int main (void)
{
    static node_t nodes[NODES] = {{.starts_after = 0}, {.starts_after = 150}, {.starts_after = 300}};
    int wanted[KEYS] = {0};
    void *context = zmq_ctx_new ();
    role_t *center = start (server, NULL), *running[NODES];
    for (int i = 0; i < NODES; i++)
        running[i] = start (node, &nodes[i]);
    void *updates = connected (context, ZMQ_PUSH, UPDATES);
    for (int i = 0; i < UPDATES_SENT; i++) {
        char key[16], value[16];
        wanted[i * 7 % KEYS] = i;
        snprintf (key, sizeof key, "%d", i * 7 % KEYS);
        snprintf (value, sizeof value, "%d", i);
        SEND (updates, key, value);
        rest (i < UPDATES_SENT - 100 ? 1 : 10); /* the last hundred slowly, for nodes that started late */
    }
    for (int i = 0; i < NODES; i++) {
        finish (running[i]);
        say ("node %d: snapshot at change %ld, %ld changes dropped, now at %ld", i, nodes[i].from_snapshot, nodes[i].dropped,
             nodes[i].number);
        EXPECT (nodes[i].number == UPDATES_SENT && memcmp (nodes[i].table, wanted, sizeof wanted) == 0);
    }
    stop (center);
    zmq_close (updates);
    EXPECT (zmq_ctx_term (context) == 0);
    say ("all %d tables are the same", NODES);
    return 0;
}
