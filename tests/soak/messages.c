/* The messages and books of the soak test, and its sockets. See soak.h. */
#define _GNU_SOURCE
#include "soak.h"

/* In front of every frame; the rest of it is filled with a pattern made of these. */
struct head {
    char topic, part, parts, unused;
    uint32_t mark;
    uint32_t sender, size;
    uint64_t number;
};

#define MARK 0x6b616f73u

static unsigned char filling (const struct head *head, size_t at)
{
    return (unsigned char) (head->number * 31 + head->sender * 7 + (unsigned) head->part + at * 13);
}

struct ledger *open_ledger (void)
{
    struct ledger *ledger = calloc (1, sizeof *ledger);
    WANT (ledger != NULL);
    return ledger;
}

uint64_t total (const uint64_t counts[MOST_SENDERS])
{
    uint64_t sum = 0;
    for (int sender = 0; sender < MOST_SENDERS; sender++)
        sum += counts[sender];
    return sum;
}

void take_along (struct ledger *ledger, unsigned sender, uint64_t number)
{
    WANT (number < ledger->sent[sender] && ledger->fate[sender][number] == UNDER_WAY);
    ledger->fate[sender][number] = TAKEN;
    ledger->taken[sender]++;
}

void close_ledger (struct world *world, struct ledger *ledger)
{
    for (int sender = 0; sender < MOST_SENDERS; sender++)
        for (uint64_t number = 0; number < ledger->sent[sender]; number++)
            WANT (ledger->fate[sender][number] != UNDER_WAY);
    world->books.sent += total (ledger->sent);
    world->books.delivered += total (ledger->delivered);
    world->books.taken += total (ledger->taken);
    free (ledger);
}

int send_bytes (void *socket, const void *data, size_t size, int flags)
{
    int result;
    do
        result = zmq_send (socket, data, size, flags);
    while (result == -1 && zmq_errno () == EINTR);
    return result;
}

int send_next (struct world *world, struct ledger *ledger, void *socket, unsigned sender, char topic, int flags)
{
    if (ledger->sent[sender] == MOST_MESSAGES)
        return 0;
    struct head head = {.topic = topic, .mark = MARK, .sender = sender, .number = ledger->sent[sender]};
    uint32_t whole = 0;
    head.parts = flags & SINGLE || below (world, 4) ? 1 : (char) (2 + below (world, 3));
    for (; head.part < head.parts; head.part++) {
        uint32_t kind = below (world, 400);
        size_t more = kind == 0 && !(flags & SMALL) ? below (world, 1 << 20) : kind < 10 ? below (world, 1 << 16)
                      : kind < 60 ? below (world, 2000) : below (world, 40);
        head.size = (uint32_t) (sizeof head + more);
        whole += head.size;
        zmq_msg_t message;
        WANT (zmq_msg_init_size (&message, head.size) == 0);
        unsigned char *bytes = zmq_msg_data (&message);
        memcpy (bytes, &head, sizeof head);
        for (size_t at = sizeof head; at < head.size; at++)
            bytes[at] = filling (&head, at);
        int last = head.part + 1 == head.parts, result;
        do
            result = zmq_msg_send (&message, socket, ZMQ_DONTWAIT | (last ? 0 : ZMQ_SNDMORE));
        while (result == -1 && zmq_errno () == EINTR);
        if (result == -1) {
            zmq_msg_close (&message);
            /* A message is taken as a whole or not at all. EFSM: a REQ that waits. */
            WANT (head.part == 0 && (zmq_errno () == EAGAIN || zmq_errno () == EFSM));
            return 0;
        }
    }
    ledger->size[sender][ledger->sent[sender]++] = whole;
    return 1;
}

size_t frame_next (struct world *world, struct ledger *ledger, unsigned sender, unsigned char frame[256])
{
    struct head head = {.topic = 't', .parts = 1, .mark = MARK, .sender = sender, .number = ledger->sent[sender]++};
    head.size = (uint32_t) sizeof head + below (world, 100);
    frame[0] = 0;
    frame[1] = (unsigned char) head.size;
    memcpy (frame + 2, &head, sizeof head);
    for (size_t at = sizeof head; at < head.size; at++)
        frame[2 + at] = filling (&head, at);
    return 2 + head.size;
}

/* Receives one frame into an initialised message; 0 if there is none. */
static int receive_frame (void *socket, zmq_msg_t *message)
{
    int result;
    do
        result = zmq_msg_recv (message, socket, ZMQ_DONTWAIT);
    while (result == -1 && zmq_errno () == EINTR);
    WANT (result != -1 || zmq_errno () == EAGAIN || zmq_errno () == EFSM);
    return result != -1;
}

int receive_next (struct ledger *ledger, void *socket, struct received *received)
{
    struct head first = {.parts = 1}, head;
    zmq_msg_t message;
    WANT (zmq_msg_init (&message) == 0);
    int part = 0, more = 1, foreign = 0;
    for (; more; part++) {
        if (!receive_frame (socket, &message)) {
            WANT (part == 0);
            zmq_msg_close (&message);
            return 0;
        }
        const unsigned char *bytes = zmq_msg_data (&message);
        more = zmq_msg_more (&message);
        memset (&head, 0, sizeof head);
        if (zmq_msg_size (&message) >= sizeof head)
            memcpy (&head, bytes, sizeof head);
        if (head.mark != MARK) {
            /* ZMTP 1.0 has no greeting: almost anything that a stranger says is a message. */
            WANT (ledger->strangers);
            foreign = 1;
            continue;
        }
        if (part == 0)
            first = head;
        WANT (head.sender == first.sender && head.number == first.number && head.parts == first.parts);
        WANT (head.part == part);
        WANT (head.size == zmq_msg_size (&message));
        for (size_t at = sizeof head; at < head.size; at++)
            WANT (bytes[at] == filling (&head, at));
    }
    zmq_msg_close (&message);
    if (foreign)
        return 1;
    WANT (part == first.parts && first.sender < MOST_SENDERS && first.number < MOST_MESSAGES);
    /* Never twice, and never before it was sent. */
    WANT (ledger->fate[first.sender][first.number] == UNDER_WAY && first.number < ledger->sent[first.sender]);
    ledger->fate[first.sender][first.number] = CAME;
    ledger->delivered[first.sender]++;
    if (received) {
        received->sender = first.sender;
        received->number = first.number;
    }
    return 1;
}

int echo (void *socket, int routed)
{
    /* All of it first: a REP answers when it has heard the whole question. */
    zmq_msg_t parts[8];
    int count = 0, gone = 0;
    for (int more = 1; more; count++) {
        WANT (count < 8 && zmq_msg_init (&parts[count]) == 0);
        if (!receive_frame (socket, &parts[count])) {
            WANT (count == 0);
            zmq_msg_close (&parts[count]);
            return 0;
        }
        more = zmq_msg_more (&parts[count]);
    }
    for (int part = 0; part < count; part++) {
        if (routed)
            WANT (zmq_msg_set_routing_id (&parts[part], zmq_msg_routing_id (&parts[part])) == 0);
        if (!gone && zmq_msg_send (&parts[part], socket, ZMQ_DONTWAIT | (part + 1 < count ? ZMQ_SNDMORE : 0)) == -1) {
            /* Who asked may be gone: ROUTER then drops the answer, SERVER and PEER say so. */
            WANT (part == 0 && (zmq_errno () == EHOSTUNREACH || zmq_errno () == EAGAIN));
            gone = 1;
        }
        zmq_msg_close (&parts[part]);
    }
    return 1;
}

void set_int (void *socket, int option, int value)
{
    WANT (zmq_setsockopt (socket, option, &value, sizeof value) == 0);
}

void *make_context (struct world *world)
{
    void *context = zmq_ctx_new ();
    WANT (context != NULL);
    WANT (zmq_ctx_set (context, ZMQ_IO_THREADS, 1 + (int) below (world, 2)) == 0);
    return context;
}

void end_context (struct world *world, void *context)
{
    doing (world, "zmq_ctx_term");
    while (zmq_ctx_term (context) == -1)
        WANT (zmq_errno () == EINTR);
}

void *make_socket (void *context, int type, int hwm)
{
    void *socket = zmq_socket (context, type);
    WANT (socket != NULL);
    set_int (socket, ZMQ_LINGER, 0);
    set_int (socket, ZMQ_SNDHWM, hwm);
    set_int (socket, ZMQ_RCVHWM, hwm);
    set_int (socket, ZMQ_RECONNECT_IVL, 20);
    return socket;
}

void end_socket (void *socket)
{
    WANT (zmq_close (socket) == 0);
}

void bind_anywhere (struct world *world, void *socket, const char *kinds, char endpoint[256])
{
    static unsigned serial;
    unsigned number = __atomic_add_fetch (&serial, 1, __ATOMIC_RELAXED);
    char wanted[256];
    switch (kinds[below (world, (uint32_t) strlen (kinds))]) {
        case 't': snprintf (wanted, sizeof wanted, "tcp://127.0.0.1:*"); break;
        case 'w': snprintf (wanted, sizeof wanted, "ws://127.0.0.1:*/soak"); break;
        case 'i': snprintf (wanted, sizeof wanted, "ipc://%s/%u", folder, number); break;
        default: snprintf (wanted, sizeof wanted, "inproc://%u", number);
    }
    size_t size = 256;
    WANT (zmq_bind (socket, wanted) == 0);
    WANT (zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
}

void await (void **sockets, int count)
{
    zmq_pollitem_t items[8];
    for (int at = 0; at < count; at++)
        items[at] = (zmq_pollitem_t) {sockets[at], 0, ZMQ_POLLIN, 0};
    zmq_poll (items, count, 20);
}
