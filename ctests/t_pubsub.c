/* PUB and SUB: prefixes, several subscriptions, unsubscribing, parts, no subscribers. Called by ctests/run. */
#include "common.h"

static void subscribe (void *socket, const char *topic)
{
    NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, topic, strlen (topic)) == 0);
}

static void over (void *context, const char *transport, int publisher_binds)
{
    line ("-- %s, %s binds", transport, publisher_binds ? "PUB" : "SUB");
    void *pub = new_socket (context, ZMQ_PUB), *sub = new_socket (context, ZMQ_SUB);
    subscribe (sub, "a");
    subscribe (sub, "bcd");
    if (publisher_binds)
        join_pair (pub, sub, transport);
    else
        join_pair (sub, pub, transport);
    settle ();
    static const char *const topics[] = {"a", "apple", "b", "bc", "bcd", "bcde", "c", "", "A"};
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        send_parts (pub, topics[i], NULL);
    send_parts (pub, "a", "b", "part", NULL);
    send_parts (pub, "x", "a", NULL);
    take_all ("sub", sub);

    line ("unsubscribed from a, subscribed to everything below x");
    NEED (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "a", 1) == 0);
    subscribe (sub, "x");
    settle ();
    send_parts (pub, "apple", NULL);
    send_parts (pub, "bcd", NULL);
    send_parts (pub, "xyz", NULL);
    take_all ("sub", sub);

    line ("twice subscribed, once unsubscribed");
    subscribe (sub, "t");
    subscribe (sub, "t");
    NEED (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "t", 1) == 0);
    settle ();
    send_parts (pub, "topic", NULL);
    take_all ("sub", sub);
    NEED (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "t", 1) == 0);
    SHOW (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "t", 1));
    SHOW (zmq_setsockopt (sub, ZMQ_UNSUBSCRIBE, "never", 5));
    settle ();
    send_parts (pub, "topic", NULL);
    take_all ("sub", sub);

    line ("everything");
    subscribe (sub, "");
    settle ();
    send_parts (pub, "", NULL);
    send_parts (pub, "anything", NULL);
    take_all ("sub", sub);
    end_socket (sub);
    settle ();
    SHOW (zmq_send (pub, "to nobody", 9, 0));
    end_socket (pub);
}

static void several (void *context, const char *transport)
{
    char endpoint[256], name[16];
    line ("-- several over %s", transport);
    void *pub = new_socket (context, ZMQ_PUB), *other = new_socket (context, ZMQ_PUB), *subs[4];
    static const char *const topics[] = {"one", "two", "", "none"};
    bind_any (pub, transport, endpoint);
    for (int i = 0; i < 4; i++) {
        subs[i] = new_socket (context, ZMQ_SUB);
        subscribe (subs[i], topics[i]);
        NEED (zmq_connect (subs[i], endpoint) == 0);
    }
    settle ();
    send_parts (pub, "one", "1", NULL);
    send_parts (pub, "two", "2", NULL);
    send_parts (pub, "three", "3", NULL);
    for (int i = 0; i < 4; i++) {
        snprintf (name, sizeof name, "sub %d", i);
        line ("%s got %d", name, take_all (name, subs[i]));
    }
    line ("one SUB, two PUB");
    bind_any (other, "tcp", endpoint);
    NEED (zmq_connect (subs[0], endpoint) == 0);
    settle ();
    send_parts (other, "one", "from the other", NULL);
    take ("sub 0", subs[0], 0);
    send_parts (pub, "one", "from the first", NULL);
    take ("sub 0", subs[0], 0);
    for (int i = 0; i < 4; i++)
        end_socket (subs[i]);
    end_socket (other);
    end_socket (pub);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++) {
        over (context, TRANSPORTS[i], 1);
        over (context, TRANSPORTS[i], 0);
        several (context, TRANSPORTS[i]);
    }
    end_context (context);
    return 0;
}
