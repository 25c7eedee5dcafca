/*
 * PLAIN: user name and password, checked by a ZAP handler. Nothing is encrypted: for a network that one trusts.
 *
 * The handler gives a peer a name, which the server finds as the property "User-Id" of every message: it cannot be
 * forged by what the message says.
 */
#include "zap.h"

#define ENDPOINT "tcp://127.0.0.1:5702"

static bool knows_password (const message_t *request, char *user)
{
    snprintf (user, 64, "%.63s", text (request, 6));
    return is (request, 5, "PLAIN") && is (request, 6, "admin") && is (request, 7, "hunter2");
}

static void server (void *context, void *argument)
{
    (void) argument;
    zap_t zap;
    start_zap (&zap, context, knows_password);
    void *socket = new_socket (context, ZMQ_REP);
    set_int (socket, ZMQ_PLAIN_SERVER, 1);
    set_text (socket, ZMQ_ZAP_DOMAIN, "office");
    bind_to (socket, ENDPOINT);
    for (;;) {
        zmq_msg_t request;
        zmq_msg_init (&request);
        if (zmq_msg_recv (&request, socket, 0) == -1)
            break;
        const char *user = zmq_msg_gets (&request, "User-Id");
        char answer[64];
        snprintf (answer, sizeof answer, "you are %s", user ? user : "nobody");
        zmq_msg_close (&request);
        SEND (socket, answer);
    }
    end_zap (&zap);
    zmq_close (socket);
}

/* NULL for the password: does not even try PLAIN. */
static bool ask (void *context, const char *password)
{
    void *socket = new_socket (context, ZMQ_REQ);
    if (password) {
        set_text (socket, ZMQ_PLAIN_USERNAME, "admin");
        set_text (socket, ZMQ_PLAIN_PASSWORD, password);
    }
    set_int (socket, ZMQ_SNDTIMEO, 400); /* who has been refused has no peer, and would wait for ever to send */
    connect_to (socket, ENDPOINT);
    message_t answer;
    SEND (socket, "I am the king of Spain");
    bool answered = readable (socket, password && strcmp (password, "hunter2") == 0 ? 10000 : 400) && receive (socket, &answer);
    if (answered)
        EXPECT (is (&answer, 0, "you are admin"));
    zmq_close (socket);
    return answered;
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *serves = start (server, NULL);
    EXPECT (ask (context, "hunter2"));
    EXPECT (!ask (context, "12345"));
    EXPECT (!ask (context, NULL));
    EXPECT (ask (context, "hunter2"));
    stop (serves);
    EXPECT (zmq_ctx_term (context) == 0);
    say ("the right password is let in, a wrong one and none are not");
    return 0;
}
