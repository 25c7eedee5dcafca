/*
 * A name service: programs ask where a name lives instead of having endpoints written into them.
 *
 * Services register  name, endpoint  with a lease that they renew; who asks for a name gets an endpoint, or nothing
 * when nobody has renewed it. Changes are published as well, so that a client hears when its service has moved.
 */
#include "story.h"

#define ASK "tcp://127.0.0.1:5681"
#define NEWS "tcp://127.0.0.1:5682"
#define LEASE 500 /* milliseconds */
#define NAMES 8

static void name_server (void *context, void *argument)
{
    (void) argument;
    struct {
        char name[32], endpoint[64];
        long expires;
    } entry[NAMES] = {0};
    void *front = bound (context, ZMQ_REP, ASK), *news = bound (context, ZMQ_PUB, NEWS);
    zmq_pollitem_t item = {front, 0, ZMQ_POLLIN, 0};
    while (zmq_poll (&item, 1, 50) != -1) {
        for (int i = 0; i < NAMES; i++)
            if (entry[i].expires && entry[i].expires < now ()) {
                SEND (news, entry[i].name, "");
                entry[i].expires = 0;
            }
        message_t in;
        if (!item.revents || !receive (front, &in))
            continue;
        int at = -1;
        for (int i = NAMES - 1; i >= 0; i--)
            if ((entry[i].expires && is (&in, 1, entry[i].name)) || (at == -1 && !entry[i].expires))
                at = i;
        for (int i = 0; i < NAMES; i++) /* its own entry rather than a free one */
            at = entry[i].expires && is (&in, 1, entry[i].name) ? i : at;
        bool there = at != -1 && entry[at].expires;
        if (is (&in, 0, "REGISTER") && at != -1) {
            bool changed = !there || !is (&in, 2, entry[at].endpoint);
            snprintf (entry[at].name, sizeof entry[at].name, "%.31s", text (&in, 1));
            snprintf (entry[at].endpoint, sizeof entry[at].endpoint, "%.63s", text (&in, 2));
            entry[at].expires = now () + LEASE;
            if (changed)
                SEND (news, entry[at].name, entry[at].endpoint);
            SEND (front, "OK");
        } else
            SEND (front, there ? entry[at].endpoint : "");
    }
    zmq_close (front);
    zmq_close (news);
}

/* A service that answers with its endpoint; it takes any free port and renews its registration. */
static void service (void *context, void *argument)
{
    void *socket = bound (context, ZMQ_REP, "tcp://127.0.0.1:*"), *names = connected (context, ZMQ_REQ, ASK);
    char endpoint[64] = "";
    size_t size = sizeof endpoint;
    zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size);
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    message_t in;
    do {
        SEND (names, "REGISTER", argument, endpoint);
        receive (names, &in);
        for (long next = now () + LEASE / 3; now () < next && zmq_poll (&item, 1, 20) != -1;)
            if (item.revents && receive (socket, &in))
                SEND (socket, endpoint);
    } while (zmq_poll (&item, 1, 0) != -1);
    zmq_close (socket);
    zmq_close (names);
}

static void look_up (void *names, const char *name, message_t *answer)
{
    EXPECT (SEND (names, "LOOKUP", name) && receive (names, answer));
}

/* The next news of the printer. */
static bool hear (void *news, message_t *heard)
{
    while (readable (news, 10000) && receive (news, heard))
        if (is (heard, 0, "printer"))
            return true;
    return false;
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *server = start (name_server, NULL);
    void *names = connected (context, ZMQ_REQ, ASK), *news = connected (context, ZMQ_SUB, NEWS);
    message_t where, heard;
    set_text (news, ZMQ_SUBSCRIBE, "printer");
    look_up (names, "printer", &where);
    EXPECT (is (&where, 0, ""));

    /* A subscription takes a moment to arrive: make news until some are heard. */
    set_text (news, ZMQ_SUBSCRIBE, "probe");
    for (int i = 0; !readable (news, 20); i++) {
        char endpoint[32];
        snprintf (endpoint, sizeof endpoint, "nowhere %d", i);
        EXPECT (i < 500 && SEND (names, "REGISTER", "probe", endpoint) && receive (names, &heard));
    }

    role_t *printer = start (service, "printer");
    EXPECT (hear (news, &heard));
    look_up (names, "printer", &where);
    EXPECT (is (&where, 0, text (&heard, 1)));
    say ("the printer is at %s", text (&where, 0));
    void *client = connected (context, ZMQ_REQ, text (&where, 0));
    EXPECT (SEND (client, "hello") && receive (client, &heard) && is (&heard, 0, text (&where, 0)));
    zmq_close (client);
    rest (2 * LEASE);
    look_up (names, "printer", &heard);
    EXPECT (is (&heard, 0, text (&where, 0))); /* renewed several times by now */

    stop (printer);
    EXPECT (hear (news, &heard) && is (&heard, 1, ""));
    look_up (names, "printer", &heard);
    EXPECT (is (&heard, 0, ""));
    say ("the printer is gone: its lease was not renewed");

    printer = start (service, "printer");
    EXPECT (hear (news, &heard));
    say ("the printer is back, at %s", text (&heard, 1));

    stop (printer);
    stop (server);
    zmq_close (names);
    zmq_close (news);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
