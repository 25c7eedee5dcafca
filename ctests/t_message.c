/* zmq_msg_*: making, reading, copying, moving and closing messages of every storage class. Called by ctests/run. */
#include "common.h"

static int released;

static void release (void *data, void *hint)
{
    released++;
    line ("released: %s, hint %s", (char *) data, (char *) hint);
    free (data);
}

static void made_with_size (size_t size)
{
    zmq_msg_t message;
    line ("-- init_size %zu", size);
    SHOW (zmq_msg_init_size (&message, size));
    SHOW (zmq_msg_size (&message));
    SHOW (zmq_msg_more (&message));
    unsigned char *data = zmq_msg_data (&message);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char) (i * 7);

    zmq_msg_t copy;
    NEED (zmq_msg_init (&copy) == 0);
    SHOW (zmq_msg_copy (&copy, &message));
    SHOW (zmq_msg_size (&message));
    SHOW (zmq_msg_size (&copy));
    line ("same bytes: %d", memcmp (zmq_msg_data (&copy), data, size) == 0);

    zmq_msg_t other;
    NEED (zmq_msg_init_size (&other, 3) == 0);
    SHOW (zmq_msg_move (&other, &copy));
    SHOW (zmq_msg_size (&copy));
    SHOW (zmq_msg_size (&other));
    SHOW (zmq_msg_close (&message));
    line ("still the same bytes: %d", size == 0 || ((unsigned char *) zmq_msg_data (&other))[size - 1] == (unsigned char) ((size - 1) * 7));
    SHOW (zmq_msg_close (&copy));
    SHOW (zmq_msg_close (&other));
}

static void with_a_release_function (void)
{
    line ("-- init_data");
    char *data = strdup ("borrowed"), *hint = "a hint";
    zmq_msg_t message, copy, moved;
    SHOW (zmq_msg_init_data (&message, data, 8, release, hint));
    line ("the same memory: %d", zmq_msg_data (&message) == data);
    NEED (zmq_msg_init (&copy) == 0 && zmq_msg_init (&moved) == 0);
    SHOW (zmq_msg_copy (&copy, &message));
    line ("the copy shares it: %d", zmq_msg_data (&copy) == data);
    SHOW (zmq_msg_get (&message, ZMQ_SHARED));
    SHOW (zmq_msg_close (&message));
    line ("released %d", released);
    SHOW (zmq_msg_move (&moved, &copy));
    SHOW (zmq_msg_close (&copy));
    line ("released %d", released);
    SHOW (zmq_msg_close (&moved));
    line ("released %d", released);

    static char constant[] = "constant";
    SHOW (zmq_msg_init_data (&message, constant, 8, NULL, NULL));
    line ("the same memory: %d", zmq_msg_data (&message) == constant);
    SHOW (zmq_msg_get (&message, ZMQ_SHARED));
    SHOW (zmq_msg_close (&message));

    line ("-- overwritten by a copy");
    released = 0;
    NEED (zmq_msg_init_data (&message, strdup ("first"), 5, release, "one") == 0);
    NEED (zmq_msg_init_data (&copy, strdup ("second"), 6, release, "two") == 0);
    SHOW (zmq_msg_copy (&message, &copy));
    line ("released %d", released);
    SHOW (zmq_msg_move (&message, &copy));
    line ("released %d", released);
    SHOW (zmq_msg_close (&message));
    SHOW (zmq_msg_close (&copy));
    line ("released %d", released);
}

static void properties (void)
{
    line ("-- properties");
    zmq_msg_t message;
    NEED (zmq_msg_init_size (&message, 4) == 0);
    SHOW (zmq_msg_get (&message, ZMQ_MORE));
    SHOW (zmq_msg_get (&message, ZMQ_SHARED));
    SHOW (zmq_msg_get (&message, -1));
    SHOW (zmq_msg_get (&message, 77));
    SHOW (zmq_msg_set (&message, ZMQ_MORE, 1));
    SHOW (zmq_msg_set (&message, 77, 0));
    SHOW_POINTER (zmq_msg_gets (&message, "Peer-Address"));
    SHOW_POINTER (zmq_msg_gets (&message, ""));
    NEED (zmq_msg_close (&message) == 0);
}

static void closed_twice (void)
{
    line ("-- closed messages");
    zmq_msg_t message, other;
    NEED (zmq_msg_init_size (&message, 100) == 0 && zmq_msg_init (&other) == 0);
    SHOW (zmq_msg_close (&message));
    SHOW (zmq_msg_close (&message));
    SHOW (zmq_msg_copy (&other, &message));
    SHOW (zmq_msg_move (&other, &message));
    SHOW (zmq_msg_size (&other));
    SHOW (zmq_msg_close (&other));
}

/* zmq_msg_more(3) may be called after zmq_msg_close(3): the zguide receives so. */
static void asked_when_closed (void)
{
    line ("-- more of closed messages");
    static const char large[1000];
    void *context = new_context (), *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    join_pair (pull, push, "inproc");
    NEED (zmq_send (push, "one", 3, ZMQ_SNDMORE) == 3 && zmq_send (push, large, sizeof large, ZMQ_SNDMORE) == sizeof large);
    NEED (zmq_send (push, "three", 5, 0) == 5 && zmq_send (push, "next", 4, 0) == 4);
    for (int more = 1, parts = 0; more && parts < 5; parts++) {
        zmq_msg_t part;
        NEED (zmq_msg_init (&part) == 0 && zmq_msg_recv (&part, pull, 0) != -1);
        line ("a part of %zu bytes", zmq_msg_size (&part));
        SHOW (zmq_msg_close (&part));
        SHOW (zmq_msg_get (&part, ZMQ_MORE));
        line ("more follow: %d", more = zmq_msg_more (&part));
    }
    zmq_msg_t sent;
    NEED (zmq_msg_init_size (&sent, 100) == 0);
    SHOW (zmq_msg_send (&sent, push, ZMQ_SNDMORE));
    SHOW (zmq_msg_more (&sent));
    SHOW (zmq_msg_close (&sent));
    SHOW (zmq_msg_more (&sent));
    memset (&sent, 0, sizeof sent);
    SHOW (zmq_msg_more (&sent));
    end_socket (pull);
    end_socket (push);
    end_context (context);
}

int main (void)
{
    const size_t sizes[] = {0, 1, 28, 29, 30, 32, 33, 34, 64, 255, 256, 8192, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        made_with_size (sizes[i]);
    with_a_release_function ();
    properties ();
    closed_twice ();
    asked_when_closed ();
    return 0;
}
