/*
 * Peering: brokers that help each other out.
 *
 * Each broker has clients and workers of its own and tells its peers by PUB how many of its workers are free. A request
 * goes to an own worker if one is free, else to a peer that has said it has free ones: ROUTER to ROUTER, each with its
 * name as routing id. A request that came from a peer stays there, so that none goes in circles.
 * Here all clients are at "north", which has a single worker; "east" and "south" have three each and nothing to do.
 */
#include "story.h"

#define BROKERS 3
#define CLIENTS 6
#define REQUESTS 6
static const char *const NAME[BROKERS] = {"north", "east", "south"};
static const int WORKERS[BROKERS] = {1, 3, 3};
static volatile int served[BROKERS];

static const char *endpoint (int broker, int what) /* 0 clients, 1 workers, 2 state, 3 cloud */
{
    static __thread char name[64];
    snprintf (name, sizeof name, "tcp://127.0.0.1:%d", 5630 + broker * 4 + what);
    return name;
}

static void worker (void *context, void *argument)
{
    int number = (int) ((const char *const *) argument - NAME);
    void *socket = connected (context, ZMQ_REQ, endpoint (number, 1));
    SEND (socket, "READY");
    for (message_t request; receive (socket, &request);) {
        rest (20);
        __atomic_fetch_add (&served[number], 1, __ATOMIC_RELAXED);
        append (&request, NAME[number], strlen (NAME[number]));
        send_on (socket, &request);
    }
    zmq_close (socket);
}

static void client (void *context, void *argument)
{
    (void) argument;
    void *socket = connected (context, ZMQ_REQ, endpoint (0, 0));
    for (int i = 0; i < REQUESTS; i++) {
        message_t answer;
        SEND (socket, "task");
        EXPECT (receive (socket, &answer) && answer.count == 2 && is (&answer, 0, "task"));
    }
    zmq_close (socket);
}

static message_t in_front (const message_t *message, const void *data, size_t size)
{
    message_t out = {0};
    append (&out, data, size);
    for (int i = 0; i < message->count; i++)
        append (&out, message->frame[i].data, message->frame[i].size);
    return out;
}

static void broker (void *context, void *argument)
{
    int self = (int) ((const char *const *) argument - NAME), peer_free[BROKERS] = {0};
    void *front = bound (context, ZMQ_ROUTER, endpoint (self, 0)), *back = bound (context, ZMQ_ROUTER, endpoint (self, 1));
    void *state_out = bound (context, ZMQ_PUB, endpoint (self, 2)), *state_in = new_socket (context, ZMQ_SUB);
    void *cloud_in = new_socket (context, ZMQ_ROUTER), *cloud_out = new_socket (context, ZMQ_ROUTER);
    set_text (cloud_in, ZMQ_ROUTING_ID, NAME[self]);
    set_text (cloud_out, ZMQ_ROUTING_ID, NAME[self]);
    bind_to (cloud_in, endpoint (self, 3));
    set_text (state_in, ZMQ_SUBSCRIBE, "");
    for (int i = 0; i < BROKERS; i++)
        if (i != self) {
            connect_to (state_in, endpoint (i, 2));
            connect_to (cloud_out, endpoint (i, 3));
        }
    message_t free_workers = {0};
    long next_state = now ();

    for (;;) {
        int peer = 0; /* the one with most free workers */
        for (int i = 0; i < BROKERS; i++)
            peer = peer_free[i] > peer_free[peer] ? i : peer;
        bool peers_free = peer_free[peer] > 0;
        zmq_pollitem_t items[] = {{back, 0, ZMQ_POLLIN, 0}, {state_in, 0, ZMQ_POLLIN, 0}, {cloud_out, 0, ZMQ_POLLIN, 0},
                                  {cloud_in, 0, free_workers.count ? ZMQ_POLLIN : 0, 0},
                                  {front, 0, free_workers.count || peers_free ? ZMQ_POLLIN : 0, 0}};
        if (zmq_poll (items, 5, 50) == -1)
            break;
        message_t in, out;
        int free_before = free_workers.count;
        if (items[1].revents && receive (state_in, &in))
            for (int i = 0; i < BROKERS; i++)
                peer_free[i] = i != self && is (&in, 0, NAME[i]) ? atoi (text (&in, 1)) : peer_free[i];
        if (items[0].revents && receive (back, &in)) { /* worker, empty, READY  or  worker, empty, from, ... */
            append (&free_workers, in.frame[0].data, in.frame[0].size);
            if (!is (&in, 2, "READY")) {
                out = from (&in, 3);
                send_on (is (&in, 2, "home") ? front : cloud_in, &out);
            }
        }
        if (items[2].revents && receive (cloud_out, &in)) { /* peer, client, empty, text, by whom */
            out = from (&in, 1);
            send_on (front, &out);
        }
        for (int i = 3; i < 5; i++) { /* requests: of peers first, then of own clients */
            if (!items[i].revents || (i == 3 && !free_workers.count) || (i == 4 && !free_workers.count && !peers_free))
                continue;
            if (!receive (items[i].socket, &in))
                break;
            if (free_workers.count) {
                out = in_front (&in, i == 4 ? "home" : "peer", 4);
                out = in_front (&out, "", 0);
                out = in_front (&out, free_workers.frame[0].data, free_workers.frame[0].size);
                free_workers = from (&free_workers, 1);
                send_on (back, &out);
            } else {
                out = in_front (&in, NAME[peer], strlen (NAME[peer]));
                send_on (cloud_out, &out);
                peer_free[peer]--;
            }
        }
        if (free_workers.count != free_before || now () >= next_state) {
            char count[8];
            snprintf (count, sizeof count, "%d", free_workers.count);
            SEND (state_out, NAME[self], count);
            next_state = now () + 100;
        }
    }
    void *all[] = {front, back, state_out, state_in, cloud_in, cloud_out};
    for (int i = 0; i < 6; i++)
        zmq_close (all[i]);
}

int main (void)
{
    role_t *brokers[BROKERS], *workers[8], *clients[CLIENTS];
    int count = 0;
    for (int i = 0; i < BROKERS; i++) {
        brokers[i] = start (broker, (void *) &NAME[i]);
        for (int j = 0; j < WORKERS[i]; j++)
            workers[count++] = start (worker, (void *) &NAME[i]);
    }
    rest (300);
    long start_time = now ();
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start (client, NULL);
    for (int i = 0; i < CLIENTS; i++)
        finish (clients[i]);
    say ("%d tasks in %ld ms: %d done by %s, %d by %s, %d by %s", CLIENTS * REQUESTS, now () - start_time,
         served[0], NAME[0], served[1], NAME[1], served[2], NAME[2]);
    EXPECT (served[0] + served[1] + served[2] == CLIENTS * REQUESTS);
    EXPECT (served[0] > 0 && served[1] > 0 && served[2] > 0);
    for (int i = 0; i < count; i++)
        stop (workers[i]);
    for (int i = 0; i < BROKERS; i++)
        stop (brokers[i]);
    return 0;
}
