/*
 * Binary Star: two servers of which exactly one is active.
 *
 * Each publishes its state to the other. One that sees the other active stays passive and ignores clients. The passive
 * one takes over only when two things come together: its peer is silent and a client asks; so a cut cable between the
 * two alone does not make both of them active. A client asks one server, and when that does not answer, the other.
 */
#include "story.h"

#define BEAT 100 /* milliseconds */
#define SILENT (7 * BEAT)
#define PATIENCE 400

typedef struct {
    const char *name, *front, *own_state, *peer_state;
    bool leads; /* becomes active when there is no active peer at the start */
} side_t;

static side_t primary = {"primary", "tcp://127.0.0.1:5611", "tcp://127.0.0.1:5613", "tcp://127.0.0.1:5614", true};
static side_t backup = {"backup", "tcp://127.0.0.1:5612", "tcp://127.0.0.1:5614", "tcp://127.0.0.1:5613", false};

static void server (void *context, void *argument)
{
    const side_t *self = argument;
    void *front = bound (context, ZMQ_ROUTER, self->front), *out = bound (context, ZMQ_PUB, self->own_state);
    void *in = connected (context, ZMQ_SUB, self->peer_state);
    set_text (in, ZMQ_SUBSCRIBE, "");
    zmq_pollitem_t items[] = {{in, 0, ZMQ_POLLIN, 0}, {front, 0, ZMQ_POLLIN, 0}};
    const char *state = "waiting"; /* waiting, active, passive */
    long beat = now (), heard = now ();

    for (;;) {
        long wait = beat - now ();
        if (zmq_poll (items, 2, wait > 0 ? wait : 0) == -1)
            break;
        const char *before = state;
        message_t message;
        if (items[0].revents && receive (in, &message)) {
            heard = now ();
            if (is (&message, 0, "active"))
                EXPECT (strcmp (state, "active") != 0); /* two of them would be wrong */
            if (is (&message, 0, "active"))
                state = "passive";
            else if (strcmp (state, "waiting") == 0 && self->leads)
                state = "active";
        }
        bool alone = now () - heard > SILENT;
        if (alone && strcmp (state, "waiting") == 0 && self->leads)
            state = "active";
        if (items[1].revents && receive (front, &message)) {
            if (alone && strcmp (state, "passive") == 0)
                state = "active";
            if (strcmp (state, "active") == 0) {
                append (&message, self->name, strlen (self->name));
                send_on (front, &message);
            }
        }
        if (state != before)
            say ("%s: now %s", self->name, state);
        if (now () >= beat) {
            SEND (out, state);
            beat = now () + BEAT;
        }
    }
    zmq_close (front);
    zmq_close (out);
    zmq_close (in);
}

/* Asks the server that answered last, and when it is silent the other, until one answers. */
static const char *ask (void *context)
{
    static const side_t *current = &primary;
    for (int try = 0;; try++) {
        EXPECT (try < 30);
        void *socket = connected (context, ZMQ_REQ, current->front);
        message_t answer;
        SEND (socket, "who is active?");
        bool answered = readable (socket, PATIENCE) && receive (socket, &answer);
        zmq_close (socket);
        if (answered) {
            EXPECT (is (&answer, 0, "who is active?") && is (&answer, 1, current->name));
            return current->name;
        }
        current = current == &primary ? &backup : &primary;
        say ("client: no answer, trying the %s", current->name);
    }
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *one = start (server, &primary), *two = start (server, &backup);
    rest (SILENT + 2 * BEAT);
    EXPECT (strcmp (ask (context), "primary") == 0);

    /* The backup does not answer while the primary lives. */
    void *socket = connected (context, ZMQ_REQ, backup.front);
    SEND (socket, "are you active?");
    EXPECT (!readable (socket, PATIENCE));
    zmq_close (socket);

    say ("the primary dies");
    stop (one);
    EXPECT (strcmp (ask (context), "backup") == 0);

    say ("the primary comes back");
    one = start (server, &primary);
    rest (2 * SILENT);
    EXPECT (strcmp (ask (context), "backup") == 0); /* it stays passive */

    say ("the backup dies");
    stop (two);
    EXPECT (strcmp (ask (context), "primary") == 0);

    stop (one);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
