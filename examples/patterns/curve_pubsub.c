/*
 * Encrypted publish/subscribe: CURVE, with a ZAP handler that knows the keys of those who may listen.
 *
 * The publisher has a key pair that everybody knows one half of; each subscriber has a pair of its own. Nobody can read
 * along or pretend to be the publisher, and who is not on the list does not get in. One subscriber here is on the list,
 * one has a key that is not, one has taken a wrong key for the publisher's, and one does not encrypt at all.
 */
#include "zap.h"

#define ENDPOINT "tcp://127.0.0.1:5701"

static char server_public[41], server_secret[41], friend_public[41], friend_secret[41], other_public[41], other_secret[41];

static bool is_friend (const message_t *request, char *user)
{
    char key[41];
    if (!is (request, 5, "CURVE") || request->count != 7 || request->frame[6].size != 32)
        return false;
    EXPECT (zmq_z85_encode (key, (const uint8_t *) request->frame[6].data, 32));
    bool known = strcmp (key, friend_public) == 0;
    strcpy (user, known ? "friend" : "");
    return known;
}

static void publisher (void *context, void *argument)
{
    (void) argument;
    zap_t zap;
    start_zap (&zap, context, is_friend);
    void *socket = new_socket (context, ZMQ_PUB);
    set_int (socket, ZMQ_CURVE_SERVER, 1);
    set_text (socket, ZMQ_CURVE_SECRETKEY, server_secret);
    set_text (socket, ZMQ_ZAP_DOMAIN, "news");
    bind_to (socket, ENDPOINT);
    while (SEND (socket, "news", "the eagle has landed"))
        rest (10);
    end_zap (&zap);
    zmq_close (socket);
}

static void *subscriber (void *context, const char *public, const char *secret, const char *server)
{
    void *socket = new_socket (context, ZMQ_SUB);
    if (public) {
        set_text (socket, ZMQ_CURVE_PUBLICKEY, public);
        set_text (socket, ZMQ_CURVE_SECRETKEY, secret);
        set_text (socket, ZMQ_CURVE_SERVERKEY, server);
    }
    set_text (socket, ZMQ_SUBSCRIBE, "news");
    connect_to (socket, ENDPOINT);
    return socket;
}

int main (void)
{
    EXPECT (zmq_curve_keypair (server_public, server_secret) == 0);
    EXPECT (zmq_curve_keypair (friend_public, friend_secret) == 0);
    EXPECT (zmq_curve_keypair (other_public, other_secret) == 0);
    char derived[41];
    EXPECT (zmq_curve_public (derived, server_secret) == 0 && strcmp (derived, server_public) == 0);

    void *context = zmq_ctx_new ();
    role_t *source = start (publisher, NULL);
    void *friend = subscriber (context, friend_public, friend_secret, server_public);
    void *refused[] = {subscriber (context, other_public, other_secret, server_public),
                       subscriber (context, friend_public, friend_secret, other_public),
                       subscriber (context, NULL, NULL, NULL)};
    message_t news;
    for (int i = 0; i < 20; i++)
        EXPECT (readable (friend, 10000) && receive (friend, &news) && is (&news, 1, "the eagle has landed"));
    say ("the friend hears: '%s'", text (&news, 1));
    for (int i = 0; i < 3; i++) {
        EXPECT (!readable (refused[i], 200));
        zmq_close (refused[i]);
    }
    say ("an unknown key, a wrong key for the publisher, no key at all: none of them hears anything");
    zmq_close (friend);
    stop (source);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
