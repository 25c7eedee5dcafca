/*
 * Filtering by address: a ZAP handler that looks only at where a peer comes from.
 *
 * With a ZAP domain set, the handler is asked for peers without any security (NULL), too. Peers here come from
 * different addresses of loopback: an endpoint to connect to may name the local address first, "from;to".
 */
#include "zap.h"

#define SERVER "127.0.0.1:5703"

static bool is_near (const message_t *request, char *user)
{
    (void) user;
    return is (request, 5, "NULL") && strncmp (text (request, 3), "127.0.0.", 8) == 0;
}

static void server (void *context, void *argument)
{
    (void) argument;
    zap_t zap;
    start_zap (&zap, context, is_near);
    void *socket = new_socket (context, ZMQ_REP);
    set_text (socket, ZMQ_ZAP_DOMAIN, "anything");
    bind_to (socket, "tcp://" SERVER);
    for (message_t request; receive (socket, &request);)
        send_on (socket, &request);
    end_zap (&zap);
    zmq_close (socket);
}

static bool answers (void *context, const char *endpoint, long patience)
{
    void *socket = connected (context, ZMQ_REQ, endpoint);
    message_t answer;
    set_int (socket, ZMQ_SNDTIMEO, 500); /* who has been refused has no peer, and would wait for ever to send */
    SEND (socket, "hello");
    bool answered = readable (socket, patience) && receive (socket, &answer) && is (&answer, 0, "hello");
    zmq_close (socket);
    return answered;
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *serves = start (server, NULL);
    EXPECT (answers (context, "tcp://127.0.0.1:0;" SERVER, 10000));
    EXPECT (answers (context, "tcp://127.0.0.77:0;" SERVER, 10000));
    EXPECT (!answers (context, "tcp://127.1.2.3:0;" SERVER, 500));
    EXPECT (answers (context, "tcp://127.0.0.1:0;" SERVER, 10000));
    stop (serves);
    EXPECT (zmq_ctx_term (context) == 0);
    say ("127.0.0.x may come in, 127.1.2.3 may not");
    return 0;
}
