/*
 * Devices: three programs of two sockets each that join what cannot meet directly.
 *
 * queue:     ROUTER and DEALER, between clients and services
 * forwarder: XSUB and XPUB, between publishers and subscribers; subscriptions travel the other way
 * streamer:  PULL and PUSH, between those who make work and those who do it
 * zmq_proxy (or zmq_device, its old name, used for the last one) moves the messages until the context ends. Both sides
 * only know the device, so that either can grow or move.
 */
#include "story.h"

typedef struct {
    int front, back;
    const char *front_endpoint, *back_endpoint;
} device_t;

static device_t queue = {ZMQ_ROUTER, ZMQ_DEALER, "tcp://127.0.0.1:5644", "tcp://127.0.0.1:5645"};
static device_t forwarder = {ZMQ_XSUB, ZMQ_XPUB, "tcp://127.0.0.1:5646", "tcp://127.0.0.1:5647"};
static device_t streamer = {ZMQ_PULL, ZMQ_PUSH, "tcp://127.0.0.1:5648", "tcp://127.0.0.1:5649"};

static void device (void *context, void *argument)
{
    const device_t *self = argument;
    void *front = bound (context, self->front, self->front_endpoint), *back = bound (context, self->back, self->back_endpoint);
    if (self == &streamer)
        EXPECT (zmq_device (ZMQ_STREAMER, front, back) == -1 && ended ());
    else
        EXPECT (zmq_proxy (front, back, NULL) == -1 && ended ());
    zmq_close (front);
    zmq_close (back);
}

static void service (void *context, void *argument)
{
    void *socket = connected (context, ZMQ_REP, queue.back_endpoint);
    for (message_t request; receive (socket, &request);) {
        append (&request, argument, strlen (argument));
        send_on (socket, &request);
    }
    zmq_close (socket);
}

static void ask_through_the_queue (void *context)
{
    role_t *services[] = {start (service, "Ann"), start (service, "Ben")};
    void *socket = connected (context, ZMQ_REQ, queue.front_endpoint);
    int by_ann = 0, by_ben = 0;
    for (int i = 0; by_ann < 5 || by_ben < 5; i++) {
        message_t answer;
        EXPECT (i < 10000 && SEND (socket, "who?") && receive (socket, &answer) && is (&answer, 0, "who?"));
        by_ann += is (&answer, 1, "Ann");
        by_ben += is (&answer, 1, "Ben");
    }
    say ("queue: %d answers by Ann, %d by Ben", by_ann, by_ben);
    zmq_close (socket);
    stop (services[0]);
    stop (services[1]);
}

static void publish_through_the_forwarder (void *context)
{
    void *out = connected (context, ZMQ_XPUB, forwarder.front_endpoint);
    void *sport = connected (context, ZMQ_SUB, forwarder.back_endpoint);
    void *all = connected (context, ZMQ_SUB, forwarder.back_endpoint);
    message_t message;
    set_text (sport, ZMQ_SUBSCRIBE, "sport");
    EXPECT (receive (out, &message) && is (&message, 0, "\1sport")); /* through the forwarder and all the way up */
    set_text (all, ZMQ_SUBSCRIBE, "");
    EXPECT (receive (out, &message) && is (&message, 0, "\1"));
    SEND (out, "weather", "rain");
    SEND (out, "sport", "draw");
    EXPECT (receive (sport, &message) && is (&message, 0, "sport") && is (&message, 1, "draw"));
    EXPECT (receive (all, &message) && is (&message, 0, "weather"));
    EXPECT (receive (all, &message) && is (&message, 0, "sport"));
    say ("forwarder: each subscriber has what it subscribed to");
    zmq_close (out);
    zmq_close (sport);
    zmq_close (all);
}

static void work_through_the_streamer (void *context)
{
    void *out = connected (context, ZMQ_PUSH, streamer.front_endpoint), *in = connected (context, ZMQ_PULL, streamer.back_endpoint);
    for (int i = 0; i < 1000; i++) {
        char task[16];
        snprintf (task, sizeof task, "%d", i);
        SEND (out, task);
    }
    for (int i = 0; i < 1000; i++) {
        message_t task;
        EXPECT (receive (in, &task) && atoi (text (&task, 0)) == i);
    }
    say ("streamer: 1000 tasks, in order");
    zmq_close (out);
    zmq_close (in);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *devices[] = {start (device, &queue), start (device, &forwarder), start (device, &streamer)};
    ask_through_the_queue (context);
    publish_through_the_forwarder (context);
    work_through_the_streamer (context);
    for (int i = 0; i < 3; i++)
        stop (devices[i]);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
