/*
 * The soak test: every pattern over tcp, ipc, inproc and ws for as long as is wanted, with readers that come and go,
 * strangers, and processes that are killed. `soak MINUTES [SEED [PATTERN ...]]`; started by `make soak MINUTES=n`, which needs nothing
 * but a libzmq.so.5, so that it runs on libzmq as well. Its sockets of ipc are in SOAK_FOLDER, or in a folder that it makes.
 *
 * The patterns (worlds.c) keep books of every message. Every few seconds all of them pause between two episodes, when no
 * socket is open, and memory, descriptors and threads must be what they were. Exit status 0 means that they were, that
 * nothing was lost, and that no call was stuck.
 */
#define _GNU_SOURCE
#include "soak.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

char folder[64];
const char *program;

static pthread_rwlock_t pause_lock;
static volatile int over;
/* The patterns that were asked for; all, if there are none. */
static char **wanted;
/* When the thread that watches looked last, and how much too late its naps have ended so far. */
static long seen, lost;
/* Whose thread this is. */
static __thread const struct world *here;

/* How often it looks. */
#define NAP_MS 500
/* How long one step of an episode may take. */
#define STUCK_MS 120000
/* Between two pauses at most, and after how many the memory has found its size. */
#define PERIOD_MS 10000
#define WARM 3
/* A short run pauses more often: so often in all, of which those behind 2 * WARM compare; it goes on until it has. */
#define PAUSES 20
#define LEAST_PAUSES 10

void fail (const char *file, int line, const char *condition)
{
    int code = zmq_errno ();
    printf ("FAIL %s: %s:%d: %s (%s)\n", here ? here->name : "main", file, line, condition, zmq_strerror (code));
    for (int at = 0; at < world_count; at++)
        printf ("     %-10s %s; %s\n", worlds[at].name, worlds[at].doing ? worlds[at].doing : "", worlds[at].note);
    fflush (stdout);
    _exit (1);
}

static long clock_ms (void)
{
    struct timespec t;
    clock_gettime (CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000L;
}

/* Time stands still while this process is kept from running, which the thread that watches learns first of all from itself. */
long now_ms (void)
{
    long lately = __atomic_load_n (&seen, __ATOMIC_ACQUIRE), now = clock_ms () - __atomic_load_n (&lost, __ATOMIC_ACQUIRE);
    return lately == 0 || now < lately + NAP_MS ? now : lately + NAP_MS;
}

void rest_ms (int time)
{
    struct timespec t = {time / 1000, (time % 1000) * 1000000L};
    while (nanosleep (&t, &t) == -1 && errno == EINTR)
        ;
}

void doing (struct world *world, const char *what)
{
    world->doing = what;
    world->since = now_ms ();
}

static int is_wanted (const struct world *world)
{
    for (char **name = wanted; *name; name++)
        if (strcmp (*name, world->name) == 0)
            return 1;
    return !*wanted;
}

static void *live (void *argument)
{
    struct world *world = argument;
    here = world;
    while (!over && is_wanted (world)) {
        pthread_rwlock_rdlock (&pause_lock);
        world->episode (world);
        world->books.episodes++;
        doing (world, "resting");
        pthread_rwlock_unlock (&pause_lock);
    }
    return NULL;
}

static int count_entries (const char *path)
{
    int count = -2;
    DIR *entries = opendir (path);
    WANT (entries != NULL);
    while (readdir (entries))
        count++;
    closedir (entries);
    return count;
}

/* What is allocated. malloc keeps much more than that, in an arena for each thread there was. */
static long allocated_kib (void)
{
    struct mallinfo2 info = mallinfo2 ();
    return (long) ((info.uordblks + info.hblkhd) / 1024);
}

static long resident_kib (void)
{
    char line[256];
    long size = 0;
    FILE *status = fopen ("/proc/self/status", "r");
    WANT (status != NULL);
    while (fgets (line, sizeof line, status))
        if (sscanf (line, "VmRSS: %ld", &size) == 1)
            break;
    fclose (status);
    return size;
}

static void *watch (void *unused)
{
    (void) unused;
    for (long looked = clock_ms (), now;; looked = now) {
        __atomic_store_n (&seen, looked - lost, __ATOMIC_RELEASE);
        rest_ms (NAP_MS);
        now = clock_ms ();
        __atomic_store_n (&lost, lost + (now - looked - NAP_MS), __ATOMIC_RELEASE);
        for (int at = 0; at < world_count; at++)
            if (worlds[at].since && strcmp (worlds[at].doing, "resting") && now_ms () - worlds[at].since > STUCK_MS) {
                printf ("FAIL %s is stuck: %s\n", worlds[at].name, worlds[at].doing);
                fflush (stdout);
                abort ();
            }
    }
    return NULL;
}

static void report (void)
{
    struct books all = {0};
    printf ("%-10s %9s %12s %12s %12s %12s %8s\n", "pattern", "episodes", "sent", "delivered", "queue full", "with socket", "faults");
    for (int at = 0; at < world_count; at++) {
        struct books *books = &worlds[at].books;
        printf ("%-10s %9llu %12llu %12llu %12llu %12llu %8llu\n", worlds[at].name, (unsigned long long) books->episodes,
                (unsigned long long) books->sent, (unsigned long long) books->delivered,
                (unsigned long long) books->dropped, (unsigned long long) books->taken, (unsigned long long) books->faults);
        WANT (books->sent == books->delivered + books->dropped + books->taken);
        all.sent += books->sent;
        all.delivered += books->delivered;
        all.dropped += books->dropped;
        all.taken += books->taken;
    }
    printf ("every message is accounted for: of %llu %llu came, %llu met a full queue of a subscriber's, and %llu went with a socket "
            "that was closed\n", (unsigned long long) all.sent, (unsigned long long) all.delivered, (unsigned long long) all.dropped,
            (unsigned long long) all.taken);
}

int main (int argc, char **argv)
{
    program = argv[0];
    if (argc > 1 && strcmp (argv[1], "child") == 0)
        return child (argc, argv);
    /* What malloc keeps for each thread counts as allocated, and grows for hours. Without it memory is the same at each pause. */
    if (!getenv ("GLIBC_TUNABLES")) {
        WANT (setenv ("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1) == 0);
        execv ("/proc/self/exe", argv);
    }
    double minutes = argc > 1 ? atof (argv[1]) : 1;
    uint64_t seed = argc > 2 ? strtoull (argv[2], NULL, 10) : (uint64_t) time (NULL);
    wanted = argv + (argc < 3 ? argc : 3);
    for (char **name = wanted; *name; name++) {
        int known = 0;
        for (int at = 0; at < world_count; at++)
            known |= strcmp (*name, worlds[at].name) == 0;
        WANT (known);
    }
    setvbuf (stdout, NULL, _IOLBF, BUFSIZ);
    if (getenv ("SOAK_FOLDER"))
        snprintf (folder, sizeof folder, "%s", getenv ("SOAK_FOLDER"));
    else {
        snprintf (folder, sizeof folder, "/tmp/soak-%d", (int) getpid ());
        WANT (mkdir (folder, 0700) == 0);
    }
    printf ("soak: %g minutes, seed %llu\n", minutes, (unsigned long long) seed);

    pthread_rwlockattr_t writers_first;
    pthread_rwlockattr_init (&writers_first);
    pthread_rwlockattr_setkind_np (&writers_first, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init (&pause_lock, &writers_first);
    pthread_t watcher, threads[16];
    WANT (pthread_create (&watcher, NULL, watch, NULL) == 0);
    for (int at = 0; at < world_count; at++) {
        worlds[at].random = (seed + (uint64_t) at + 1) * 0x9E3779B97F4A7C15u;
        WANT (pthread_create (&threads[at], NULL, live, &worlds[at]) == 0);
    }

    long start = now_ms (), end = start + (long) (minutes * 60000), warm = 0, peak = 0, recent[WARM] = {0};
    long period = (end - start) / PAUSES < PERIOD_MS ? (end - start) / PAUSES : PERIOD_MS;
    int descriptors = -1, tasks = -1, pauses = 0;
    while (now_ms () < end || pauses < LEAST_PAUSES) {
        rest_ms ((int) period);
        pthread_rwlock_wrlock (&pause_lock);
        int fds = count_entries ("/proc/self/fd"), running = count_entries ("/proc/self/task");
        malloc_trim (0);
        long memory = allocated_kib (), resident = resident_kib ();
        pthread_rwlock_unlock (&pause_lock);
        if (descriptors == -1)
            descriptors = fds, tasks = running;
        if (++pauses <= WARM)
            warm = memory > warm ? memory : warm;
        peak = memory > peak ? memory : peak;
        printf ("%6.1f min: %ld KiB allocated, %ld resident, %d descriptors, %d threads\n",
                (double) (now_ms () - start) / 60000, memory, resident, fds, running);
        WANT (fds == descriptors && running == tasks);
        /* Threads that have just ended may still be giving theirs back; what leaks stays. So the least of the last pauses counts. */
        recent[pauses % WARM] = memory;
        long least = memory;
        for (int at = 0; at < WARM && pauses > 2 * WARM; at++)
            least = recent[at] < least ? recent[at] : least;
        WANT (pauses <= 2 * WARM || least < warm + 64);
    }
    over = 1;
    for (int at = 0; at < world_count; at++)
        pthread_join (threads[at], NULL);
    if (!getenv ("SOAK_FOLDER"))
        rmdir (folder);
    report ();
    printf ("allocated %ld KiB when warm, %ld KiB at most; %d descriptors, %d threads at every one of %d pauses\n", warm, peak,
            descriptors, tasks, pauses);
    return 0;
}
