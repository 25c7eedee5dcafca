/*
 * One side of a conversation between two ZeroMQ libraries; ctests/mixed/run starts two of them, each on its library:
 *
 *     mixed list                         prints the names of the cases, each with its transports
 *     mixed serve CASE ENDPOINT          binds, prints "endpoint WHERE", then plays the case's first type
 *     mixed drive CASE ENDPOINT          connects, plays the second type
 *
 * Both print what they receive. Before they begin they wait for a line on standard input, which the runner sends when the
 * other side has said "ready". A publisher, which cannot tell whether somebody listens, greets until then, and gets its line
 * when the other side has said "heard".
 */
#define ZMQ_BUILD_DRAFT_API 1
#include "../common.h"
#include "datagrams.h"
#include "greetings.h"
#include "single.h"

enum play { ECHO, ASK, TAKE, GIVE, HEAR, TELL, RETURN, POST, QUERY, SUPPLY, POUR };

/* How a conversation differs from the plain one, as the end of its name says. */
enum {
    LATE = 1,    /* subscriptions are made on a connection that stands */
    RESTART = 2, /* the server ends and is started again, the other side goes on */
    HWM1 = 4,    /* both high water marks are 1 */
    NAMED = 8    /* the server has a routing id */
};

static int variant (const char *name)
{
    const char *const end = strrchr (name, '-');
    return strcmp (end, "-late") == 0 ? LATE : strcmp (end, "-restart") == 0 ? RESTART : strcmp (end, "-hwm1") == 0 ? HWM1
         : strcmp (end, "-named") == 0 ? NAMED : 0;
}

static const char NAME[] = "the server";

/* What each side does: ECHO answers what it gets, ASK sends and expects the same back, GIVE sends, TAKE receives.
   HEAR and TELL are that for groups, RETURN and POST are ECHO and ASK for datagrams, QUERY and SUPPLY are ASK and GIVE where a
   message is one frame, and POUR is ASK for plain bytes. */
static const struct
{
    const char *name;
    int serve_type;
    enum play serve;
    int drive_type;
    enum play drive;
    const char *transports;
} CASES[] = {
    {"pair-pair", ZMQ_PAIR, ECHO, ZMQ_PAIR, ASK, "tcp ipc ws wss"},
    {"rep-req", ZMQ_REP, ECHO, ZMQ_REQ, ASK, "tcp ipc ws wss"},
    {"req-rep", ZMQ_REQ, ASK, ZMQ_REP, ECHO, "tcp ipc ws wss"},
    {"router-req", ZMQ_ROUTER, ECHO, ZMQ_REQ, ASK, "tcp ipc"},
    {"rep-dealer", ZMQ_REP, ECHO, ZMQ_DEALER, ASK, "tcp ipc"},
    {"dealer-rep", ZMQ_DEALER, ASK, ZMQ_REP, ECHO, "tcp ipc"},
    {"router-dealer", ZMQ_ROUTER, ECHO, ZMQ_DEALER, ASK, "tcp ipc ws wss"},
    {"dealer-router", ZMQ_DEALER, ASK, ZMQ_ROUTER, ECHO, "tcp ipc ws wss"},
    {"dealer-dealer", ZMQ_DEALER, ECHO, ZMQ_DEALER, ASK, "tcp ipc"},
    {"pull-push", ZMQ_PULL, TAKE, ZMQ_PUSH, GIVE, "tcp ipc ws wss"},
    {"push-pull", ZMQ_PUSH, GIVE, ZMQ_PULL, TAKE, "tcp ipc ws wss"},
    {"pub-sub", ZMQ_PUB, GIVE, ZMQ_SUB, TAKE, "tcp ipc ws wss"},
    {"pub-xsub", ZMQ_PUB, GIVE, ZMQ_XSUB, TAKE, "tcp ipc"},
    {"xpub-sub", ZMQ_XPUB, GIVE, ZMQ_SUB, TAKE, "tcp ipc"},
    {"xpub-xsub", ZMQ_XPUB, GIVE, ZMQ_XSUB, TAKE, "tcp ipc ws wss"},
    {"sub-pub", ZMQ_SUB, TAKE, ZMQ_PUB, GIVE, "tcp ipc ws wss"},
    {"xsub-xpub", ZMQ_XSUB, TAKE, ZMQ_XPUB, GIVE, "tcp ipc"},
    {"sub-xpub", ZMQ_SUB, TAKE, ZMQ_XPUB, GIVE, "tcp ipc"},
    {"xsub-pub", ZMQ_XSUB, TAKE, ZMQ_PUB, GIVE, "tcp ipc"},
    {"req-router", ZMQ_REQ, ASK, ZMQ_ROUTER, ECHO, "tcp ipc"},
    {"router-router-named", ZMQ_ROUTER, ECHO, ZMQ_ROUTER, ASK, "tcp ipc"},
    {"pub-sub-late", ZMQ_PUB, GIVE, ZMQ_SUB, TAKE, "tcp ipc"},
    {"xpub-xsub-late", ZMQ_XPUB, GIVE, ZMQ_XSUB, TAKE, "tcp ipc"},
    {"sub-pub-late", ZMQ_SUB, TAKE, ZMQ_PUB, GIVE, "tcp ipc"},
    {"xsub-xpub-late", ZMQ_XSUB, TAKE, ZMQ_XPUB, GIVE, "tcp ipc"},
    {"pub-sub-restart", ZMQ_PUB, GIVE, ZMQ_SUB, TAKE, "tcp ipc ws wss"},
    {"xpub-xsub-restart", ZMQ_XPUB, GIVE, ZMQ_XSUB, TAKE, "tcp ipc"},
    {"sub-pub-restart", ZMQ_SUB, TAKE, ZMQ_PUB, GIVE, "tcp ipc"},
    {"pull-push-restart", ZMQ_PULL, TAKE, ZMQ_PUSH, GIVE, "tcp ipc"},
    {"push-pull-restart", ZMQ_PUSH, GIVE, ZMQ_PULL, TAKE, "tcp ipc"},
    {"rep-req-restart", ZMQ_REP, ECHO, ZMQ_REQ, ASK, "tcp ipc"},
    {"router-dealer-restart", ZMQ_ROUTER, ECHO, ZMQ_DEALER, ASK, "tcp ipc ws wss"},
    {"dealer-router-restart", ZMQ_DEALER, ASK, ZMQ_ROUTER, ECHO, "tcp ipc"},
    {"pair-pair-restart", ZMQ_PAIR, ECHO, ZMQ_PAIR, ASK, "tcp ipc"},
    {"pull-push-hwm1", ZMQ_PULL, TAKE, ZMQ_PUSH, GIVE, "tcp ipc ws wss"},
    {"push-pull-hwm1", ZMQ_PUSH, GIVE, ZMQ_PULL, TAKE, "tcp ipc ws wss"},
    {"pair-pair-hwm1", ZMQ_PAIR, ECHO, ZMQ_PAIR, ASK, "tcp ipc"},
    {"radio-dish", ZMQ_RADIO, TELL, ZMQ_DISH, HEAR, "tcp ipc ws wss"},
    {"dish-radio", ZMQ_DISH, HEAR, ZMQ_RADIO, TELL, "tcp ipc ws wss udp multicast"},
    {"dgram-dgram", ZMQ_DGRAM, RETURN, ZMQ_DGRAM, POST, "udp"},
    {"server-client", ZMQ_SERVER, ECHO, ZMQ_CLIENT, QUERY, "tcp ipc ws wss"},
    {"client-server", ZMQ_CLIENT, QUERY, ZMQ_SERVER, ECHO, "tcp ipc ws wss"},
    {"gather-scatter", ZMQ_GATHER, TAKE, ZMQ_SCATTER, SUPPLY, "tcp ipc ws wss"},
    {"scatter-gather", ZMQ_SCATTER, SUPPLY, ZMQ_GATHER, TAKE, "tcp ipc ws wss"},
    {"peer-peer", ZMQ_PEER, ECHO, ZMQ_PEER, QUERY, "tcp ipc ws wss"},
    {"channel-channel", ZMQ_CHANNEL, ECHO, ZMQ_CHANNEL, QUERY, "tcp ipc ws wss"},
    {"stream-stream", ZMQ_STREAM, ECHO, ZMQ_STREAM, POUR, "tcp"},
};
#define CASE_COUNT (sizeof CASES / sizeof *CASES)

/* A ROUTER that speaks first says to whom, which it cannot before it knows who is there. */
static void address (void *socket)
{
    int sent = 0;
    for (int tries = 0; get_int (socket, ZMQ_TYPE) == ZMQ_ROUTER && sent == 0; tries++) {
        sent = zmq_send (socket, NAME, sizeof NAME - 1, ZMQ_SNDMORE);
        NEED (sent != -1 || (zmq_errno () == EHOSTUNREACH && tries < 1000));
        if (sent == -1)
            sent = 0, rest (10);
    }
}

/* The parts of message `number`: a line to tell it by, then up to three bodies. */
static void send_numbered (void *socket, int number, int delimited)
{
    static unsigned char body[1 << 20];
    char head[32];
    const int bodies = number % 4;
    if (delimited)
        NEED (zmq_send (socket, "", 0, ZMQ_SNDMORE) == 0);
    address (socket);
    snprintf (head, sizeof head, "message %d", number);
    NEED (zmq_send (socket, head, strlen (head), bodies ? ZMQ_SNDMORE : 0) != -1);
    for (int i = 0; i < bodies; i++) {
        const size_t size = SIZES[(size_t) (number / 4 + i * 5) % SIZE_COUNT];
        for (size_t j = 0; j < size; j++)
            body[j] = (unsigned char) (j * 31 + (size_t) number);
        NEED (zmq_send (socket, body, size, i + 1 < bodies ? ZMQ_SNDMORE : 0) == (int) size);
    }
}

/* Sends back every message; REP wants the whole of it to be read first. */
static void echo (void *socket)
{
    int alive = 1;
    while (alive) {
        zmq_msg_t parts[8];
        int count = 0, more = 1;
        while (more) {
            NEED (count < 8 && zmq_msg_init (&parts[count]) == 0);
            NEED (zmq_msg_recv (&parts[count], socket, 0) != -1);
            more = zmq_msg_more (&parts[count]);
            alive &= !(zmq_msg_size (&parts[count]) == 3 && memcmp (zmq_msg_data (&parts[count]), "end", 3) == 0);
            count++;
        }
        for (int i = 0; i < count; i++)
            NEED (zmq_msg_send (&parts[i], socket, i + 1 < count ? ZMQ_SNDMORE : 0) != -1);
    }
}

static void ask (void *socket, int delimited)
{
    for (int i = 0; i < MESSAGES; i++) {
        send_numbered (socket, i, delimited);
        take ("answer", socket, 0);
    }
    /* Several under way at once, where the type allows it. */
    if (get_int (socket, ZMQ_TYPE) != ZMQ_REQ && get_int (socket, ZMQ_SNDHWM) != 1) {
        for (int i = 0; i < 20; i++)
            send_numbered (socket, i * 4, delimited);
        for (int i = 0; i < 20; i++)
            take ("answer", socket, 0);
    }
    if (delimited)
        NEED (zmq_send (socket, "", 0, ZMQ_SNDMORE) == 0);
    address (socket);
    send_parts (socket, "end", NULL);
    take ("last answer", socket, 0);
}

static void give (void *socket, int type)
{
    if (type == ZMQ_XPUB)
        take ("subscription", socket, 0);
    if (type == ZMQ_XPUB)
        take ("subscription", socket, 0);
    send_parts (socket, "not subscribed to", NULL);
    for (int i = 0; i < MESSAGES; i++)
        send_numbered (socket, i, 0);
    send_parts (socket, "end", NULL);
}

static void receive (void *socket)
{
    char buffer[8] = "";
    while (strcmp (buffer, "end") != 0) {
        zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
        NEED (zmq_poll (&item, 1, 10000) == 1);
        zmq_msg_t part;
        int more = 1;
        for (int number = 0; more; number++) {
            NEED (zmq_msg_init (&part) == 0);
            NEED (zmq_msg_recv (&part, socket, 0) != -1);
            more = zmq_msg_more (&part);
            if (number == 0 && !more && greeting (zmq_msg_data (&part), zmq_msg_size (&part))) {
                zmq_msg_close (&part);
                break;
            }
            printf (number == 0 ? "got " : " ");
            print_bytes (zmq_msg_data (&part), zmq_msg_size (&part));
            printf (more ? "" : "\n");
            size_t size = zmq_msg_size (&part) < 7 ? zmq_msg_size (&part) : 7;
            memcpy (buffer, zmq_msg_data (&part), size);
            buffer[size] = 0;
            zmq_msg_close (&part);
        }
    }
}

static void subscribe (void *socket, int type)
{
    if (type == ZMQ_SUB) {
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "message", 7) == 0);
        NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "end", 3) == 0);
    } else if (type == ZMQ_XSUB) {
        NEED (zmq_send (socket, "\1message", 8, 0) == 8);
        NEED (zmq_send (socket, "\1end", 4, 0) == 4);
    } else if (type == ZMQ_DISH) {
        NEED (zmq_join (socket, "movies") == 0);
        NEED (zmq_join (socket, "a-group-with-a-name-of-some-length") == 0);
    }
}

static void wait_for_handshake (void *monitor)
{
    char event[6], address_told[256];
    NEED (zmq_recv (monitor, event, sizeof event, 0) == sizeof event);
    NEED (zmq_recv (monitor, address_told, sizeof address_told, 0) != -1);
}

static void set_from_file (void *socket, int option, const char *name)
{
    char path[512], text[8192];
    snprintf (path, sizeof path, "%s/%s", getenv ("CERTIFICATES"), name);
    FILE *file = fopen (path, "r");
    NEED (file != NULL);
    const size_t size = fread (text, 1, sizeof text, file);
    fclose (file);
    NEED (zmq_setsockopt (socket, option, text, size) == 0);
}

/* The certificate that the environment's folder has for leaf.test, and who trusts it. */
static void secure (void *socket, int serves)
{
    if (serves) {
        set_from_file (socket, ZMQ_WSS_CERT_PEM, "leaf.pem");
        set_from_file (socket, ZMQ_WSS_KEY_PEM, "leaf_key.pem");
    } else {
        set_from_file (socket, ZMQ_WSS_TRUST_PEM, "ca.pem");
        NEED (zmq_setsockopt (socket, ZMQ_WSS_HOSTNAME, "leaf.test", 9) == 0);
    }
}

/* `peer`: the number of the connection, where that is asked for. */
static void play (enum play what, void *socket, int type, int other_type, const char *address, uint32_t peer)
{
    const int delimited = type == ZMQ_DEALER && other_type == ZMQ_REP;
    switch (what) {
        case ECHO: echo (socket); break;
        case ASK: ask (socket, delimited); break;
        case TAKE: receive (socket); break;
        case HEAR: hear (socket); break;
        case RETURN: echo (socket); break;
        case POST: post (socket, address); break;
        case TELL: tell (socket); break;
        case QUERY: query (socket, peer); break;
        case SUPPLY: supply (socket); break;
        case POUR: pour (socket); break;
        case GIVE: give (socket, type);
    }
}

int main (int argc, char **argv)
{
    if (argc == 2 && strcmp (argv[1], "list") == 0) {
        for (size_t i = 0; i < CASE_COUNT; i++)
            line ("%s %s", CASES[i].name, CASES[i].transports);
        return 0;
    }
    size_t n = 0;
    while (n < CASE_COUNT && argc == 4 && strcmp (CASES[n].name, argv[2]) != 0)
        n++;
    if (argc != 4 || n == CASE_COUNT) {
        fprintf (stderr, "usage: mixed list | mixed serve|drive CASE ENDPOINT\n");
        return 2;
    }
    const int serves = strcmp (argv[1], "serve") == 0;
    const int type = serves ? CASES[n].serve_type : CASES[n].drive_type;
    const int other_type = serves ? CASES[n].drive_type : CASES[n].serve_type;
    const int how = variant (CASES[n].name);
    void *context = new_context ();
    void *socket = new_socket (context, type);
    set_int (socket, ZMQ_RECONNECT_IVL, 20);
    if (how == HWM1) {
        set_int (socket, ZMQ_SNDHWM, 1);
        set_int (socket, ZMQ_RCVHWM, 1);
    }
    if (how == NAMED && serves)
        NEED (zmq_setsockopt (socket, ZMQ_ROUTING_ID, NAME, sizeof NAME - 1) == 0);
    if (how == NAMED)
        set_int (socket, ZMQ_ROUTER_MANDATORY, 1);
    set_int (socket, ZMQ_RCVTIMEO, 10000);
    set_int (socket, ZMQ_SNDTIMEO, 10000);
    /* A subscriber whose publisher has gone would linger over the subscriptions that it means to repeat. */
    set_int (socket, ZMQ_LINGER, type == ZMQ_SUB || type == ZMQ_XSUB || type == ZMQ_DISH ? 0 : 10000);
    if (strncmp (argv[3], "wss://", 6) == 0)
        secure (socket, serves);
    if (how != LATE)
        subscribe (socket, type);
    if (type == ZMQ_STREAM)
        set_int (socket, ZMQ_STREAM_NOTIFY, !serves);
    const int udp = strncmp (argv[3], "udp://", 6) == 0;
    void *monitor = NULL;
    uint32_t peer = 0;
    if (serves) {
        char endpoint[256];
        size_t size = sizeof endpoint;
        NEED (zmq_bind (socket, argv[3]) == 0);
        NEED (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
        line ("endpoint %s%s", udp ? "udp://" : "", endpoint);
    } else {
        if (how == RESTART) {
            monitor = watch (context, socket, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
            set_int (monitor, ZMQ_RCVTIMEO, 10000);
        }
        if (type == ZMQ_PEER)
            NEED ((peer = zmq_connect_peer (socket, argv[3])) != 0);
        else
            NEED ((type == ZMQ_DGRAM ? zmq_bind (socket, "udp://127.0.0.1:*") : zmq_connect (socket, argv[3])) == 0);
    }
    for (int rounds = how == RESTART && !serves ? 2 : 1; rounds > 0; rounds--) {
        if (!serves) {
            if (monitor)
                wait_for_handshake (monitor); /* with the new server, the second time */
            rest_using (socket, 100);
            line ("ready");
        }
        if (publishes (type))
            greet_until_go (socket);
        else
            wait_for_go ();
        if (how == LATE)
            subscribe (socket, type);
        if (publishes (other_type))
            hear_greetings (socket);
        play (serves ? CASES[n].serve : CASES[n].drive, socket, type, other_type, argv[3] + (udp ? 6 : 0), peer);
    }
    line ("done");
    if (monitor) {
        NEED (zmq_socket_monitor (socket, NULL, 0) == 0);
        end_socket (monitor);
    }
    /* libzmq loses what is left in an ipc connection when the sender goes while it is at its high water mark. */
    if (how == HWM1)
        rest_using (socket, 500);
    end_socket (socket);
    end_context (context);
    return 0;
}
