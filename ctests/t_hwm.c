/* High water marks: how many messages fit over inproc, what happens then, by pattern and option. Called by ctests/run. */
#include "common.h"

/* libzmq hears of new room only now and then while sending; reading EVENTS makes it listen. */
static void catch_up (void *socket)
{
    rest_using (socket, 20);
}

static int send_until_full (void *socket, int limit)
{
    int count = 0;
    while (count < limit && zmq_send (socket, "m", 1, ZMQ_DONTWAIT) == 1)
        count++;
    return count;
}

static int receive_all (void *socket)
{
    char buffer[8];
    int count = 0;
    while (zmq_recv (socket, buffer, sizeof buffer, ZMQ_DONTWAIT) != -1)
        count++;
    return count;
}

static void pipeline (void *context, int sndhwm, int rcvhwm, int connect_first)
{
    char endpoint[32];
    static int serial;
    snprintf (endpoint, sizeof endpoint, "inproc://hwm-%d", serial++);
    void *push = new_socket (context, ZMQ_PUSH), *pull = new_socket (context, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, sndhwm);
    set_int (pull, ZMQ_RCVHWM, rcvhwm);
    if (connect_first) {
        NEED (zmq_connect (push, endpoint) == 0);
        int before = send_until_full (push, 5000);
        NEED (zmq_bind (pull, endpoint) == 0);
        catch_up (push);
        int after = send_until_full (push, 5000);
        line ("sndhwm %d rcvhwm %d, connected first: %d before bind, %d after, %d came", sndhwm, rcvhwm, before, after, receive_all (pull));
    } else {
        NEED (zmq_bind (pull, endpoint) == 0);
        NEED (zmq_connect (push, endpoint) == 0);
        int sent = send_until_full (push, 5000);
        int code = sent < 5000 ? zmq_errno () : 0;
        line ("sndhwm %d rcvhwm %d: %d fit, then %s; %d came", sndhwm, rcvhwm, sent, errno_name (code), receive_all (pull));
        catch_up (push);
        line ("room again: %d", send_until_full (push, 5000));
    }
    end_socket (push);
    end_socket (pull);
}

static void subscribers (void *context, int hwm, int nodrop)
{
    line ("-- XPUB at hwm %d, nodrop %d", hwm, nodrop);
    void *pub = new_socket (context, ZMQ_XPUB), *sub = new_socket (context, ZMQ_SUB);
    set_int (pub, ZMQ_SNDHWM, hwm);
    set_int (sub, ZMQ_RCVHWM, hwm);
    set_int (pub, ZMQ_XPUB_NODROP, nodrop);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "", 0) == 0);
    join_pair (pub, sub, "inproc");
    take ("xpub", pub, 0);
    line ("%d sent", send_until_full (pub, 100));
    line ("%d came", receive_all (sub));
    catch_up (pub);
    line ("%d sent", send_until_full (pub, 100));
    line ("%d came", receive_all (sub));
    end_socket (pub);
    end_socket (sub);
}

static void parts (void *context)
{
    line ("-- a message in parts goes whole or not at all");
    void *push = new_socket (context, ZMQ_PUSH), *pull = new_socket (context, ZMQ_PULL);
    set_int (push, ZMQ_SNDHWM, 2);
    set_int (pull, ZMQ_RCVHWM, 2);
    join_pair (pull, push, "inproc");
    int sent = 0;
    while (sent < 100 && zmq_send (push, "a", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE) == 1) {
        NEED (zmq_send (push, "b", 1, ZMQ_DONTWAIT | ZMQ_SNDMORE) == 1);
        NEED (zmq_send (push, "c", 1, ZMQ_DONTWAIT) == 1);
        sent++;
    }
    line ("%d sent", sent);
    line ("%d came", take_all ("pull", pull));
    end_socket (push);
    end_socket (pull);
}

static void router (void *context)
{
    line ("-- ROUTER drops, or refuses when mandatory");
    char endpoint[256];
    void *router = new_socket (context, ZMQ_ROUTER), *dealer = new_socket (context, ZMQ_DEALER);
    set_int (router, ZMQ_SNDHWM, 2);
    set_int (dealer, ZMQ_RCVHWM, 2);
    set_int (router, ZMQ_SNDTIMEO, 0);
    bind_any (router, "inproc", endpoint);
    NEED (zmq_setsockopt (dealer, ZMQ_ROUTING_ID, "D", 1) == 0);
    NEED (zmq_connect (dealer, endpoint) == 0);
    send_parts (dealer, "hello", NULL);
    take ("router", router, 0);
    for (int i = 0; i < 8; i++)
        send_parts (router, "D", "x", NULL);
    line ("%d came", take_all ("dealer", dealer));
    set_int (router, ZMQ_ROUTER_MANDATORY, 1);
    catch_up (router);
    for (int i = 0; i < 6; i++)
        send_parts (router, "D", "y", NULL);
    line ("%d came", take_all ("dealer", dealer));
    catch_up (router);
    send_parts (router, "D", "z", NULL);
    take ("dealer", dealer, 0);
    end_socket (router);
    end_socket (dealer);
}

static void conflate (void *context, const char *transport)
{
    line ("-- conflate over %s", transport);
    char text[8];
    void *push = new_socket (context, ZMQ_PUSH), *pull = new_socket (context, ZMQ_PULL);
    set_int (pull, ZMQ_CONFLATE, 1);
    set_int (push, ZMQ_CONFLATE, 1);
    join_pair (pull, push, transport);
    settle ();
    for (int i = 0; i < 20; i++) {
        snprintf (text, sizeof text, "%d", i);
        send_parts (push, text, NULL);
    }
    settle ();
    take_all ("pull", pull);
    end_socket (push);
    end_socket (pull);
}

int main (void)
{
    void *context = new_context ();
    static const int marks[][2] = {{1, 1}, {1, 2}, {2, 2}, {5, 10}, {10, 5}, {1000, 1000}, {0, 0}, {0, 5}, {5, 0}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        pipeline (context, marks[i][0], marks[i][1], 0);
        pipeline (context, marks[i][0], marks[i][1], 1);
    }
    subscribers (context, 5, 0);
    subscribers (context, 5, 1);
    parts (context);
    router (context);
    conflate (context, "tcp");
    conflate (context, "inproc");
    end_context (context);
    return 0;
}
