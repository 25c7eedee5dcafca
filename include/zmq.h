/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from src/ffi by `make header`; do not edit. The C API of ZeroMQ 4.3.5. */

#ifndef __ZMQ_H_INCLUDED__
#define __ZMQ_H_INCLUDED__

#if !defined _WIN32_WCE
#include <errno.h>
#endif
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#if !defined _WIN32
/* For sigset_t in zmq_ppoll. */
#include <signal.h>
#endif
#define ZMQ_DEFINED_STDINT 1

/* What a program built against this header finds in the library. */
#if defined ZMQ_NO_EXPORT
#define ZMQ_EXPORT
#elif defined _WIN32
#if defined ZMQ_STATIC
#define ZMQ_EXPORT
#elif defined DLL_EXPORT
#define ZMQ_EXPORT __declspec(dllexport)
#else
#define ZMQ_EXPORT __declspec(dllimport)
#endif
#elif defined __SUNPRO_C || defined __SUNPRO_CC
#define ZMQ_EXPORT __global
#elif defined __GNUC__
#define ZMQ_EXPORT __attribute__((visibility("default")))
#else
#define ZMQ_EXPORT
#endif

#define ZMQ_MAKE_VERSION(major, minor, patch) ((major) * 10000 + (minor) * 100 + (patch))
#define ZMQ_VERSION ZMQ_MAKE_VERSION(ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH)
#define ZMQ_HAVE_TIMERS
#ifdef ZMQ_BUILD_DRAFT_API
#define ZMQ_HAVE_POLLER
#define ZMQ_MSG_PROPERTY_ROUTING_ID "Routing-Id"
#define ZMQ_MSG_PROPERTY_SOCKET_TYPE "Socket-Type"
#define ZMQ_MSG_PROPERTY_USER_ID "User-Id"
#define ZMQ_MSG_PROPERTY_PEER_ADDRESS "Peer-Address"
#endif

/* POSIX error numbers that some systems lack. */
#ifndef ENOTSUP
#define ENOTSUP (ZMQ_HAUSNUMERO + 1)
#endif
#ifndef EPROTONOSUPPORT
#define EPROTONOSUPPORT (ZMQ_HAUSNUMERO + 2)
#endif
#ifndef ENOBUFS
#define ENOBUFS (ZMQ_HAUSNUMERO + 3)
#endif
#ifndef ENETDOWN
#define ENETDOWN (ZMQ_HAUSNUMERO + 4)
#endif
#ifndef EADDRINUSE
#define EADDRINUSE (ZMQ_HAUSNUMERO + 5)
#endif
#ifndef EADDRNOTAVAIL
#define EADDRNOTAVAIL (ZMQ_HAUSNUMERO + 6)
#endif
#ifndef ECONNREFUSED
#define ECONNREFUSED (ZMQ_HAUSNUMERO + 7)
#endif
#ifndef EINPROGRESS
#define EINPROGRESS (ZMQ_HAUSNUMERO + 8)
#endif
#ifndef ENOTSOCK
#define ENOTSOCK (ZMQ_HAUSNUMERO + 9)
#endif
#ifndef EMSGSIZE
#define EMSGSIZE (ZMQ_HAUSNUMERO + 10)
#endif
#ifndef EAFNOSUPPORT
#define EAFNOSUPPORT (ZMQ_HAUSNUMERO + 11)
#endif
#ifndef ENETUNREACH
#define ENETUNREACH (ZMQ_HAUSNUMERO + 12)
#endif
#ifndef ECONNABORTED
#define ECONNABORTED (ZMQ_HAUSNUMERO + 13)
#endif
#ifndef ECONNRESET
#define ECONNRESET (ZMQ_HAUSNUMERO + 14)
#endif
#ifndef ENOTCONN
#define ENOTCONN (ZMQ_HAUSNUMERO + 15)
#endif
#ifndef ETIMEDOUT
#define ETIMEDOUT (ZMQ_HAUSNUMERO + 16)
#endif
#ifndef EHOSTUNREACH
#define EHOSTUNREACH (ZMQ_HAUSNUMERO + 17)
#endif
#ifndef ENETRESET
#define ENETRESET (ZMQ_HAUSNUMERO + 18)
#endif

/* 64 bytes, aligned like a pointer. */
typedef struct zmq_msg_t {
#if defined _MSC_VER && (defined _M_X64 || defined _M_ARM64)
    __declspec(align(8)) unsigned char _[64];
#elif defined _MSC_VER
    __declspec(align(4)) unsigned char _[64];
#elif defined __GNUC__ || defined __SUNPRO_C || defined __SUNPRO_CC
    unsigned char _[64] __attribute__((aligned(sizeof(void *))));
#else
    unsigned char _[64];
#endif
} zmq_msg_t;

/* A descriptor of the operating system. */
#if defined _WIN64
typedef unsigned __int64 zmq_fd_t;
#elif defined _WIN32
typedef unsigned int zmq_fd_t;
#else
typedef int zmq_fd_t;
#endif

typedef void(zmq_free_fn)(void *data, void *hint);
typedef void(zmq_timer_fn)(int timer_id, void *arg);
typedef void(zmq_thread_fn)(void *arg);
struct iovec;

#define ZMQ_VERSION_MAJOR 4
#define ZMQ_VERSION_MINOR 3
#define ZMQ_VERSION_PATCH 5
#define ZMQ_HAUSNUMERO 156384712
#define EFSM (ZMQ_HAUSNUMERO + 51)
#define ENOCOMPATPROTO (ZMQ_HAUSNUMERO + 52)
#define ETERM (ZMQ_HAUSNUMERO + 53)
#define EMTHREAD (ZMQ_HAUSNUMERO + 54)
#define ZMQ_IO_THREADS 1
#define ZMQ_MAX_SOCKETS 2
#define ZMQ_SOCKET_LIMIT 3
#define ZMQ_THREAD_PRIORITY 3
#define ZMQ_THREAD_SCHED_POLICY 4
#define ZMQ_MAX_MSGSZ 5
#define ZMQ_MSG_T_SIZE 6
#define ZMQ_THREAD_AFFINITY_CPU_ADD 7
#define ZMQ_THREAD_AFFINITY_CPU_REMOVE 8
#define ZMQ_THREAD_NAME_PREFIX 9
#define ZMQ_IO_THREADS_DFLT 1
#define ZMQ_MAX_SOCKETS_DFLT 1023
#define ZMQ_THREAD_PRIORITY_DFLT -1
#define ZMQ_THREAD_SCHED_POLICY_DFLT -1
#define ZMQ_PAIR 0
#define ZMQ_PUB 1
#define ZMQ_SUB 2
#define ZMQ_REQ 3
#define ZMQ_REP 4
#define ZMQ_DEALER 5
#define ZMQ_ROUTER 6
#define ZMQ_PULL 7
#define ZMQ_PUSH 8
#define ZMQ_XPUB 9
#define ZMQ_XSUB 10
#define ZMQ_STREAM 11
#define ZMQ_XREQ ZMQ_DEALER
#define ZMQ_XREP ZMQ_ROUTER
#define ZMQ_AFFINITY 4
#define ZMQ_ROUTING_ID 5
#define ZMQ_SUBSCRIBE 6
#define ZMQ_UNSUBSCRIBE 7
#define ZMQ_RATE 8
#define ZMQ_RECOVERY_IVL 9
#define ZMQ_SNDBUF 11
#define ZMQ_RCVBUF 12
#define ZMQ_RCVMORE 13
#define ZMQ_FD 14
#define ZMQ_EVENTS 15
#define ZMQ_TYPE 16
#define ZMQ_LINGER 17
#define ZMQ_RECONNECT_IVL 18
#define ZMQ_BACKLOG 19
#define ZMQ_RECONNECT_IVL_MAX 21
#define ZMQ_MAXMSGSIZE 22
#define ZMQ_SNDHWM 23
#define ZMQ_RCVHWM 24
#define ZMQ_MULTICAST_HOPS 25
#define ZMQ_RCVTIMEO 27
#define ZMQ_SNDTIMEO 28
#define ZMQ_LAST_ENDPOINT 32
#define ZMQ_ROUTER_MANDATORY 33
#define ZMQ_TCP_KEEPALIVE 34
#define ZMQ_TCP_KEEPALIVE_CNT 35
#define ZMQ_TCP_KEEPALIVE_IDLE 36
#define ZMQ_TCP_KEEPALIVE_INTVL 37
#define ZMQ_IMMEDIATE 39
#define ZMQ_XPUB_VERBOSE 40
#define ZMQ_ROUTER_RAW 41
#define ZMQ_IPV6 42
#define ZMQ_MECHANISM 43
#define ZMQ_PLAIN_SERVER 44
#define ZMQ_PLAIN_USERNAME 45
#define ZMQ_PLAIN_PASSWORD 46
#define ZMQ_CURVE_SERVER 47
#define ZMQ_CURVE_PUBLICKEY 48
#define ZMQ_CURVE_SECRETKEY 49
#define ZMQ_CURVE_SERVERKEY 50
#define ZMQ_PROBE_ROUTER 51
#define ZMQ_REQ_CORRELATE 52
#define ZMQ_REQ_RELAXED 53
#define ZMQ_CONFLATE 54
#define ZMQ_ZAP_DOMAIN 55
#define ZMQ_ROUTER_HANDOVER 56
#define ZMQ_TOS 57
#define ZMQ_CONNECT_ROUTING_ID 61
#define ZMQ_GSSAPI_SERVER 62
#define ZMQ_GSSAPI_PRINCIPAL 63
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL 64
#define ZMQ_GSSAPI_PLAINTEXT 65
#define ZMQ_HANDSHAKE_IVL 66
#define ZMQ_SOCKS_PROXY 68
#define ZMQ_XPUB_NODROP 69
#define ZMQ_BLOCKY 70
#define ZMQ_XPUB_MANUAL 71
#define ZMQ_XPUB_WELCOME_MSG 72
#define ZMQ_STREAM_NOTIFY 73
#define ZMQ_INVERT_MATCHING 74
#define ZMQ_HEARTBEAT_IVL 75
#define ZMQ_HEARTBEAT_TTL 76
#define ZMQ_HEARTBEAT_TIMEOUT 77
#define ZMQ_XPUB_VERBOSER 78
#define ZMQ_CONNECT_TIMEOUT 79
#define ZMQ_TCP_MAXRT 80
#define ZMQ_THREAD_SAFE 81
#define ZMQ_MULTICAST_MAXTPDU 84
#define ZMQ_VMCI_BUFFER_SIZE 85
#define ZMQ_VMCI_BUFFER_MIN_SIZE 86
#define ZMQ_VMCI_BUFFER_MAX_SIZE 87
#define ZMQ_VMCI_CONNECT_TIMEOUT 88
#define ZMQ_USE_FD 89
#define ZMQ_GSSAPI_PRINCIPAL_NAMETYPE 90
#define ZMQ_GSSAPI_SERVICE_PRINCIPAL_NAMETYPE 91
#define ZMQ_BINDTODEVICE 92
#define ZMQ_MORE 1
#define ZMQ_SHARED 3
#define ZMQ_DONTWAIT 1
#define ZMQ_SNDMORE 2
#define ZMQ_NULL 0
#define ZMQ_PLAIN 1
#define ZMQ_CURVE 2
#define ZMQ_GSSAPI 3
#define ZMQ_GROUP_MAX_LENGTH 255
#define ZMQ_IDENTITY ZMQ_ROUTING_ID
#define ZMQ_CONNECT_RID ZMQ_CONNECT_ROUTING_ID
#define ZMQ_TCP_ACCEPT_FILTER 38
#define ZMQ_IPC_FILTER_PID 58
#define ZMQ_IPC_FILTER_UID 59
#define ZMQ_IPC_FILTER_GID 60
#define ZMQ_IPV4ONLY 31
#define ZMQ_DELAY_ATTACH_ON_CONNECT ZMQ_IMMEDIATE
#define ZMQ_NOBLOCK ZMQ_DONTWAIT
#define ZMQ_FAIL_UNROUTABLE ZMQ_ROUTER_MANDATORY
#define ZMQ_ROUTER_BEHAVIOR ZMQ_ROUTER_MANDATORY
#define ZMQ_SRCFD 2
#define ZMQ_GSSAPI_NT_HOSTBASED 0
#define ZMQ_GSSAPI_NT_USER_NAME 1
#define ZMQ_GSSAPI_NT_KRB5_PRINCIPAL 2
#define ZMQ_EVENT_CONNECTED 1
#define ZMQ_EVENT_CONNECT_DELAYED 2
#define ZMQ_EVENT_CONNECT_RETRIED 4
#define ZMQ_EVENT_LISTENING 8
#define ZMQ_EVENT_BIND_FAILED 16
#define ZMQ_EVENT_ACCEPTED 32
#define ZMQ_EVENT_ACCEPT_FAILED 64
#define ZMQ_EVENT_CLOSED 128
#define ZMQ_EVENT_CLOSE_FAILED 256
#define ZMQ_EVENT_DISCONNECTED 512
#define ZMQ_EVENT_MONITOR_STOPPED 1024
#define ZMQ_EVENT_ALL 65535
#define ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL 2048
#define ZMQ_EVENT_HANDSHAKE_SUCCEEDED 4096
#define ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL 8192
#define ZMQ_EVENT_HANDSHAKE_FAILED_AUTH 16384
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED 268435456
#define ZMQ_PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND 268435457
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE 268435458
#define ZMQ_PROTOCOL_ERROR_ZMTP_KEY_EXCHANGE 268435459
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED 268435473
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_MESSAGE 268435474
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO 268435475
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_INITIATE 268435476
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR 268435477
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_READY 268435478
#define ZMQ_PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_WELCOME 268435479
#define ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA 268435480
#define ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC 285212673
#define ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH 285212674
#define ZMQ_PROTOCOL_ERROR_ZAP_UNSPECIFIED 536870912
#define ZMQ_PROTOCOL_ERROR_ZAP_MALFORMED_REPLY 536870913
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID 536870914
#define ZMQ_PROTOCOL_ERROR_ZAP_BAD_VERSION 536870915
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE 536870916
#define ZMQ_PROTOCOL_ERROR_ZAP_INVALID_METADATA 536870917
#define ZMQ_PROTOCOL_ERROR_WS_UNSPECIFIED 805306368
#define ZMQ_POLLIN 1
#define ZMQ_POLLOUT 2
#define ZMQ_POLLERR 4
#define ZMQ_POLLPRI 8
#define ZMQ_POLLITEMS_DFLT 16
#define ZMQ_HAS_CAPABILITIES 1
#define ZMQ_STREAMER 1
#define ZMQ_FORWARDER 2
#define ZMQ_QUEUE 3

#if defined(ZMQ_BUILD_DRAFT_API)
#define ZMQ_SERVER 12
#define ZMQ_CLIENT 13
#define ZMQ_RADIO 14
#define ZMQ_DISH 15
#define ZMQ_GATHER 16
#define ZMQ_SCATTER 17
#define ZMQ_DGRAM 18
#define ZMQ_PEER 19
#define ZMQ_CHANNEL 20
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#define ZMQ_LOOPBACK_FASTPATH 94
#define ZMQ_METADATA 95
#define ZMQ_MULTICAST_LOOP 96
#define ZMQ_ROUTER_NOTIFY 97
#define ZMQ_XPUB_MANUAL_LAST_VALUE 98
#define ZMQ_SOCKS_USERNAME 99
#define ZMQ_SOCKS_PASSWORD 100
#define ZMQ_IN_BATCH_SIZE 101
#define ZMQ_OUT_BATCH_SIZE 102
#define ZMQ_WSS_KEY_PEM 103
#define ZMQ_WSS_CERT_PEM 104
#define ZMQ_WSS_TRUST_PEM 105
#define ZMQ_WSS_HOSTNAME 106
#define ZMQ_WSS_TRUST_SYSTEM 107
#define ZMQ_ONLY_FIRST_SUBSCRIBE 108
#define ZMQ_RECONNECT_STOP 109
#define ZMQ_HELLO_MSG 110
#define ZMQ_DISCONNECT_MSG 111
#define ZMQ_PRIORITY 112
#define ZMQ_BUSY_POLL 113
#define ZMQ_HICCUP_MSG 114
#define ZMQ_XSUB_VERBOSE_UNSUBSCRIBE 115
#define ZMQ_TOPICS_COUNT 116
#define ZMQ_NORM_MODE 117
#define ZMQ_NORM_UNICAST_NACK 118
#define ZMQ_NORM_BUFFER_SIZE 119
#define ZMQ_NORM_SEGMENT_SIZE 120
#define ZMQ_NORM_BLOCK_SIZE 121
#define ZMQ_NORM_NUM_PARITY 122
#define ZMQ_NORM_NUM_AUTOPARITY 123
#define ZMQ_NORM_PUSH 124
#define ZMQ_NORM_FIXED 0
#define ZMQ_NORM_CC 1
#define ZMQ_NORM_CCL 2
#define ZMQ_NORM_CCE 3
#define ZMQ_NORM_CCE_ECNONLY 4
#define ZMQ_RECONNECT_STOP_CONN_REFUSED 1
#define ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED 2
#define ZMQ_RECONNECT_STOP_AFTER_DISCONNECT 4
#define ZMQ_ZERO_COPY_RECV 10
#define ZMQ_NOTIFY_CONNECT 1
#define ZMQ_NOTIFY_DISCONNECT 2
#define ZMQ_EVENT_PIPES_STATS 65536
#define ZMQ_CURRENT_EVENT_VERSION 1
#define ZMQ_CURRENT_EVENT_VERSION_DRAFT 2
#define ZMQ_EVENT_ALL_V1 ZMQ_EVENT_ALL
#define ZMQ_EVENT_ALL_V2 (ZMQ_EVENT_ALL_V1 | ZMQ_EVENT_PIPES_STATS)
#endif

/* What zmq_poll waits for, and what it found. */
typedef struct zmq_pollitem_t {
    /* A socket; null to wait for the descriptor. */
    void *socket;
    /* A descriptor, ignored if there is a socket. */
    zmq_fd_t fd;
    /* The events to wait for. */
    short events;
    /* The events that have occurred. */
    short revents;
} zmq_pollitem_t;

#if defined(ZMQ_BUILD_DRAFT_API)
/* One event found by zmq_poller_wait. */
typedef struct zmq_poller_event_t {
    /* The socket, or null if it is a descriptor. */
    void *socket;
    /* The descriptor, or -1 if it is a socket. */
    zmq_fd_t fd;
    /* What the application gave when it registered the socket or descriptor. */
    void *user_data;
    /* The events that have occurred. */
    short events;
} zmq_poller_event_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* Makes a context, see zmq_ctx_new(3). */
ZMQ_EXPORT void *zmq_ctx_new(void);

/* Ends a context and waits until its sockets are closed, see zmq_ctx_term(3). */
ZMQ_EXPORT int zmq_ctx_term(void *context);

/* Makes every blocking call of the context's sockets return ETERM, see zmq_ctx_shutdown(3). */
ZMQ_EXPORT int zmq_ctx_shutdown(void *context);

/* Sets an option of the context, see zmq_ctx_set(3). */
ZMQ_EXPORT int zmq_ctx_set(void *context, int option, int optval);

/* Reads an option of the context, see zmq_ctx_get(3). */
ZMQ_EXPORT int zmq_ctx_get(void *context, int option);

#if defined(ZMQ_BUILD_DRAFT_API)
/* Sets an option of the context that is not an `int`, see zmq_ctx_set_ext(3). */
ZMQ_EXPORT int zmq_ctx_set_ext(void *context, int option, const void *optval, size_t optvallen);

/* Reads an option of the context that is not an `int`, see zmq_ctx_get_ext(3). */
ZMQ_EXPORT int zmq_ctx_get_ext(void *context, int option, void *optval, size_t *optvallen);
#endif

/* The errno of the calling thread, see zmq_errno(3). */
ZMQ_EXPORT int zmq_errno(void);

/* What an errno means, in words, see zmq_strerror(3). */
ZMQ_EXPORT const char *zmq_strerror(int errnum);

/* The version of the library, see zmq_version(3). */
ZMQ_EXPORT void zmq_version(int *major, int *minor, int *patch);

/* Makes a context with so many I/O threads; use `zmq_ctx_new`, see zmq_init(3). */
ZMQ_EXPORT void *zmq_init(int io_threads);

/* The old name of `zmq_ctx_term`. */
ZMQ_EXPORT int zmq_term(void *context);

/* An old name of `zmq_ctx_term`. */
ZMQ_EXPORT int zmq_ctx_destroy(void *context);

/* A proxy under its old name; the type has no meaning. */
ZMQ_EXPORT int zmq_device(int type_, void *frontend, void *backend);

/* The old form of `zmq_msg_send`. */
ZMQ_EXPORT int zmq_sendmsg(void *socket, zmq_msg_t *msg, int flags);

/* The old form of `zmq_msg_recv`. */
ZMQ_EXPORT int zmq_recvmsg(void *socket, zmq_msg_t *msg, int flags);

/* Sends one message per buffer, or one of as many parts with ZMQ_SNDMORE. */
ZMQ_EXPORT int zmq_sendiov(void *socket, struct iovec *iov, size_t count, int flags);

/* Receives the parts of a message, at most `*count`, into buffers made with `malloc`. */
ZMQ_EXPORT int zmq_recviov(void *socket, struct iovec *iov, size_t *count, int flags);

/* Makes an empty message, see zmq_msg_init(3). */
ZMQ_EXPORT int zmq_msg_init(zmq_msg_t *msg);

/* Makes a message of `size` bytes, see zmq_msg_init_size(3). */
ZMQ_EXPORT int zmq_msg_init_size(zmq_msg_t *msg, size_t size);

/* Makes a message over memory of the application, see zmq_msg_init_data(3). */
ZMQ_EXPORT
int zmq_msg_init_data(zmq_msg_t *msg,
                      void *data,
                      size_t size,
                      zmq_free_fn ffn,
                      void *hint);

#if defined(ZMQ_BUILD_DRAFT_API)
/* Makes a message with a copy of `buf`, see zmq_msg_init_buffer(3). */
ZMQ_EXPORT int zmq_msg_init_buffer(zmq_msg_t *msg, const void *buf, size_t size);
#endif

/* Ends a message and frees what it holds, see zmq_msg_close(3). */
ZMQ_EXPORT int zmq_msg_close(zmq_msg_t *msg);

/* Moves the content of `src` to `dest`, see zmq_msg_move(3). */
ZMQ_EXPORT int zmq_msg_move(zmq_msg_t *dest, zmq_msg_t *src);

/* Makes `dest` a second message with the content of `src`, see zmq_msg_copy(3). */
ZMQ_EXPORT int zmq_msg_copy(zmq_msg_t *dest, zmq_msg_t *src);

/* The body of a message, see zmq_msg_data(3). */
ZMQ_EXPORT void *zmq_msg_data(zmq_msg_t *msg);

/* The length of the body, see zmq_msg_size(3). */
ZMQ_EXPORT size_t zmq_msg_size(const zmq_msg_t *msg);

/* Whether more parts follow, see zmq_msg_more(3). */
ZMQ_EXPORT int zmq_msg_more(const zmq_msg_t *msg);

/* Reads a property, see zmq_msg_get(3). */
ZMQ_EXPORT int zmq_msg_get(const zmq_msg_t *msg, int property);

/* Sets a property, see zmq_msg_set(3): there is none that can be set. */
ZMQ_EXPORT int zmq_msg_set(zmq_msg_t *msg, int property, int optval);

/* What is known of the sender, see zmq_msg_gets(3). The text lives as long as the message. */
ZMQ_EXPORT const char *zmq_msg_gets(const zmq_msg_t *msg, const char *property);

#if defined(ZMQ_BUILD_DRAFT_API)
/* Names the peer a SERVER or PEER socket shall send to, see zmq_msg_set_routing_id(3). */
ZMQ_EXPORT int zmq_msg_set_routing_id(zmq_msg_t *msg, uint32_t routing_id);

/* The peer a message came from; 0 if it has none, see zmq_msg_routing_id(3). */
ZMQ_EXPORT uint32_t zmq_msg_routing_id(zmq_msg_t *msg);

/* Names the group a RADIO socket shall send to. */
ZMQ_EXPORT int zmq_msg_set_group(zmq_msg_t *msg, const char *group);

/* The group of a message. The text lives as long as the message. */
ZMQ_EXPORT const char *zmq_msg_group(zmq_msg_t *msg);
#endif

/* Waits for sockets and descriptors, see zmq_poll(3). */
ZMQ_EXPORT int zmq_poll(struct zmq_pollitem_t *items, int nitems, long timeout);

#if defined(ZMQ_BUILD_DRAFT_API)
/* The same with a signal mask in force while it waits, see zmq_ppoll(3). */
ZMQ_EXPORT
int zmq_ppoll(struct zmq_pollitem_t *items,
              int nitems,
              long timeout,
              const sigset_t *sigmask);

/* Makes a poller. */
ZMQ_EXPORT void *zmq_poller_new(void);

/* Ends a poller and sets the pointer to null. */
ZMQ_EXPORT int zmq_poller_destroy(void **poller_p);

/* How many sockets and descriptors are registered. */
ZMQ_EXPORT int zmq_poller_size(void *poller);

/* Registers a socket. */
ZMQ_EXPORT int zmq_poller_add(void *poller, void *socket, void *user_data, short events);

/* Changes the events of a socket. */
ZMQ_EXPORT int zmq_poller_modify(void *poller, void *socket, short events);

/* Forgets a socket. */
ZMQ_EXPORT int zmq_poller_remove(void *poller, void *socket);

/* Waits for one event. */
ZMQ_EXPORT int zmq_poller_wait(void *poller, struct zmq_poller_event_t *event, long timeout);

/* Waits for up to `n_events` events and gives how many came. */
ZMQ_EXPORT
int zmq_poller_wait_all(void *poller,
                        struct zmq_poller_event_t *events,
                        int n_events,
                        long timeout);

/* A descriptor that becomes readable when one of the thread-safe sockets has news. */
ZMQ_EXPORT int zmq_poller_fd(void *poller, zmq_fd_t *fd);

/* Registers a descriptor. */
ZMQ_EXPORT int zmq_poller_add_fd(void *poller, zmq_fd_t fd, void *user_data, short events);

/* Changes the events of a descriptor. */
ZMQ_EXPORT int zmq_poller_modify_fd(void *poller, zmq_fd_t fd, short events);

/* Forgets a descriptor. */
ZMQ_EXPORT int zmq_poller_remove_fd(void *poller, zmq_fd_t fd);
#endif

/* Passes messages between two sockets until the context ends, see zmq_proxy(3). */
ZMQ_EXPORT int zmq_proxy(void *frontend, void *backend, void *capture);

/* The same with a socket to pause, resume, question and end it, see zmq_proxy_steerable(3). */
ZMQ_EXPORT int zmq_proxy_steerable(void *frontend, void *backend, void *capture, void *control);

/* Writes `size` bytes as text and a NUL, see zmq_z85_encode(3). */
ZMQ_EXPORT char *zmq_z85_encode(char *dest, const uint8_t *data, size_t size);

/* Reads bytes back from text, see zmq_z85_decode(3). */
ZMQ_EXPORT uint8_t *zmq_z85_decode(uint8_t *dest, const char *string);

/* Makes a new pair of keys, see zmq_curve_keypair(3). */
ZMQ_EXPORT int zmq_curve_keypair(char *z85_public_key, char *z85_secret_key);

/* Derives the public key from a secret one, see zmq_curve_public(3). */
ZMQ_EXPORT int zmq_curve_public(char *z85_public_key, const char *z85_secret_key);

/* Makes a socket, see zmq_socket(3). */
ZMQ_EXPORT void *zmq_socket(void *context, int type_);

/* Closes a socket, see zmq_close(3). */
ZMQ_EXPORT int zmq_close(void *socket);

/* Sets an option, see zmq_setsockopt(3). */
ZMQ_EXPORT int zmq_setsockopt(void *socket, int option, const void *optval, size_t optvallen);

/* Reads an option, see zmq_getsockopt(3). */
ZMQ_EXPORT int zmq_getsockopt(void *socket, int option, void *optval, size_t *optvallen);

/* Accepts connections at an endpoint, see zmq_bind(3). */
ZMQ_EXPORT int zmq_bind(void *socket, const char *endpoint);

/* Connects to an endpoint, see zmq_connect(3). */
ZMQ_EXPORT int zmq_connect(void *socket, const char *endpoint);

/* Stops accepting connections at an endpoint, see zmq_unbind(3). */
ZMQ_EXPORT int zmq_unbind(void *socket, const char *endpoint);

/* Ends the connection to an endpoint, see zmq_disconnect(3). */
ZMQ_EXPORT int zmq_disconnect(void *socket, const char *endpoint);

#if defined(ZMQ_BUILD_DRAFT_API)
/* Connects a PEER socket and gives the routing id of the other side, see zmq_connect_peer(3). */
ZMQ_EXPORT uint32_t zmq_connect_peer(void *socket, const char *endpoint);

/* Ends the connection to the peer with a routing id. */
ZMQ_EXPORT int zmq_disconnect_peer(void *socket, uint32_t routing_id);

/* Lets a DISH socket receive a group. */
ZMQ_EXPORT int zmq_join(void *socket, const char *group);

/* Ends what `zmq_join` began. */
ZMQ_EXPORT int zmq_leave(void *socket, const char *group);
#endif

/* Reports what happens to a socket at an endpoint, see zmq_socket_monitor(3). */
ZMQ_EXPORT int zmq_socket_monitor(void *socket, const char *endpoint, int events);

#if defined(ZMQ_BUILD_DRAFT_API)
/* The same in a format and over a socket type of choice, see zmq_socket_monitor_versioned(3). */
ZMQ_EXPORT
int zmq_socket_monitor_versioned(void *socket,
                                 const char *endpoint,
                                 uint64_t events,
                                 int event_version,
                                 int type_);

/* Asks for a report on the queues of a socket. */
ZMQ_EXPORT int zmq_socket_monitor_pipes_stats(void *socket);

/* Whether the peer with a routing id can be sent to or received from. */
ZMQ_EXPORT
int zmq_socket_get_peer_state(void *socket,
                              const void *routing_id,
                              size_t routing_id_size);
#endif

/* Sends a copy of `buf`, see zmq_send(3). */
ZMQ_EXPORT int zmq_send(void *socket, const void *buf, size_t len, int flags);

/* Sends memory that never changes and is never freed, see zmq_send_const(3). */
ZMQ_EXPORT int zmq_send_const(void *socket, const void *buf, size_t len, int flags);

/* Receives a message into `buf` and gives its whole length, see zmq_recv(3). */
ZMQ_EXPORT int zmq_recv(void *socket, void *buf, size_t len, int flags);

/* Sends a message and leaves an empty one, see zmq_msg_send(3). */
ZMQ_EXPORT int zmq_msg_send(zmq_msg_t *msg, void *socket, int flags);

/* Receives a message, see zmq_msg_recv(3). */
ZMQ_EXPORT int zmq_msg_recv(zmq_msg_t *msg, void *socket, int flags);

/* Makes a set of timers. */
ZMQ_EXPORT void *zmq_timers_new(void);

/* Ends a set of timers and sets the pointer to null. */
ZMQ_EXPORT int zmq_timers_destroy(void **timers_p);

/* Adds a timer of `interval` milliseconds and gives its id. */
ZMQ_EXPORT int zmq_timers_add(void *timers, size_t interval, zmq_timer_fn handler, void *arg);

/* Removes a timer. */
ZMQ_EXPORT int zmq_timers_cancel(void *timers, int timer_id);

/* Changes the interval of a timer and starts it anew. */
ZMQ_EXPORT int zmq_timers_set_interval(void *timers, int timer_id, size_t interval);

/* Starts a timer anew. */
ZMQ_EXPORT int zmq_timers_reset(void *timers, int timer_id);

/* The milliseconds until the next timer is due; -1 and EINVAL if there is none. */
ZMQ_EXPORT long zmq_timers_timeout(void *timers);

/* Calls the handlers of all timers that are due. */
ZMQ_EXPORT int zmq_timers_execute(void *timers);

/* Whether the library can do something, see zmq_has(3). */
ZMQ_EXPORT int zmq_has(const char *capability);

/* Makes a counter that is zero, see zmq_atomic_counter_new(3). */
ZMQ_EXPORT void *zmq_atomic_counter_new(void);

/* Sets a counter, see zmq_atomic_counter_set(3). */
ZMQ_EXPORT void zmq_atomic_counter_set(void *counter, int value);

/* Adds one and gives the value before, see zmq_atomic_counter_inc(3). */
ZMQ_EXPORT int zmq_atomic_counter_inc(void *counter);

/* Takes one away; 0 if that made it zero, otherwise 1, see zmq_atomic_counter_dec(3). */
ZMQ_EXPORT int zmq_atomic_counter_dec(void *counter);

/* The value of a counter, see zmq_atomic_counter_value(3). */
ZMQ_EXPORT int zmq_atomic_counter_value(void *counter);

/* Ends a counter and sets the pointer to null, see zmq_atomic_counter_destroy(3). */
ZMQ_EXPORT void zmq_atomic_counter_destroy(void **counter_p);

/* Starts a stopwatch. */
ZMQ_EXPORT void *zmq_stopwatch_start(void);

/* The microseconds since a stopwatch was started. */
ZMQ_EXPORT unsigned long zmq_stopwatch_intermediate(void *watch);

/* The microseconds since a stopwatch was started, which ends here. */
ZMQ_EXPORT unsigned long zmq_stopwatch_stop(void *watch);

/* Sleeps for so many seconds. */
ZMQ_EXPORT void zmq_sleep(int seconds);

/* Runs `func(arg)` in a new thread, which takes no signals. */
ZMQ_EXPORT void *zmq_threadstart(zmq_thread_fn func, void *arg);

/* Waits for a thread to end. */
ZMQ_EXPORT void zmq_threadclose(void *thread);

#ifdef __cplusplus
}  /* extern "C" */
#endif  /* __cplusplus */

#undef ZMQ_EXPORT

#endif  /* __ZMQ_H_INCLUDED__ */
