/*
 * The patterns of the soak test. An episode makes sockets, passes numbered messages, interferes, and closes its books: what
 * was sent must have been delivered, but for what a socket that was closed took along, or a PUB dropped for a full queue;
 * and each message that did not come must be one to which that can have happened. Each pattern runs on a thread of its own;
 * main.c starts them. Here the sockets talk to each other; outsiders.c has the others.
 */
#include "soak.h"

/* What a connection holds that no mark counts: the kernel's two buffers, set to HELD_SET each, what the library has read or is
   writing, and the messages cut by that. */
enum { HELD_SET = 1 << 16, HELD = 1 << 20, CUT = 4 };

static int larger_first (const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *) one, b = *(const uint32_t *) other;
    return (a < b) - (a > b);
}

/* What has not come of a sender whose readers were closed `closed` times: all of it behind what the closed ones had received,
   up to `heard`, and before the end, from `end` on; and with marks not more than the queues to the closed ones held. */
static void close_readers (struct world *world, struct ledger *ledger, unsigned sender, int closed, int64_t heard, uint64_t end, int hwm, int held)
{
    static __thread uint32_t sizes[MOST_MESSAGES];
    size_t count = 0;
    for (uint64_t number = 0; number < ledger->sent[sender]; number++)
        if (ledger->fate[sender][number] == UNDER_WAY) {
            size_t length = strlen (world->note);
            if (count == 0)
                snprintf (world->note + length, sizeof world->note - length, "; first not come of sender %u: %llu, heard %lld, end %llu",
                          sender, (unsigned long long) number, (long long) heard, (unsigned long long) end);
            WANT (closed > 0 && (int64_t) number > heard && number < end);
            take_along (ledger, sender, number);
            sizes[count++] = ledger->size[sender][number];
        }
    if (!hwm)
        return;
    size_t counted = (size_t) closed * (size_t) (2 * hwm + (held ? CUT : 0)), beyond = 0;
    qsort (sizes, count, sizeof *sizes, larger_first);
    for (size_t at = counted; at < count; at++)
        beyond += sizes[at];
    WANT (count <= counted || beyond <= (size_t) closed * (size_t) held);
}

/* PUSH to PULL, or SCATTER to GATHER; readers may be closed with what they had not read. */
static void pipeline (struct world *world)
{
    int draft = below (world, 4) == 0, churn = below (world, 3) == 0, hwm = below (world, 2) ? 0 : 1 + (int) below (world, 50);
    int senders = 1 + (int) below (world, 3), readers = 1 + (int) below (world, 3), goal = 100 + (int) below (world, 3000);
    int reader_binds = (int) below (world, 2);
    char endpoints[4][256] = {""};
    void *context = make_context (world), *from[4], *to[4];
    struct ledger *ledger = open_ledger ();
    /* Between one reader and one sender order holds. */
    int64_t last[4][MOST_SENDERS];
    memset (last, -1, sizeof last);
    for (int at = 0; at < senders; at++)
        from[at] = make_socket (context, draft ? ZMQ_SCATTER : ZMQ_PUSH, hwm);
    for (int at = 0; at < readers; at++)
        to[at] = make_socket (context, draft ? ZMQ_GATHER : ZMQ_PULL, hwm);
    for (int at = 0; churn && at < senders + readers; at++) {
        set_int (at < senders ? from[at] : to[at - senders], ZMQ_SNDBUF, HELD_SET);
        set_int (at < senders ? from[at] : to[at - senders], ZMQ_RCVBUF, HELD_SET);
    }
    void **binders = reader_binds ? to : from, **others = reader_binds ? from : to;
    int binder_count = reader_binds ? readers : senders, other_count = reader_binds ? senders : readers;
    for (int at = 0; at < binder_count; at++) {
        bind_anywhere (world, binders[at], "ntiw", endpoints[at]);
        for (int other = 0; other < other_count; other++)
            WANT (zmq_connect (others[other], endpoints[at]) == 0);
    }
    /* Of each sender, the least that a closed reader had received, or that was sent before there was the reader. */
    int64_t heard[4] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    /* Readers are closed between a third and a half of the messages. */
    int closed = 0, settled = !churn || reader_binds, end = settled ? goal : goal / 2, behind = 0;
    long start = now_ms (), quiet = 0;
    /* A sender may take a while to notice that a reader was closed: it gets a second of quiet for that, and then sends the rest. */
    while (quiet < 10000 && now_ms () - start < NO_TIME_LEFT) {
        int moved = 0;
        doing (world, "sending");
        for (int at = 0; at < senders; at++)
            for (int burst = 0; burst < 64 && (int) ledger->sent[at] < (settled ? goal : end); burst++)
                if (send_next (world, ledger, from[at], (unsigned) at, 'p', draft ? SINGLE : 0))
                    moved++;
                else
                    break;
        doing (world, "receiving");
        for (int at = 0; at < readers; at++) {
            struct received received;
            for (int burst = 0; burst < 100 && receive_next (ledger, to[at], &received); burst++) {
                WANT ((int64_t) received.number > last[at][received.sender]);
                last[at][received.sender] = (int64_t) received.number;
                behind += (int) received.number >= end;
                moved++;
            }
        }
        if (!settled && closed < 5 && (int) ledger->sent[0] >= goal / 3 && below (world, 3) == 0) {
            int at = (int) below (world, (uint32_t) readers);
            doing (world, "replacing a reader");
            end_socket (to[at]);
            to[at] = make_socket (context, draft ? ZMQ_GATHER : ZMQ_PULL, hwm);
            set_int (to[at], ZMQ_RCVBUF, HELD_SET);
            for (int binder = 0; binder < senders; binder++) {
                heard[binder] = last[at][binder] < heard[binder] ? last[at][binder] : heard[binder];
                last[at][binder] = (int64_t) ledger->sent[binder] - 1;
                WANT (zmq_connect (to[at], endpoints[binder]) == 0);
            }
            closed++;
            moved++;
            world->books.faults++;
        }
        int all = 1;
        for (int at = 0; at < senders; at++)
            all &= (int) ledger->sent[at] == (settled ? goal : end);
        int complete = all && (total (ledger->sent) == total (ledger->delivered) || (settled && closed && behind == senders * (goal - end)));
        if (moved)
            quiet = 0;
        else if (complete && settled)
            break;
        else if (!settled && (closed ? quiet >= 1000 : complete))
            settled = 1, quiet = 0;
        else
            await (to, readers), quiet += all ? 20 : 0;
    }
    snprintf (world->note, sizeof world->note,
              "%s, hwm %d, %d senders, %d readers, %s bind (%s %s %s), %llu of %llu came, %d closed, %ld ms, quiet %ld ms",
              draft ? "scatter" : "push", hwm, senders, readers, reader_binds ? "readers" : "senders", endpoints[0],
              binder_count > 1 ? endpoints[1] : "", binder_count > 2 ? endpoints[2] : "",
              (unsigned long long) total (ledger->delivered), (unsigned long long) total (ledger->sent), closed,
              now_ms () - start, quiet);
    doing (world, "closing");
    for (int at = 0; at < senders; at++)
        end_socket (from[at]);
    for (int at = 0; at < readers; at++)
        end_socket (to[at]);
    end_context (world, context);
    for (int at = 0; at < senders; at++)
        close_readers (world, ledger, (unsigned) at, closed, heard[at], (uint64_t) end, hwm, strncmp (endpoints[at], "inproc", 6) ? HELD : 0);
    close_ledger (world, ledger);
}

/* REQ to REP, straight or through ROUTER and DEALER; every question is answered once. */
static void requests (struct world *world)
{
    int clients = 1 + (int) below (world, 4), middle = (int) below (world, 2), goal = 20 + (int) below (world, 400);
    char front[256], back[256];
    void *context = make_context (world), *asks[4], *answers = make_socket (context, ZMQ_REP, 100);
    void *router = make_socket (context, ZMQ_ROUTER, 100), *dealer = make_socket (context, ZMQ_DEALER, 100);
    struct ledger *ledger = open_ledger ();
    bind_anywhere (world, router, "ntiw", front);
    bind_anywhere (world, dealer, "ntiw", back);
    if (middle)
        WANT (zmq_connect (answers, back) == 0);
    else
        bind_anywhere (world, answers, "ntiw", front);
    for (int at = 0; at < clients; at++) {
        asks[at] = make_socket (context, ZMQ_REQ, 100);
        WANT (zmq_connect (asks[at], front) == 0);
    }
    doing (world, "asking");
    for (long start = now_ms (); now_ms () - start < NO_TIME_LEFT;) {
        int moved = 0, all = 1;
        for (int at = 0; at < clients; at++) {
            if ((int) ledger->sent[at] < goal && ledger->sent[at] == ledger->delivered[at])
                moved += send_next (world, ledger, asks[at], (unsigned) at, 'q', SMALL);
            moved += receive_next (ledger, asks[at], NULL);
            all &= (int) ledger->delivered[at] == goal;
        }
        for (int way = 0; middle && way < 2; way++) {
            zmq_msg_t frame;
            zmq_msg_init (&frame);
            while (zmq_msg_recv (&frame, way ? dealer : router, ZMQ_DONTWAIT) != -1) {
                int more = zmq_msg_more (&frame);
                WANT (zmq_msg_send (&frame, way ? router : dealer, more ? ZMQ_SNDMORE : 0) != -1);
                moved++;
            }
            zmq_msg_close (&frame);
        }
        moved += echo (answers, 0);
        if (all)
            break;
        if (!moved) {
            void *sockets[8] = {answers, router, dealer};
            memcpy (sockets + 3, asks, sizeof asks);
            await (sockets, 3 + clients);
        }
    }
    doing (world, "closing");
    for (int at = 0; at < clients; at++)
        end_socket (asks[at]);
    end_socket (answers);
    end_socket (router);
    end_socket (dealer);
    end_context (world, context);
    close_ledger (world, ledger);
}

/* DEALER to ROUTER, CLIENT to SERVER, PAIR and CHANNEL: an echo with many messages under way. */
static void echoes (struct world *world)
{
    static const struct {
        int client, server, single, one;
    } kinds[] = {{ZMQ_DEALER, ZMQ_ROUTER, 0, 0}, {ZMQ_DEALER, ZMQ_ROUTER, 0, 0}, {ZMQ_CLIENT, ZMQ_SERVER, 1, 0},
                 {ZMQ_PAIR, ZMQ_PAIR, 0, 1}, {ZMQ_CHANNEL, ZMQ_CHANNEL, 1, 1}, {ZMQ_DEALER, ZMQ_DEALER, 0, 1}};
    int kind = (int) below (world, 6), clients = kinds[kind].one ? 1 : 1 + (int) below (world, 4), closed = 0;
    int goal = 100 + (int) below (world, 2000), churn = !kinds[kind].one && below (world, 3) == 0;
    char endpoint[256];
    void *context = make_context (world), *server = make_socket (context, kinds[kind].server, 0), *client[4];
    struct ledger *ledger = open_ledger ();
    /* Answers come in order and without a gap; what has not come to a client when it is closed comes to nobody. */
    uint64_t next[4] = {0};
    struct received received;
    bind_anywhere (world, server, "ntiw", endpoint);
    for (int at = 0; at < clients; at++) {
        client[at] = make_socket (context, kinds[kind].client, 0);
        WANT (zmq_connect (client[at], endpoint) == 0);
    }
    doing (world, "echoing");
    long start = now_ms (), quiet = 0;
    while (quiet < 10000 && now_ms () - start < NO_TIME_LEFT) {
        int moved = 0, all = 1;
        for (int at = 0; at < clients; at++) {
            for (int burst = 0; burst < 20 && (int) ledger->sent[at] < goal; burst++)
                moved += send_next (world, ledger, client[at], (unsigned) at, 'e', SMALL | (kinds[kind].single ? SINGLE : 0));
            for (; receive_next (ledger, client[at], &received); moved++)
                WANT ((int) received.sender == at && received.number == next[at]++);
            all &= (int) ledger->sent[at] == goal && next[at] == ledger->sent[at];
        }
        while (echo (server, kinds[kind].single && !kinds[kind].one))
            moved++;
        if (churn && closed < 4 && below (world, 30) == 0) {
            int at = (int) below (world, (uint32_t) clients);
            end_socket (client[at]);
            while (next[at] < ledger->sent[at])
                take_along (ledger, (unsigned) at, next[at]++);
            client[at] = make_socket (context, kinds[kind].client, 0);
            WANT (zmq_connect (client[at], endpoint) == 0);
            closed++;
            world->books.faults++;
        }
        if (moved)
            quiet = 0;
        else if (all)
            break;
        else {
            void *sockets[8] = {server};
            memcpy (sockets + 1, client, sizeof client);
            await (sockets, 1 + clients);
            quiet += 20;
        }
    }
    snprintf (world->note, sizeof world->note, "kind %d, %d clients, %s, %llu of %llu came, %d closed, %ld ms, quiet %ld ms", kind,
              clients, endpoint, (unsigned long long) total (ledger->delivered), (unsigned long long) total (ledger->sent),
              closed, now_ms () - start, quiet);
    doing (world, "closing");
    for (int at = 0; at < clients; at++)
        end_socket (client[at]);
    end_socket (server);
    end_context (world, context);
    close_ledger (world, ledger);
}

/* Whether a PUB may have dropped this one and those after it: there is a mark, and half of it was published to this reader
   before. Whether the queue was full at that moment nobody outside can tell: the PUB hears by halves of what has left it, and
   from a thread that may be kept from the processor behind its write, when the reader has all of that already. */
static int may_drop (uint64_t number, uint64_t first, int hwm)
{
    return hwm && (int64_t) (number - first) >= hwm / 2 - 1;
}

/* XPUB to SUB, and RADIO to DISH: who asked for a topic gets all of it, in order, but for what its full queue had no room for. */
static void publishing (struct world *world)
{
    int draft = below (world, 4) == 0, hwm = below (world, 3) ? 0 : 5 + (int) below (world, 100), readers = 1 + (int) below (world, 4);
    int goal = 200 + (int) below (world, 3000), churn = below (world, 3) == 0;
    char endpoint[256], topics[4];
    void *context = make_context (world), *from = make_socket (context, draft ? ZMQ_RADIO : ZMQ_XPUB, hwm), *to[4];
    /* A reader each, whose sender is the number of the reader; all count what was published on their topic. */
    uint64_t expected[4] = {0}, next[4] = {0}, came[4] = {0}, published[2] = {0};
    /* When a DISH has joined a RADIO does not tell: what it counts from is what it hears first. */
    int unheard[4] = {draft, draft, draft, draft};
    if (!draft)
        set_int (from, ZMQ_XPUB_VERBOSE, 1);
    bind_anywhere (world, from, "ntiw", endpoint);
    for (int at = 0; at < readers; at++) {
        topics[at] = (char) ('a' + below (world, 2));
        to[at] = make_socket (context, draft ? ZMQ_DISH : ZMQ_SUB, hwm);
        WANT (zmq_connect (to[at], endpoint) == 0);
        char group[2] = {topics[at], 0};
        WANT (draft ? zmq_join (to[at], group) == 0 : zmq_setsockopt (to[at], ZMQ_SUBSCRIBE, group, 1) == 0);
    }
    snprintf (world->note, sizeof world->note, "%s, hwm %d, %d readers, %s, goal %d%s", draft ? "radio" : "xpub", hwm, readers,
              endpoint, goal, churn ? ", resubscribing" : "");
    doing (world, "awaiting subscriptions");
    long start = now_ms ();
    for (int at = 0; !draft && at < readers; at++) {
        char body[8];
        set_int (from, ZMQ_RCVTIMEO, 10000);
        WANT (zmq_recv (from, body, sizeof body, 0) == 2);
    }
    if (draft)
        rest_ms (500);
    doing (world, "publishing");
    unsigned char body[32] = {0};
    for (int number = 0; number < goal && now_ms () - start < NO_TIME_LEFT; number++) {
        int topic = (int) below (world, 2);
        body[0] = (unsigned char) ('a' + topic);
        memcpy (body + 8, &published[topic], sizeof published[topic]);
        zmq_msg_t message;
        WANT (zmq_msg_init_size (&message, sizeof body) == 0);
        memcpy (zmq_msg_data (&message), body, sizeof body);
        char group[2] = {(char) body[0], 0};
        if (draft)
            WANT (zmq_msg_set_group (&message, group) == 0);
        WANT (zmq_msg_send (&message, from, 0) != -1);
        published[topic]++;
        if (number % 50 == 0 || number + 1 == goal) {
            int last = number + 1 == goal, events;
            long since = now_ms ();
            for (int at = 0; at < readers; at++) {
                int own = topics[at] - 'a';
                for (;;) {
                    int size = zmq_recv (to[at], body, sizeof body, ZMQ_DONTWAIT);
                    if (size == -1) {
                        long quiet = !last ? 0 : unheard[at] || may_drop (next[at], expected[at], hwm) ? 300 : 10000;
                        if ((!unheard[at] && next[at] == published[own]) || now_ms () - since >= quiet)
                            break;
                        await (to + at, 1);
                        continue;
                    }
                    uint64_t got;
                    memcpy (&got, body + 8, sizeof got);
                    if (unheard[at])
                        expected[at] = next[at] = got;
                    unheard[at] = 0;
                    WANT (size == sizeof body && body[0] == topics[at] && got >= next[at] && got < published[own]);
                    WANT (got == next[at] || may_drop (next[at], expected[at], hwm));
                    world->books.dropped += got - next[at];
                    next[at] = got + 1;
                    came[at]++;
                }
            }
            /* libzmq's PUB hears of what was read at this call, and by the way only once a millisecond. */
            WANT (zmq_getsockopt (from, ZMQ_EVENTS, &events, &(size_t) {sizeof events}) == 0);
        }
        if (churn && number % 500 == 250) {
            int at = (int) below (world, (uint32_t) readers);
            doing (world, "resubscribing");
            /* What it had not read goes with it. From here on what it missed is nobody's loss: it had not asked. */
            if (!unheard[at]) {
                world->books.sent += published[topics[at] - 'a'] - expected[at];
                world->books.taken += published[topics[at] - 'a'] - next[at];
                world->books.delivered += came[at];
            }
            end_socket (to[at]);
            to[at] = make_socket (context, draft ? ZMQ_DISH : ZMQ_SUB, hwm);
            WANT (zmq_connect (to[at], endpoint) == 0);
            char again[2] = {topics[at], 0};
            WANT (draft ? zmq_join (to[at], again) == 0 : zmq_setsockopt (to[at], ZMQ_SUBSCRIBE, again, 1) == 0);
            if (draft)
                rest_ms (300);
            else
                for (char command[8]; zmq_recv (from, command, sizeof command, 0) != -1 && command[0] != 1;)
                    ;
            expected[at] = published[topics[at] - 'a'];
            next[at] = expected[at];
            came[at] = 0;
            unheard[at] = draft;
            world->books.faults++;
            doing (world, "publishing");
        }
    }
    snprintf (world->note, sizeof world->note, "%s, hwm %d, %d readers, %s, %ld ms", draft ? "radio" : "xpub", hwm, readers,
              endpoint, now_ms () - start);
    doing (world, "closing");
    for (int at = 0; at < readers; at++) {
        uint64_t all = published[topics[at] - 'a'];
        if (!unheard[at]) {
            WANT (next[at] == all || may_drop (next[at], expected[at], hwm));
            world->books.sent += all - expected[at];
            world->books.dropped += all - next[at];
            world->books.delivered += came[at];
        }
        end_socket (to[at]);
    }
    end_socket (from);
    end_context (world, context);
}

struct world worlds[] = {
    {.name = "push-pull", .episode = pipeline}, {.name = "req-rep", .episode = requests},
    {.name = "echoes", .episode = echoes},      {.name = "pub-sub", .episode = publishing},
    {.name = "stream", .episode = plain_bytes}, {.name = "strangers", .episode = strangers},
    {.name = "trickles", .episode = trickles},  {.name = "processes", .episode = processes},
};
const int world_count = sizeof worlds / sizeof *worlds;
