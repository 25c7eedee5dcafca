/* Which calls the abuse test makes; arguments.c has what they are made with. What C leaves to the caller stays as it must be: a
   buffer has the size that is named, or it is null, or the size is one that no object has; and nothing is asked to wait for ever. */
#define _GNU_SOURCE
#include "abuse.h"

#include <limits.h>
#include <unistd.h>

void *fresh_socket (struct abuser *me, void *context)
{
    /* In most processes most sockets have a type that gets on with that of the others, so that messages pass. */
    static const int pairs[][2] = {{ZMQ_PUSH, ZMQ_PULL}, {ZMQ_DEALER, ZMQ_ROUTER}, {ZMQ_REQ, ZMQ_REP}, {ZMQ_PUB, ZMQ_SUB},
        {ZMQ_XPUB, ZMQ_XSUB}, {ZMQ_PAIR, ZMQ_PAIR},
                                   {ZMQ_CLIENT, ZMQ_SERVER}, {ZMQ_RADIO, ZMQ_DISH}, {ZMQ_SCATTER, ZMQ_GATHER}, {ZMQ_PEER,
                                       ZMQ_PEER}, {ZMQ_CHANNEL, ZMQ_CHANNEL},
                                   {ZMQ_STREAM, ZMQ_STREAM}, {ZMQ_ROUTER, ZMQ_ROUTER}, {ZMQ_DGRAM, ZMQ_DGRAM}};
    uint32_t theme = (uint32_t) (me->theme % (COUNT (pairs) + 3));
    int type = theme < COUNT (pairs) && below (me, 5) ? pairs[theme][below (me, 2)] : (int) below (me, 22) - 1;
    void *socket = zmq_socket (context, type);
    if (type == ZMQ_SUB)
        zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "", 0);
    for (int option = 0; socket && option < 3; option++) {
        int value = (int) below (me, 3) * (option < 2);
        zmq_setsockopt (socket, option == 0 ? ZMQ_RCVTIMEO : option == 1 ? ZMQ_SNDTIMEO : ZMQ_LINGER, &value, sizeof value);
    }
    return socket;
}

static void forget (void *data, void *hint)
{
    (void) hint;
    free (data);
}

static void tick (int id, void *timers)
{
    if (timers && id % 3 == 0)
        zmq_timers_cancel (timers, id);
}

static void nothing (void *argument)
{
    (void) argument;
}

static void set_option (struct abuser *me, void *socket)
{
    unsigned char bytes[1100];
    int option = (int) below (me, 130) - 3, value = any_int (me);
    size_t size = below (me, 2) ? sizeof value : any_size (me);
    for (size_t at = 0; at < sizeof bytes; at++)
        bytes[at] = (unsigned char) (below (me, 2) ? 'a' : below (me, 256));
    if (below (me, 4) == 0)
        bytes[size] = 0;
    if (size == sizeof value)
        memcpy (bytes, &value, sizeof value);
    switch (option) {
        case ZMQ_LINGER:
        case ZMQ_RCVTIMEO:
        case ZMQ_SNDTIMEO:
            value = (int) below (me, 3);
            zmq_setsockopt (socket, option, &value, sizeof value);
            return;
        /* A number of a descriptor that may be somebody's. */
        case ZMQ_USE_FD: return;
    }
    switch (below (me, 12)) {
        case 0: zmq_setsockopt (socket, option, NULL, size); break;
        case 1: zmq_setsockopt (socket, option, bytes, impossible (me)); break;
        default: zmq_setsockopt (socket, option, bytes, size);
    }
}

static void get_option (struct abuser *me, void *socket)
{
    unsigned char bytes[1100];
    size_t size = any_size (me);
    int option = (int) below (me, 130) - 3;
    if (below (me, 12) == 0)
        zmq_getsockopt (socket, option, below (me, 2) ? bytes : NULL, below (me, 2) ? &size : NULL);
    else if (zmq_getsockopt (socket, option, bytes, &size) == 0 && size > sizeof bytes)
        fail (me, "an option that does not fit");
}

static void context_option (struct abuser *me, void *context)
{
    unsigned char bytes[64] = "abuse";
    int option = (int) below (me, 80) - 3, value = any_int (me);
    size_t size = below (me, 2) ? sizeof value : below (me, sizeof bytes);
    /* So many threads are an honest wish. */
    if (option == ZMQ_IO_THREADS && value > 8)
        value = 8;
    if (below (me, 2))
        memcpy (bytes, &value, sizeof value);
    switch (below (me, 5)) {
        case 0: zmq_ctx_set (context, option, value); break;
        case 1: zmq_ctx_get (context, option); break;
        case 2: option == ZMQ_IO_THREADS ? 0 : zmq_ctx_set_ext (context, option, bytes, size); break;
        case 3: zmq_ctx_set_ext (context, option, below (me, 2) ? NULL : bytes, impossible (me)); break;
        default: zmq_ctx_get_ext (context, option, below (me, 8) ? bytes : NULL, below (me, 8) ? &size : NULL);
    }
}

static void message_call (struct abuser *me)
{
    static uint64_t zeros[16], ones[16] = {[0 ... 15] = UINT64_MAX};
    zmq_msg_t *one = &me->messages[below (me, MESSAGES)], *two = &me->messages[below (me, MESSAGES)];
    uint32_t odd = below (me, 24);
    if (odd < 4) {
        void *const bad[] = {NULL, zeros, ones, (char *) zeros + 1};
        two = bad[odd];
        memset (zeros, 0, sizeof zeros), memset (ones, 255, sizeof ones);
    }
    size_t size = below (me, 8) ? any_size (me) : below (me, 2) ? (size_t) 1 << below (me, 24) : impossible (me);
    char *data;
    switch (below (me, 19)) {
        /* What was there is closed first, whether it is still open or not: a message is always one, or closed. */
        case 0: zmq_msg_close (one), zmq_msg_init (one); break;
        case 1:
            if (zmq_msg_close (one), zmq_msg_init_size (one, size) == 0)
                memset (zmq_msg_data (one), 'm', zmq_msg_size (one));
            else
                zmq_msg_init (one);
            break;
        case 2:
            zmq_msg_close (one);
            data = malloc (64);
            if (zmq_msg_init_data (one, data, below (me, 65), forget, NULL) == -1)
                free (data), zmq_msg_init (one);
            break;
        case 3: zmq_msg_close (one), zmq_msg_init_data (one, NULL, size, NULL, NULL), zmq_msg_init (one); break;
        case 4:
            zmq_msg_close (one);
            if (zmq_msg_init_buffer (one, "0123456789012345678901234567890123456789", below (me, 41)) == -1)
                zmq_msg_init (one);
            break;
        case 5: zmq_msg_close (two), zmq_msg_close (two); break;
        case 6: zmq_msg_move (one, two), zmq_msg_move (two, two); break;
        case 7: zmq_msg_copy (one, two), zmq_msg_copy (two, two); break;
        case 8: zmq_msg_data (two), zmq_msg_size (two), zmq_msg_more (two); break;
        case 9: zmq_msg_get (two, (int) below (me, 6) - 1), zmq_msg_set (two, (int) below (me, 6) - 1, any_int (me)); break;
        case 10: zmq_msg_gets (two, below (me, 4) ? "Socket-Type" : below (me, 2) ? NULL : ""); break;
        case 11: zmq_msg_set_routing_id (two, (uint32_t) any_int (me)), zmq_msg_routing_id (two); break;
        case 12: zmq_msg_set_group (two, below (me, 4) ? "group" : any_endpoint (me)), zmq_msg_group (two); break;
        case 13: zmq_msg_send (two, SOCKET, any_int (me) & (below (me, 4) ? 3 : -1)); break;
        case 14: zmq_msg_send (one, SOCKET, ZMQ_DONTWAIT), zmq_msg_send (one, SOCKET, ZMQ_DONTWAIT); break;
        case 15: zmq_msg_recv (two, SOCKET, any_int (me)); break;
        case 16: zmq_sendmsg (SOCKET, two, any_int (me)); break;
        case 17: zmq_recvmsg (SOCKET, two, any_int (me)); break;
        default:
            /* An answer to whom it came from. */
            if (zmq_msg_recv (one, SOCKET, ZMQ_DONTWAIT) != -1)
                zmq_msg_send (one, SOCKET, ZMQ_DONTWAIT);
    }
}

static void bytes_call (struct abuser *me)
{
    char bytes[1100];
    memset (bytes, 'b', sizeof bytes);
    size_t size = any_size (me), count = below (me, 5);
    struct iovec parts[4] = {{bytes, below (me, 60)}, {bytes, 1}, {NULL, 0}, {bytes, 100}};
    int flags = below (me, 4) ? (int) below (me, 4) : any_int (me);
    switch (below (me, 8)) {
        case 0: zmq_send (SOCKET, bytes, size, flags); break;
        case 1: zmq_send (SOCKET, below (me, 2) ? NULL : bytes, impossible (me), flags); break;
        case 2: zmq_send_const (SOCKET, "constant", below (me, 9), flags); break;
        case 3: zmq_recv (SOCKET, bytes, size, flags); break;
        case 4: zmq_recv (SOCKET, below (me, 2) ? NULL : bytes, below (me, 2), flags); break;
        case 5: zmq_sendiov (SOCKET, below (me, 8) ? parts : NULL, below (me, 8) ? count : below (me, 2) ? 0 : impossible (me),
            flags); break;
        case 6:
            memset (parts, 0, sizeof parts);
            if (zmq_recviov (SOCKET, below (me, 8) ? parts : NULL, below (me, 8) ? &count : NULL, ZMQ_DONTWAIT) != -1)
                for (size_t at = 0; at < count && at < 4; at++)
                    free (parts[at].iov_base);
            break;
        default: zmq_send (SOCKET, bytes, size, ZMQ_DONTWAIT);
    }
}

static void poll_call (struct abuser *me)
{
    static const int descriptors[] = {-1, 0, 1, 9999, INT_MAX, INT_MIN, -2};
    zmq_pollitem_t items[4];
    zmq_poller_event_t events[4];
    void *poller = POLLER;
    zmq_fd_t fd;
    sigset_t mask;
    sigemptyset (&mask);
    for (int at = 0; at < 4; at++)
        items[at] = (zmq_pollitem_t) {below (me, 4) ? SOCKET : NULL, ANY (descriptors), (short) any_int (me),
            (short) any_int (me)};
    switch (below (me, 12)) {
        case 0: zmq_poll (items, (int) below (me, 5), any_timeout (me)); break;
        case 1: zmq_poll (below (me, 2) ? NULL : items, -(int) below (me, 100), any_timeout (me)); break;
        case 2: zmq_poll (NULL, any_int (me), any_timeout (me)); break;
        case 3: zmq_ppoll (items, (int) below (me, 5), any_timeout (me), below (me, 2) ? &mask : NULL); break;
        case 4: zmq_poller_add (poller, SOCKET, poller, (short) any_int (me)); break;
        case 5: zmq_poller_modify (poller, SOCKET, (short) any_int (me)); break;
        case 6: zmq_poller_remove (poller, SOCKET); break;
        case 7: zmq_poller_add_fd (poller, ANY (descriptors), NULL, (short) any_int (me)); break;
        case 8: zmq_poller_modify_fd (poller, ANY (descriptors), (short) any_int (me)), zmq_poller_remove_fd (poller,
            ANY (descriptors)); break;
        case 9: zmq_poller_wait (poller, below (me, 8) ? events : NULL, any_timeout (me)); break;
        case 10: zmq_poller_wait_all (poller, below (me, 8) ? events : NULL, below (me, 2) ? (int) below (me,
            5) : -(int) below (me, 9), any_timeout (me)); break;
        default: zmq_poller_size (poller), zmq_poller_fd (poller, below (me, 8) ? &fd : NULL);
    }
}

static void timer_call (struct abuser *me)
{
    void *timers = TIMER;
    size_t interval = below (me, 4) ? below (me, 3) : (size_t) (ssize_t) any_int (me);
    int id = below (me, 2) ? (int) below (me, 12) : any_int (me);
    switch (below (me, 6)) {
        case 0: zmq_timers_add (timers, interval, below (me, 8) ? tick : NULL, below (me, 2) ? timers : NULL); break;
        case 1: zmq_timers_cancel (timers, id); break;
        case 2: zmq_timers_set_interval (timers, id, interval); break;
        case 3: zmq_timers_reset (timers, id); break;
        case 4: zmq_timers_timeout (timers); break;
        default: zmq_timers_execute (timers);
    }
}

/* A handle goes, and another takes its place for those that do not know. */
static void replace (struct abuser *me)
{
    uint32_t at = below (me, SOCKETS);
    void *other;
    switch (below (me, 12)) {
        case 0:
            other = __atomic_exchange_n (&hands.pollers[at % POLLERS], zmq_poller_new (), __ATOMIC_SEQ_CST);
            zmq_poller_destroy (below (me, 8) ? &other : NULL);
            break;
        case 1:
            other = __atomic_exchange_n (&hands.timers[at % TIMERS], zmq_timers_new (), __ATOMIC_SEQ_CST);
            zmq_timers_destroy (below (me, 8) ? &other : NULL);
            break;
        case 2:
            other = __atomic_exchange_n (&hands.counters[at % COUNTERS], zmq_atomic_counter_new (), __ATOMIC_SEQ_CST);
            zmq_atomic_counter_destroy (below (me, 8) ? &other : NULL);
            break;
        case 3:
            if (below (me, 40) == 0)
                zmq_ctx_shutdown (CONTEXT);
            /* Of a context in use that would wait. */
            zmq_ctx_term (below (me, 2) ? NULL : hands.sockets[at]), zmq_term (hands.pollers[0]), zmq_ctx_destroy (NULL);
            break;
        case 4:
            other = below (me, 2) ? zmq_init (any_int (me) & 7) : zmq_ctx_new ();
            zmq_close (fresh_socket (me, other));
            zmq_ctx_term (other), zmq_ctx_term (other), zmq_ctx_shutdown (other);
            break;
        case 5: zmq_close (SOCKET); break;
        default:
            other = __atomic_exchange_n (&hands.sockets[at], fresh_socket (me, CONTEXT), __ATOMIC_SEQ_CST);
            zmq_close (other);
    }
}

static void socket_call (struct abuser *me)
{
    void *socket = SOCKET;
    char name[16] = "abcdefg";
    switch (below (me, 15)) {
        case 0:
        case 1:
        case 2: zmq_bind (socket, any_endpoint (me)); break;
        case 3:
        case 4:
        case 5: zmq_connect (socket, any_endpoint (me)); break;
        case 6: zmq_unbind (socket, any_endpoint (me)); break;
        case 7: zmq_disconnect (socket, any_endpoint (me)); break;
        case 8: zmq_disconnect_peer (socket, zmq_connect_peer (socket, any_endpoint (me)) + below (me, 2)); break;
        case 9: zmq_join (socket, below (me, 4) ? "group" : any_endpoint (me)); break;
        case 10: zmq_leave (socket, below (me, 4) ? "group" : any_endpoint (me)); break;
        case 11: zmq_socket_monitor (socket, below (me, 2) ? "inproc://monitor" : any_endpoint (me), any_int (me)); break;
        case 12: zmq_socket_monitor_versioned (socket, below (me, 2) ? "inproc://monitor" : any_endpoint (me),
            UINT64_MAX >> below (me, 64), (int) below (me, 4), any_int (me)); break;
        case 13: zmq_socket_monitor_pipes_stats (socket); break;
        default: zmq_socket_get_peer_state (socket, below (me, 4) ? name : NULL, below (me, 4) ? below (me,
            16) : impossible (me));
    }
}

static void other_call (struct abuser *me)
{
    char text[64], *place = below (me, 8) ? text : NULL;
    uint8_t bytes[64] = {0};
    void *made = COUNTER;
    switch (below (me, 12)) {
        case 0: zmq_z85_encode (place, below (me, 8) ? bytes : NULL, below (me, 8) ? below (me, 48) : impossible (me)); break;
        case 1: zmq_z85_decode (below (me, 8) ? bytes : NULL, below (me, 2) ? "HelloWorld" : below (me,
            2) ? "#####" : "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"); break;
        case 2: zmq_curve_keypair (place, below (me, 8) ? text : NULL); break;
        case 3: zmq_curve_public (place, below (me, 2) ? "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" : below (me,
            2) ? NULL : "short"); break;
        case 4: zmq_atomic_counter_set (made, any_int (me)); break;
        case 5: zmq_atomic_counter_inc (made), zmq_atomic_counter_dec (made), zmq_atomic_counter_value (made); break;
        case 6: made = zmq_stopwatch_start (), zmq_stopwatch_intermediate (made), zmq_stopwatch_stop (made),
            zmq_stopwatch_stop (made); break;
        case 7: made = zmq_threadstart (below (me, 4) ? nothing : NULL, NULL), zmq_threadclose (made),
            zmq_threadclose (made); break;
        case 8: zmq_has (below (me, 2) ? "curve" : any_endpoint (me)); break;
        case 9: zmq_strerror (any_int (me)), zmq_version (NULL, NULL, NULL); break;
        /* Both fail at once: with one that is none there is nothing to wait for. */
        case 10: zmq_proxy (SOCKET, NULL, SOCKET), zmq_proxy (hands.contexts[0], SOCKET, NULL), zmq_device (any_int (me), NULL,
            SOCKET); break;
        default: zmq_proxy_steerable (SOCKET, hands.pollers[0], SOCKET, SOCKET);
    }
}

void call_anything (struct abuser *me)
{
    errno = 0;
    switch (below (me, 20)) {
        case 0:
        case 1: me->call = "setsockopt", set_option (me, SOCKET); break;
        case 2: me->call = "getsockopt", get_option (me, SOCKET); break;
        case 3: me->call = "a context's option", context_option (me, CONTEXT); break;
        case 4:
        case 5:
        case 6:
        case 7: me->call = "a message's call", message_call (me); break;
        case 8:
        case 9:
        case 10: me->call = "send or recv", bytes_call (me); break;
        case 11:
        case 12: me->call = "a poll", poll_call (me); break;
        case 13: me->call = "timers", timer_call (me); break;
        case 14: me->call = "making and closing", replace (me); break;
        case 15:
        case 16:
        case 17: me->call = "bind, connect or monitor", socket_call (me); break;
        default: me->call = "a helper", other_call (me);
    }
    if (zmq_errno () == ENOTRECOVERABLE)
        fail (me, "a panic inside the library");
}
