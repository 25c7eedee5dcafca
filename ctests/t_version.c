/* Version, errno and its texts, zmq_has: functions that need no context. Called by ctests/run. */
#include "common.h"

int main (void)
{
    int major = 0, minor = 0, patch = 0;
    zmq_version (&major, &minor, &patch);
    line ("version %d.%d.%d, header %d.%d.%d", major, minor, patch, ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH);

    const int codes[] = {0, EINVAL, EAGAIN, EFAULT, ENOTSOCK, EADDRINUSE, EHOSTUNREACH, EFSM, ENOCOMPATPROTO, ETERM,
                         EMTHREAD, ZMQ_HAUSNUMERO, ZMQ_HAUSNUMERO + 1, -1, 100000};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        line ("strerror %d: %s", codes[i], zmq_strerror (codes[i]));

    errno = ENOTCONN;
    line ("errno is the C library's: %s", errno_name (zmq_errno ()));

    SHOW (zmq_has ("ipc"));
    SHOW (zmq_has ("IPC"));
    SHOW (zmq_has (""));
    SHOW (zmq_has ("nonsense"));
    return 0;
}
