/*
 * Presence: nodes find each other without any server, and notice who leaves.
 *
 * Each node says by UDP multicast every 100 ms who it is and where its ROUTER listens, and hears the others: a native
 * UDP socket and a 0MQ socket in one zmq_poll. Whoever is new is connected to and greeted by name over 0MQ; whoever
 * says BYE, or is not heard for a while, is gone. Here one of four nodes leaves politely and one just stops.
 */
#include "story.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define NODES 4
#define PORT 5670 /* of the beacons; the nodes' own ports follow */
#define GROUP "239.192.5.6"
#define BEAT 100
#define SILENT 800

static volatile int present[NODES]; /* how many others each node sees */
static volatile int greeted[NODES]; /* how many have said hello to it */

/* A UDP socket on loopback that shares its port, and its multicast address. */
static int beacon (struct sockaddr_in *group)
{
    int udp = socket (AF_INET, SOCK_DGRAM, 0), one = 1;
    struct in_addr loopback = {htonl (INADDR_LOOPBACK)};
    *group = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons (PORT)};
    inet_pton (AF_INET, GROUP, &group->sin_addr);
    struct ip_mreq membership = {.imr_multiaddr = group->sin_addr, .imr_interface = loopback};
    EXPECT (udp != -1 && setsockopt (udp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    EXPECT (bind (udp, (struct sockaddr *) group, sizeof *group) == 0);
    EXPECT (setsockopt (udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) == 0);
    EXPECT (setsockopt (udp, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback) == 0);
    return udp;
}

static void node (void *context, void *argument)
{
    int self = (int) ((volatile int *) argument - present);
    char words[64];
    struct sockaddr_in group;
    int udp = beacon (&group);
    void *inbox = new_socket (context, ZMQ_ROUTER), *peers[NODES] = {NULL};
    long heard[NODES] = {0}, next = now ();
    snprintf (words, sizeof words, "tcp://127.0.0.1:%d", PORT + 1 + self);
    bind_to (inbox, words);
    zmq_pollitem_t items[] = {{inbox, 0, ZMQ_POLLIN, 0}, {NULL, udp, ZMQ_POLLIN, 0}};

    for (;;) {
        long wait = next - now ();
        if (zmq_poll (items, 2, wait > 0 ? wait : 0) == -1)
            break;
        message_t message;
        if (items[0].revents && receive (inbox, &message) && is (&message, 1, "hello"))
            greeted[self]++;
        ssize_t size = items[1].revents ? recv (udp, words, sizeof words - 1, 0) : 0;
        int who = 0, port = 0;
        char what[8];
        words[size > 0 ? size : 0] = 0;
        if (size > 0 && sscanf (words, "%7s %d %d", what, &who, &port) == 3 && who >= 0 && who < NODES && who != self) {
            heard[who] = strcmp (what, "HERE") == 0 ? now () : 0;
            if (heard[who] && !peers[who]) {
                char endpoint[64];
                snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", port);
                peers[who] = connected (context, ZMQ_DEALER, endpoint);
                SEND (peers[who], "hello");
            }
        }
        int others = 0;
        for (int i = 0; i < NODES; i++) {
            if (peers[i] && now () - heard[i] > SILENT) {
                zmq_close (peers[i]);
                peers[i] = NULL;
                say ("node %d: node %d %s", self, i, heard[i] ? "is not heard any more" : "has said goodbye");
            }
            others += peers[i] != NULL;
        }
        present[self] = others;
        if (now () >= next) {
            int size = snprintf (words, sizeof words, "HERE %d %d", self, PORT + 1 + self);
            sendto (udp, words, (size_t) size, 0, (struct sockaddr *) &group, sizeof group);
            next = now () + BEAT;
        }
    }
    if (self == 1) { /* the polite one */
        int size = snprintf (words, sizeof words, "BYE %d 0", self);
        sendto (udp, words, (size_t) size, 0, (struct sockaddr *) &group, sizeof group);
    }
    for (int i = 0; i < NODES; i++)
        if (peers[i])
            zmq_close (peers[i]);
    zmq_close (inbox);
    close (udp);
}

static void wait_until_all_see (int others, int first, int last)
{
    for (int i = 0, agreed = 0; !agreed; i++) {
        EXPECT (i < 1000);
        rest (10);
        agreed = 1;
        for (int n = first; n <= last; n++)
            agreed &= present[n] == others;
    }
    say ("nodes %d to %d see %d others each", first, last, others);
}

int main (void)
{
    role_t *nodes[NODES];
    for (int i = 0; i < NODES; i++)
        nodes[i] = start (node, (void *) &present[i]);
    wait_until_all_see (3, 0, 3);
    for (int i = 0, all = 0; !all; i++, rest (10)) {
        all = 1;
        for (int n = 0; n < NODES; n++)
            all &= greeted[n] >= NODES - 1;
        EXPECT (i < 500);
    }
    stop (nodes[1]);
    wait_until_all_see (2, 2, 3);
    stop (nodes[0]);
    wait_until_all_see (1, 2, 3);
    stop (nodes[2]);
    stop (nodes[3]);
    return 0;
}
