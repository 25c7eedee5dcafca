/* Contexts: options and their limits, NULL and foreign pointers, the old names, the socket limit. Called by ctests/run. */
#include "common.h"

static void options (void)
{
    line ("-- context options");
    void *context = new_context ();
    for (int option = -1; option <= 12; option++)
        line ("get %d: %d %s", option, zmq_ctx_get (context, option), zmq_ctx_get (context, option) == -1 ? errno_name (zmq_errno ()) : "");
    SHOW (zmq_ctx_get (context, ZMQ_IPV6));
    SHOW (zmq_ctx_get (context, ZMQ_BLOCKY));
    SHOW (zmq_ctx_get (context, 99));

    const int values[] = {-1, 0, 1, 2, 5, 100000};
    const int names[] = {ZMQ_IO_THREADS, ZMQ_MAX_SOCKETS, ZMQ_IPV6, ZMQ_BLOCKY, ZMQ_MAX_MSGSZ, ZMQ_THREAD_SCHED_POLICY,
                         ZMQ_THREAD_PRIORITY, ZMQ_THREAD_AFFINITY_CPU_ADD, ZMQ_THREAD_AFFINITY_CPU_REMOVE,
                         ZMQ_THREAD_NAME_PREFIX, 0, 99};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            void *fresh = new_context ();
            errno = 0;
            int result = zmq_ctx_set (fresh, names[n], values[v]);
            const int code = zmq_errno ();
            int got = zmq_ctx_get (fresh, names[n]);
            line ("set %d to %d: %d %s, then get %d", names[n], values[v], result, result ? errno_name (code) : "", got);
            end_context (fresh);
        }
    end_context (context);
}

static void wrong_pointers (void)
{
    line ("-- wrong pointers");
    static char zeros[4096];
    SHOW (zmq_ctx_term (NULL));
    SHOW (zmq_term (NULL));
    SHOW (zmq_ctx_destroy (NULL));
    SHOW (zmq_ctx_shutdown (NULL));
    SHOW (zmq_ctx_set (NULL, ZMQ_IO_THREADS, 1));
    SHOW (zmq_ctx_get (NULL, ZMQ_IO_THREADS));
    SHOW_POINTER (zmq_socket (NULL, ZMQ_REQ));
    SHOW (zmq_ctx_term (zeros));
    SHOW (zmq_ctx_shutdown (zeros));
    SHOW (zmq_ctx_get (zeros, ZMQ_IO_THREADS));
    SHOW_POINTER (zmq_socket (zeros, ZMQ_REQ));
}

static void old_names (void)
{
    line ("-- old names");
    SHOW_POINTER (zmq_init (-1));
    void *context = zmq_init (3);
    SHOW (zmq_ctx_get (context, ZMQ_IO_THREADS));
    void *socket = zmq_socket (context, ZMQ_XREQ);
    SHOW (get_int (socket, ZMQ_TYPE));
    end_socket (socket);
    SHOW (zmq_term (context));
    context = zmq_init (0);
    SHOW (zmq_ctx_get (context, ZMQ_IO_THREADS));
    SHOW (zmq_ctx_destroy (context));
}

static void socket_limit (void)
{
    line ("-- socket limit");
    void *context = new_context ();
    NEED (zmq_ctx_set (context, ZMQ_MAX_SOCKETS, 2) == 0);
    void *one = zmq_socket (context, ZMQ_PUB), *two = zmq_socket (context, ZMQ_PUB);
    line ("two are made: %d", one != NULL && two != NULL);
    SHOW_POINTER (zmq_socket (context, ZMQ_PUB));
    end_socket (one);
    settle ();
    void *three = zmq_socket (context, ZMQ_PUB);
    line ("one more after a close: %d", three != NULL);
    end_socket (two);
    end_socket (three);
    end_context (context);
}

static void without_io_threads (void)
{
    line ("-- no I/O threads: inproc works, tcp does not");
    void *context = new_context ();
    NEED (zmq_ctx_set (context, ZMQ_IO_THREADS, 0) == 0);
    void *a = new_socket (context, ZMQ_PAIR), *b = new_socket (context, ZMQ_PAIR);
    join_pair (a, b, "inproc");
    send_parts (a, "hello", NULL);
    take ("b", b, 0);
    SHOW (zmq_bind (a, "tcp://127.0.0.1:*"));
    SHOW (zmq_connect (b, "tcp://127.0.0.1:1"));
    end_socket (a);
    end_socket (b);
    end_context (context);
}

static void types (void)
{
    line ("-- socket types");
    void *context = new_context ();
    for (int type = -1; type <= 24; type++) {
        void *socket = zmq_socket (context, type);
        if (!socket) {
            line ("type %d: %s", type, errno_name (zmq_errno ()));
            continue;
        }
        line ("type %d: %d, thread safe %d, linger %d", type, get_int (socket, ZMQ_TYPE), get_int (socket, ZMQ_THREAD_SAFE), get_int (socket, ZMQ_LINGER));
        end_socket (socket);
    }
    SHOW (zmq_ctx_set (context, ZMQ_BLOCKY, 0));
    void *socket = zmq_socket (context, ZMQ_REQ);
    SHOW (get_int (socket, ZMQ_LINGER));
    end_socket (socket);
    end_context (context);
}

int main (void)
{
    options ();
    wrong_pointers ();
    old_names ();
    socket_limit ();
    without_io_threads ();
    types ();
    return 0;
}
