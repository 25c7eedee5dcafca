/* No memory for a large message, at each of its allocations in turn: the call or the connection fails, and no more than that.
   Called by ctests/faults/run. */
#include "faults.h"
#include "../raw.h"

#ifndef ZMQ_HELLO_MSG
#define ZMQ_HELLO_MSG 110 /* of the draft interface */
#endif

#define LARGE (3u << 20)

static char server_public[41], server_secret[41], client_public[41], client_secret[41];

static const char *const OVER[] = {"inproc", "ipc", "tcp", "ws"};
#define OVER_COUNT 4

enum { NONE, CURVE, GSSAPI, MECHANISMS };
static const char *const WITH[] = {"", " with CURVE", " with GSSAPI"};

/* Who the realm knows, for both roles. */
static void with_gssapi (void *server, void *client)
{
    static const char principal[] = "zmqtest2";
    set_int (server, ZMQ_GSSAPI_SERVER, 1);
    set_int (server, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_HOSTBASED);
    set_int (client, ZMQ_GSSAPI_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_HOSTBASED);
    set_int (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, ZMQ_GSSAPI_NT_HOSTBASED);
    NEED (zmq_setsockopt (server, ZMQ_GSSAPI_PRINCIPAL, principal, strlen (principal)) == 0);
    NEED (zmq_setsockopt (client, ZMQ_GSSAPI_PRINCIPAL, principal, strlen (principal)) == 0);
    NEED (zmq_setsockopt (client, ZMQ_GSSAPI_SERVICE_PRINCIPAL, principal, strlen (principal)) == 0);
}

static void with_curve (void *server, void *client)
{
    set_int (server, ZMQ_CURVE_SERVER, 1);
    NEED (zmq_setsockopt (server, ZMQ_CURVE_SECRETKEY, server_secret, 41) == 0);
    NEED (zmq_setsockopt (client, ZMQ_CURVE_SERVERKEY, server_public, 41) == 0);
    NEED (zmq_setsockopt (client, ZMQ_CURVE_PUBLICKEY, client_public, 41) == 0);
    NEED (zmq_setsockopt (client, ZMQ_CURVE_SECRETKEY, client_secret, 41) == 0);
}

/* Sends a large message until it comes, with the allocation number `after` failing on its way. */
static int scene (const char *transport, int mechanism, int after)
{
    char endpoint[256], when[64];
    snprintf (when, sizeof when, "%s%s, allocation %d", transport, WITH[mechanism], after);
    void *context = new_context (), *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
    if (mechanism == CURVE)
        with_curve (pull, push);
    else if (mechanism == GSSAPI)
        with_gssapi (pull, push);
    bind_any (pull, transport, endpoint);
    NEED (zmq_connect (push, endpoint) == 0);
    exchange (push, pull, when);
    set_int (pull, ZMQ_RCVTIMEO, 100);
    char *data = malloc (LARGE), *got = malloc (LARGE);
    NEED (data && got);
    memset (data, after + 1, LARGE);
    fault_arm (FAULT_MEMORY, ENOMEM, after, 1);
    long end = milliseconds () + PATIENCE;
    for (;;) {
        CHECK (milliseconds () < end, "%s: it never comes", when);
        int sent = zmq_send (push, data, LARGE, 0);
        CHECK (sent == (int) LARGE || (sent == -1 && zmq_errno () == ENOMEM), "%s: sending says %s", when, errno_name (zmq_errno ()));
        int size = zmq_recv (pull, got, LARGE, 0);
        if (size == (int) LARGE) {
            CHECK (memcmp (data, got, LARGE) == 0, "%s: another message", when);
            break;
        }
        /* A number may have come twice. */
        CHECK (size == sizeof (int) || (size == -1 && (zmq_errno () == EAGAIN || zmq_errno () == ENOMEM)), "%s: receiving says %s", when, errno_name (zmq_errno ()));
    }
    int hit = fault_hits (FAULT_MEMORY);
    fault_disarm (FAULT_MEMORY);
    free (data);
    free (got);
    end_socket (push);
    end_socket (pull);
    end_context (context);
    return hit;
}

/* A browser sends a large message in fragments, whose sum nobody knows before the last, with the large allocation number `after`
   failing, and what is asked for in its place: the message comes, or that connection ends, and others are served. */
static int fragments (int after)
{
    enum { PIECE = 64 << 10 };
    char endpoint[256], when[64];
    unsigned char header[16];
    snprintf (when, sizeof when, "ws, fragments, allocation %d", after);
    void *context = new_context (), *pull = quick_socket (context, ZMQ_PULL), *push = quick_socket (context, ZMQ_PUSH);
    bind_any (pull, "ws", endpoint);
    int fd = ws_connect (endpoint, "PUSH"), size = -1;
    char *data = malloc (LARGE), *got = malloc (LARGE);
    NEED (data && got);
    memset (data, after + 1, LARGE);
    data[0] = 0; /* the flags of ZWS, before the body */
    fault_arm (FAULT_MEMORY, ENOMEM, after, 2);
    for (unsigned at = 0; at < LARGE; at += PIECE) {
        raw_send (fd, header, ws_header (header, (at ? 0 : 2) | (at + PIECE == LARGE ? 0x80 : 0), PIECE));
        raw_send (fd, data + at, PIECE);
    }
    for (long end = milliseconds () + PATIENCE; (size = zmq_recv (pull, got, LARGE, 0)) == -1 && raw_read (fd, header, 1, 0) != -1;)
        CHECK (milliseconds () < end && (zmq_errno () == EAGAIN || zmq_errno () == ENOMEM), "%s: receiving says %s", when, errno_name (zmq_errno ()));
    int hit = fault_hits (FAULT_MEMORY);
    fault_disarm (FAULT_MEMORY);
    CHECK (size == -1 ? hit : size == (int) LARGE - 1 && memcmp (data + 1, got, LARGE - 1) == 0, "%s: %d bytes", when, size);
    NEED (zmq_connect (push, endpoint) == 0);
    exchange (push, pull, when);
    close (fd);
    free (data);
    free (got);
    end_socket (push);
    end_socket (pull);
    end_context (context);
    return hit;
}

/* The binder of an inproc name greets two sockets that have waited for it, with the large allocation number `after` failing:
   zmq_bind says so, and both go on waiting with what they have sent. */
static int greeting (int after)
{
    enum { WAITERS = 2 };
    static char body[] = "waits";
    void *context = new_context (), *router = quick_socket (context, ZMQ_ROUTER), *dealers[WAITERS];
    const char *name = fresh_name ("inproc");
    char *hello = malloc (LARGE), *got = malloc (LARGE);
    NEED (hello && got);
    memset (hello, 7, LARGE);
    NEED (zmq_setsockopt (router, ZMQ_HELLO_MSG, hello, LARGE) == 0);
    for (int i = 0; i < WAITERS; i++) {
        dealers[i] = quick_socket (context, ZMQ_DEALER);
        NEED (zmq_setsockopt (dealers[i], ZMQ_ROUTING_ID, i ? "b" : "a", 1) == 0);
        NEED (zmq_connect (dealers[i], name) == 0 && zmq_send (dealers[i], body, sizeof body, 0) == sizeof body);
    }
    fault_arm (FAULT_MEMORY, ENOMEM, after, 1);
    int bound = zmq_bind (router, name), error = zmq_errno (), hit = fault_hits (FAULT_MEMORY);
    fault_disarm (FAULT_MEMORY);
    CHECK ((bound == -1) == (hit != 0) && (bound == 0 || error == ENOMEM), "allocation %d: zmq_bind says %d, %s", after, bound, errno_name (error));
    if (bound == -1) {
        for (int i = 0; i < WAITERS; i++)
            CHECK (zmq_recv (dealers[i], got, LARGE, ZMQ_DONTWAIT) == -1 && zmq_errno () == EAGAIN, "allocation %d: a greeting of nobody", after);
        CHECK (zmq_bind (router, name) == 0, "allocation %d: the name cannot be bound: %s", after, errno_name (zmq_errno ()));
    }
    for (int i = 0; i < WAITERS; i++) {
        CHECK (zmq_recv (router, got, LARGE, 0) == 1 && zmq_recv (router, got, LARGE, 0) == sizeof body, "allocation %d: who waited was dropped", after);
        CHECK (zmq_recv (dealers[i], got, LARGE, 0) == (int) LARGE && memcmp (hello, got, LARGE) == 0, "allocation %d: no greeting", after);
        CHECK (zmq_recv (dealers[i], got, LARGE, ZMQ_DONTWAIT) == -1, "allocation %d: greeted twice", after);
        end_socket (dealers[i]);
    }
    free (hello);
    free (got);
    end_socket (router);
    end_context (context);
    return hit;
}

int main (void)
{
    zmq_msg_t message;
    fault_arm (FAULT_MEMORY, ENOMEM, 0, 1);
    int made = zmq_msg_init_size (&message, LARGE);
    line ("zmq_msg_init_size: %d %s", made, made == -1 ? errno_name (zmq_errno ()) : "");
    CHECK (made == -1 && zmq_errno () == ENOMEM, "it succeeds");
    NEED (zmq_curve_keypair (server_public, server_secret) == 0 && zmq_curve_keypair (client_public, client_secret) == 0);
    for (int transport = 0; transport < OVER_COUNT; transport++)
        for (int mechanism = 0; mechanism < (transport ? MECHANISMS : CURVE); mechanism++) {
            int after = 0;
            while (after < 20 && scene (OVER[transport], mechanism, after))
                after++;
            line ("%s%s: one after the other of %d allocations failed", OVER[transport], WITH[mechanism], after);
        }
    int after = 0;
    while (after < 20 && fragments (after))
        after++;
    line ("ws, in fragments: one after the other of %s allocations failed", after > 2 ? "its" : "too few");
    CHECK (after > 2, "%d allocations", after);
    after = 0;
    while (after < 20 && greeting (after))
        after++;
    line ("inproc, a name that others wait for is bound: one after the other of %s allocations failed", after > 2 ? "its" : "too few");
    CHECK (after > 2, "%d allocations", after);
    return 0;
}
