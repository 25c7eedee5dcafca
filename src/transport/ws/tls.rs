//! TLS for wss: ZMQ_WSS_CERT_PEM and ZMQ_WSS_KEY_PEM for who binds, ZMQ_WSS_TRUST_PEM,
//! ZMQ_WSS_TRUST_SYSTEM and ZMQ_WSS_HOSTNAME for who connects (zmq_setsockopt(3)). Called by the
//! transport.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    ServerConfig, ServerConnection, SignatureScheme,
};

use super::carrier::Carrier;
use crate::error::{Error, Result};
use crate::options::SocketOptions;

/// No record holds more: libzmq reads 8 KiB at a time and forgets what GnuTLS keeps of a larger one
/// until more comes from the network.
const RECORD: usize = 8 * 1024;

/// Where systems keep the certificates that they trust, all of them in one file.
const BUNDLES: &[&str] = &[
    // Debian, Ubuntu, Arch, Gentoo.
    "/etc/ssl/certs/ca-certificates.crt",
    // Fedora, RHEL.
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    // openSUSE.
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    // Alpine, OpenBSD, macOS; FreeBSD.
    "/etc/ssl/cert.pem",
    "/usr/local/etc/ssl/cert.pem",
];

/// What connections of one listener or dialer have in common.
#[derive(Clone)]
pub(super) enum Tls {
    Client(Arc<ClientConfig>, ServerName<'static>),
    Server(Arc<ServerConfig>),
}

impl Tls {
    /// INVAL if a certificate or the host name cannot be understood.
    pub(super) fn client(options: &SocketOptions) -> Result<Tls> {
        let trusted = certificates(&options.wss_trust_pem)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        if options.wss_trust_system {
            roots.add_parsable_certificates(system(BUNDLES));
        }
        let hostname = match options.wss_hostname.as_slice() {
            [] => None,
            name => {
                let name = str::from_utf8(name).map_err(|_| Error::INVAL)?;
                Some(ServerName::try_from(name.to_owned()).map_err(|_| Error::INVAL)?)
            }
        };
        // An address is not sent as server name indication; nor is no name.
        let indicated = hostname.clone().unwrap_or(ServerName::from(Ipv4Addr::UNSPECIFIED));
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier { trusted, roots, hostname, provider: provider.clone() };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::INVAL)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.max_fragment_size = Some(RECORD);
        Ok(Tls::Client(Arc::new(config), indicated))
    }

    /// INVAL without a certificate and the key that belongs to it.
    pub(super) fn server(options: &SocketOptions) -> Result<Tls> {
        let chain = certificates(&options.wss_cert_pem)?;
        let key = PrivateKeyDer::from_pem_slice(&options.wss_key_pem).map_err(|_| Error::INVAL)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::INVAL)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|_| Error::INVAL)?;
        config.max_fragment_size = Some(RECORD);
        Ok(Tls::Server(Arc::new(config)))
    }

    /// TLS for one connection.
    pub(super) fn carrier(&self) -> Result<Carrier> {
        let connection = match self {
            Tls::Client(config, name) => {
                ClientConnection::new(config.clone(), name.clone()).map(Into::into)
            }
            Tls::Server(config) => ServerConnection::new(config.clone()).map(Into::into),
        };
        Ok(Carrier::Tls(Box::new(connection.map_err(|_| Error::INVAL)?)))
    }
}

/// What the first of the files that is there holds; what cannot be read is not trusted. As GnuTLS does for
/// libzmq, nobody is asked where the system's store is: `SSL_CERT_FILE` of a stranger's environment would
/// decide whom a program trusts.
fn system(bundles: &[&str]) -> Vec<CertificateDer<'static>> {
    let read = bundles.iter().find_map(|bundle| CertificateDer::pem_file_iter(bundle).ok());
    read.into_iter().flatten().filter_map(Result::ok).collect()
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| Error::INVAL)
}

/// Verifies servers as GnuTLS does for libzmq, which is more lenient than usual in Rust: a trusted
/// certificate may be the server's own (self-signed, made for the purpose), a certificate without
/// alternative names is good for its common name, and without ZMQ_WSS_HOSTNAME any name will do.
#[derive(Debug)]
struct Verifier {
    trusted: Vec<CertificateDer<'static>>,
    roots: RootCertStore,
    hostname: Option<ServerName<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if !self.trusted.contains(end_entity) {
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                &self.roots,
                intermediates,
                now,
                self.provider.signature_verification_algorithms.all,
            )?;
        }
        let Some(hostname) = &self.hostname else { return Ok(ServerCertVerified::assertion()) };
        match verify_server_name(&certificate, hostname) {
            Ok(()) => {}
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) if presented.is_empty() && names(end_entity, hostname) => {}
            Err(error) => return Err(error),
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the common name of the certificate's subject is this name.
fn names(certificate: &CertificateDer<'_>, hostname: &ServerName<'_>) -> bool {
    let ServerName::DnsName(hostname) = hostname else { return false };
    common_name(certificate)
        .is_some_and(|name| name.eq_ignore_ascii_case(hostname.as_ref().as_bytes()))
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 6;
const VERSION: u8 = 0xa0;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];

/// RFC 5280, section 4.1: the common name in the subject of a certificate.
fn common_name(certificate: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, certificate, _) = element(certificate)? else { return None };
    let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
    if let (VERSION, _, after) = element(rest)? {
        rest = after;
    }
    // Serial number, signature, issuer, validity.
    for _ in 0..4 {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, mut subject, _) = element(rest)? else { return None };
    while !subject.is_empty() {
        let (SET, mut set, after) = element(subject)? else { return None };
        subject = after;
        while !set.is_empty() {
            let (SEQUENCE, attribute, after) = element(set)? else { return None };
            set = after;
            let (OBJECT_IDENTIFIER, kind, value) = element(attribute)? else { return None };
            if kind == COMMON_NAME {
                return Some(element(value)?.1);
            }
        }
    }
    None
}

/// One element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
#[path = "tls_test.rs"]
mod tls_test;
