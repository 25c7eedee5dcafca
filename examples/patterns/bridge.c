/*
 * A bridge between 0MQ and programs that have never heard of it.
 *
 * A STREAM socket speaks plain TCP: each message is a connection's id and some bytes, as they came. The bridge cuts them
 * into lines, has a 0MQ service answer each line, and writes the answer back to that connection. A ROUTER with
 * ZMQ_ROUTER_RAW does the same, without the empty messages by which STREAM tells of new and ended connections; both are
 * tried. Datagrams to a native UDP socket are published; one zmq_poll waits for 0MQ sockets and native ones.
 */
#include "story.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define TCP_PORT 5704
#define UDP_PORT 5705
#define SERVICE "tcp://127.0.0.1:5706"
#define EVENTS "tcp://127.0.0.1:5707"
#define CONNECTIONS 4

static struct sockaddr_in address (int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons ((uint16_t) port), .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
}

/* An ordinary 0MQ service. */
static void shouting_service (void *context, void *argument)
{
    (void) argument;
    void *socket = bound (context, ZMQ_REP, SERVICE);
    for (message_t request; receive (socket, &request);) {
        for (char *at = request.frame[0].data; *at; at++)
            *at = *at >= 'a' && *at <= 'z' ? (char) (*at - 32) : *at;
        send_on (socket, &request);
    }
    zmq_close (socket);
}

typedef struct {
    message_t id; /* one frame; none: free */
    char line[FRAME_SIZE + 1];
    size_t size;
} connection_t;

static connection_t *connection_of (connection_t *list, const message_t *in)
{
    for (int i = 0; i < CONNECTIONS; i++)
        if (list[i].id.count && list[i].id.frame[0].size == in->frame[0].size
            && memcmp (text (&list[i].id, 0), text (in, 0), in->frame[0].size) == 0)
            return &list[i];
    for (int i = 0; i < CONNECTIONS; i++)
        if (!list[i].id.count) {
            append (&list[i].id, in->frame[0].data, in->frame[0].size);
            list[i].size = 0;
            return &list[i];
        }
    return NULL;
}

static void bridge (void *context, void *argument)
{
    int type = *(int *) argument;
    void *raw = new_socket (context, type), *service = connected (context, ZMQ_DEALER, SERVICE);
    void *events = bound (context, ZMQ_PUB, EVENTS);
    if (type == ZMQ_ROUTER)
        set_int (raw, ZMQ_ROUTER_RAW, 1);
    char endpoint[64];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", TCP_PORT);
    bind_to (raw, endpoint);
    int udp = socket (AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in here = address (UDP_PORT);
    EXPECT (udp != -1 && bind (udp, (struct sockaddr *) &here, sizeof here) == 0);

    connection_t connections[CONNECTIONS] = {0};
    zmq_pollitem_t items[] = {{raw, 0, ZMQ_POLLIN, 0}, {service, 0, ZMQ_POLLIN, 0}, {NULL, udp, ZMQ_POLLIN, 0}};
    while (zmq_poll (items, 3, -1) != -1) {
        message_t in;
        if (items[0].revents && receive (raw, &in)) {
            connection_t *one = connection_of (connections, &in);
            EXPECT (one && in.count == 2);
            if (is (&in, 1, "") && one->size == 0 && one->id.count > 1)
                one->id.count = 0; /* STREAM: it has ended */
            else if (is (&in, 1, ""))
                append (&one->id, "", 0); /* STREAM: it is new; the second frame remembers that it was told */
            for (size_t i = 0; i < in.frame[1].size; i++) {
                if (in.frame[1].data[i] != '\n') {
                    one->line[one->size] = in.frame[1].data[i];
                    one->size = one->size < FRAME_SIZE ? one->size + 1 : one->size;
                    continue;
                }
                message_t request = one->id; /* the envelope: what comes back says for whom it is */
                request.count = 1;
                append (&request, "", 0);
                append (&request, one->line, one->size);
                send_on (service, &request);
                one->size = 0;
            }
        }
        if (items[1].revents && receive (service, &in)) { /* connection, empty, answer */
            message_t out = in;
            out.count = 1;
            EXPECT (in.frame[2].size < FRAME_SIZE);
            strcat (in.frame[2].data, "\n");
            append (&out, in.frame[2].data, in.frame[2].size + 1);
            send_on (raw, &out);
        }
        if (items[2].revents) {
            char datagram[FRAME_SIZE + 1];
            ssize_t size = recv (udp, datagram, FRAME_SIZE, 0);
            datagram[size > 0 ? size : 0] = 0;
            SEND (events, "udp", datagram);
        }
    }
    close (udp);
    zmq_close (raw);
    zmq_close (service);
    zmq_close (events);
}

/* ---- the other side: plain sockets ---- */

static int plain_connection (void)
{
    struct sockaddr_in there = address (TCP_PORT);
    for (int i = 0; i < 200; i++) {
        int fd = socket (AF_INET, SOCK_STREAM, 0);
        if (connect (fd, (struct sockaddr *) &there, sizeof there) == 0)
            return fd;
        close (fd);
        rest (20); /* the bridge is not there yet */
    }
    return -1;
}

static void talk (int fd, const char *first, const char *second, const char *wanted)
{
    char answer[256] = "";
    EXPECT (write (fd, first, strlen (first)) == (ssize_t) strlen (first));
    rest (30); /* a line in two pieces */
    EXPECT (write (fd, second, strlen (second)) == (ssize_t) strlen (second));
    zmq_pollitem_t item = {NULL, fd, ZMQ_POLLIN, 0};
    for (size_t size = 0; size < strlen (wanted);) {
        EXPECT (zmq_poll (&item, 1, 10000) == 1);
        ssize_t part = read (fd, answer + size, sizeof answer - 1 - size);
        EXPECT (part > 0);
        size += (size_t) part;
    }
    EXPECT (strcmp (answer, wanted) == 0);
}

static void run_with (int type)
{
    void *context = zmq_ctx_new ();
    role_t *service = start (shouting_service, NULL), *between = start (bridge, &type);
    int one = plain_connection (), two = plain_connection ();
    EXPECT (one != -1 && two != -1);
    talk (one, "hello br", "idge\n", "HELLO BRIDGE\n");
    talk (two, "two lines\nat ", "once\n", "TWO LINES\nAT ONCE\n");
    talk (one, "still", " here\n", "STILL HERE\n");
    say ("%s: lines over plain TCP were answered by a 0MQ service", type == ZMQ_STREAM ? "STREAM" : "raw ROUTER");

    void *ear = connected (context, ZMQ_SUB, EVENTS);
    int udp = socket (AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in there = address (UDP_PORT);
    set_text (ear, ZMQ_SUBSCRIBE, "udp");
    for (int i = 0; !readable (ear, 50); i++)
        EXPECT (i < 200 && sendto (udp, "tick", 4, 0, (struct sockaddr *) &there, sizeof there) == 4);
    message_t event;
    EXPECT (receive (ear, &event) && is (&event, 1, "tick"));
    say ("a datagram was published");
    close (udp);
    close (one);
    close (two);
    zmq_close (ear);
    stop (between);
    stop (service);
    EXPECT (zmq_ctx_term (context) == 0);
}

int main (void)
{
    run_with (ZMQ_STREAM);
    run_with (ZMQ_ROUTER);
    return 0;
}
