/*
 * Majordomo: clients name a service, a broker finds a worker for it (the broker is in mdp.h).
 *
 * Two workers for "echo" share the load, one for "reverse" comes later than the first request for it, which waits in
 * the broker meanwhile. A client can ask the broker which services there are.
 */
#include "mdp.h"

static void echo (void *context, void *argument)
{
    void *socket = register_worker (context, "echo");
    for (message_t request; next_request (socket, &request);) {
        message_t body = from (&request, 2);
        append (&body, argument, strlen (argument));
        reply (socket, "echo", &request, &body);
    }
    zmq_close (socket);
}

static void reverse (void *context, void *argument)
{
    (void) argument;
    void *socket = register_worker (context, "reverse");
    for (message_t request; next_request (socket, &request);) {
        message_t body = from (&request, 2);
        char *data = body.frame[0].data;
        for (size_t i = 0, j = body.frame[0].size; i + 1 < j; i++) {
            char first = data[i];
            data[i] = data[--j];
            data[j] = first;
        }
        reply (socket, "reverse", &request, &body);
    }
    zmq_close (socket);
}

static void late_reverse (void *context, void *argument)
{
    rest (300);
    reverse (context, argument);
}

int main (void)
{
    void *context = zmq_ctx_new ();
    role_t *middle = start (broker, NULL);
    message_t answer;
    EXPECT (CALL (context, &answer, "mmi.service", "reverse") && is (&answer, 0, "404"));

    role_t *workers[] = {start (echo, "Anna"), start (echo, "Bert"), start (late_reverse, NULL)};
    EXPECT (CALL (context, &answer, "reverse", "live") && is (&answer, 0, "evil"));
    say ("'live' reversed is '%s'; the worker came after the request", text (&answer, 0));

    int by_anna = 0, by_bert = 0;
    for (int i = 0; by_anna < 5 || by_bert < 5; i++) {
        char body[32];
        snprintf (body, sizeof body, "number %d", i);
        EXPECT (CALL (context, &answer, "echo", body) && is (&answer, 0, body));
        by_anna += is (&answer, 1, "Anna");
        by_bert += is (&answer, 1, "Bert");
        EXPECT (i < 1000);
    }
    say ("echoes: %d by Anna, %d by Bert", by_anna, by_bert);
    EXPECT (CALL (context, &answer, "mmi.service", "reverse") && is (&answer, 0, "200"));

    for (int i = 0; i < 3; i++)
        stop (workers[i]);
    stop (middle);
    EXPECT (zmq_ctx_term (context) == 0);
    return 0;
}
