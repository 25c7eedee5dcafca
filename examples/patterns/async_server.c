/*
 * Asynchronous client and server: nobody waits for anybody's turn.
 *
 * Clients (DEALER) send requests without waiting for answers, and each request is answered several times. In the server
 * a ROUTER takes requests in and deals them to worker threads over inproc; the routing id that the ROUTER puts in front
 * is all that a worker needs to have an answer go back to the right client, whenever it likes.
 */
#include "story.h"

#define ENDPOINT "tcp://127.0.0.1:5618"
#define CLIENTS 3
#define REQUESTS 20
#define WORKERS 4

static void *worker (void *context)
{
    void *socket = connected (context, ZMQ_DEALER, "inproc://work");
    unsigned seed = (unsigned) (uintptr_t) socket;
    for (message_t request; receive (socket, &request);) /* client, text */
        for (int copies = (int) atol (text (&request, 1)) % 3 + 1; copies > 0; copies--) {
            rest (rand_r (&seed) % 4);
            send_on (socket, &request);
        }
    zmq_close (socket);
    return NULL;
}

static void server (void *context, void *argument)
{
    (void) argument;
    void *front = bound (context, ZMQ_ROUTER, ENDPOINT), *back = bound (context, ZMQ_DEALER, "inproc://work");
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        pthread_create (&threads[i], NULL, worker, context);
    zmq_proxy (front, back, NULL); /* until the context ends */
    for (int i = 0; i < WORKERS; i++)
        pthread_join (threads[i], NULL);
    zmq_close (front);
    zmq_close (back);
}

static void client (void *context, void *argument)
{
    int first = *(int *) argument, wanted = 0, answers[REQUESTS] = {0};
    void *socket = connected (context, ZMQ_DEALER, ENDPOINT);
    for (int i = 0; i < REQUESTS; i++) {
        char request[16];
        snprintf (request, sizeof request, "%d", first + i);
        SEND (socket, request);
        wanted += (first + i) % 3 + 1;
    }
    for (int i = 0; i < wanted; i++) {
        message_t answer;
        EXPECT (receive (socket, &answer) && answer.count == 1);
        long number = atol (text (&answer, 0)) - first;
        EXPECT (number >= 0 && number < REQUESTS); /* nobody else's */
        answers[number]++;
    }
    for (int i = 0; i < REQUESTS; i++)
        EXPECT (answers[i] == (first + i) % 3 + 1);
    say ("the client of %d to %d has its %d answers", first, first + REQUESTS - 1, wanted);
    EXPECT (!readable (socket, 50));
    zmq_close (socket);
}

int main (void)
{
    int first[CLIENTS] = {1000, 2000, 3000};
    role_t *serves = start (server, NULL), *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start (client, &first[i]);
    for (int i = 0; i < CLIENTS; i++)
        finish (clients[i]);
    stop (serves);
    return 0;
}
