/* A publisher that must not drop, and many subscribers: of all transports, some with CURVE, some who come, go or change
 * their minds meanwhile. Each must get whole messages in their order, and all of them while it is there. Called by ctests/run. */
#include "common.h"

/* Milliseconds without progress that mean that something is wrong. */
enum { PATIENCE = 40000 };
enum { COUNT = 4000, MOST = 16, STAYS = 0, GOES = 1, WAVERS = 2, COMES = 3 };

struct subscriber {
    void *socket;
    const char *name;
    int role, received, gaps, wrong;
    pthread_t thread;
};

/* How message `number` looks: its frames, and the length of each. */
static int frames_of (int number)
{
    return number % 7 == 0 ? 3 : 1;
}

static size_t length_of (int number, int frame)
{
    if (frame > 0)
        return (size_t) (number % 300);
    return number % 500 == 499 ? 150000 : number % 100 == 99 ? 30000 : number % 10 == 9 ? 1000 : 5 + (size_t) (number % 40);
}

static void publish (void *socket, int number)
{
    static unsigned char body[150000];
    for (int frame = 0; frame < frames_of (number); frame++) {
        const size_t length = length_of (number, frame);
        memset (body, number, length);
        if (frame == 0) {
            body[0] = number == COUNT ? 'z' : 'x';
            memcpy (body + 1, &number, sizeof number);
        }
        const int more = frame + 1 < frames_of (number) ? ZMQ_SNDMORE : 0;
        NEED (zmq_send (socket, body, length, more) == (int) length);
    }
}

/* The number of the message that comes next; -1: it is not what was sent. */
static int receive (void *socket)
{
    int number = -1, good = 1, more = 1;
    for (int frame = 0; more; frame++) {
        zmq_msg_t message;
        NEED (zmq_msg_init (&message) == 0 && zmq_msg_recv (&message, socket, 0) != -1);
        const unsigned char *body = zmq_msg_data (&message);
        const size_t length = zmq_msg_size (&message), head = frame == 0 ? 1 + sizeof number : 0;
        if (frame == 0 && length >= head)
            memcpy (&number, body + 1, sizeof number);
        good = good && length == length_of (number, frame);
        for (size_t at = head; good && at < length; at++)
            good = body[at] == (unsigned char) number;
        more = zmq_msg_more (&message);
        good = good && more == (frame + 1 < frames_of (number));
        zmq_msg_close (&message);
    }
    return good ? number : -1;
}

static void *subscribe (void *argument)
{
    struct subscriber *subscriber = argument;
    for (int last = -1; last != COUNT;) {
        const int number = receive (subscriber->socket);
        subscriber->wrong += number <= last;
        subscriber->gaps += last >= 0 && number > last + 1;
        subscriber->received++;
        last = number > last ? number : last;
        if (subscriber->role == GOES && last >= COUNT / 3)
            break;
        if (subscriber->role == WAVERS && (number == COUNT / 4 || number == COUNT / 2)) {
            NEED (zmq_setsockopt (subscriber->socket, ZMQ_UNSUBSCRIBE, "x", 1) == 0);
            rest_calmly (5);
            NEED (zmq_setsockopt (subscriber->socket, ZMQ_SUBSCRIBE, "x", 1) == 0);
        }
    }
    end_socket (subscriber->socket);
    return NULL;
}

static const char *public_key, *secret_key;

static void open_subscriber (void *context, void *publisher, struct subscriber *subscriber)
{
    char endpoint[256];
    void *socket = subscriber->socket = new_socket (context, ZMQ_SUB);
    set_int (socket, ZMQ_RCVTIMEO, PATIENCE);
    if (public_key && strcmp (subscriber->name, "inproc") != 0) {
        NEED (zmq_setsockopt (socket, ZMQ_CURVE_SERVERKEY, public_key, 40) == 0);
        NEED (zmq_setsockopt (socket, ZMQ_CURVE_PUBLICKEY, public_key, 40) == 0);
        NEED (zmq_setsockopt (socket, ZMQ_CURVE_SECRETKEY, secret_key, 40) == 0);
    }
    /* Nobody may miss the end while he wavers. */
    NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "z", 1) == 0);
    NEED (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "x", 1) == 0);
    bind_any (publisher, subscriber->name, endpoint);
    NEED (zmq_connect (socket, endpoint) == 0);
    /* The publisher hears of the second one when it has both. */
    char topic[8];
    for (int i = 0; i < 2; i++)
        NEED (zmq_recv (publisher, topic, sizeof topic, 0) > 0);
    NEED (pthread_create (&subscriber->thread, NULL, subscribe, subscriber) == 0);
}

static void broadcast (const char *title, int high_water_mark)
{
    static const struct { const char *name; int role; } all[] = {
        {"tcp", STAYS}, {"tcp", STAYS}, {"tcp", GOES}, {"tcp", WAVERS}, {"ipc", STAYS}, {"ipc", STAYS}, {"ipc", GOES},
        {"tcp", STAYS}, {"inproc", STAYS}, {"inproc", STAYS}, {"tcp", COMES}, {"ipc", COMES}};
    enum { ALL = sizeof all / sizeof *all };
    static const char *const roles[] = {"stays", "goes", "wavers", "comes"};
    struct subscriber subscribers[MOST] = {{0}};
    line ("-- %s, high water mark %d", title, high_water_mark);
    void *context = zmq_ctx_new (), *publisher = new_socket (context, ZMQ_XPUB);
    set_int (publisher, ZMQ_RCVTIMEO, PATIENCE);
    set_int (publisher, ZMQ_SNDTIMEO, PATIENCE);
    set_int (publisher, ZMQ_XPUB_NODROP, 1);
    set_int (publisher, ZMQ_XPUB_VERBOSE, 1);
    set_int (publisher, ZMQ_SNDHWM, high_water_mark);
    if (public_key) {
        set_int (publisher, ZMQ_CURVE_SERVER, 1);
        NEED (zmq_setsockopt (publisher, ZMQ_CURVE_SECRETKEY, secret_key, 40) == 0);
    }
    for (int i = 0; i < ALL; i++) {
        subscribers[i].name = all[i].name;
        subscribers[i].role = all[i].role;
        if (all[i].role != COMES)
            open_subscriber (context, publisher, &subscribers[i]);
    }
    for (int number = 0; number <= COUNT; number++) {
        char ignored[8];
        /* What those that waver have to say. */
        while (zmq_recv (publisher, ignored, sizeof ignored, ZMQ_DONTWAIT) != -1)
            continue;
        if (number == COUNT / 2)
            for (int i = 0; i < ALL; i++)
                if (all[i].role == COMES)
                    open_subscriber (context, publisher, &subscribers[i]);
        publish (publisher, number);
    }
    for (int i = 0; i < ALL; i++) {
        struct subscriber *one = &subscribers[i];
        NEED (pthread_join (one->thread, NULL) == 0);
        line ("%s, who %s: wrong %d, gaps %s", one->name, roles[one->role], one->wrong,
              one->role == WAVERS ? "are his own" : one->gaps ? "yes" : "none");
        if (one->role == STAYS)
            line ("  received %d", one->received);
    }
    end_socket (publisher);
    NEED (zmq_ctx_term (context) == 0);
}

int main (void)
{
    static char own_public[41], own_secret[41];
    broadcast ("NULL", 1000);
    broadcast ("NULL", 70);
    broadcast ("NULL", 3);
    if (zmq_curve_keypair (own_public, own_secret) == 0) {
        public_key = own_public;
        secret_key = own_secret;
        broadcast ("CURVE", 1000);
    }
    return 0;
}
