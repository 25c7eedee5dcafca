/* The bytes on the wire: greeting, handshake, frames and commands as a plain TCP peer sees them. Called by ctests/run. */
#include "common.h"
#include "raw.h"

/* As many bytes as come, or all of fewer than 100, which are waited for on a busy machine, too. */
static void dump (const char *what, int fd, int size)
{
    unsigned char buffer[4096];
    int n = raw_read (fd, buffer, size, size < 100 ? 10000 : 300);
    printf ("%s:", what);
    for (int i = 0; i < n; i++)
        printf (" %02x", buffer[i]);
    line ("%s", n == -1 ? " closed" : "");
}

/* libzmq takes a new connection in while its socket is used, so it is used. */
static void handshake (void *socket, int fd, const char *peer_type)
{
    unsigned char ready[64];
    raw_send (fd, GREETING, sizeof GREETING);
    dump ("greeting", fd, 64);
    raw_send (fd, ready, ready_command (ready, peer_type));
    rest_using (socket, 160);
    dump ("ready", fd, 1000);
}

static void binds (void *context, int type, const char *name, const char *peer_type)
{
    char endpoint[256];
    line ("-- %s is connected to", name);
    void *socket = new_socket (context, type);
    if (type == ZMQ_DEALER || type == ZMQ_REQ || type == ZMQ_ROUTER)
        NEED (zmq_setsockopt (socket, ZMQ_ROUTING_ID, "me", 2) == 0);
    if (type == ZMQ_SUB)
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "topic", 5) == 0);
    bind_any (socket, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    handshake (socket, fd, peer_type);
    if (type == ZMQ_DEALER || type == ZMQ_PUSH || type == ZMQ_PAIR || type == ZMQ_REQ) {
        settle ();
        send_parts (socket, "one", "", "two", NULL);
        dump ("message", fd, 1000);
        close (fd);
        end_socket (socket);
        return;
    }
    if (type == ZMQ_SUB) {
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "", 0) == 0);
        NEED (zmq_setsockopt (socket, ZMQ_UNSUBSCRIBE, "topic", 5) == 0);
        dump ("subscriptions", fd, 1000);
    }
    if (type == ZMQ_PULL || type == ZMQ_SUB) {
        raw_send (fd, "\1\5topic\0\2hi", 11);
        raw_send (fd, "\2\0\0\0\0\0\0\0\5topic", 14);
        take_all (name, socket);
    }
    if (type == ZMQ_XPUB) {
        raw_send (fd, "\0\4\1abc", 6);
        raw_send (fd, "\4\15\11SUBSCRIBEdef", 15);
        raw_send (fd, "\4\12\6CANCELdef", 12);
        take_all (name, socket);
    }
    if (type == ZMQ_ROUTER) {
        raw_send (fd, "\1\0\0\4body", 8);
        unsigned char id[8];
        int size = zmq_recv (socket, id, sizeof id, 0);
        line ("id of %d bytes", size);
        take (name, socket, 0);
        NEED (zmq_send (socket, id, (size_t) size, ZMQ_SNDMORE) == size);
        send_parts (socket, "", "answer", NULL);
        dump ("answer", fd, 1000);
    }
    if (type == ZMQ_REP) {
        raw_send (fd, "\1\2id\1\0\0\4body", 12);
        take (name, socket, 0);
        send_parts (socket, "answer", NULL);
        dump ("answer", fd, 1000);
    }
    close (fd);
    end_socket (socket);
}

static void connects (void *context)
{
    char endpoint[256];
    line ("-- PUSH connects");
    int listener = raw_listen (endpoint);
    void *push = new_socket (context, ZMQ_PUSH);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, "before the handshake", NULL);
    int fd = accept (listener, NULL, NULL);
    handshake (push, fd, "PULL");
    unsigned char *big = malloc (300);
    memset (big, 'x', 300);
    NEED (zmq_send (push, big, 255, 0) == 255);
    dump ("255 bytes", fd, 257);
    NEED (zmq_send (push, big, 256, 0) == 256);
    dump ("256 bytes", fd, 265);
    free (big);
    close (fd);
    close (listener);
    end_socket (push);
}

static void ping (void *context)
{
    char endpoint[256];
    unsigned char ready[64];
    line ("-- a PING is answered");
    void *pull = new_socket (context, ZMQ_PULL);
    bind_any (pull, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    raw_send (fd, GREETING, sizeof GREETING);
    raw_send (fd, ready, ready_command (ready, "PUSH"));
    raw_read (fd, ready, 64, 300);
    dump ("ready", fd, 1000);
    raw_send (fd, "\4\13\4PING\0\0ctxt", 13);
    dump ("pong", fd, 1000);
    raw_send (fd, "\4\7\4PING\0\0", 9);
    dump ("pong", fd, 1000);
    close (fd);
    end_socket (pull);
}

static void old_versions (void *context)
{
    char endpoint[256];
    line ("-- a ZMTP 2.0 peer");
    void *pull = new_socket (context, ZMQ_PULL);
    bind_any (pull, "tcp", endpoint);
    int fd = raw_connect (endpoint);
    raw_send (fd, "\377\0\0\0\0\0\0\0\1\177", 10);
    dump ("signature", fd, 10);
    raw_send (fd, "\1\10\0\0\0\3old", 9);
    dump ("rest", fd, 100);
    take ("pull", pull, 0);
    close (fd);

    line ("-- a ZMTP 1.0 peer");
    fd = raw_connect (endpoint);
    raw_send (fd, "\1\0\6\0older", 9);
    dump ("all", fd, 100);
    take ("pull", pull, 0);
    close (fd);
    end_socket (pull);
}

int main (void)
{
    void *context = new_context ();
    binds (context, ZMQ_PAIR, "PAIR", "PAIR");
    binds (context, ZMQ_PUSH, "PUSH", "PULL");
    binds (context, ZMQ_DEALER, "DEALER", "ROUTER");
    binds (context, ZMQ_REQ, "REQ", "REP");
    binds (context, ZMQ_PULL, "PULL", "PUSH");
    binds (context, ZMQ_SUB, "SUB", "PUB");
    binds (context, ZMQ_XPUB, "XPUB", "SUB");
    binds (context, ZMQ_ROUTER, "ROUTER", "REQ");
    binds (context, ZMQ_REP, "REP", "DEALER");
    connects (context);
    ping (context);
    old_versions (context);
    end_context (context);
    return 0;
}
