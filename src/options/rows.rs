//! The table of socket options, zmq_setsockopt(3) and zmq_getsockopt(3): one row each.
//!
//! To add an option, add its number to `numbers`, its field to `values` and a row here
//! (`docs/adding-an-option.md`). Rows are in the order of their numbers.

use crate::options::numbers;
use crate::options::row::{Get, Kinds, Null, Outcome, Row, Rule, Set, Store};
use crate::options::store;
use crate::patterns::SocketType as T;

/// A row with its name and number; `$set` and `$get` are `Option`s.
macro_rules! row {
    ($name:ident, $set:expr, $get:expr) => {
        Row {
            name: concat!("ZMQ_", stringify!($name)),
            number: numbers::$name,
            set: $set,
            get: $get,
        }
    };
}

/// An `int` in a range, kept in a field.
macro_rules! int {
    ($name:ident, $min:expr, $max:expr, $field:ident) => {
        int!($name, $min, $max, $field, Outcome::Stored)
    };
    ($name:ident, $min:expr, $max:expr, $field:ident, $then:expr) => {
        row!(
            $name,
            set(int_from($min, $max), Store::Int(|o, value| o.$field = value), $then),
            Some(Get::Int(|o| o.$field))
        )
    };
}

/// Any number of 64 bits, kept in a field.
macro_rules! wide {
    ($name:ident, $field:ident, $kind:ident) => {
        row!(
            $name,
            set(
                Rule::Wide,
                Store::Wide(|o, value| o.$field = $kind::from_ne_bytes(value)),
                Outcome::Stored
            ),
            Some(Get::Wide(|o| o.$field.to_ne_bytes()))
        )
    };
}

/// An `int` that is 0 or 1, kept in a `bool`.
macro_rules! flag {
    ($name:ident, $field:ident) => {
        row!(
            $name,
            set(FLAG, Store::Int(|o, value| o.$field = value != 0), Outcome::Stored),
            Some(Get::Int(|o| o.$field.into()))
        )
    };
}

/// Any `int`, kept in a `bool` that is true unless it was zero.
macro_rules! truth {
    ($name:ident, $field:ident, $then:expr) => {
        row!(
            $name,
            set(int_from(i32::MIN, i32::MAX), Store::Int(|o, value| o.$field = value != 0), $then),
            Some(Get::Int(|o| o.$field.into()))
        )
    };
}

/// Bytes that a function of `store` puts away.
macro_rules! bytes {
    ($name:ident, $min:expr, $max:expr, $null:ident, $store:expr, $get:expr) => {
        row!(
            $name,
            set(
                Rule::Bytes { min: $min, max: $max, null: Null::$null },
                Store::Bytes($store),
                Outcome::Stored
            ),
            $get
        )
    };
}

/// Bytes kept in a field, emptied when the value is taken back.
macro_rules! text {
    ($name:ident, $min:expr, $max:expr, $null:ident, $field:ident) => {
        bytes!(
            $name,
            $min,
            $max,
            $null,
            |o, value| store::bytes(&mut o.$field, value),
            Some(Get::Text(|o| &o.$field))
        )
    };
}

/// Bytes of any length kept in a field that cannot be read.
macro_rules! blob {
    ($name:ident, $field:ident) => {
        bytes!($name, 0, usize::MAX, Empty, |o, value| store::bytes(&mut o.$field, value), None)
    };
}

/// A set of numbers that grows by one with every value.
macro_rules! number_set {
    ($name:ident, $field:ident) => {
        bytes!($name, 4, 4, Resets, |o, value| store::number(&mut o.$field, value), None)
    };
}

/// A CURVE key; `$as_client` tells whether the socket becomes a client by it.
macro_rules! key {
    ($name:ident, $place:expr, $key:expr, $as_client:expr) => {
        bytes!(
            $name,
            32,
            41,
            Refused,
            |o, value| store::curve_key(o, $place, value, $as_client),
            Some(Get::Key($key))
        )
    };
}

/// An option only some patterns have and keep themselves.
macro_rules! pattern {
    ($name:ident, $rule:expr, [$($kind:ident)*]) => {
        row!(
            $name,
            Some(Set {
                rule: $rule,
                on: Kinds::Only(&[$(T::$kind),*]),
                store: Store::Pattern,
                then: Outcome::Pattern,
            }),
            None
        )
    };
}

const FLAG: Rule = Rule::Int { min: 0, max: 1 };
const NOT_NEGATIVE: Rule = Rule::Int { min: 0, max: i32::MAX };
const ANY_BYTES: Rule = Rule::Bytes { min: 0, max: usize::MAX, null: Null::Empty };
const MAX: i32 = i32::MAX;

const fn int_from(min: i32, max: i32) -> Rule {
    Rule::Int { min, max }
}

const fn set(rule: Rule, store: Store, then: Outcome) -> Option<Set> {
    Some(Set { rule, on: Kinds::All, store, then })
}

const fn set_on(on: &'static [T], rule: Rule, store: Store, then: Outcome) -> Option<Set> {
    Some(Set { rule, on: Kinds::Only(on), store, then })
}

pub(super) static ROWS: &[Row] = &[
    wide!(AFFINITY, affinity, u64),
    bytes!(
        ROUTING_ID,
        1,
        255,
        Refused,
        |o, value| store::bytes(&mut o.routing_id, value),
        Some(Get::Bytes(|o| &o.routing_id))
    ),
    // XPUB takes these two only in manual mode.
    pattern!(SUBSCRIBE, ANY_BYTES, [Sub Pub Xpub]),
    pattern!(UNSUBSCRIBE, ANY_BYTES, [Sub Pub Xpub]),
    int!(RATE, 1, MAX, rate),
    int!(RECOVERY_IVL, 0, MAX, recovery_ivl),
    int!(SNDBUF, -1, MAX, sndbuf),
    int!(RCVBUF, -1, MAX, rcvbuf),
    row!(RCVMORE, None, Some(Get::Socket)),
    row!(FD, None, Some(Get::Socket)),
    row!(EVENTS, None, Some(Get::Socket)),
    row!(TYPE, None, Some(Get::Int(|o| o.kind.number()))),
    int!(LINGER, -1, MAX, linger),
    int!(RECONNECT_IVL, -1, MAX, reconnect_ivl),
    int!(BACKLOG, 0, MAX, backlog),
    int!(RECONNECT_IVL_MAX, 0, MAX, reconnect_ivl_max),
    wide!(MAXMSGSIZE, maxmsgsize, i64),
    int!(SNDHWM, 0, MAX, sndhwm, Outcome::ResizePipes),
    int!(RCVHWM, 0, MAX, rcvhwm, Outcome::ResizePipes),
    int!(MULTICAST_HOPS, 1, MAX, multicast_hops),
    int!(RCVTIMEO, -1, MAX, rcvtimeo),
    int!(SNDTIMEO, -1, MAX, sndtimeo),
    row!(
        IPV4ONLY,
        set(FLAG, Store::Int(|o, value| o.ipv6 = value == 0), Outcome::Stored),
        Some(Get::Int(|o| (!o.ipv6).into()))
    ),
    row!(LAST_ENDPOINT, None, Some(Get::Socket)),
    pattern!(ROUTER_MANDATORY, NOT_NEGATIVE, [Rep Router]),
    int!(TCP_KEEPALIVE, -1, 1, tcp_keepalive),
    int!(TCP_KEEPALIVE_CNT, -1, MAX, tcp_keepalive_cnt),
    int!(TCP_KEEPALIVE_IDLE, -1, MAX, tcp_keepalive_idle),
    int!(TCP_KEEPALIVE_INTVL, -1, MAX, tcp_keepalive_intvl),
    bytes!(TCP_ACCEPT_FILTER, 1, 255, Resets, store::accept_filter, None),
    flag!(IMMEDIATE, immediate),
    pattern!(XPUB_VERBOSE, NOT_NEGATIVE, [Pub Xpub]),
    row!(
        ROUTER_RAW,
        set_on(
            &[T::Rep, T::Router],
            NOT_NEGATIVE,
            Store::Int(store::router_raw),
            Outcome::TellPattern
        ),
        None
    ),
    flag!(IPV6, ipv6),
    row!(MECHANISM, None, Some(Get::Int(|o| o.mechanism as i32))),
    row!(
        PLAIN_SERVER,
        set(FLAG, Store::Int(store::plain_server), Outcome::Stored),
        Some(Get::Int(store::is_plain_server))
    ),
    bytes!(
        PLAIN_USERNAME,
        1,
        255,
        Resets,
        |o, value| store::plain(o, |o| &mut o.plain_username, value),
        Some(Get::Text(|o| &o.plain_username))
    ),
    bytes!(
        PLAIN_PASSWORD,
        1,
        255,
        Resets,
        |o, value| store::plain(o, |o| &mut o.plain_password, value),
        Some(Get::Text(|o| &o.plain_password))
    ),
    row!(
        CURVE_SERVER,
        set(FLAG, Store::Int(store::curve_server), Outcome::Stored),
        Some(Get::Int(store::is_curve_server))
    ),
    key!(CURVE_PUBLICKEY, |o| &mut o.curve_public_key, |o| &o.curve_public_key, false),
    key!(CURVE_SECRETKEY, |o| o.curve_secret_key.place(), |o| &o.curve_secret_key, false),
    key!(CURVE_SERVERKEY, |o| &mut o.curve_server_key, |o| &o.curve_server_key, true),
    pattern!(PROBE_ROUTER, NOT_NEGATIVE, [Req Rep Dealer Router]),
    pattern!(REQ_CORRELATE, NOT_NEGATIVE, [Req]),
    pattern!(REQ_RELAXED, NOT_NEGATIVE, [Req]),
    flag!(CONFLATE, conflate),
    text!(ZAP_DOMAIN, 1, 255, Refused, zap_domain),
    pattern!(ROUTER_HANDOVER, NOT_NEGATIVE, [Rep Router]),
    int!(TOS, 0, MAX, tos),
    number_set!(IPC_FILTER_PID, ipc_pid_accept_filters),
    number_set!(IPC_FILTER_UID, ipc_uid_accept_filters),
    number_set!(IPC_FILTER_GID, ipc_gid_accept_filters),
    pattern!(
        CONNECT_ROUTING_ID,
        Rule::Bytes { min: 1, max: usize::MAX, null: Null::Refused },
        [Rep Router Stream]
    ),
    row!(
        GSSAPI_SERVER,
        set(FLAG, Store::Int(store::gssapi_server), Outcome::Stored),
        Some(Get::Int(store::is_gssapi_server))
    ),
    bytes!(
        GSSAPI_PRINCIPAL,
        1,
        255,
        Refused,
        store::gssapi_principal,
        Some(Get::Text(|o| &o.gss_principal))
    ),
    bytes!(
        GSSAPI_SERVICE_PRINCIPAL,
        1,
        255,
        Refused,
        store::gssapi_service_principal,
        Some(Get::Text(|o| &o.gss_service_principal))
    ),
    flag!(GSSAPI_PLAINTEXT, gss_plaintext),
    int!(HANDSHAKE_IVL, 0, MAX, handshake_ivl),
    text!(SOCKS_PROXY, 1, usize::MAX, Resets, socks_proxy_address),
    pattern!(XPUB_NODROP, NOT_NEGATIVE, [Pub Xpub Radio]),
    pattern!(XPUB_MANUAL, NOT_NEGATIVE, [Pub Xpub]),
    pattern!(XPUB_WELCOME_MSG, ANY_BYTES, [Pub Xpub]),
    row!(
        STREAM_NOTIFY,
        set_on(
            &[T::Stream],
            FLAG,
            Store::Int(|o, value| o.raw_notify = value != 0),
            Outcome::TellPattern
        ),
        None
    ),
    truth!(INVERT_MATCHING, invert_matching, Outcome::TellPattern),
    int!(HEARTBEAT_IVL, 0, MAX, heartbeat_interval),
    // Milliseconds come in, deciseconds are kept: whatever rounds towards zero into a u16 is right.
    row!(
        HEARTBEAT_TTL,
        set(
            int_from(-99, 6_553_599),
            Store::Int(|o, value| o.heartbeat_ttl = u16::try_from(value / 100).unwrap_or(0)),
            Outcome::Stored
        ),
        Some(Get::Int(|o| i32::from(o.heartbeat_ttl) * 100))
    ),
    int!(HEARTBEAT_TIMEOUT, 0, MAX, heartbeat_timeout),
    pattern!(XPUB_VERBOSER, NOT_NEGATIVE, [Pub Xpub]),
    int!(CONNECT_TIMEOUT, 0, MAX, connect_timeout),
    int!(TCP_MAXRT, 0, MAX, tcp_maxrt),
    row!(THREAD_SAFE, None, Some(Get::RoomyInt(|o| o.kind.is_thread_safe().into()))),
    int!(MULTICAST_MAXTPDU, 1, MAX, multicast_maxtpdu),
    wide!(VMCI_BUFFER_SIZE, vmci_buffer_size, u64),
    wide!(VMCI_BUFFER_MIN_SIZE, vmci_buffer_min_size, u64),
    wide!(VMCI_BUFFER_MAX_SIZE, vmci_buffer_max_size, u64),
    int!(VMCI_CONNECT_TIMEOUT, i32::MIN, MAX, vmci_connect_timeout),
    int!(USE_FD, -1, MAX, use_fd),
    int!(GSSAPI_PRINCIPAL_NAMETYPE, 0, 2, gss_principal_nt),
    int!(GSSAPI_SERVICE_PRINCIPAL_NAMETYPE, 0, 2, gss_service_principal_nt),
    text!(BINDTODEVICE, 1, libc::IFNAMSIZ, Resets, bound_device),
    truth!(ZAP_ENFORCE_DOMAIN, zap_enforce_domain, Outcome::Stored),
    truth!(LOOPBACK_FASTPATH, loopback_fastpath, Outcome::Stored),
    bytes!(METADATA, 1, usize::MAX, Refused, store::metadata, None),
    truth!(MULTICAST_LOOP, multicast_loop, Outcome::Stored),
    row!(
        ROUTER_NOTIFY,
        set_on(
            &[T::Rep, T::Router],
            int_from(0, 3),
            Store::Int(|o, value| o.router_notify = value),
            Outcome::TellPattern
        ),
        Some(Get::Int(|o| o.router_notify))
    ),
    pattern!(XPUB_MANUAL_LAST_VALUE, NOT_NEGATIVE, [Pub Xpub]),
    text!(SOCKS_USERNAME, 0, 255, ResetsAtAnyLength, socks_proxy_username),
    text!(SOCKS_PASSWORD, 0, 255, ResetsAtAnyLength, socks_proxy_password),
    int!(IN_BATCH_SIZE, 1, MAX, in_batch_size),
    int!(OUT_BATCH_SIZE, 1, MAX, out_batch_size),
    blob!(WSS_KEY_PEM, wss_key_pem),
    blob!(WSS_CERT_PEM, wss_cert_pem),
    blob!(WSS_TRUST_PEM, wss_trust_pem),
    blob!(WSS_HOSTNAME, wss_hostname),
    row!(
        WSS_TRUST_SYSTEM,
        set(FLAG, Store::Int(|o, value| o.wss_trust_system = value != 0), Outcome::Stored),
        None
    ),
    pattern!(ONLY_FIRST_SUBSCRIBE, NOT_NEGATIVE, [Pub Xpub Xsub]),
    int!(RECONNECT_STOP, i32::MIN, MAX, reconnect_stop),
    blob!(HELLO_MSG, hello_msg),
    blob!(DISCONNECT_MSG, disconnect_msg),
    int!(PRIORITY, 0, MAX, priority),
    row!(
        BUSY_POLL,
        set(int_from(i32::MIN, MAX), Store::Int(|o, value| o.busy_poll = value), Outcome::Stored),
        Some(Get::Spoilt(|o| o.busy_poll))
    ),
    blob!(HICCUP_MSG, hiccup_msg),
    // The one option whose length libzmq does not check.
    pattern!(
        XSUB_VERBOSE_UNSUBSCRIBE,
        Rule::Bytes { min: 0, max: usize::MAX, null: Null::Refused },
        [Xsub]
    ),
    row!(TOPICS_COUNT, None, Some(Get::Pattern(Kinds::Only(&[T::Pub, T::Sub, T::Xpub, T::Xsub])))),
    int!(NORM_MODE, 0, 4, norm_mode),
    flag!(NORM_UNICAST_NACK, norm_unicast_nacks),
    int!(NORM_BUFFER_SIZE, 1, MAX, norm_buffer_size),
    int!(NORM_SEGMENT_SIZE, 1, MAX, norm_segment_size),
    int!(NORM_BLOCK_SIZE, 1, 255, norm_block_size),
    int!(NORM_NUM_PARITY, 0, 254, norm_num_parity),
    int!(NORM_NUM_AUTOPARITY, 0, 254, norm_num_autoparity),
    flag!(NORM_PUSH, norm_push_enable),
];
