/*
 * Every option number x socket type x size x value, and the context options: what may be set, what is read afterwards.
 *
 * One line per option and type: a letter for each value tried (+ accepted, . EINVAL, T ETERM, ? any other errno), then
 * the sum of everything zmq_getsockopt told with every buffer size after every value. `t_options NUMBER TYPE` tells
 * each step of one line.
 */
#define ZMQ_BUILD_DRAFT_API 1
#include "common.h"

static const char *const TYPES[] = {"PAIR",   "PUB",  "SUB",    "REQ",    "REP",    "DEALER", "ROUTER",
                                    "PULL",   "PUSH", "XPUB",   "XSUB",   "STREAM", "SERVER", "CLIENT",
                                    "RADIO",  "DISH", "GATHER", "SCATTER", "DGRAM", "PEER",   "CHANNEL"};
#define TYPE_COUNT 21

static const size_t SIZES[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 41, 42, 255, 256, 512, 1000};
#define SIZE_COUNT (sizeof SIZES / sizeof SIZES[0])

static const int INTS[] = {INT32_MIN, -101, -100, -99, -2, -1, 0, 1, 2, 3, 4, 5, 7, 99, 100, 250, 254, 255, 256, 65535,
                           65536, 100000, 6553500, 6553599, 6553600, INT32_MAX};
#define INT_COUNT (sizeof INTS / sizeof INTS[0])

/* Text that some option understands, good or bad; sent without the NUL. */
static const char *const TEXTS[] = {
  "127.0.0.1", "127.0.0.1/8", "127.0.0.1/0", "127.0.0.1/00", "127.0.0.1/33", "127.0.0.1/", "127.0.0.1/ 8x", "127.1",
  "0x7f.1", "017.1.1.1", "08.1.1.1", "[127.0.0.1]/8", "127.0.0.1%1", "127.0.0.1%", "127.0.0.256", "1.2.3.4.5", " 127.0.0.1",
  "127.0.0.1 ", "::1", "::1/128", "::1/129", "[::1]", "::ffff:1.2.3.4", "localhost", "*", "lo", "X-a:b", "X-ab:cd",
  "X-ab:cd:ef", "X-ab:other", "X-:v", "X-:", "X-a:", "x-a:b", ":v", "a:b", "X:bc", "X-:z",
  "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", "1.2.3.4:1080", "eth0"};
#define TEXT_COUNT (sizeof TEXTS / sizeof TEXTS[0])

/* Options of capabilities that the reference is built without: there is nothing to compare with. The unit tests of
   src/options hold them against what a complete libzmq was seen to do. */
static int left_out (int option)
{
    return (option >= ZMQ_GSSAPI_SERVER && option <= ZMQ_GSSAPI_PLAINTEXT) || option == ZMQ_GSSAPI_PRINCIPAL_NAMETYPE
           || option == ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE
           || (option >= ZMQ_NORM_MODE && option <= ZMQ_NORM_PUSH)
           || (option >= ZMQ_VMCI_BUFFER_SIZE && option <= ZMQ_VMCI_CONNECT_TIMEOUT);
}

/* Whether libzmq survives a null pointer with this size: it copies from it without a look otherwise. */
static int null_is_safe (int option, int type, size_t size)
{
    if (option == ZMQ_XSUB_VERBOSE_UNSUBSCRIBE && type == ZMQ_XSUB)
        return 0;
    if (size == 0)
        return 1;
    switch (option) {
        case ZMQ_PLAIN_USERNAME:
        case ZMQ_PLAIN_PASSWORD:
        case ZMQ_SOCKS_PROXY:
        case ZMQ_SOCKS_USERNAME:
        case ZMQ_SOCKS_PASSWORD:
        case ZMQ_TCP_ACCEPT_FILTER:
        case ZMQ_IPC_FILTER_PID:
        case ZMQ_IPC_FILTER_UID:
        case ZMQ_IPC_FILTER_GID:
        case ZMQ_BINDTODEVICE:
        case ZMQ_CONNECT_ROUTING_ID:
        case ZMQ_SNDHWM:
        case ZMQ_IPV6:
        case ZMQ_ROUTER_MANDATORY:
        case ZMQ_XPUB_VERBOSE:
            return size != sizeof (int);
    }
    return 0;
}

struct line {
    void *context, *socket;
    int option, type, tell;
    uint32_t sum;
    char letters[600];
    size_t length;
};

/* How many calls of zmq_setsockopt, zmq_getsockopt and their like for contexts were answered. */
static long answers;

static void add (struct line *l, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        l->sum = (l->sum ^ bytes[i]) * 16777619u;
}

static void renew (struct line *l)
{
    const int no_linger = 0;
    if (l->socket) {
        zmq_setsockopt (l->socket, ZMQ_LINGER, &no_linger, sizeof no_linger);
        end_socket (l->socket);
    }
    /* Closed sockets give back their descriptors a little later. */
    while (!(l->socket = zmq_socket (l->context, l->type)) && zmq_errno () == EMFILE)
        rest (1);
    NEED (l->socket != NULL);
}

/* Reads the option with every buffer size. */
static void read_all (struct line *l)
{
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        unsigned char buffer[1100];
        size_t size = SIZES[i];
        memset (buffer, 0xA5, sizeof buffer);
        errno = 0;
        const int result = zmq_getsockopt (l->socket, l->option, buffer, &size);
        const int code = result == -1 ? zmq_errno () : 0;
        answers++;
        add (l, &code, sizeof code);
        add (l, &size, sizeof size);
        /* Descriptors differ; all the rest must not, nor what lies behind the buffer. */
        if (l->option == ZMQ_FD && result == 0)
            memset (buffer, 0xA5, sizeof (int));
        add (l, buffer, SIZES[i] + 8);
        if (l->tell) {
            printf ("    get, %zu bytes -> %s, %zu bytes ", SIZES[i], result ? errno_name (code) : "0", size);
            print_bytes (buffer, result ? (SIZES[i] < 16 ? SIZES[i] : 16) : size);
            putchar ('\n');
        }
    }
}

static void try_value (struct line *l, const void *value, size_t size)
{
    errno = 0;
    const int result = zmq_setsockopt (l->socket, l->option, value, size);
    const int code = result == -1 ? zmq_errno () : 0;
    answers++;
    l->letters[l->length++] = code == 0 ? '+' : code == EINVAL ? '.' : code == ETERM ? 'T' : '?';
    if (l->tell) {
        printf ("  set, %zu bytes ", size);
        if (value)
            print_bytes (value, size);
        else
            printf ("NULL");
        printf (" -> %s\n", errno_name (code));
    }
    /* libzmq overwrites a key as far as it understands the new one; that is no behaviour to keep. */
    if (result == -1 && l->option >= ZMQ_CURVE_PUBLICKEY && l->option <= ZMQ_CURVE_SERVERKEY)
        renew (l);
    read_all (l);
}

static void try_all (struct line *l)
{
    unsigned char value[1100];
    renew (l);
    read_all (l);
    if (null_is_safe (l->option, l->type, 0))
        try_value (l, NULL, 0);
    for (size_t i = 0; i < INT_COUNT; i++)
        try_value (l, &INTS[i], sizeof INTS[i]);
    for (int wide = -1; wide <= 1; wide++) {
        const int64_t number = wide * (INT64_C (1) << 40);
        try_value (l, &number, sizeof number);
        try_value (l, &(int64_t){wide}, sizeof (int64_t));
    }
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        static const int FILLS[] = {0, 1, 'a', 0xFF};
        for (size_t fill = 0; fill < sizeof FILLS / sizeof FILLS[0]; fill++) {
            memset (value, FILLS[fill], sizeof value);
            try_value (l, value, SIZES[i]);
        }
        if (null_is_safe (l->option, l->type, SIZES[i]))
            try_value (l, NULL, SIZES[i]);
    }
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        try_value (l, TEXTS[i], strlen (TEXTS[i]));
        try_value (l, TEXTS[i], strlen (TEXTS[i]) + 1);
    }
    /* Z85 that is cut off by a NUL, and a key of 41 characters. */
    memcpy (value, "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7x", 41);
    try_value (l, value, 41);
    value[35] = 0;
    try_value (l, value, 40);
    try_value (l, value, 41);
    end_socket (l->socket);
    l->letters[l->length] = 0;
}

static void drive (void *context, int option, int type, int tell)
{
    struct line l = {.context = context, .option = option, .type = type, .tell = tell, .sum = 2166136261u};
    try_all (&l);
    printf ("%d %s %s %08x\n", option, TYPES[type], l.letters, l.sum);
}

/* Options that act on one another. */
static void together (void *context)
{
    static const struct {
        int option;
        const char *text;
        int number;
    } STEPS[] = {
      {ZMQ_PLAIN_SERVER, NULL, 1},       {ZMQ_PLAIN_USERNAME, "admin", 0},  {ZMQ_PLAIN_SERVER, NULL, 0},
      {ZMQ_PLAIN_PASSWORD, "secret", 0}, {ZMQ_CURVE_SERVER, NULL, 1},       {ZMQ_PLAIN_USERNAME, "", 0},
      {ZMQ_CURVE_SERVERKEY, TEXTS[38], 0}, {ZMQ_CURVE_SERVER, NULL, 1},     {ZMQ_CURVE_SECRETKEY, TEXTS[39], 0},
      {ZMQ_CURVE_SERVER, NULL, 0},       {ZMQ_CURVE_PUBLICKEY, TEXTS[38], 0}, {ZMQ_IPV6, NULL, 1},
      {ZMQ_TCP_ACCEPT_FILTER, "::1/64", 0}, {ZMQ_TCP_ACCEPT_FILTER, "10.0.0.1/99", 0}, {ZMQ_IPV4ONLY, NULL, 1},
      {ZMQ_TCP_ACCEPT_FILTER, "::1/64", 0}, {ZMQ_TCP_ACCEPT_FILTER, "10.0.0.1/33", 0}};
    void *socket = new_socket (context, ZMQ_ROUTER);
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        const char *text = STEPS[i].text && *STEPS[i].text ? STEPS[i].text : NULL;
        const void *value = STEPS[i].text ? (const void *) text : &STEPS[i].number;
        const size_t size = text ? strlen (text) : STEPS[i].text ? 0 : sizeof (int);
        const int result = zmq_setsockopt (socket, STEPS[i].option, value, size);
        line ("step %zu: option %d -> %d, mechanism %d, plain server %d, curve server %d, ipv6 %d", i, STEPS[i].option,
              result, get_int (socket, ZMQ_MECHANISM), get_int (socket, ZMQ_PLAIN_SERVER),
              get_int (socket, ZMQ_CURVE_SERVER), get_int (socket, ZMQ_IPV6));
    }
    end_socket (socket);

    static const int PUBLISHERS[] = {ZMQ_PUB, ZMQ_XPUB};
    for (int i = 0; i < 2; i++) {
        socket = new_socket (context, PUBLISHERS[i]);
        for (int manual = 0; manual < 3; manual++) {
            set_int (socket, manual < 2 ? ZMQ_XPUB_MANUAL : ZMQ_XPUB_MANUAL_LAST_VALUE, manual);
            SHOW (zmq_setsockopt (socket, ZMQ_SUBSCRIBE, "a", 1));
            SHOW (zmq_setsockopt (socket, ZMQ_UNSUBSCRIBE, "a", 1));
            line ("topics %d", get_int (socket, ZMQ_TOPICS_COUNT));
        }
        end_socket (socket);
    }

    socket = new_socket (context, ZMQ_SUB);
    /* No topic twice: libzmq counts it once or twice, depending on how it was built. */
    static const char *const TOPICS[] = {"a", "ab", "", "-a", "-ab", "-x", "-a", "-"};
    for (size_t i = 0; i < sizeof TOPICS / sizeof TOPICS[0]; i++) {
        const int off = TOPICS[i][0] == '-';
        const int result = zmq_setsockopt (socket, off ? ZMQ_UNSUBSCRIBE : ZMQ_SUBSCRIBE, TOPICS[i] + off,
                                           strlen (TOPICS[i] + off));
        line ("topic '%s' -> %d, topics %d", TOPICS[i], result, get_int (socket, ZMQ_TOPICS_COUNT));
    }
    end_socket (socket);
}

static void context_options (void)
{
    for (int option = -2; option <= 130; option++) {
        void *context = new_context ();
        errno = 0;
        printf ("context %d: %d", option, zmq_ctx_get (context, option));
        for (size_t i = 0; i < INT_COUNT; i++) {
            const int result = zmq_ctx_set (context, option, INTS[i]);
            answers += 2;
            printf (" %c%d", result == 0 ? '+' : zmq_errno () == EINVAL ? '.' : '?', zmq_ctx_get (context, option));
        }
        printf (" ext");
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            char value[1100];
            answers++;
            memset (value, '7', sizeof value);
            const int result = zmq_ctx_set_ext (context, option, value, SIZES[i]);
            printf (" %c", result == 0 ? '+' : zmq_errno () == EINVAL ? '.' : '?');
            for (size_t j = 0; j < SIZE_COUNT; j++) {
                size_t size = SIZES[j];
                answers++;
                memset (value, '-', sizeof value);
                errno = 0;
                if (zmq_ctx_get_ext (context, option, value, &size) == -1) {
                    printf (zmq_errno () == EINVAL ? "." : "?");
                    continue;
                }
                uint32_t sum = (uint32_t) size;
                for (size_t k = 0; k < 64; k++)
                    sum = sum * 31 + (unsigned char) value[k];
                printf ("%x,", sum);
            }
        }
        putchar ('\n');
        /* Nothing was created in it, so the thread options come to nothing. */
        end_context (context);
    }

    static const char *const PREFIXES[] = {"worker", "12ab7", " \t+5", "-42x", "9999999999999999", "1234567890123456",
                                           "12345678901234567", "x", ""};
    void *context = new_context ();
    for (size_t i = 0; i < sizeof PREFIXES / sizeof PREFIXES[0]; i++) {
        const int result = zmq_ctx_set_ext (context, ZMQ_THREAD_NAME_PREFIX, PREFIXES[i], strlen (PREFIXES[i]));
        line ("prefix '%s' -> %d, number %d", PREFIXES[i], result, zmq_ctx_get (context, ZMQ_THREAD_NAME_PREFIX));
    }
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 3));
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_ADD, 3));
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 3));
    SHOW (zmq_ctx_set (context, ZMQ_THREAD_AFFINITY_CPU_REMOVE, 3));
    SHOW (zmq_ctx_set (NULL, ZMQ_IO_THREADS, 1));
    SHOW (zmq_ctx_get (NULL, ZMQ_IO_THREADS));
    end_context (context);
}

static void inherited (void)
{
    for (int blocky = 0; blocky < 2; blocky++) {
        void *context = new_context ();
        NEED (zmq_ctx_set (context, ZMQ_BLOCKY, blocky) == 0 && zmq_ctx_set (context, ZMQ_IPV6, !blocky) == 0);
        for (int type = 0; type < TYPE_COUNT; type++) {
            void *socket = zmq_socket (context, type);
            NEED (socket != NULL);
            line ("%s with blocky %d: linger %d, ipv6 %d", TYPES[type], blocky, get_int (socket, ZMQ_LINGER),
                  get_int (socket, ZMQ_IPV6));
            end_socket (socket);
        }
        end_context (context);
    }
}

static void after_shutdown (void)
{
    int value = 1;
    size_t size = sizeof value;
    void *context = new_context ();
    void *socket = zmq_socket (context, ZMQ_ROUTER);
    NEED (zmq_ctx_shutdown (context) == 0);
    /* The socket learns of it in its own time. */
    settle ();
    SHOW (zmq_send (socket, "", 0, ZMQ_DONTWAIT));
    SHOW (zmq_setsockopt (socket, ZMQ_SNDHWM, &value, sizeof value));
    SHOW (zmq_setsockopt (socket, ZMQ_ROUTER_MANDATORY, &value, sizeof value));
    SHOW (zmq_setsockopt (socket, 1000, &value, sizeof value));
    SHOW (zmq_getsockopt (socket, ZMQ_TYPE, &value, &size));
    SHOW (zmq_getsockopt (socket, ZMQ_EVENTS, &value, &size));
    SHOW (zmq_getsockopt (socket, 1000, &value, &size));
    end_socket (socket);
    end_context (context);
}

int main (int count, char **words)
{
    void *context = new_context ();
    if (count == 3) {
        drive (context, atoi (words[1]), atoi (words[2]), 1);
    } else {
        setvbuf (stdout, NULL, _IOFBF, BUFSIZ);
        for (int option = -2; option <= 130; option++)
            for (int type = 0; type < TYPE_COUNT; type++)
                if (!left_out (option))
                    drive (context, option, type, 0);
        together (context);
        context_options ();
        inherited ();
        after_shutdown ();
        line ("%ld answers", answers);
    }
    end_context (context);
    return 0;
}
