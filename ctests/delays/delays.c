/* Makes threads late, at random, wherever the library calls the system or the allocator: orders of things come up that a calm machine shows once
   in many thousand runs. Preloaded by ctests/harness.py into whatever runs with DELAYS=1, as in `make check-mixed DELAYS=1`.

   Only calls out of libzmq.so are delayed. In each process a few places are often slow and the others seldom: most races need one thread to be
   late at one place and the others to be quick. No thread spends more than a ninth of its time here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* One in so many places is slow, one in so many calls of those, and of the others. */
#define SLOW_PLACES 12
#define SLOW 3
#define OTHER 40
#define ALLOCATIONS 200

static uintptr_t text, text_end;
static uint64_t seed;
/* Unlike nanosleep(3), no point at which a thread may be cancelled. */
static long (*call) (long, ...);

static int find_library (struct dl_phdr_info *info, size_t size, void *unused)
{
    (void) size;
    (void) unused;
    if (strstr (info->dlpi_name, "libzmq.so") == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW (Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
            text_end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
            text = info->dlpi_addr + part->p_vaddr;
        }
    }
    return 1;
}

static uint64_t nanoseconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

__attribute__ ((constructor)) static void begin (void)
{
    seed = nanoseconds () * 0x9E3779B97F4A7C15u ^ (uint64_t) getpid () << 32;
    call = (long (*) (long, ...)) dlsym (RTLD_NEXT, "syscall");
    dl_iterate_phdr (find_library, NULL);
}

static int is_slow (uintptr_t place)
{
    uint64_t hash = (place - text) ^ seed;
    hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCDu;
    return (hash ^ hash >> 33) % SLOW_PLACES == 0;
}

/* Before and after a call from `caller`. */
static void delay (const void *caller, unsigned one_in)
{
    static __thread uint64_t state, not_before;
    const uintptr_t place = (uintptr_t) caller;
    if (place < text || place >= text_end)
        return;
    if (state == 0)
        state = (seed ^ (uintptr_t) &state) | 1;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    const uint64_t random = state * 0x2545F4914F6CDD1Du >> 8;
    if (random % (is_slow (place) ? SLOW : one_in) != 0)
        return;
    const uint64_t start = nanoseconds ();
    if (start < not_before)
        return;
    const int error = errno;
    const unsigned kind = (random >> 12) % 16;
    if (kind < 8) {
        call (SYS_sched_yield);
    } else {
        const struct timespec pause = {0, (long) ((random >> 20) % (kind < 14 ? 200000 : 3000000))};
        call (SYS_nanosleep, &pause, NULL);
    }
    errno = error;
    const uint64_t end = nanoseconds ();
    not_before = end + 8 * (end - start);
}

#define DELAYED(type, name, parameters, ...) \
    type name parameters \
    { \
        static type (*next) parameters; \
        if (next == NULL) \
            next = (type (*) parameters) dlsym (RTLD_NEXT, #name); \
        delay (__builtin_return_address (0), OTHER); \
        const type result = next (__VA_ARGS__); \
        delay (__builtin_return_address (0), OTHER); \
        return result; \
    }

DELAYED (ssize_t, read, (int fd, void *to, size_t size), fd, to, size)
DELAYED (ssize_t, readv, (int fd, const struct iovec *to, int count), fd, to, count)
DELAYED (ssize_t, recv, (int fd, void *to, size_t size, int flags), fd, to, size, flags)
DELAYED (ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), fd, message, flags)
DELAYED (ssize_t, write, (int fd, const void *from, size_t size), fd, from, size)
DELAYED (ssize_t, writev, (int fd, const struct iovec *from, int count), fd, from, count)
DELAYED (ssize_t, send, (int fd, const void *from, size_t size, int flags), fd, from, size, flags)
DELAYED (ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), fd, message, flags)
DELAYED (int, accept4, (int fd, struct sockaddr *from, socklen_t *size, int flags), fd, from, size, flags)
DELAYED (int, connect, (int fd, const struct sockaddr *to, socklen_t size), fd, to, size)
DELAYED (int, close, (int fd), fd)
DELAYED (int, epoll_ctl, (int fd, int what, int other, struct epoll_event *event), fd, what, other, event)
DELAYED (int, epoll_wait, (int fd, struct epoll_event *to, int count, int timeout), fd, to, count, timeout)
DELAYED (int, poll, (struct pollfd *items, nfds_t count, int timeout), items, count, timeout)
DELAYED (int, ppoll, (struct pollfd *items, nfds_t count, const struct timespec *timeout, const sigset_t *mask), items, count, timeout, mask)
DELAYED (int, pthread_setcancelstate, (int state, int *former), state, former)

/* Futexes. */
long syscall (long number, ...)
{
    va_list list;
    va_start (list, number);
    long values[6];
    for (int i = 0; i < 6; i++)
        values[i] = va_arg (list, long);
    va_end (list);
    if (call == NULL)
        call = (long (*) (long, ...)) dlsym (RTLD_NEXT, "syscall");
    delay (__builtin_return_address (0), OTHER);
    const long result = call (number, values[0], values[1], values[2], values[3], values[4], values[5]);
    delay (__builtin_return_address (0), OTHER);
    return result;
}

extern void *__libc_malloc (size_t size);
extern void __libc_free (void *memory);

void *malloc (size_t size)
{
    delay (__builtin_return_address (0), ALLOCATIONS);
    return __libc_malloc (size);
}

void free (void *memory)
{
    delay (__builtin_return_address (0), ALLOCATIONS);
    __libc_free (memory);
}
