/*
 * Titanic: requests that survive a crash, because they are on disk before they are promised.
 *
 * "titanic.request" writes a request to a file and gives back a ticket; "titanic.reply" gives the answer for a ticket
 * once there is one; a dispatcher reads the files, has the named service do the work and writes the answer beside the
 * request. Everything goes through the broker of mdp.h. Here the request is accepted while nobody offers the service,
 * then Titanic and the broker both die; after they have come back, and a worker with them, the ticket is good still.
 */
#include "mdp.h"

#include <dirent.h>
#include <sys/stat.h>

static char folder[] = "/tmp/titanic-XXXXXX";

static const char *file_name (const char *ticket, const char *kind)
{
    static __thread char name[128];
    snprintf (name, sizeof name, "%s/%.64s.%s", folder, ticket, kind);
    return name;
}

/* Written aside and renamed: a file is there whole or not at all. */
static void store (const char *ticket, const char *kind, const message_t *message)
{
    char partial[160];
    snprintf (partial, sizeof partial, "%s.partial", file_name (ticket, kind));
    FILE *file = fopen (partial, "w");
    EXPECT (file && fwrite (message, sizeof *message, 1, file) == 1 && fflush (file) == 0 && fsync (fileno (file)) == 0);
    EXPECT (fclose (file) == 0 && rename (partial, file_name (ticket, kind)) == 0);
}

static bool load (const char *ticket, const char *kind, message_t *message)
{
    FILE *file = fopen (file_name (ticket, kind), "r");
    bool found = file && fread (message, sizeof *message, 1, file) == 1;
    if (file)
        fclose (file);
    return found;
}

static void titanic_request (void *context, void *argument)
{
    (void) argument;
    void *socket = register_worker (context, "titanic.request");
    for (message_t request; next_request (socket, &request);) {
        char ticket[40];
        snprintf (ticket, sizeof ticket, "%lx-%x", now (), (unsigned) random ());
        message_t wanted = from (&request, 2), body = {0}; /* service, body... */
        store (ticket, "request", &wanted);
        append (&body, ticket, strlen (ticket));
        reply (socket, "titanic.request", &request, &body);
    }
    zmq_close (socket);
}

static void titanic_reply (void *context, void *argument)
{
    (void) argument;
    void *socket = register_worker (context, "titanic.reply");
    for (message_t request; next_request (socket, &request);) {
        message_t body = {0}, stored;
        if (load (text (&request, 2), "reply", &stored)) {
            append (&body, "200", 3);
            for (int i = 0; i < stored.count; i++)
                add (&body, &stored, i);
        } else
            append (&body, load (text (&request, 2), "request", &stored) ? "300" : "400", 3); /* pending, unknown */
        reply (socket, "titanic.reply", &request, &body);
    }
    zmq_close (socket);
}

/* Goes through the requests on disk that have no answer and whose service is there. */
static void titanic_dispatch (void *context, void *argument)
{
    (void) argument;
    void *alarm = new_socket (context, ZMQ_PULL); /* never gets anything: tells when the context ends */
    while (alarm && !readable (alarm, 50) && zmq_errno () != ETERM) {
        DIR *files = opendir (folder);
        for (struct dirent *entry; files && (entry = readdir (files));) {
            char ticket[64] = "";
            message_t request, answer;
            if (sscanf (entry->d_name, "%63[^.].request", ticket) != 1 || !strstr (entry->d_name, ".request")
                || strstr (entry->d_name, "partial") || load (ticket, "reply", &answer)
                || !load (ticket, "request", &request))
                continue;
            void *own = zmq_ctx_new (); /* a client of the broker as any other */
            if (CALL (own, &answer, "mmi.service", text (&request, 0)) && is (&answer, 0, "200")) {
                message_t body = from (&request, 1);
                if (call (own, &answer, text (&request, 0), &body, 1))
                    store (ticket, "reply", &answer);
            }
            zmq_ctx_term (own);
        }
        closedir (files);
        errno = 0;
    }
    zmq_close (alarm);
}

static void upper (void *context, void *argument)
{
    (void) argument;
    void *socket = register_worker (context, "upper");
    for (message_t request; next_request (socket, &request);) {
        message_t body = from (&request, 2);
        for (char *at = body.frame[0].data; *at; at++)
            *at = *at >= 'a' && *at <= 'z' ? (char) (*at - 32) : *at;
        reply (socket, "upper", &request, &body);
    }
    zmq_close (socket);
}

#define PARTS 4
static role_function *const PART[PARTS] = {broker, titanic_request, titanic_reply, titanic_dispatch};

int main (void)
{
    EXPECT (mkdtemp (folder));
    void *context = zmq_ctx_new ();
    role_t *part[PARTS];
    message_t answer;
    for (int i = 0; i < PARTS; i++)
        part[i] = start (PART[i], NULL);

    EXPECT (CALL (context, &answer, "titanic.request", "upper", "women and children first"));
    message_t ticket = answer;
    say ("ticket %s", text (&ticket, 0));
    EXPECT (CALL (context, &answer, "titanic.reply", text (&ticket, 0)) && is (&answer, 0, "300"));
    EXPECT (CALL (context, &answer, "titanic.reply", "no-such-ticket") && is (&answer, 0, "400"));

    for (int i = PARTS - 1; i >= 0; i--)
        stop (part[i]);
    say ("everything has gone down");
    for (int i = 0; i < PARTS; i++)
        part[i] = start (PART[i], NULL);
    role_t *worker = start (upper, NULL);

    for (int i = 0;; i++) {
        EXPECT (i < 100);
        EXPECT (CALL (context, &answer, "titanic.reply", text (&ticket, 0)));
        if (is (&answer, 0, "200"))
            break;
        EXPECT (is (&answer, 0, "300"));
        rest (50);
    }
    EXPECT (is (&answer, 1, "WOMEN AND CHILDREN FIRST"));
    say ("the answer after the crash: '%s'", text (&answer, 1));

    for (int i = PARTS - 1; i >= 0; i--)
        stop (part[i]);
    stop (worker);
    EXPECT (zmq_ctx_term (context) == 0);
    EXPECT (unlink (file_name (text (&ticket, 0), "request")) == 0 && unlink (file_name (text (&ticket, 0), "reply")) == 0);
    EXPECT (rmdir (folder) == 0);
    return 0;
}
