/* See shim.h. Compiled into each program f_*.c by ctests/faults/run. */
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static struct
{
    int error, after, times, hits;
} faults[FAULT_COUNT];

volatile int fault_bytes;
volatile unsigned long fault_large = 1ul << 20;
volatile unsigned fault_every, fault_every_hits;
volatile long fault_clock;
volatile int fault_clock_asked;

#define GET(x) __atomic_load_n (&(x), __ATOMIC_SEQ_CST)
#define SET(x, value) __atomic_store_n (&(x), (value), __ATOMIC_SEQ_CST)

void fault_arm (enum fault what, int error, int after, int times)
{
    SET (faults[what].times, 0);
    SET (faults[what].error, error);
    SET (faults[what].after, after);
    SET (faults[what].hits, 0);
    SET (faults[what].times, times);
}

int fault_hits (enum fault what)
{
    return GET (faults[what].hits);
}

int fault_left (enum fault what)
{
    return GET (faults[what].times);
}

void fault_disarm (enum fault what)
{
    SET (faults[what].times, 0);
}

/* Whether this call shall fail; sets errno. */
static int fails (enum fault what)
{
    if (GET (faults[what].times) <= 0 || __atomic_sub_fetch (&faults[what].after, 1, __ATOMIC_SEQ_CST) >= 0)
        return 0;
    if (__atomic_sub_fetch (&faults[what].times, 1, __ATOMIC_SEQ_CST) < 0) {
        SET (faults[what].times, 0);
        return 0;
    }
    __atomic_add_fetch (&faults[what].hits, 1, __ATOMIC_SEQ_CST);
    errno = GET (faults[what].error);
    return 1;
}

/* The C library's own function of the same name and type. */
#define REAL(name)                                                                                                     \
    static __typeof__ (name) *real;                                                                                    \
    if (!real)                                                                                                         \
        real = (__typeof__ (name) *) dlsym (RTLD_NEXT, #name)

int socket (int domain, int type, int protocol)
{
    REAL (socket);
    return fails (FAULT_SOCKET) ? -1 : real (domain, type, protocol);
}

int bind (int fd, const struct sockaddr *address, socklen_t length)
{
    REAL (bind);
    return fails (FAULT_BIND) ? -1 : real (fd, address, length);
}

int listen (int fd, int backlog)
{
    REAL (listen);
    return fails (FAULT_LISTEN) ? -1 : real (fd, backlog);
}

int accept4 (int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    REAL (accept4);
    return fails (FAULT_ACCEPT) ? -1 : real (fd, address, length, flags);
}

int connect (int fd, const struct sockaddr *address, socklen_t length)
{
    REAL (connect);
    if (!fails (FAULT_CONNECT))
        return real (fd, address, length);
    /* After a signal the connection is made all the same. */
    if (errno == EINTR) {
        real (fd, address, length);
        errno = EINTR;
    }
    return -1;
}

int getsockopt (int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
    REAL (getsockopt);
    if (level == SOL_SOCKET && name == SO_ERROR && fails (FAULT_CONNECTED)) {
        *(int *) value = errno;
        return 0;
    }
    return real (fd, level, name, value, length);
}

int setsockopt (int fd, int level, int name, const void *value, socklen_t length)
{
    REAL (setsockopt);
    return fails (FAULT_SETSOCKOPT) ? -1 : real (fd, level, name, value, length);
}

int getsockname (int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    REAL (getsockname);
    return fails (FAULT_NAME) ? -1 : real (fd, address, length);
}

int getpeername (int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    REAL (getpeername);
    /* Who asks this way whether a connect has succeeded shall ask for the error. */
    if (GET (faults[FAULT_CONNECTED].times) > 0) {
        errno = ENOTCONN;
        return -1;
    }
    return fails (FAULT_NAME) ? -1 : real (fd, address, length);
}

static size_t at_most (size_t size)
{
    size_t most = (size_t) fault_bytes;
    return most && size > most ? most : size;
}

ssize_t send (int fd, const void *data, size_t size, int flags)
{
    REAL (send);
    return fails (FAULT_SEND) ? -1 : real (fd, data, at_most (size), flags);
}

ssize_t recv (int fd, void *data, size_t size, int flags)
{
    REAL (recv);
    return fails (FAULT_RECV) ? -1 : real (fd, data, size, flags);
}

/* The first piece alone, and not all of that, when there is a limit. */
static struct msghdr cut (const struct msghdr *message, struct iovec *piece)
{
    struct msghdr less = *message;
    for (size_t i = 0; fault_bytes && i < message->msg_iovlen; i++)
        if (message->msg_iov[i].iov_len > 0) {
            *piece = message->msg_iov[i];
            piece->iov_len = at_most (piece->iov_len);
            less.msg_iov = piece;
            less.msg_iovlen = 1;
            break;
        }
    return less;
}

ssize_t sendmsg (int fd, const struct msghdr *message, int flags)
{
    REAL (sendmsg);
    struct iovec piece;
    struct msghdr less = cut (message, &piece);
    return fails (FAULT_SEND) ? -1 : real (fd, &less, flags);
}

ssize_t recvmsg (int fd, struct msghdr *message, int flags)
{
    REAL (recvmsg);
    return fails (FAULT_RECV) ? -1 : real (fd, message, flags);
}

int epoll_create1 (int flags)
{
    REAL (epoll_create1);
    return fails (FAULT_EPOLL_CREATE) ? -1 : real (flags);
}

int epoll_ctl (int epoll, int operation, int fd, struct epoll_event *event)
{
    REAL (epoll_ctl);
    return fails (FAULT_EPOLL_CTL) ? -1 : real (epoll, operation, fd, event);
}

int epoll_wait (int epoll, struct epoll_event *events, int count, int timeout)
{
    REAL (epoll_wait);
    return fails (FAULT_EPOLL_WAIT) ? -1 : real (epoll, events, count, timeout);
}

int eventfd (unsigned int value, int flags)
{
    REAL (eventfd);
    return fails (FAULT_EVENTFD) ? -1 : real (value, flags);
}

int poll (struct pollfd *items, nfds_t count, int timeout)
{
    REAL (poll);
    return fails (FAULT_POLL) ? -1 : real (items, count, timeout);
}

int ppoll (struct pollfd *items, nfds_t count, const struct timespec *timeout, const sigset_t *mask)
{
    REAL (ppoll);
    return fails (FAULT_POLL) ? -1 : real (items, count, timeout, mask);
}

int fcntl (int fd, int command, ...)
{
    REAL (fcntl);
    va_list arguments;
    va_start (arguments, command);
    void *argument = va_arg (arguments, void *);
    va_end (arguments);
    return fails (FAULT_FCNTL) ? -1 : real (fd, command, argument);
}

int pthread_create (pthread_t *restrict thread, const pthread_attr_t *restrict how, void *(*work) (void *), void *restrict argument)
{
    REAL (pthread_create);
    return fails (FAULT_THREAD) ? errno : real (thread, how, work, argument);
}

int clock_gettime (clockid_t clock, struct timespec *time)
{
    REAL (clock_gettime);
    int result = real (clock, time);
    if (clock == CLOCK_REALTIME) {
        __atomic_add_fetch (&fault_clock_asked, 1, __ATOMIC_SEQ_CST);
        time->tv_sec += fault_clock;
    }
    return result;
}

extern void *__libc_malloc (size_t);
extern void *__libc_calloc (size_t, size_t);
extern void *__libc_realloc (void *, size_t);
extern void *__libc_memalign (size_t, size_t);

/* Where the library's code is: only what it asks for itself may fail. */
static int look_for_library (struct dl_phdr_info *info, size_t size, void *range)
{
    (void) size;
    if (!strstr (info->dlpi_name, "libzmq.so"))
        return 0;
    for (int at = 0; at < info->dlpi_phnum; at++)
        if (info->dlpi_phdr[at].p_type == PT_LOAD && (info->dlpi_phdr[at].p_flags & PF_X)) {
            ((uintptr_t *) range)[0] = info->dlpi_addr + info->dlpi_phdr[at].p_vaddr;
            ((uintptr_t *) range)[1] = ((uintptr_t *) range)[0] + info->dlpi_phdr[at].p_memsz;
        }
    return 1;
}

/* Numbers in a row become numbers without any order: what is tried again and again, with as many allocations each time, must not
   fail at the same ones each time. */
static unsigned scattered (unsigned number)
{
    number = (number ^ number >> 16) * 0x7feb352du;
    number = (number ^ number >> 15) * 0x846ca68bu;
    return number ^ number >> 16;
}

static int is_out_of_memory (size_t size, const void *caller)
{
    static uintptr_t range[2];
    static unsigned count;
    if (size >= fault_large && fails (FAULT_MEMORY))
        return 1;
    if (!fault_every)
        return 0;
    if (!range[1])
        dl_iterate_phdr (look_for_library, range);
    if ((uintptr_t) caller < range[0] || (uintptr_t) caller >= range[1]
        || scattered (__atomic_add_fetch (&count, 1, __ATOMIC_SEQ_CST)) % fault_every != 0)
        return 0;
    __atomic_add_fetch (&fault_every_hits, 1, __ATOMIC_SEQ_CST);
    return 1;
}

#define OUT_OF_MEMORY(size) is_out_of_memory (size, __builtin_return_address (0))

void *malloc (size_t size)
{
    return OUT_OF_MEMORY (size) ? NULL : __libc_malloc (size);
}

void *calloc (size_t count, size_t size)
{
    return OUT_OF_MEMORY (count * size) ? NULL : __libc_calloc (count, size);
}

void *realloc (void *old, size_t size)
{
    return OUT_OF_MEMORY (size) ? NULL : __libc_realloc (old, size);
}

int posix_memalign (void **result, size_t alignment, size_t size)
{
    if (OUT_OF_MEMORY (size))
        return ENOMEM;
    return (*result = __libc_memalign (alignment, size)) ? 0 : ENOMEM;
}
