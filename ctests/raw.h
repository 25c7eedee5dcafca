/* Plain TCP and Unix sockets for the programs that speak or spoil ZMTP by hand. Included after common.h. */
#ifndef OXIZMQ_CTESTS_RAW_H
#define OXIZMQ_CTESTS_RAW_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

/* The first 64 bytes of a ZMTP 3.0 peer with the NULL mechanism. */
UNUSED static const unsigned char GREETING[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};

/* Connects to the port of a tcp:// endpoint on this host. */
UNUSED static int raw_connect (const char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    address.sin_port = htons ((uint16_t) atoi (strrchr (endpoint, ':') + 1));
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    NEED (fd != -1 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0);
    return fd;
}

/* Listens on a free port; writes its tcp:// endpoint. */
UNUSED static int raw_listen (char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    NEED (fd != -1 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0 && listen (fd, 8) == 0);
    NEED (getsockname (fd, (struct sockaddr *) &address, &length) == 0);
    sprintf (endpoint, "tcp://127.0.0.1:%d", ntohs (address.sin_port));
    return fd;
}

UNUSED static void raw_send (int fd, const void *data, size_t size)
{
    /* The peer may have hung up: that is for the test to find out by reading. */
    if (send (fd, data, size, MSG_NOSIGNAL) == -1)
        return;
}

/* Reads until `size` bytes have come, the peer closes, or nothing comes for a while; returns how many, -1 if closed. */
UNUSED static int raw_read (int fd, unsigned char *buffer, int size, int patience)
{
    int got = 0;
    while (got < size) {
        struct pollfd item = {fd, POLLIN, 0};
        if (poll (&item, 1, patience) != 1)
            return got;
        ssize_t n = recv (fd, buffer + got, (size_t) (size - got), 0);
        if (n <= 0)
            return got ? got : -1;
        got += (int) n;
    }
    return got;
}

/* Whether the peer closes the connection; what it still sends is thrown away. */
UNUSED static const char *raw_fate (int fd, int patience)
{
    unsigned char buffer[4096];
    int n;
    while ((n = raw_read (fd, buffer, sizeof buffer, patience)) > 0)
        ;
    return n == -1 ? "closed" : "still open";
}

/* A command frame: READY with a socket type. */
UNUSED static size_t ready_command (unsigned char *buffer, const char *type)
{
    size_t length = strlen (type), n = 0;
    buffer[n++] = 4;
    buffer[n++] = (unsigned char) (6 + 12 + 4 + length);
    memcpy (buffer + n, "\5READY\13Socket-Type\0\0\0", 21);
    n += 21;
    buffer[n++] = (unsigned char) length;
    memcpy (buffer + n, type, length);
    return n + length;
}

/* A header of a WebSocket frame with a mask that changes nothing; `first` is the opcode, and 0x80 for the last fragment. */
UNUSED static size_t ws_header (unsigned char *buffer, unsigned char first, uint64_t size)
{
    size_t n = 0;
    buffer[n++] = first;
    buffer[n++] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer[n++] = (unsigned char) (size >> shift);
    memset (buffer + n, 0, 4);
    return n + 4;
}

/* Asks the port of a ws:// endpoint for the upgrade, and says which socket is here. */
UNUSED static int ws_connect (const char *endpoint, const char *type)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n";
    unsigned char frame[128], ready[64], answer[16];
    int fd = raw_connect (endpoint);
    raw_send (fd, request, sizeof request - 1);
    NEED (raw_read (fd, answer, 12, 5000) == 12 && memcmp (answer, "HTTP/1.1 101", 12) == 0);
    size_t length = ready_command (ready, type), n = ws_header (frame, 0x82, length - 1);
    frame[n++] = 2; /* a command; the length of ZMTP falls away */
    memcpy (frame + n, ready + 2, length - 2);
    raw_send (fd, frame, n + length - 2);
    return fd;
}

#endif
