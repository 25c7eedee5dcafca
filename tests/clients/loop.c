/* A libuv loop over ZMQ_FD, as loop.py is one of asyncio: `loop server ENDPOINT` is a ROUTER, `client` 20 DEALERs.
 * ZMQ_FD tells changes, not states: whoever was told, or has sent, looks at ZMQ_EVENTS until there is nothing left. A loop that
 * does so never sleeps over a message. Compiled and started by tests/clients/run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>
#include <zmq.h>

enum { DEALERS = 20, REQUESTS = 100, WINDOW = 10 };

struct peer {
    uv_poll_t watch;
    void *socket;
    int index, sent, answered;
};

static uv_timer_t limit;
static int answers;

static void check (int condition, const char *text)
{
    if (!condition) {
        fprintf (stderr, "wrong: %s (%s)\n", text, zmq_strerror (zmq_errno ()));
        exit (1);
    }
}

static void finish (const char *text)
{
    char line[4096], last[4096] = "";
    FILE *maps = fopen ("/proc/self/maps", "r");
    check (maps != NULL, "/proc/self/maps");
    puts (text);
    while (fgets (line, sizeof line, maps)) {
        char *path = strstr (line, "/libzmq.so") ? strchr (line, '/') : NULL;
        if (path && strcmp (path, last))
            printf ("library %s", strcpy (last, path));
    }
    fclose (maps);
    fflush (stdout);
}

static int is_ready (void *socket)
{
    int events = 0;
    size_t size = sizeof events;
    check (zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size) == 0, "ZMQ_EVENTS");
    return events & ZMQ_POLLIN;
}

static int take (void *socket, char *frame, int room)
{
    int size = zmq_recv (socket, frame, room - 1, ZMQ_DONTWAIT);
    check (size >= 0 && size < room, "a frame");
    frame[size] = 0;
    return size;
}

static void give (void *socket, const char *frame, int size, int flags)
{
    check (zmq_send (socket, frame, size, flags | ZMQ_DONTWAIT) == size, "a frame sent");
}

static void done (struct peer *peer)
{
    uv_poll_stop (&peer->watch);
    uv_close ((uv_handle_t *) &peer->watch, NULL);
}

static void serve (uv_poll_t *watch, int status, int events)
{
    struct peer *peer = watch->data;
    (void) events;
    check (status == 0, "the loop");
    while (is_ready (peer->socket)) {
        char name[256], number[32], body[64], back[64];
        int named = take (peer->socket, name, sizeof name), counted = take (peer->socket, number, sizeof number);
        int size = take (peer->socket, body, sizeof body), i;
        for (i = 0; i < size; i++)
            back[i] = body[size - 1 - i];
        give (peer->socket, name, named, ZMQ_SNDMORE);
        give (peer->socket, number, counted, ZMQ_SNDMORE);
        give (peer->socket, back, size, 0);
        if (++answers == DEALERS * REQUESTS) {
            done (peer);
            uv_close ((uv_handle_t *) &limit, NULL);
            return;
        }
    }
}

static void ask (struct peer *peer)
{
    while (peer->sent < REQUESTS && peer->sent < peer->answered + WINDOW) {
        char number[32], body[64];
        int counted = snprintf (number, sizeof number, "%d", peer->sent);
        int size = snprintf (body, sizeof body, "%d of %d", peer->sent++, peer->index);
        give (peer->socket, number, counted, ZMQ_SNDMORE);
        give (peer->socket, body, size, 0);
    }
}

static void answered (uv_poll_t *watch, int status, int events)
{
    struct peer *peer = watch->data;
    (void) events;
    check (status == 0, "the loop");
    while (is_ready (peer->socket)) {
        char number[32], body[64], wanted[64];
        int size, i;
        take (peer->socket, number, sizeof number);
        size = take (peer->socket, body, sizeof body);
        check (atoi (number) == peer->answered, "the order of the answers");
        check (snprintf (wanted, sizeof wanted, "%d of %d", peer->answered, peer->index) == size, "the size of an answer");
        for (i = 0; i < size; i++)
            check (body[i] == wanted[size - 1 - i], "an answer");
        peer->answered++;
        ask (peer);
        if (++answers == DEALERS * REQUESTS)
            uv_close ((uv_handle_t *) &limit, NULL);
        if (peer->answered == REQUESTS) {
            done (peer);
            return;
        }
    }
}

static void too_late (uv_timer_t *timer)
{
    (void) timer;
    fprintf (stderr, "wrong: asleep after %d answers\n", answers);
    exit (1);
}

static void open_peer (struct peer *peer, void *context, int type, const char *endpoint, uv_poll_cb callback)
{
    uv_os_sock_t fd;
    size_t size = sizeof fd;
    int linger = 2000;
    peer->socket = zmq_socket (context, type);
    check (peer->socket != NULL, "zmq_socket");
    check (zmq_setsockopt (peer->socket, ZMQ_LINGER, &linger, sizeof linger) == 0, "ZMQ_LINGER");
    check ((type == ZMQ_ROUTER ? zmq_bind : zmq_connect) (peer->socket, endpoint) == 0, endpoint);
    check (zmq_getsockopt (peer->socket, ZMQ_FD, &fd, &size) == 0, "ZMQ_FD");
    check (uv_poll_init_socket (uv_default_loop (), &peer->watch, fd) == 0, "uv_poll_init_socket");
    peer->watch.data = peer;
    check (uv_poll_start (&peer->watch, UV_READABLE, callback) == 0, "uv_poll_start");
}

int main (int argc, char **argv)
{
    static struct peer peers[DEALERS];
    void *context = zmq_ctx_new ();
    int is_server = argc == 3 && strcmp (argv[1], "server") == 0, count = is_server ? 1 : DEALERS, i;
    check (argc == 3 && context != NULL, "the arguments");
    uv_timer_init (uv_default_loop (), &limit);
    uv_timer_start (&limit, too_late, 40000, 0);
    for (i = 0; i < count; i++) {
        peers[i].index = i;
        open_peer (&peers[i], context, is_server ? ZMQ_ROUTER : ZMQ_DEALER, argv[2], is_server ? serve : answered);
        /* What came before the descriptor was watched, or during a send, is told to nobody: look. */
        if (is_server) {
            char endpoint[256];
            size_t size = sizeof endpoint;
            check (zmq_getsockopt (peers[i].socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0, "ZMQ_LAST_ENDPOINT");
            printf ("endpoint %s\n", endpoint);
            fflush (stdout);
            serve (&peers[i].watch, 0, 0);
        } else {
            ask (&peers[i]);
            answered (&peers[i].watch, 0, 0);
        }
    }
    uv_run (uv_default_loop (), UV_RUN_DEFAULT);
    check (answers == DEALERS * REQUESTS, "all answers");
    finish (is_server ? "answered all" : "2000 answers");
    for (i = 0; i < count; i++)
        check (zmq_close (peers[i].socket) == 0, "zmq_close");
    check (zmq_ctx_term (context) == 0, "zmq_ctx_term");
    return 0;
}
