//! What an engine must know: the options of the socket that concern the protocol.
//!
//! Filled by `runtime::connection` for each connection; later changes of an option do not reach it.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::Result;
use crate::options::{CurveKey, MechanismKind, SecretKey, SocketOptions};
use crate::patterns::SocketType;

/// Fills a buffer with random bytes. Given by the connection, so that this room holds no entropy.
pub(crate) type RandomFn = fn(&mut [u8]) -> Result<()>;

/// The parameters of one connection.
#[derive(Clone)]
pub(crate) struct EngineConfig {
    pub(crate) kind: SocketType,
    /// Our routing id; empty if none was set.
    pub(crate) routing_id: Vec<u8>,
    /// The largest frame that is accepted, -1 for no limit.
    pub(crate) maxmsgsize: i64,
    /// How many messages may wait to be read, 0 for no limit.
    pub(crate) rcvhwm: i32,
    pub(crate) heartbeat_interval: Option<Duration>,
    pub(crate) heartbeat_timeout: Option<Duration>,
    /// What our PINGs ask of the peer; 0 asks for nothing.
    pub(crate) heartbeat_ttl_deciseconds: u16,
    /// Below the protocol a layer turns our PING commands into its own pings, which its peer answers whatever it
    /// speaks above: they pass no security mechanism, and old versions do not matter. It answers those of the peer,
    /// and makes an answer that nobody asked for of the command LIVE.
    pub(crate) layered: bool,
    /// How long the handshake may take.
    pub(crate) handshake: Option<Duration>,
    /// The application's own properties, sent to the peer.
    pub(crate) properties: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) mechanism: MechanismConfig,
    /// Whether and how peers are checked by a ZAP handler.
    pub(crate) zap: ZapConfig,
    /// The address of the peer, for ZAP and for `Peer-Address`; may be empty.
    pub(crate) peer_address: String,
    pub(crate) random: RandomFn,
}

/// The `ZMQ_ZAP_*` options.
#[derive(Clone, Default)]
pub(crate) struct ZapConfig {
    /// Empty: no domain was set.
    pub(crate) domain: Vec<u8>,
    /// `ZMQ_ZAP_ENFORCE_DOMAIN`.
    pub(crate) enforce: bool,
}

/// The security mechanism and its credentials, which are wiped when they go.
#[derive(Clone)]
pub(crate) enum MechanismConfig {
    Null,
    PlainServer,
    PlainClient { username: Vec<u8>, password: Zeroizing<Vec<u8>> },
    CurveServer { secret_key: SecretKey },
    CurveClient(Box<CurveConfig>),
    Gssapi(Box<GssapiConfig>),
}

/// The keys of a CURVE client.
#[derive(Clone)]
pub(crate) struct CurveConfig {
    pub(crate) public_key: CurveKey,
    pub(crate) secret_key: SecretKey,
    pub(crate) server_key: CurveKey,
}

/// The `ZMQ_GSSAPI_*` options.
#[derive(Clone)]
pub(crate) struct GssapiConfig {
    pub(crate) as_server: bool,
    /// Who we are; empty for the default.
    pub(crate) principal: Vec<u8>,
    pub(crate) principal_type: i32,
    /// Whom a client wants to talk to.
    pub(crate) service_principal: Vec<u8>,
    pub(crate) service_principal_type: i32,
    /// Whether frames pass unencrypted.
    pub(crate) plaintext: bool,
}

impl EngineConfig {
    /// The parameters of a connection of a socket with these options.
    pub(crate) fn from_options(
        options: &SocketOptions,
        peer_address: &str,
        layered: bool,
        random: RandomFn,
    ) -> EngineConfig {
        EngineConfig {
            kind: options.kind,
            routing_id: options.routing_id.clone(),
            maxmsgsize: options.maxmsgsize,
            rcvhwm: options.rcvhwm,
            heartbeat_interval: options.heartbeat_interval(),
            heartbeat_timeout: options.heartbeat_timeout(),
            heartbeat_ttl_deciseconds: options.heartbeat_ttl,
            layered,
            handshake: options.handshake_timeout(),
            properties: options.metadata.clone(),
            mechanism: MechanismConfig::from_options(options),
            zap: ZapConfig {
                domain: options.zap_domain.clone(),
                enforce: options.zap_enforce_domain,
            },
            peer_address: peer_address.to_owned(),
            random,
        }
    }

    /// Whether peers have to prove anything at all. If so, those that speak a version without
    /// mechanisms are refused (CVE-2014-7202, CVE-2014-9721).
    pub(crate) fn secured(&self) -> bool {
        !matches!(self.mechanism, MechanismConfig::Null) || !self.zap.domain.is_empty()
    }
}

impl MechanismConfig {
    fn from_options(options: &SocketOptions) -> MechanismConfig {
        match (options.mechanism, options.as_server) {
            (MechanismKind::Null, _) => MechanismConfig::Null,
            (MechanismKind::Plain, true) => MechanismConfig::PlainServer,
            (MechanismKind::Plain, false) => MechanismConfig::PlainClient {
                username: options.plain_username.clone(),
                password: options.plain_password.clone(),
            },
            (MechanismKind::Curve, true) => {
                MechanismConfig::CurveServer { secret_key: options.curve_secret_key.clone() }
            }
            (MechanismKind::Curve, false) => MechanismConfig::CurveClient(Box::new(CurveConfig {
                public_key: options.curve_public_key,
                secret_key: options.curve_secret_key.clone(),
                server_key: options.curve_server_key,
            })),
            (MechanismKind::Gssapi, as_server) => MechanismConfig::Gssapi(Box::new(GssapiConfig {
                as_server,
                principal: options.gss_principal.clone(),
                principal_type: options.gss_principal_nt,
                service_principal: options.gss_service_principal.clone(),
                service_principal_type: options.gss_service_principal_nt,
                plaintext: options.gss_plaintext,
            })),
        }
    }

    /// The name in the greeting.
    pub(crate) fn name(&self) -> &'static [u8] {
        match self {
            MechanismConfig::Null => b"NULL",
            MechanismConfig::PlainServer | MechanismConfig::PlainClient { .. } => b"PLAIN",
            MechanismConfig::CurveServer { .. } | MechanismConfig::CurveClient(_) => b"CURVE",
            MechanismConfig::Gssapi(_) => b"GSSAPI",
        }
    }

    /// The as-server field of the greeting.
    pub(crate) fn as_server(&self) -> bool {
        match self {
            MechanismConfig::PlainServer | MechanismConfig::CurveServer { .. } => true,
            MechanismConfig::Gssapi(gssapi) => gssapi.as_server,
            _ => false,
        }
    }
}
