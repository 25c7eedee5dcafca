/*
 * The patterns of the soak test. An episode makes sockets, passes numbered messages, interferes, and closes its books:
 * what was sent must have been delivered, unless a reader was closed or a queue was full where the manual says that then
 * messages are dropped. Each pattern runs on a thread of its own; main.c starts them. Here the sockets talk to each other;
 * outsiders.c has the others.
 */
#include "soak.h"

/* PUSH to PULL, or SCATTER to GATHER; readers may be closed with what they had not read. */
static void pipeline (struct world *world)
{
    int draft = below (world, 4) == 0, churn = below (world, 3) == 0, hwm = below (world, 2) ? 0 : 1 + (int) below (world, 50);
    int senders = 1 + (int) below (world, 3), readers = 1 + (int) below (world, 3), goal = 100 + (int) below (world, 3000);
    int reader_binds = (int) below (world, 2);
    char endpoints[4][256];
    void *context = make_context (world), *from[4], *to[4];
    struct ledger *ledger = open_ledger ();
    /* Between one reader and one sender order holds. */
    int64_t last[4][MOST_SENDERS];
    memset (last, -1, sizeof last);
    for (int at = 0; at < senders; at++)
        from[at] = make_socket (context, draft ? ZMQ_SCATTER : ZMQ_PUSH, hwm);
    for (int at = 0; at < readers; at++)
        to[at] = make_socket (context, draft ? ZMQ_GATHER : ZMQ_PULL, hwm);
    void **binders = reader_binds ? to : from, **others = reader_binds ? from : to;
    int binder_count = reader_binds ? readers : senders, other_count = reader_binds ? senders : readers;
    for (int at = 0; at < binder_count; at++) {
        bind_anywhere (world, binders[at], "ntiw", endpoints[at]);
        for (int other = 0; other < other_count; other++)
            WANT (zmq_connect (others[other], endpoints[at]) == 0);
    }
    int closed = 0;
    long start = now_ms (), quiet = 0;
    /* What was closed with a reader will not come. */
    while (quiet < (closed ? 300 : 10000) && now_ms () - start < NO_TIME_LEFT) {
        int moved = 0;
        doing (world, "sending");
        for (int at = 0; at < senders; at++)
            for (int burst = 0; burst < 64 && (int) ledger->sent[at] < goal; burst++)
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
                moved++;
            }
        }
        if (churn && !reader_binds && closed < 5 && below (world, 20) == 0) {
            int at = (int) below (world, (uint32_t) readers);
            doing (world, "replacing a reader");
            end_socket (to[at]);
            to[at] = make_socket (context, draft ? ZMQ_GATHER : ZMQ_PULL, hwm);
            memset (last[at], -1, sizeof last[at]);
            for (int binder = 0; binder < senders; binder++)
                WANT (zmq_connect (to[at], endpoints[binder]) == 0);
            closed++;
            world->books.faults++;
        }
        int all = 1;
        for (int at = 0; at < senders; at++)
            all &= (int) ledger->sent[at] == goal;
        if (moved)
            quiet = 0;
        else if (all && total (ledger->sent) == total (ledger->delivered))
            break;
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
    close_ledger (world, ledger, closed > 0);
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
    close_ledger (world, ledger, 0);
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
    bind_anywhere (world, server, "ntiw", endpoint);
    for (int at = 0; at < clients; at++) {
        client[at] = make_socket (context, kinds[kind].client, 0);
        WANT (zmq_connect (client[at], endpoint) == 0);
    }
    doing (world, "echoing");
    long start = now_ms (), quiet = 0;
    while (quiet < (closed ? 300 : 10000) && now_ms () - start < NO_TIME_LEFT) {
        int moved = 0, all = 1;
        for (int at = 0; at < clients; at++) {
            for (int burst = 0; burst < 20 && (int) ledger->sent[at] < goal; burst++)
                moved += send_next (world, ledger, client[at], (unsigned) at, 'e', SMALL | (kinds[kind].single ? SINGLE : 0));
            while (receive_next (ledger, client[at], NULL))
                moved++;
            all &= (int) ledger->sent[at] == goal;
        }
        while (echo (server, kinds[kind].single && !kinds[kind].one))
            moved++;
        if (churn && closed < 4 && below (world, 30) == 0) {
            int at = (int) below (world, (uint32_t) clients);
            end_socket (client[at]);
            client[at] = make_socket (context, kinds[kind].client, 0);
            WANT (zmq_connect (client[at], endpoint) == 0);
            closed++;
            world->books.faults++;
        }
        if (moved)
            quiet = 0;
        else if (all && total (ledger->sent) == total (ledger->delivered))
            break;
        else {
            void *sockets[8] = {server};
            memcpy (sockets + 1, client, sizeof client);
            await (sockets, 1 + clients);
            quiet += all ? 20 : 0;
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
    close_ledger (world, ledger, closed > 0);
}

/* XPUB or PUB to SUB, and RADIO to DISH: who asked for a topic gets all of it, in order; without a high water mark all. */
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
            long quiet = number + 1 == goal && !hwm ? 10000 : number + 1 == goal ? 300 : 0, since = now_ms ();
            for (int at = 0; at < readers; at++) {
                int own = topics[at] - 'a';
                for (;;) {
                    int size = zmq_recv (to[at], body, sizeof body, ZMQ_DONTWAIT);
                    if (size == -1) {
                        if ((!unheard[at] && came[at] == published[own] - expected[at]) || now_ms () - since >= (unheard[at] && quiet ? 300 : quiet))
                            break;
                        await (to + at, 1);
                        continue;
                    }
                    uint64_t got;
                    memcpy (&got, body + 8, sizeof got);
                    if (unheard[at])
                        expected[at] = next[at] = got;
                    unheard[at] = 0;
                    WANT (size == sizeof body && body[0] == topics[at] && got >= next[at] && (hwm || got == next[at]));
                    next[at] = got + 1;
                    came[at]++;
                }
            }
        }
        if (churn && number % 500 == 250) {
            int at = (int) below (world, (uint32_t) readers);
            doing (world, "resubscribing");
            /* From here on what it missed is nobody's loss: it had not asked. */
            world->books.delivered += came[at];
            world->books.sent += came[at];
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
        uint64_t due = unheard[at] ? 0 : published[topics[at] - 'a'] - expected[at];
        /* With a high water mark PUB drops what a slow reader has no room for. */
        WANT (came[at] <= due && (hwm || came[at] == due));
        world->books.sent += due;
        world->books.delivered += came[at];
        world->books.dropped += due - came[at];
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
