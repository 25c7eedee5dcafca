//! The values of the socket options, zmq_setsockopt(3).
//!
//! Fields hold what the user set, in the user's unit (durations in milliseconds, -1 or 0 as the
//! manual says); the helper methods below turn them into what the runtime wants. A socket owns one,
//! and everything made for a connection takes a clone, so that a later change affects only
//! connections made later.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::options::{AcceptFilter, ContextOptions};
use crate::patterns::SocketType;

/// The security mechanism a socket uses; the numbers are those of ZMQ_MECHANISM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MechanismKind {
    #[default]
    Null = 0,
    Plain = 1,
    Curve = 2,
    Gssapi = 3,
}

/// A CURVE key as it is used: 32 bytes, never Z85.
pub(crate) type CurveKey = [u8; 32];

/// A secret one. It lies in one place, whoever has it and wherever that moves, and is wiped when the
/// last one lets go of it.
#[derive(Clone, Default)]
pub(crate) struct SecretKey(Arc<Zeroizing<CurveKey>>);

impl SecretKey {
    /// The place, to be written to; what others have stays as it is.
    pub(crate) fn place(&mut self) -> &mut CurveKey {
        if Arc::get_mut(&mut self.0).is_none() {
            let mut own = SecretKey::default();
            own.place().copy_from_slice(&**self);
            *self = own;
        }
        let key: &mut Zeroizing<CurveKey> = Arc::make_mut(&mut self.0);
        key
    }
}

impl std::ops::Deref for SecretKey {
    type Target = CurveKey;

    fn deref(&self) -> &CurveKey {
        &self.0
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey")
    }
}

#[cfg(any(test, fuzzing))]
impl From<CurveKey> for SecretKey {
    fn from(key: CurveKey) -> SecretKey {
        SecretKey(Arc::new(key.into()))
    }
}

/// Every socket option, with some facts about the socket its connections must know.
#[derive(Clone, Debug)]
pub(crate) struct SocketOptions {
    /// The socket type; fixed at creation.
    pub(crate) kind: SocketType,
    /// Whether the socket has ever connected or bound.
    pub(crate) connected: bool,

    pub(crate) sndhwm: i32,
    pub(crate) rcvhwm: i32,
    pub(crate) affinity: u64,
    /// Empty: none was set.
    pub(crate) routing_id: Vec<u8>,
    pub(crate) rcvtimeo: i32,
    pub(crate) sndtimeo: i32,
    pub(crate) linger: i32,
    pub(crate) maxmsgsize: i64,
    pub(crate) immediate: bool,
    pub(crate) conflate: bool,
    pub(crate) in_batch_size: i32,
    pub(crate) out_batch_size: i32,
    pub(crate) busy_poll: i32,

    // What a pattern wants of its connections.
    /// SUB filters what it receives; XSUB does not.
    pub(crate) filter: bool,
    pub(crate) invert_matching: bool,
    /// The peer's routing id is handed to the socket (ROUTER, REP).
    pub(crate) recv_routing_id: bool,
    /// The connection carries plain bytes and no ZMTP (STREAM, ROUTER_RAW, DGRAM).
    pub(crate) raw_socket: bool,
    /// A raw connection tells with an empty message that it came or went.
    pub(crate) raw_notify: bool,
    /// Bits of ZMQ_NOTIFY_CONNECT and ZMQ_NOTIFY_DISCONNECT.
    pub(crate) router_notify: i32,
    pub(crate) hello_msg: Vec<u8>,
    pub(crate) can_send_hello_msg: bool,
    pub(crate) disconnect_msg: Vec<u8>,
    pub(crate) can_recv_disconnect_msg: bool,
    pub(crate) hiccup_msg: Vec<u8>,
    pub(crate) can_recv_hiccup_msg: bool,

    // Connecting and staying connected.
    pub(crate) connect_timeout: i32,
    pub(crate) tcp_maxrt: i32,
    pub(crate) reconnect_stop: i32,
    pub(crate) reconnect_ivl: i32,
    pub(crate) reconnect_ivl_max: i32,
    pub(crate) backlog: i32,
    pub(crate) handshake_ivl: i32,
    pub(crate) heartbeat_interval: i32,
    /// -1 until set: then the interval counts.
    pub(crate) heartbeat_timeout: i32,
    /// In deciseconds, as it goes over the wire.
    pub(crate) heartbeat_ttl: u16,
    /// ZMQ_METADATA, the first value of a name wins.
    pub(crate) metadata: Vec<(Vec<u8>, Vec<u8>)>,

    // The operating system's sockets.
    pub(crate) ipv6: bool,
    pub(crate) sndbuf: i32,
    pub(crate) rcvbuf: i32,
    pub(crate) tos: i32,
    pub(crate) priority: i32,
    pub(crate) tcp_keepalive: i32,
    pub(crate) tcp_keepalive_cnt: i32,
    pub(crate) tcp_keepalive_idle: i32,
    pub(crate) tcp_keepalive_intvl: i32,
    pub(crate) use_fd: i32,
    pub(crate) bound_device: Vec<u8>,
    pub(crate) loopback_fastpath: bool,
    /// Empty: every address may connect.
    pub(crate) tcp_accept_filters: Vec<AcceptFilter>,
    pub(crate) ipc_uid_accept_filters: BTreeSet<u32>,
    pub(crate) ipc_gid_accept_filters: BTreeSet<u32>,
    pub(crate) ipc_pid_accept_filters: BTreeSet<i32>,
    pub(crate) socks_proxy_address: Vec<u8>,
    pub(crate) socks_proxy_username: Vec<u8>,
    pub(crate) socks_proxy_password: Vec<u8>,

    // Security.
    pub(crate) mechanism: MechanismKind,
    pub(crate) as_server: bool,
    pub(crate) zap_domain: Vec<u8>,
    pub(crate) zap_enforce_domain: bool,
    pub(crate) plain_username: Vec<u8>,
    pub(crate) plain_password: Zeroizing<Vec<u8>>,
    pub(crate) curve_public_key: CurveKey,
    /// Wiped with the options, as the password is.
    pub(crate) curve_secret_key: SecretKey,
    pub(crate) curve_server_key: CurveKey,
    pub(crate) gss_principal: Vec<u8>,
    pub(crate) gss_service_principal: Vec<u8>,
    pub(crate) gss_principal_nt: i32,
    pub(crate) gss_service_principal_nt: i32,
    pub(crate) gss_plaintext: bool,

    // ws and wss.
    pub(crate) wss_key_pem: Vec<u8>,
    pub(crate) wss_cert_pem: Vec<u8>,
    pub(crate) wss_trust_pem: Vec<u8>,
    pub(crate) wss_hostname: Vec<u8>,
    pub(crate) wss_trust_system: bool,

    // Multicast: udp, pgm, norm.
    pub(crate) rate: i32,
    pub(crate) recovery_ivl: i32,
    pub(crate) multicast_hops: i32,
    pub(crate) multicast_maxtpdu: i32,
    pub(crate) multicast_loop: bool,
    pub(crate) norm_mode: i32,
    pub(crate) norm_unicast_nacks: bool,
    pub(crate) norm_buffer_size: i32,
    pub(crate) norm_segment_size: i32,
    pub(crate) norm_block_size: i32,
    pub(crate) norm_num_parity: i32,
    pub(crate) norm_num_autoparity: i32,
    pub(crate) norm_push_enable: bool,

    // vmci.
    pub(crate) vmci_buffer_size: u64,
    pub(crate) vmci_buffer_min_size: u64,
    pub(crate) vmci_buffer_max_size: u64,
    pub(crate) vmci_connect_timeout: i32,
}

impl SocketOptions {
    /// The options a new socket of this type starts with.
    pub(crate) fn new(kind: SocketType, context: &ContextOptions) -> SocketOptions {
        use SocketType as T;
        // Subscriptions still on their way when a subscriber closes are worth nothing.
        let nothing_to_linger_for = matches!(kind, T::Sub | T::Xsub | T::Dish);
        SocketOptions {
            kind,
            connected: false,
            sndhwm: 1000,
            rcvhwm: 1000,
            affinity: 0,
            routing_id: Vec::new(),
            rcvtimeo: -1,
            sndtimeo: -1,
            linger: if nothing_to_linger_for || !context.blocky { 0 } else { -1 },
            maxmsgsize: -1,
            immediate: false,
            conflate: false,
            in_batch_size: 8192,
            out_batch_size: 8192,
            busy_poll: 0,
            filter: kind == T::Sub,
            invert_matching: false,
            recv_routing_id: matches!(kind, T::Router | T::Rep),
            raw_socket: matches!(kind, T::Stream | T::Dgram),
            raw_notify: true,
            router_notify: 0,
            hello_msg: Vec::new(),
            can_send_hello_msg: matches!(
                kind,
                T::Dealer | T::Req | T::Router | T::Rep | T::Server | T::Client | T::Peer
            ),
            disconnect_msg: Vec::new(),
            can_recv_disconnect_msg: matches!(kind, T::Router | T::Rep | T::Server | T::Peer),
            hiccup_msg: Vec::new(),
            can_recv_hiccup_msg: matches!(kind, T::Dealer | T::Req | T::Client | T::Peer),
            connect_timeout: 0,
            tcp_maxrt: 0,
            reconnect_stop: 0,
            reconnect_ivl: 100,
            reconnect_ivl_max: 0,
            backlog: 100,
            handshake_ivl: 30_000,
            heartbeat_interval: 0,
            heartbeat_timeout: -1,
            heartbeat_ttl: 0,
            metadata: Vec::new(),
            ipv6: context.ipv6,
            sndbuf: -1,
            rcvbuf: -1,
            tos: 0,
            priority: 0,
            tcp_keepalive: -1,
            tcp_keepalive_cnt: -1,
            tcp_keepalive_idle: -1,
            tcp_keepalive_intvl: -1,
            use_fd: -1,
            bound_device: Vec::new(),
            loopback_fastpath: false,
            tcp_accept_filters: Vec::new(),
            ipc_uid_accept_filters: BTreeSet::new(),
            ipc_gid_accept_filters: BTreeSet::new(),
            ipc_pid_accept_filters: BTreeSet::new(),
            socks_proxy_address: Vec::new(),
            socks_proxy_username: Vec::new(),
            socks_proxy_password: Vec::new(),
            mechanism: MechanismKind::Null,
            as_server: false,
            zap_domain: Vec::new(),
            zap_enforce_domain: false,
            plain_username: Vec::new(),
            plain_password: Zeroizing::default(),
            curve_public_key: [0; 32],
            curve_secret_key: SecretKey::default(),
            curve_server_key: [0; 32],
            gss_principal: Vec::new(),
            gss_service_principal: Vec::new(),
            gss_principal_nt: 0,
            gss_service_principal_nt: 0,
            gss_plaintext: false,
            wss_key_pem: Vec::new(),
            wss_cert_pem: Vec::new(),
            wss_trust_pem: Vec::new(),
            wss_hostname: Vec::new(),
            wss_trust_system: false,
            rate: 100,
            recovery_ivl: 10_000,
            multicast_hops: 1,
            multicast_maxtpdu: 1500,
            multicast_loop: true,
            norm_mode: 1,
            norm_unicast_nacks: false,
            norm_buffer_size: 2048,
            norm_segment_size: 1400,
            norm_block_size: 16,
            norm_num_parity: 4,
            norm_num_autoparity: 0,
            norm_push_enable: false,
            vmci_buffer_size: 0,
            vmci_buffer_min_size: 0,
            vmci_buffer_max_size: 0,
            vmci_connect_timeout: -1,
        }
    }

    /// Whether CONFLATE has an effect on what is sent: the patterns that carry whole, unaddressed
    /// messages. A subscriber's subscriptions must not replace one another.
    pub(crate) fn conflates_out(&self) -> bool {
        use SocketType as T;
        self.conflate && matches!(self.kind, T::Dealer | T::Push | T::Pub)
    }

    /// Whether CONFLATE has an effect on what is received.
    pub(crate) fn conflates_in(&self) -> bool {
        use SocketType as T;
        self.conflate && matches!(self.kind, T::Dealer | T::Pull | T::Sub)
    }

    /// How long a close keeps sending; `None` is for ever.
    pub(crate) fn linger(&self) -> Option<Duration> {
        unless_negative(self.linger)
    }

    /// How long a receive blocks; `None` is for ever.
    pub(crate) fn receive_timeout(&self) -> Option<Duration> {
        unless_negative(self.rcvtimeo)
    }

    /// How long a send blocks; `None` is for ever.
    pub(crate) fn send_timeout(&self) -> Option<Duration> {
        unless_negative(self.sndtimeo)
    }

    /// How long a connecting socket of the operating system is waited for; `None` is for ever.
    pub(crate) fn connect_timeout(&self) -> Option<Duration> {
        if_positive(self.connect_timeout)
    }

    /// How long the first of a row of reconnects waits; `None` means never to reconnect. 0 means that, too, with libzmq.
    pub(crate) fn reconnect_interval(&self) -> Option<Duration> {
        if_positive(self.reconnect_ivl)
    }

    /// Where the growing reconnect interval ends; `None` means that it does not grow.
    pub(crate) fn reconnect_interval_max(&self) -> Option<Duration> {
        if self.reconnect_ivl_max >= self.reconnect_ivl {
            if_positive(self.reconnect_ivl_max)
        } else {
            None
        }
    }

    /// How long a handshake may take; `None` is for ever.
    pub(crate) fn handshake_timeout(&self) -> Option<Duration> {
        if_positive(self.handshake_ivl)
    }

    /// How often a PING is sent; `None` is never.
    pub(crate) fn heartbeat_interval(&self) -> Option<Duration> {
        if_positive(self.heartbeat_interval)
    }

    /// How long the peer may be silent after a PING; `None` is for ever.
    pub(crate) fn heartbeat_timeout(&self) -> Option<Duration> {
        let timeout = match self.heartbeat_timeout {
            -1 => self.heartbeat_interval,
            set => set,
        };
        if_positive(timeout)
    }
}

/// -1 stands for "no limit" or "never".
fn unless_negative(milliseconds: i32) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// 0 stands for "off".
fn if_positive(milliseconds: i32) -> Option<Duration> {
    unless_negative(milliseconds).filter(|duration| !duration.is_zero())
}
