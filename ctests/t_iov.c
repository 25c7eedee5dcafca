/* zmq_sendiov and zmq_recviov, and zmq_sendmsg and zmq_recvmsg of the old API. Called by ctests/run. */
#include "common.h"

#include <sys/uio.h>

static void over (void *context, const char *transport)
{
    line ("-- %s", transport);
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    join_pair (pull, push, transport);
    char a[] = "first", b[] = "", c[] = "third part";
    struct iovec out[] = {{a, 5}, {b, 0}, {c, 10}}, in[8];
    SHOW (zmq_sendiov (push, out, 3, ZMQ_SNDMORE));
    take ("pull", pull, 0);

    SHOW (zmq_sendiov (push, out, 3, ZMQ_SNDMORE));
    size_t count = 8;
    memset (in, 0, sizeof in);
    SHOW (zmq_recviov (pull, in, &count, 0));
    line ("%zu parts", count);
    for (size_t i = 0; i < count && i < 8; i++) {
        printf ("part %zu ", i);
        print_bytes (in[i].iov_base, in[i].iov_len);
        putchar ('\n');
        free (in[i].iov_base);
    }
    SHOW (zmq_sendiov (push, out, 0, 0));
    SHOW (zmq_sendiov (push, NULL, 1, 0));
    count = 0;
    SHOW (zmq_recviov (pull, in, &count, ZMQ_DONTWAIT));
    count = 2;
    SHOW (zmq_recviov (pull, in, &count, ZMQ_DONTWAIT));
    line ("%zu parts", count);

    zmq_msg_t message;
    NEED (zmq_msg_init_size (&message, 3) == 0);
    memcpy (zmq_msg_data (&message), "old", 3);
    SHOW (zmq_sendmsg (push, &message, 0));
    SHOW (zmq_recvmsg (pull, &message, 0));
    SHOW (zmq_msg_more (&message));
    zmq_msg_close (&message);
    end_socket (push);
    end_socket (pull);
}

int main (void)
{
    void *context = new_context ();
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        over (context, TRANSPORTS[i]);
    end_context (context);
    return 0;
}
