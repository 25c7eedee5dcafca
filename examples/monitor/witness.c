/*
 * Counts what the 0MQ sockets of an unmodified program do: LD_AUDIT=witness.so OXIZMQ_WITNESS=FOLDER program...
 *
 * The loader asks an audit library about each function that one file wants of another, also by dlsym (see rtld-audit(7)):
 * whatever wants zmq_send of a libzmq gets ours, which calls the real one and counts. That holds for every binding that
 * uses a shared libzmq, and not for one that has libzmq inside. The figures are in FOLDER/PID, a file that is mapped: to
 * count costs two additions and whoever wants to know reads the file (page.py). Nothing else about the program changes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SOCKETS 128

/* One socket of the file; a socket that is closed keeps its figures until its place is needed. page.py knows this. */
typedef struct {
    _Atomic uint64_t socket; /* 0: free */
    _Atomic uint64_t parts_in, bytes_in, parts_out, bytes_out;
    int32_t type, closed;
    char endpoints[208]; /* "bind tcp://... connect ipc://... " */
} entry_t;

_Static_assert (sizeof (entry_t) == 256, "the layout that page.py reads");

/* In a page that a forked child finds empty: it then starts a file of its own. */
static struct {
    entry_t *entries;
} *here;

static entry_t *entries (void)
{
    if (!here) {
        here = mmap (NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (here == MAP_FAILED)
            return here = NULL, NULL;
        madvise (here, 4096, MADV_WIPEONFORK);
    }
    if (here->entries)
        return here->entries;
    const char *folder = getenv ("OXIZMQ_WITNESS");
    char name[512];
    if (!folder || snprintf (name, sizeof name, "%s/%d", folder, getpid ()) >= (int) sizeof name)
        return NULL;
    int file = open (name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file == -1)
        return NULL;
    void *mapped = ftruncate (file, SOCKETS * sizeof (entry_t)) == 0
                       ? mmap (NULL, SOCKETS * sizeof (entry_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                       : MAP_FAILED;
    close (file);
    return here->entries = mapped == MAP_FAILED ? NULL : mapped;
}

static entry_t *find (void *socket)
{
    entry_t *list = entries ();
    for (int i = 0; list && i < SOCKETS; i++)
        if (atomic_load_explicit (&list[i].socket, memory_order_relaxed) == (uint64_t) (uintptr_t) socket && !list[i].closed)
            return &list[i];
    return NULL;
}

static void opened (void *socket, int type)
{
    entry_t *list = entries ();
    for (int round = 0; list && round < 2; round++) /* a free place, else that of a closed socket */
        for (int i = 0; i < SOCKETS; i++) {
            uint64_t before = atomic_load (&list[i].socket);
            if ((before && !(round && list[i].closed)) || !atomic_compare_exchange_strong (&list[i].socket, &before, 1))
                continue;
            atomic_store (&list[i].parts_in, 0);
            atomic_store (&list[i].bytes_in, 0);
            atomic_store (&list[i].parts_out, 0);
            atomic_store (&list[i].bytes_out, 0);
            memset (list[i].endpoints, 0, sizeof list[i].endpoints);
            list[i].type = type;
            list[i].closed = 0;
            atomic_store (&list[i].socket, (uint64_t) (uintptr_t) socket);
            return;
        }
}

static void joined (void *socket, const char *how, const char *endpoint)
{
    entry_t *entry = find (socket);
    size_t used = entry ? strlen (entry->endpoints) : 0;
    if (entry)
        snprintf (entry->endpoints + used, sizeof entry->endpoints - used, "%s %s ", how, endpoint);
}

static int counted (void *socket, int out, int size)
{
    entry_t *entry = size >= 0 ? find (socket) : NULL;
    if (entry) {
        atomic_fetch_add_explicit (out ? &entry->parts_out : &entry->parts_in, 1, memory_order_relaxed);
        atomic_fetch_add_explicit (out ? &entry->bytes_out : &entry->bytes_in, (uint64_t) size, memory_order_relaxed);
    }
    return size;
}

/* ---- the functions that are watched: the real one, and what stands in for it ---- */

static struct {
    void *(*zmq_socket) (void *, int);
    int (*zmq_close) (void *);
    int (*zmq_bind) (void *, const char *), (*zmq_connect) (void *, const char *);
    int (*zmq_send) (void *, const void *, size_t, int), (*zmq_send_const) (void *, const void *, size_t, int);
    int (*zmq_recv) (void *, void *, size_t, int);
    int (*zmq_msg_send) (void *, void *, int), (*zmq_msg_recv) (void *, void *, int);
    int (*zmq_sendmsg) (void *, void *, int), (*zmq_recvmsg) (void *, void *, int);
} real;

static void *our_zmq_socket (void *context, int type)
{
    void *socket = real.zmq_socket (context, type);
    if (socket)
        opened (socket, type);
    return socket;
}

static int our_zmq_close (void *socket)
{
    entry_t *entry = find (socket);
    if (entry)
        entry->closed = 1;
    return real.zmq_close (socket);
}

static int our_zmq_bind (void *socket, const char *endpoint)
{
    int result = real.zmq_bind (socket, endpoint);
    if (result == 0)
        joined (socket, "bind", endpoint);
    return result;
}

static int our_zmq_connect (void *socket, const char *endpoint)
{
    int result = real.zmq_connect (socket, endpoint);
    if (result == 0)
        joined (socket, "connect", endpoint);
    return result;
}

static int our_zmq_send (void *socket, const void *data, size_t size, int flags)
{
    return counted (socket, 1, real.zmq_send (socket, data, size, flags));
}

static int our_zmq_send_const (void *socket, const void *data, size_t size, int flags)
{
    return counted (socket, 1, real.zmq_send_const (socket, data, size, flags));
}

static int our_zmq_recv (void *socket, void *data, size_t size, int flags)
{
    return counted (socket, 0, real.zmq_recv (socket, data, size, flags));
}

static int our_zmq_msg_send (void *message, void *socket, int flags)
{
    return counted (socket, 1, real.zmq_msg_send (message, socket, flags));
}

static int our_zmq_msg_recv (void *message, void *socket, int flags)
{
    return counted (socket, 0, real.zmq_msg_recv (message, socket, flags));
}

static int our_zmq_sendmsg (void *socket, void *message, int flags)
{
    return counted (socket, 1, real.zmq_sendmsg (socket, message, flags));
}

static int our_zmq_recvmsg (void *socket, void *message, int flags)
{
    return counted (socket, 0, real.zmq_recvmsg (socket, message, flags));
}

#define WATCHED(name) {#name, (void **) &real.name, (void *) our_##name}

static const struct {
    const char *name;
    void **real;
    void *ours;
} WATCH[] = {WATCHED (zmq_socket),   WATCHED (zmq_close),    WATCHED (zmq_bind),    WATCHED (zmq_connect),
             WATCHED (zmq_send),     WATCHED (zmq_send_const), WATCHED (zmq_recv),  WATCHED (zmq_msg_send),
             WATCHED (zmq_msg_recv), WATCHED (zmq_sendmsg),  WATCHED (zmq_recvmsg)};

/* ---- what the loader calls ---- */

__attribute__ ((visibility ("default"))) unsigned int la_version (unsigned int version)
{
    return version < LAV_CURRENT ? version : LAV_CURRENT;
}

/* Only what is wanted of a libzmq is of interest, whoever wants it. */
__attribute__ ((visibility ("default"))) unsigned int la_objopen (struct link_map *file, Lmid_t space, uintptr_t *cookie)
{
    (void) space;
    (void) cookie;
    return strstr (file->l_name, "libzmq.so") ? LA_FLG_BINDTO : LA_FLG_BINDFROM;
}

__attribute__ ((visibility ("default"))) uintptr_t la_symbind64 (Elf64_Sym *symbol, unsigned int index, uintptr_t *from,
                                                                 uintptr_t *to, unsigned int *flags, const char *name)
{
    (void) index;
    (void) from;
    (void) to;
    (void) flags;
    for (size_t i = 0; i < sizeof WATCH / sizeof *WATCH; i++)
        if (strcmp (name, WATCH[i].name) == 0) {
            *WATCH[i].real = (void *) symbol->st_value;
            return (uintptr_t) WATCH[i].ours;
        }
    return symbol->st_value;
}
