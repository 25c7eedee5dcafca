/*
 * Publish/subscribe of one's own making: who gets what is decided by the publisher, with a password and a time limit.
 *
 * PUB sends to everybody who subscribes. Here a ROUTER keeps the list of subscribers itself: a subscriber (DEALER) asks
 * with  JOIN, password, topic  and is told OK or NO; it must ask again before its time is over or it is dropped. What
 * is published goes to each member by its routing id.
 */
#include "story.h"

#define ENDPOINT "tcp://127.0.0.1:5643"
#define LEASE 400 /* milliseconds */
#define MEMBERS 8

typedef struct {
    message_t id; /* one frame */
    char topic[32];
    long expires;
} member_t;

static void publisher (void *context, void *argument)
{
    (void) argument;
    void *socket = bound (context, ZMQ_ROUTER, ENDPOINT);
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    member_t members[MEMBERS];
    int count = 0;
    while (zmq_poll (&item, 1, 20) != -1) {
        message_t in, out;
        if (item.revents && receive (socket, &in) && is (&in, 1, "JOIN")) {
            out = in;
            out.count = 1;
            bool welcome = is (&in, 2, "open sesame");
            append (&out, welcome ? "OK" : "NO", 2);
            send_on (socket, &out);
            int at = 0;
            while (at < count && (members[at].id.frame[0].size != in.frame[0].size
                                  || memcmp (text (&members[at].id, 0), text (&in, 0), in.frame[0].size) != 0))
                at++;
            if (welcome && at < MEMBERS) {
                count = at == count ? count + 1 : count;
                members[at] = (member_t){.expires = now () + LEASE};
                append (&members[at].id, in.frame[0].data, in.frame[0].size);
                snprintf (members[at].topic, sizeof members[at].topic, "%.31s", text (&in, 3));
            }
        }
        for (int i = 0; i < count; i++)
            if (members[i].expires < now ()) {
                say ("publisher: a subscriber to '%s' has not renewed, dropped", members[i].topic);
                members[i--] = members[--count];
            } else if (!item.revents) {
                out = members[i].id;
                append (&out, members[i].topic, strlen (members[i].topic));
                append (&out, "news", 4);
                send_on (socket, &out);
            }
    }
    zmq_close (socket);
}

/* Joins; then how many news came within so many milliseconds, or -1 if it was not let in. */
static int listen_for (void *socket, const char *password, const char *topic, long time)
{
    int count = 0;
    SEND (socket, "JOIN", password, topic);
    for (long until = now () + time; now () < until;) {
        message_t in;
        if (!readable (socket, until - now ()) || !receive (socket, &in))
            break;
        if (is (&in, 0, "NO"))
            return -1;
        if (!is (&in, 0, "OK")) {
            EXPECT (is (&in, 0, topic) && is (&in, 1, "news"));
            count++;
        }
    }
    return count;
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *source = start (publisher, NULL);
    void *member = connected (context, ZMQ_DEALER, ENDPOINT), *intruder = connected (context, ZMQ_DEALER, ENDPOINT);

    EXPECT (listen_for (intruder, "let me in", "weather", 2000) == -1);
    say ("the intruder was told NO");
    int first = listen_for (member, "open sesame", "weather", 300);
    int second = listen_for (member, "open sesame", "weather", 300);
    say ("%d and %d news while renewing", first, second);
    EXPECT (first > 0 && second > 0);

    listen_for (member, "open sesame", "weather", LEASE + 600);
    EXPECT (!readable (member, 300)); /* expired */
    EXPECT (!readable (intruder, 0));

    zmq_close (member);
    zmq_close (intruder);
    stop (source);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
