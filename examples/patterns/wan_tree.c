/*
 * A tree of forwarders over several hops: each message crosses each line once, and only lines that lead to somebody
 * who wants it.
 *
 * The publisher feeds the head office; two regions connect there, two sites to each region, and subscribers to their
 * site. Every node is a forwarder (XSUB below, XPUB above): subscriptions climb, and are joined on the way, so that ten
 * subscribers behind one line cost it one subscription and one copy of each message. Each node counts what comes in.
 */
#include "story.h"

#define NODES 7 /* 0 the head office, 1 and 2 regions, 3 to 6 sites */
#define SUBSCRIBERS 12
#define MESSAGES 40 /* of each topic */

static volatile int arrived[NODES];

static const char *endpoint (int node)
{
    static __thread char name[64];
    snprintf (name, sizeof name, "tcp://127.0.0.1:%d", 5660 + node);
    return name;
}

#define SOURCE "tcp://127.0.0.1:5667"

static void forwarder (void *context, void *argument)
{
    int node = (int) ((volatile int *) argument - arrived);
    void *up = connected (context, ZMQ_XSUB, node ? endpoint ((node - 1) / 2) : SOURCE);
    void *down = bound (context, ZMQ_XPUB, endpoint (node));
    zmq_pollitem_t items[] = {{up, 0, ZMQ_POLLIN, 0}, {down, 0, ZMQ_POLLIN, 0}};
    while (zmq_poll (items, 2, -1) != -1) {
        message_t message;
        if (items[0].revents && receive (up, &message)) {
            arrived[node] += !is (&message, 1, "warming up");
            send_on (down, &message);
        }
        if (items[1].revents && receive (down, &message))
            send_on (up, &message);
    }
    zmq_close (up);
    zmq_close (down);
}

int main (void)
{
    void *context = zmq_ctx_new (), *source = bound (context, ZMQ_XPUB, SOURCE), *subscribers[SUBSCRIBERS];
    role_t *nodes[NODES];
    message_t message;
    for (int i = 0; i < NODES; i++)
        nodes[i] = start (forwarder, (void *) &arrived[i]);

    /* Three subscribers to a site. All want "price"; "fish" is wanted at the last site only. */
    for (int i = 0; i < SUBSCRIBERS; i++) {
        subscribers[i] = connected (context, ZMQ_SUB, endpoint (3 + i / 3));
        set_text (subscribers[i], ZMQ_SUBSCRIBE, "price");
    }
    set_text (subscribers[SUBSCRIBERS - 1], ZMQ_SUBSCRIBE, "fish");
    for (int i = 0; i < 2; i++)
        EXPECT (receive (source, &message)); /* one subscription of each kind reaches the source */

    /* The others may still be on their way: send until everybody has heard something. */
    for (int missing = SUBSCRIBERS; missing;) {
        SEND (source, "price", "warming up");
        rest (20);
        missing = 0;
        for (int i = 0; i < SUBSCRIBERS; i++)
            missing += !readable (subscribers[i], 0);
    }

    for (int i = 0; i < MESSAGES; i++) {
        char number[16];
        snprintf (number, sizeof number, "%d", i);
        SEND (source, "price", number);
        SEND (source, "fish", number);
        SEND (source, "bread", number);
    }
    for (int i = 0; i < SUBSCRIBERS; i++)
        for (int j = 0, fish = i == SUBSCRIBERS - 1; j < MESSAGES * (1 + fish); j++) {
            do
                EXPECT (readable (subscribers[i], 5000) && receive (subscribers[i], &message));
            while (is (&message, 1, "warming up"));
            EXPECT (is (&message, 0, fish && j % 2 ? "fish" : "price") && atoi (text (&message, 1)) == j / (1 + fish));
        }
    say ("%d subscribers have everything, in order, three hops from the source", SUBSCRIBERS);
    for (int i = 0; i < NODES; i++) {
        bool leads_to_fish = i == 0 || i == 2 || i == 6;
        say ("%s %d: %d messages came in", i == 0 ? "office" : i < 3 ? "region" : "site", i, arrived[i]);
        EXPECT (arrived[i] == MESSAGES * (leads_to_fish ? 2 : 1));
    }
    for (int i = 0; i < SUBSCRIBERS; i++)
        zmq_close (subscribers[i]);
    for (int i = NODES - 1; i >= 0; i--)
        stop (nodes[i]);
    zmq_close (source);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
