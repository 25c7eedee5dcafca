/*
 * A message of 5 GB: sizes are 64 bits wide from end to end.
 *
 * The sender gives the library a region of its own with zmq_msg_init_data: nothing is copied to send it, and the
 * function it names is called when the last byte is out. The region here is mapped and almost nowhere written, so that
 * it costs next to nothing. Within a process (inproc) the message is handed over as it is; over tcp the receiver needs
 * the 5 GB: without enough free memory that part cannot run, and the program says so by its status.
 */
#include "story.h"

#include <sys/mman.h>

#define GB (1024ULL * 1024 * 1024)
#define SIZE (5 * GB + 7)
#define ENDPOINT "tcp://127.0.0.1:5710"

static volatile int released;

static void release (void *data, void *hint)
{
    (void) hint;
    munmap (data, SIZE);
    released++;
}

/* Where it is written, among them both sides of the limits of 31 and 32 bits. */
static const uint64_t MARKS[] = {0, 1, 2 * GB - 1, 2 * GB, 4 * GB - 1, 4 * GB, 4 * GB + 1, SIZE - 1};
#define MARK_COUNT (sizeof MARKS / sizeof *MARKS)

static void make (zmq_msg_t *message)
{
    char *data = mmap (NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT (data != MAP_FAILED);
    madvise (data, SIZE, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < MARK_COUNT; i++)
        data[MARKS[i]] = (char) ('a' + i);
    EXPECT (zmq_msg_init_data (message, data, SIZE, release, NULL) == 0);
}

/* Every byte: the marks where they belong, and zeros elsewhere. */
static void look_through (zmq_msg_t *message, bool all)
{
    EXPECT (zmq_msg_size (message) == SIZE && !zmq_msg_more (message));
    const char *data = zmq_msg_data (message);
    for (size_t i = 0; i < MARK_COUNT; i++)
        EXPECT (data[MARKS[i]] == (char) ('a' + i));
    if (!all)
        return;
    static const char zeros[4096];
    for (uint64_t at = 4096; at + 4096 < SIZE; at += 4096) /* pages without a mark, a few at a time */
        if (at % (2 * GB) >= 8192 && at % (2 * GB) < 2 * GB - 8192)
            EXPECT (memcmp (data + at, zeros, at % (1024 * 1024) ? 64 : 4096) == 0);
}

static void sender (void *context, void *argument)
{
    void *socket = connected (context, ZMQ_PUSH, argument);
    set_int (socket, ZMQ_LINGER, -1);
    zmq_msg_t message;
    make (&message);
    EXPECT (zmq_msg_send (&message, socket, 0) != -1 || ended ());
    zmq_close (socket);
}

static uint64_t available (void)
{
    unsigned long long kilobytes = 0;
    char line[128];
    FILE *file = fopen ("/proc/meminfo", "r");
    while (file && fgets (line, sizeof line, file) && sscanf (line, "MemAvailable: %llu", &kilobytes) != 1)
        ;
    if (file)
        fclose (file);
    return kilobytes * 1024;
}

static void receive_one (void *socket, bool all)
{
    zmq_msg_t message;
    zmq_msg_init (&message);
    zmq_msg_recv (&message, socket, 0);
    look_through (&message, all);
    zmq_msg_close (&message);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    void *in = bound (context, ZMQ_PULL, "inproc://here"), *out = connected (context, ZMQ_PUSH, "inproc://here");
    zmq_msg_t message;
    make (&message);
    EXPECT (zmq_msg_send (&message, out, 0) != -1);
    receive_one (in, false);
    EXPECT (released == 1);
    say ("inproc: %llu bytes, handed over", (unsigned long long) SIZE);
    zmq_close (in);
    zmq_close (out);

    if (available () < SIZE + 2 * GB) {
        EXPECT (zmq_ctx_term (context) == 0);
        say ("inproc only: tcp takes 7 GB of free memory, there are %.1f", (double) available () / (double) GB);
        return 77; /* what examples/run takes for "cannot be had here" */
    }
    in = bound (context, ZMQ_PULL, ENDPOINT);
    long started = now ();
    role_t *other = start (sender, ENDPOINT);
    receive_one (in, true);
    finish (other);
    EXPECT (released == 2);
    say ("tcp: %llu bytes in %.1f s, right to the last one", (unsigned long long) SIZE, (now () - started) / 1000.0);
    zmq_close (in);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
