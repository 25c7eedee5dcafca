/* What lies at odd addresses: messages as D's binding declares them, poll items and lengths in packed structures. libzmq does not
 * mind where the processor does not. Called by ctests/run. */
#include "common.h"

static int released;

static void release (void *data, void *hint)
{
    (void) hint;
    released++;
    free (data);
}

/* Places for messages, each of them off by another number of bytes. */
static char memory[8][80] __attribute__ ((aligned (16)));

static zmq_msg_t *message (int off)
{
    return (zmq_msg_t *) (memory[off] + off);
}

static void *send_later (void *socket)
{
    rest (50);
    NEED (zmq_send (socket, "one", 3, ZMQ_SNDMORE) == 3 && zmq_send (socket, memory, 300, 0) == 300);
    return NULL;
}

static void messages (void *context, const char *transport)
{
    line ("-- messages, %s", transport);
    void *to = new_socket (context, ZMQ_PULL), *from = new_socket (context, ZMQ_PUSH);
    join_pair (to, from, transport);
    for (int off = 1; off < 8; off++) {
        zmq_msg_t *out = message (off), *in = message (off % 7 + 1);
        static const size_t SIZES[] = {0, 5, 33, 500, 70000};
        NEED (zmq_msg_init (in) == 0);
        for (int i = 0; i < 5; i++) {
            SHOW (zmq_msg_init_size (out, SIZES[i]));
            char *body = zmq_msg_data (out);
            line ("in itself: %d", body > memory[off] && body < memory[off] + 80);
            memset (body, 'a' + off, SIZES[i]);
            SHOW (zmq_msg_send (out, from, i == 3 ? ZMQ_SNDMORE : 0));
            SHOW (zmq_msg_size (out));
            SHOW (zmq_msg_close (out));
        }
        for (int i = 0; i < 5; i++) {
            SHOW (zmq_msg_recv (in, to, 0));
            size_t size = zmq_msg_size (in);
            line ("%zu bytes, last '%c', more %d", size, size ? ((char *) zmq_msg_data (in))[size - 1] : ' ', zmq_msg_more (in));
        }
        SHOW (zmq_msg_close (in));
        SHOW (zmq_msg_close (in));
    }
    pthread_t thread;
    NEED (pthread_create (&thread, NULL, send_later, from) == 0 && zmq_msg_init (message (3)) == 0);
    SHOW (zmq_msg_recv (message (3), to, 0));
    SHOW (zmq_msg_more (message (3)));
    SHOW (zmq_msg_recv (message (3), to, 0));
    SHOW (zmq_msg_close (message (3)));
    pthread_join (thread, NULL);
    end_socket (from);
    end_socket (to);
}

static void copies (void)
{
    line ("-- copies");
    zmq_msg_t *one = message (1), *two = message (6);
    char *data = strdup ("the application's");
    SHOW (zmq_msg_init_data (one, data, 17, release, NULL));
    NEED (zmq_msg_init_size (two, 100) == 0);
    SHOW (zmq_msg_copy (two, one));
    line ("the same memory: %d", zmq_msg_data (one) == data && zmq_msg_data (two) == data);
    SHOW (zmq_msg_get (one, ZMQ_SHARED));
    SHOW (zmq_msg_move (one, two));
    SHOW (zmq_msg_size (two));
    SHOW_POINTER (zmq_msg_gets (one, "Peer-Address"));
    line ("released %d", released);
    SHOW (zmq_msg_close (one));
    line ("released %d", released);
    SHOW (zmq_msg_close (two));
}

static void others (void *context)
{
    line ("-- poll items and lengths");
    static char space[64] __attribute__ ((aligned (16)));
    zmq_pollitem_t *items = (zmq_pollitem_t *) (space + 1), found[2];
    size_t *length = (size_t *) (space + 43), size = sizeof (int);
    int type;
    void *to = new_socket (context, ZMQ_PULL), *from = new_socket (context, ZMQ_PUSH);
    join_pair (to, from, "inproc");
    memcpy (length, &size, sizeof size);
    SHOW (zmq_getsockopt (to, ZMQ_TYPE, space + 53, length));
    memcpy (&size, length, sizeof size);
    memcpy (&type, space + 53, sizeof type);
    line ("type %d, %zu bytes", type, size);
    memcpy (items, (zmq_pollitem_t[2]){{to, 0, ZMQ_POLLIN, 7}, {from, 0, ZMQ_POLLOUT, 7}}, 2 * sizeof *items);
    for (int timeout = 0; timeout < 30; timeout += 10) {
        SHOW (zmq_poll (items, 2, timeout));
        memcpy (found, items, sizeof found);
        line ("events %d %d", found[0].revents, found[1].revents);
    }
    SHOW (zmq_poll (items, 1, 20));
    memcpy (found, items, sizeof *found);
    line ("events %d", found[0].revents);
    pthread_t thread;
    NEED (pthread_create (&thread, NULL, send_later, from) == 0);
    SHOW (zmq_poll (items, 1, -1));
    memcpy (found, items, sizeof *found);
    line ("events %d", found[0].revents);
    pthread_join (thread, NULL);
    end_socket (from);
    end_socket (to);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        messages (context, TRANSPORTS[i]);
    copies ();
    others (context);
    end_context (context);
    return 0;
}
