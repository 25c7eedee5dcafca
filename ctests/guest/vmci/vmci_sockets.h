/*
 * What libzmq 4.3.5 and its two vmci programs want of VMware's header of the same name, by the kernel's own AF_VSOCK
 * (vsock(7)), which is what VMware's sockets are on Linux today. Only ctests/guest builds with it.
 */
#ifndef OXIZMQ_TEST_VMCI_SOCKETS_H
#define OXIZMQ_TEST_VMCI_SOCKETS_H

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

#define SO_VMCI_BUFFER_SIZE SO_VM_SOCKETS_BUFFER_SIZE
#define SO_VMCI_CONNECT_TIMEOUT SO_VM_SOCKETS_CONNECT_TIMEOUT

static inline int VMCISock_GetAFValueFd (int *fd)
{
    *fd = -1;
    return AF_VSOCK;
}

static inline void VMCISock_ReleaseAFValueFd (int fd)
{
    (void) fd;
}

/* This machine's own number; one that has only the loopback device has none, and is reached by the loopback's. */
static inline unsigned VMCISock_GetLocalCID (void)
{
    unsigned cid = VMADDR_CID_ANY;
    const int device = open ("/dev/vsock", O_RDONLY | O_CLOEXEC);
    if (device == -1)
        return cid;
    if (ioctl (device, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) == -1 || cid == VMADDR_CID_ANY)
        cid = VMADDR_CID_LOCAL;
    close (device);
    return cid;
}

#endif
