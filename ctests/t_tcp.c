/* tcp and ipc connections from below: options of the descriptors, source addresses, filters, inherited descriptors.
   Called by ctests/run. */
#include "common.h"
#include "raw.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/un.h>

static void *context;

static int fd_option (int fd, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt (fd, level, option, &value, &size) == 0 ? value : -errno;
}

static void describe (const char *who, void *socket)
{
    zmq_msg_t message;
    NEED (zmq_msg_init (&message) == 0 && zmq_msg_recv (&message, socket, 0) != -1);
    const int fd = zmq_msg_get (&message, ZMQ_SRCFD);
    NEED (fd > 2);
    line ("%s: nodelay %d keepalive %d count %d idle %d interval %d maxrt %d", who, fd_option (fd, IPPROTO_TCP, TCP_NODELAY),
          fd_option (fd, SOL_SOCKET, SO_KEEPALIVE), fd_option (fd, IPPROTO_TCP, TCP_KEEPCNT), fd_option (fd, IPPROTO_TCP, TCP_KEEPIDLE),
          fd_option (fd, IPPROTO_TCP, TCP_KEEPINTVL), fd_option (fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
    line ("%s: tos %d priority %d send buffer %d receive buffer %d close on exec %d blocking %d", who, fd_option (fd, IPPROTO_IP, IP_TOS),
          fd_option (fd, SOL_SOCKET, SO_PRIORITY), fd_option (fd, SOL_SOCKET, SO_SNDBUF), fd_option (fd, SOL_SOCKET, SO_RCVBUF),
          (fcntl (fd, F_GETFD) & FD_CLOEXEC) != 0, (fcntl (fd, F_GETFL) & O_NONBLOCK) == 0);
    zmq_msg_close (&message);
}

static const struct { const char *what; int option, value; } TUNING[] = {
    {"nothing", 0, 0}, {"keepalive on", ZMQ_TCP_KEEPALIVE, 1}, {"keepalive off", ZMQ_TCP_KEEPALIVE, 0},
    {"keepalive count, alone", ZMQ_TCP_KEEPALIVE_CNT, 7}, {"maxrt", ZMQ_TCP_MAXRT, 5000}, {"tos", ZMQ_TOS, 0x28},
    {"send buffer", ZMQ_SNDBUF, 20000}, {"receive buffer", ZMQ_RCVBUF, 20000}, {"buffers of nothing", ZMQ_SNDBUF, 0},
};

static void tuned (void)
{
    for (size_t i = 0; i < sizeof TUNING / sizeof *TUNING; i++) {
        line ("-- %s", TUNING[i].what);
        void *a = new_socket (context, ZMQ_DEALER), *b = new_socket (context, ZMQ_DEALER);
        if (TUNING[i].option) {
            set_int (a, TUNING[i].option, TUNING[i].value);
            set_int (b, TUNING[i].option, TUNING[i].value);
        }
        join_pair (a, b, "tcp");
        send_parts (b, "x", NULL);
        describe ("accepted", a);
        send_parts (a, "x", NULL);
        describe ("connected", b);
        end_socket (a);
        end_socket (b);
    }
    line ("-- all of keepalive");
    void *a = new_socket (context, ZMQ_DEALER), *b = new_socket (context, ZMQ_DEALER);
    const int all[][2] = {{ZMQ_TCP_KEEPALIVE, 1}, {ZMQ_TCP_KEEPALIVE_CNT, 5}, {ZMQ_TCP_KEEPALIVE_IDLE, 60}, {ZMQ_TCP_KEEPALIVE_INTVL, 9}};
    for (int i = 0; i < 4; i++) {
        set_int (a, all[i][0], all[i][1]);
        set_int (b, all[i][0], all[i][1]);
    }
    join_pair (a, b, "tcp");
    send_parts (b, "x", NULL);
    describe ("accepted", a);
    send_parts (a, "x", NULL);
    describe ("connected", b);
    end_socket (a);
    end_socket (b);
}

/* The monitor of a connecting socket, for those of its events that end an attempt. */
static void *monitor_of_attempts (void *socket)
{
    const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_CONNECT_RETRIED;
    void *monitor = watch (context, socket, events);
    set_int (monitor, ZMQ_RCVTIMEO, 20000);
    return monitor;
}

/* Whether the first attempt ends with a connection: told by the monitor, not by the clock. */
static int gets_in (void *monitor)
{
    uint16_t event[3];
    NEED (zmq_recv (monitor, event, sizeof event, 0) == sizeof event && zmq_recv (monitor, NULL, 0, 0) != -1);
    return event[0] == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
}

static void end_monitored (void *socket, void *monitor)
{
    NEED (zmq_socket_monitor (socket, NULL, 0) == 0);
    end_socket (monitor);
    end_socket (socket);
}

/* Connects by way of `source` to a PULL; prints from where that was. */
static void from (const char *source)
{
    char endpoint[256], target[300];
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    void *monitor = monitor_of_attempts (push);
    bind_any (pull, "tcp", endpoint);
    snprintf (target, sizeof target, "tcp://%s;%s", source, endpoint + 6);
    line ("-- from %s", source);
    int result = zmq_connect (push, target);
    line ("connect %d %s", result, result ? errno_name (zmq_errno ()) : "");
    zmq_msg_t message;
    NEED (zmq_msg_init (&message) == 0);
    if (result == 0 && zmq_send (push, "x", 1, ZMQ_DONTWAIT) == 1) {
        set_int (pull, ZMQ_RCVTIMEO, gets_in (monitor) ? 20000 : 0);
        result = zmq_msg_recv (&message, pull, 0);
        line ("%s", result == 1 ? zmq_msg_gets (&message, "Peer-Address") : errno_name (zmq_errno ()));
    }
    size_t size = sizeof endpoint;
    NEED (zmq_getsockopt (push, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    line ("last endpoint is the whole: %d, disconnect %d", strcmp (endpoint, target) == 0, zmq_disconnect (push, target));
    zmq_msg_close (&message);
    end_monitored (push, monitor);
    end_socket (pull);
}

static void sources (void)
{
    static const char *const ALL[] = {"127.0.0.2:0", "127.0.0.3:*", "127.0.0.3", "lo:0", "*:0", "127.0.0.4:47123", "192.0.2.1:0",
                                      "nosuch0:0", "localhost:0", "[::1]:0"};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++)
        from (ALL[i]);
}

/* Sends `text` and takes it at the other end when the connection has been let in. */
static void try_to_get_in (void *push, void *pull, const char *endpoint, const char *text)
{
    void *monitor = monitor_of_attempts (push);
    NEED (zmq_connect (push, endpoint) == 0);
    send_parts (push, text, NULL);
    const int in = gets_in (monitor);
    line ("%s", in ? "let in" : "refused");
    set_int (pull, ZMQ_RCVTIMEO, in ? 20000 : 0);
    take ("pull", pull, 0);
    end_monitored (push, monitor);
}

/* Which of two hosts get through which filters. */
static void tcp_filters (const char *bind_to, int ipv6)
{
    static const char *const SETS[][3] = {
        {"127.0.0.1", NULL}, {"127.0.0.2/32", NULL}, {"127.0.0.0/8", NULL}, {"127.0.0.0/31", NULL}, {"10.0.0.0/8", NULL},
        {"10.0.0.0/8", "127.0.0.2", NULL}, {"0.0.0.0/0", NULL}, {"::1", NULL}, {"::ffff:127.0.0.1", NULL}, {"::ffff:127.0.0.0/104", NULL},
    };
    for (size_t i = 0; i < sizeof SETS / sizeof *SETS; i++) {
        char endpoint[256], target[300];
        size_t size = sizeof endpoint;
        /* libzmq counts the bits of 127.0.0.0/8 from the front of ::ffff:127.0.0.0 then, and lets everybody in. */
        if (ipv6 && strchr (SETS[i][0], '.') && strchr (SETS[i][0], '/'))
            continue;
        line ("-- at %s, ipv6 %d", bind_to, ipv6);
        void *pull = new_socket (context, ZMQ_PULL);
        set_int (pull, ZMQ_IPV6, ipv6);
        for (int j = 0; SETS[i][j]; j++) {
            int result = zmq_setsockopt (pull, ZMQ_TCP_ACCEPT_FILTER, SETS[i][j], strlen (SETS[i][j]));
            line ("filter %s: %d %s", SETS[i][j], result, result ? errno_name (zmq_errno ()) : "");
        }
        NEED (zmq_bind (pull, bind_to) == 0);
        NEED (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
        for (int host = 1; host <= 2; host++) {
            void *push = new_socket (context, ZMQ_PUSH);
            char name[16];
            set_int (push, ZMQ_RECONNECT_IVL, 30);
            snprintf (target, sizeof target, "tcp://127.0.0.%d:0;127.0.0.1:%s", host, strrchr (endpoint, ':') + 1);
            snprintf (name, sizeof name, "127.0.0.%d", host);
            try_to_get_in (push, pull, target, name);
        }
        end_socket (pull);
    }
}

static void ipc_filters (void)
{
    const struct { const char *what; int option; int own; } SETS[] = {
        {"our user", ZMQ_IPC_FILTER_UID, (int) getuid ()}, {"another user", ZMQ_IPC_FILTER_UID, 54321},
        {"our group", ZMQ_IPC_FILTER_GID, (int) getgid ()}, {"another group", ZMQ_IPC_FILTER_GID, 54321},
        {"our process", ZMQ_IPC_FILTER_PID, (int) getpid ()}, {"another process", ZMQ_IPC_FILTER_PID, 1},
    };
    for (size_t i = 0; i < sizeof SETS / sizeof *SETS; i++) {
        line ("-- ipc for %s", SETS[i].what);
        void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
        char endpoint[256];
        set_int (pull, SETS[i].option, SETS[i].own);
        bind_any (pull, "ipc", endpoint);
        try_to_get_in (push, pull, endpoint, "in");
        end_socket (pull);
    }
}

static void inherited (int family)
{
    char endpoint[256];
    size_t size = sizeof endpoint;
    int fd;
    line ("-- a listening %s socket of ours", family == AF_INET ? "tcp" : "ipc");
    if (family == AF_INET)
        fd = raw_listen (endpoint);
    else {
        struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "ours.ipc"};
        fd = socket (AF_UNIX, SOCK_STREAM, 0);
        NEED (fd != -1 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0 && listen (fd, 5) == 0);
        strcpy (endpoint, "ipc://ours.ipc");
    }
    void *pull = new_socket (context, ZMQ_PULL), *push = new_socket (context, ZMQ_PUSH);
    set_int (pull, ZMQ_USE_FD, fd);
    line ("use fd is what was set: %d", get_int (pull, ZMQ_USE_FD) == fd);
    SHOW (zmq_bind (pull, endpoint));
    char last[256];
    NEED (zmq_getsockopt (pull, ZMQ_LAST_ENDPOINT, last, &size) == 0);
    line ("last endpoint is the same: %d", strcmp (last, endpoint) == 0);
    SHOW (zmq_connect (push, endpoint));
    send_parts (push, "through it", NULL);
    take ("pull", pull, 0);
    end_socket (push);
    end_socket (pull);
    settle ();
    line ("the file is there: %d", access ("ours.ipc", F_OK) == 0);
    line ("the descriptor is closed: %d", fcntl (fd, F_GETFD) == -1);
}

int main (void)
{
    context = new_context ();
    tuned ();
    sources ();
    tcp_filters ("tcp://127.0.0.1:*", 0);
    tcp_filters ("tcp://*:*", 1);
    ipc_filters ();
    inherited (AF_INET);
    inherited (AF_UNIX);
    end_context (context);
    return 0;
}
