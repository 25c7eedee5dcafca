/*
 * What the files of the benchmark share. bench.c has the table of measurements, each file some of them.
 *
 * A measurement prints one line per figure, "NAME VALUE". The program is built once and runs on any libzmq.so.5; the
 * measurements whose name begins with raw- use plain sockets and show what the machine allows.
 */
#ifndef BENCH_H
#define BENCH_H

#include <zmq.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define REQUIRE(condition) ((condition) ? (void) 0 : fail (__FILE__, __LINE__, #condition))

_Noreturn void fail (const char *file, int line, const char *condition);

/* Monotonic seconds, and the processor time of this process in seconds. */
double now (void);
double cpu_time (void);

/* Memory that a fork does not copy. */
void *shared_memory (size_t size);

/* Runs `peer` in a child process, which exits with status 0 when it returns. */
pid_t start_child (void (*peer) (void *), void *argument);
/* Waits for the child; it must have succeeded. */
void end_child (pid_t child);

/* A socket without linger whose calls give up after ten seconds. */
void *open_socket (void *context, int type);
void set_int (void *socket, int option, int value);
/* Binds to a wildcard of "tcp", "ipc" or "inproc" and tells where. */
void bind_somewhere (void *socket, const char *transport, char endpoint[256]);

int compare_doubles (const void *a, const void *b);
double median (double *values, size_t count);

/* Plain TCP on loopback. `raw_connect` takes an endpoint of bind_somewhere, or a port. */
int raw_listen (int *port);
int raw_connect (int port);
int port_of (const char *endpoint);
void write_all (int fd, const void *bytes, size_t size);
void read_all (int fd, void *bytes, size_t size);
/* A plain socket that has shaken hands as ZMTP 3.0 with NULL, as this socket type. */
int zmtp_connect (int port, const char *type);
/* The same, over a connection that exists. */
void zmtp_handshake (int fd, const char *type);

/* The measurements: arguments behind the name, and for how many seconds. */
struct run
{
    int argc;
    char **argv;
    double seconds;
};

int measure_bulk (struct run *run);
int measure_trip (struct run *run);
int measure_one_way (struct run *run);
int measure_publisher (struct run *run);
int measure_subscriptions (struct run *run);
int measure_peers (struct run *run);
int measure_churn (struct run *run);
int measure_poll (struct run *run);
int measure_fd (struct run *run);
int measure_start (struct run *run);
int measure_spawn (struct run *run);
int measure_idle (struct run *run);
int measure_pairs (struct run *run);
int measure_proxy (struct run *run);
int measure_fixed (struct run *run);
int raw_bulk (struct run *run);
int raw_trip (struct run *run);
int raw_one_way (struct run *run);
int raw_peers (struct run *run);
int raw_churn (struct run *run);
int raw_spawn (struct run *run);

#endif
