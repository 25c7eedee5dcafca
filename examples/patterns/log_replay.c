/*
 * A log that can be heard again.
 *
 * Programs PUSH their lines to the logger, which numbers them, writes them to a file and publishes them. A listener that
 * finds a gap in the numbers (it came late, its queue was full, the line was cut) asks for the missing range, which the
 * logger reads from the file. Here a listener with a queue of a few messages cannot keep up, and has every line in the
 * end all the same.
 */
#include "story.h"

#define LINES_IN "tcp://127.0.0.1:5691"
#define LIVE "tcp://127.0.0.1:5692"
#define REPLAY "tcp://127.0.0.1:5693"
#define WRITERS 3
#define LINES 20000 /* of each */
#define PORTION 500 /* lines of one replay: they fit into a queue */

static void logger (void *context, void *argument)
{
    FILE *file = fopen (argument, "w+");
    EXPECT (file);
    static long offsets[WRITERS * LINES + 1];
    long count = 0;
    void *in = bound (context, ZMQ_PULL, LINES_IN), *out = new_socket (context, ZMQ_PUB);
    void *replay = bound (context, ZMQ_ROUTER, REPLAY);
    set_int (out, ZMQ_SNDHWM, 100); /* a listener that is slow loses lines instead of filling our memory */
    set_int (out, ZMQ_SNDBUF, 4096);
    bind_to (out, LIVE);
    zmq_pollitem_t items[] = {{in, 0, ZMQ_POLLIN, 0}, {replay, 0, ZMQ_POLLIN, 0}};
    char number[24], line[300];
    message_t message;
    while (zmq_poll (items, 2, -1) != -1) {
        if (items[0].revents && receive (in, &message) && count < WRITERS * LINES) {
            fseek (file, 0, SEEK_END);
            offsets[count] = ftell (file);
            fprintf (file, "%s\n", text (&message, 0));
            snprintf (number, sizeof number, "%ld", count++);
            SEND (out, number, text (&message, 0));
        }
        if (items[1].revents && receive (replay, &message)) { /* listener, first, last: as many as are there */
            message_t answer = message;
            for (long i = atol (text (&message, 1)); i <= atol (text (&message, 2)) && i < count; i++) {
                fseek (file, offsets[i], SEEK_SET);
                EXPECT (fgets (line, sizeof line, file));
                line[strcspn (line, "\n")] = 0;
                snprintf (number, sizeof number, "%ld", i);
                answer.count = 1;
                append (&answer, number, strlen (number));
                append (&answer, line, strlen (line));
                if (!send_on (replay, &answer))
                    break;
            }
        }
    }
    fclose (file);
    zmq_close (in);
    zmq_close (out);
    zmq_close (replay);
}

static void writer (void *context, void *argument)
{
    void *socket = connected (context, ZMQ_PUSH, LINES_IN);
    set_int (socket, ZMQ_LINGER, -1); /* a log line is worth waiting for */
    for (int i = 0; i < LINES; i++) {
        char line[64];
        snprintf (line, sizeof line, "%s %d", (const char *) argument, i);
        SEND (socket, line);
        if (i % 500 == 0)
            rest (5);
    }
    zmq_close (socket);
}

/* Writes a line down; each of a writer's lines must be the next one. */
static void take (const message_t *message, int *next)
{
    const char *line = text (message, 1);
    EXPECT (line[0] >= 'A' && line[0] < 'A' + WRITERS && atoi (line + 2) == next[line[0] - 'A']++);
}

int main (void)
{
    char path[] = "/tmp/log-replay-XXXXXX";
    close (mkstemp (path));
    void *context = zmq_ctx_new ();
    role_t *log = start (logger, path), *writers[WRITERS];
    void *live = new_socket (context, ZMQ_SUB), *replay = connected (context, ZMQ_DEALER, REPLAY);
    set_int (live, ZMQ_RCVHWM, 100);
    set_int (live, ZMQ_RCVBUF, 4096);
    set_text (live, ZMQ_SUBSCRIBE, "");
    connect_to (live, LIVE);
    rest (300); /* whoever listens from the start hears more of it live */
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start (writer, i == 0 ? "A" : i == 1 ? "B" : "C");

    long wanted = 0, newest = -1, heard = 0, replayed = 0;
    int next[WRITERS] = {0};
    while (wanted < WRITERS * LINES) {
        message_t message;
        long last = WRITERS * LINES - 1; /* silence: ask for all that is missing */
        if (readable (live, wanted <= newest ? 0 : 200) && receive (live, &message)) {
            long number = atol (text (&message, 0));
            newest = number > newest ? number : newest;
            if (number < wanted)
                continue; /* was in a replay already */
            if (number == wanted) {
                take (&message, next);
                wanted++;
                heard++;
                if (heard % 500 == 0)
                    rest (20); /* too slow */
                continue;
            }
            last = number;
        }
        long first = wanted;
        last = last < first + PORTION ? last : first + PORTION - 1;
        char from_here[24], to_here[24];
        snprintf (from_here, sizeof from_here, "%ld", wanted);
        snprintf (to_here, sizeof to_here, "%ld", last);
        SEND (replay, from_here, to_here);
        while (wanted <= last && readable (replay, 200) && receive (replay, &message)) {
            if (atol (text (&message, 0)) != wanted)
                continue; /* asked for twice */
            take (&message, next);
            wanted++;
            replayed++;
        }
        if (wanted > newest && wanted == first + PORTION)
            newest = wanted; /* there may be more */
    }
    say ("%ld lines heard live, %ld replayed, none missing", heard, replayed);
    EXPECT (replayed > 0 && next[0] == LINES && next[1] == LINES && next[2] == LINES);

    for (int i = 0; i < WRITERS; i++)
        finish (writers[i]);
    zmq_close (live);
    zmq_close (replay);
    stop (log);
    EXPECT (unlink (path) == 0 && zmq_ctx_term (context) == 0);
    return 0;
}
