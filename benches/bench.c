/*
 * The table of measurements of a ZeroMQ library. benches/run calls it with LD_LIBRARY_PATH at the library to measure:
 *
 *     bench NAME ARGUMENTS... MILLISECONDS        prints a line "NAME VALUE" for each figure
 *     bench maps                                  prints the libzmq file that was loaded
 *     bench nothing                               ends at once
 */
#include "bench.h"

static const struct
{
    const char *name;
    int arguments;
    int (*measure) (struct run *run);
    const char *usage;
} table[] = {
    {"thr", 2, measure_bulk, "TRANSPORT SIZE: PUSH/PULL, messages a second; tcp+curve for CURVE"},
    {"lat", 2, measure_trip, "TRANSPORT SIZE: REQ/REP, microseconds a round trip"},
    {"oneway", 1, measure_one_way, "GAP: microseconds from send to receive, one message per GAP microseconds"},
    {"pub", 1, measure_publisher, "N: PUB to N subscribers, deliveries a second"},
    {"subscriptions", 1, measure_subscriptions, "N: PUB with N subscriptions, messages a second"},
    {"peers", 1, measure_peers, "N: a ROUTER with N peers: memory, handshake, echoes"},
    {"churn", 1, measure_churn, "server|both|curve: connections a second that exchange a message"},
    {"poll", 1, measure_poll, "N: microseconds of a zmq_poll with timeout 0 over N idle sockets"},
    {"fd", 0, measure_fd, ": a loop driven by ZMQ_FD, messages a second and microseconds a round trip"},
    {"start", 0, measure_start, ": microseconds of context and first socket"},
    {"spawn", 0, measure_spawn, ": microseconds of a process that is linked to the library"},
    {"idle", 0, measure_idle, ": wake-ups a second of the threads of an idle connection"},
    {"pairs", 1, measure_pairs, "N: N dialogues at once, microseconds a round trip"},
    {"proxy", 1, measure_proxy, "TRANSPORT: PUSH and PULL with zmq_proxy between them, messages a second"},
    {"fixed", 2, measure_fixed, "bulk-TRANSPORT|trip COUNT: so many messages, for counting instructions and system calls"},
    {"raw-thr", 2, raw_bulk, "TRANSPORT SIZE: blocking writes and reads, messages a second"},
    {"raw-lat", 2, raw_trip, "blocking|epoll|spin SIZE: microseconds a round trip"},
    {"raw-oneway", 1, raw_one_way, "GAP: as oneway"},
    {"raw-peers", 1, raw_peers, "N: an epoll server with N peers"},
    {"raw-churn", 0, raw_churn, ": as churn, without any protocol"},
    {"raw-spawn", 0, raw_spawn, ": as spawn, of /bin/true"},
};

static int print_maps (void)
{
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    char line[4096], last[4096] = "";
    FILE *maps = fopen ("/proc/self/maps", "r");
    if (!maps)
        return 1;
    while (fgets (line, sizeof line, maps)) {
        char *path = strchr (line, '/');
        if (path && strstr (path, "libzmq") && strcmp (path, last) != 0) {
            printf ("%d.%d.%d %s", major, minor, patch, path);
            memcpy (last, path, strlen (path) + 1);
        }
    }
    fclose (maps);
    return 0;
}

int main (int argc, char **argv)
{
    if (argc == 2 && strcmp (argv[1], "nothing") == 0)
        return 0;
    if (argc == 2 && strcmp (argv[1], "maps") == 0)
        return print_maps ();
    const size_t count = sizeof table / sizeof *table;
    for (size_t i = 0; argc > 2 && i < count; i++)
        if (strcmp (argv[1], table[i].name) == 0 && argc == 3 + table[i].arguments) {
            struct run run = {table[i].arguments, argv + 2, atof (argv[argc - 1]) / 1000.0};
            return table[i].measure (&run);
        }
    fprintf (stderr, "usage: bench NAME ARGUMENTS... MILLISECONDS\n");
    for (size_t i = 0; i < count; i++)
        fprintf (stderr, "    %s %s\n", table[i].name, table[i].usage);
    return 2;
}
