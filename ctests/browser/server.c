/*
 * What the page of this folder talks to: a ROUTER and a SUB on ws. Prints where they are bound, then what it hears; compiled
 * and started by ctests/browser/run.
 */
#include "../common.h"

static void bind_and_tell (void *socket)
{
    char endpoint[256];
    size_t size = sizeof endpoint;
    NEED (zmq_bind (socket, "ws://127.0.0.1:*/") == 0);
    NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    line ("endpoint %s", endpoint);
}

/* Sends a message of any number of parts back; 1 if it was the result, which is printed. */
static int answer (void *router)
{
    char head[16] = "";
    int more = 1, is_result = 0;
    for (int i = 0; more; i++) {
        zmq_msg_t part;
        NEED (zmq_msg_init (&part) == 0);
        NEED (zmq_msg_recv (&part, router, 0) != -1);
        const size_t size = zmq_msg_size (&part);
        more = zmq_msg_more (&part);
        if (i == 0)
            line ("from '%.*s'", (int) size, (const char *) zmq_msg_data (&part));
        if (i == 1 && size < sizeof head)
            memcpy (head, zmq_msg_data (&part), size);
        if (i == 2 && strcmp (head, "result") == 0) {
            line ("result: %.*s", (int) size, (const char *) zmq_msg_data (&part));
            is_result = 1;
        } else if (i == 2) {
            line ("%s of %zu bytes", head, size);
        }
        NEED (zmq_msg_send (&part, router, more ? ZMQ_SNDMORE : 0) != -1);
    }
    return is_result;
}

int main (void)
{
    void *context = new_context ();
    void *router = new_socket (context, ZMQ_ROUTER), *sub = new_socket (context, ZMQ_SUB);
    NEED (zmq_setsockopt (sub, ZMQ_SUBSCRIBE, "weather", 7) == 0);
    bind_and_tell (router);
    bind_and_tell (sub);
    zmq_pollitem_t items[] = {{router, 0, ZMQ_POLLIN, 0}, {sub, 0, ZMQ_POLLIN, 0}};
    int done = 0, reports = 0;
    while (!done || reports < 100) {
        NEED (zmq_poll (items, 2, 20000) > 0);
        if (items[0].revents)
            done = answer (router);
        if (items[1].revents) {
            char topic[16], report[32], wanted[32];
            const int topic_size = zmq_recv (sub, topic, sizeof topic, 0), size = zmq_recv (sub, report, sizeof report - 1, 0);
            NEED (topic_size == 7 && memcmp (topic, "weather", 7) == 0 && size > 0);
            report[size] = 0;
            snprintf (wanted, sizeof wanted, "report %d", reports++);
            NEED (strcmp (report, wanted) == 0);
        }
    }
    line ("%d reports", reports);
    end_socket (sub);
    end_socket (router);
    end_context (context);
    return 0;
}
