/*
 * Last-value cache: who subscribes late gets the newest value at once.
 *
 * A proxy between publisher and subscribers remembers the last message of each topic. An XPUB socket delivers
 * subscriptions as messages (one byte 1 or 0, then the topic), and with ZMQ_XPUB_VERBOSE repeated ones, too; the cache
 * answers each new subscription with what it has. The publisher here has spoken once and is silent ever after.
 */
#include "story.h"

#define IN "tcp://127.0.0.1:5641"
#define OUT "tcp://127.0.0.1:5642"
#define TOPICS 4

static void cache (void *context, void *argument)
{
    (void) argument;
    void *in = new_socket (context, ZMQ_SUB), *out = new_socket (context, ZMQ_XPUB);
    set_text (in, ZMQ_SUBSCRIBE, "");
    set_int (out, ZMQ_XPUB_VERBOSE, 1);
    bind_to (in, IN);
    bind_to (out, OUT);
    zmq_pollitem_t items[] = {{in, 0, ZMQ_POLLIN, 0}, {out, 0, ZMQ_POLLIN, 0}};
    message_t last[TOPICS], message;
    int known = 0;
    while (zmq_poll (items, 2, -1) != -1) {
        if (items[0].revents && receive (in, &message)) { /* topic, value */
            int at = 0;
            while (at < known && strcmp (text (&last[at], 0), text (&message, 0)) != 0)
                at++;
            EXPECT (at < TOPICS);
            last[at] = message;
            known = at == known ? known + 1 : known;
            send_on (out, &message);
        }
        if (items[1].revents && receive (out, &message) && message.frame[0].data[0] == 1)
            for (int i = 0; i < known; i++)
                if (strcmp (text (&last[i], 0), text (&message, 0) + 1) == 0)
                    send_on (out, &last[i]);
    }
    zmq_close (in);
    zmq_close (out);
}

static void expect_value (void *context, const char *topic, const char *value)
{
    void *socket = connected (context, ZMQ_SUB, OUT);
    message_t message;
    set_text (socket, ZMQ_SUBSCRIBE, topic);
    EXPECT (readable (socket, 5000) && receive (socket, &message));
    EXPECT (is (&message, 0, topic) && is (&message, 1, value));
    say ("a late subscriber to '%s' has '%s'", topic, value);
    zmq_close (socket);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    void *publisher = connected (context, ZMQ_XPUB, IN);
    role_t *middle = start (cache, NULL);
    message_t subscription;
    EXPECT (receive (publisher, &subscription)); /* the cache is there: nothing that follows is lost */
    SEND (publisher, "temperature", "21.5");
    SEND (publisher, "pressure", "1013");
    SEND (publisher, "temperature", "22.0");

    rest (100);
    expect_value (context, "temperature", "22.0");
    expect_value (context, "pressure", "1013");
    expect_value (context, "temperature", "22.0"); /* once more: the topic is known to the cache by now */

    stop (middle);
    zmq_close (publisher);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
