//! TLS for wss: ZMQ_WSS_CERT_PEM and ZMQ_WSS_KEY_PEM for who binds, ZMQ_WSS_TRUST_PEM,
//! ZMQ_WSS_TRUST_SYSTEM and ZMQ_WSS_HOSTNAME for who connects (zmq_setsockopt(3)). Called by the
//! transport.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature,
    verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime,
};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    ServerConfig, ServerConnection, SignatureScheme,
};

use super::carrier::Carrier;
use super::certificate::{Certificate, Validity};
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
        let mut roots: Vec<Root> = trusted.iter().filter_map(Root::new).collect();
        if options.wss_trust_system {
            roots.extend(system(BUNDLES).iter().filter_map(Root::new));
        }
        // Programs set it with its final NUL as well as without. What has nothing before that names nobody, and is
        // not the wish to take anybody.
        let hostname = options.wss_hostname.split(|&byte| byte == 0).next().unwrap_or_default();
        let hostname = match str::from_utf8(hostname).map_err(|_| Error::INVAL)? {
            "" if options.wss_hostname.is_empty() => None,
            name => Some(ServerName::try_from(name.to_owned()).map_err(|_| Error::INVAL)?),
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
        let provider = ring::default_provider();
        let key = provider.key_provider.load_private_key(key).map_err(|_| Error::INVAL)?;
        let own = chain.first().and_then(|own| Certificate::parse(own)).ok_or(Error::INVAL)?;
        if key.public_key().is_none_or(|key| key.as_ref() != own.key_info) {
            return Err(Error::INVAL);
        }
        // rustls would want to read the certificate, and cannot if it is of version 1.
        let certified = SingleCertAndKey::from(CertifiedKey::new(chain.clone(), key));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::INVAL)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certified));
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

/// Who may vouch for a server, and when.
#[derive(Debug)]
struct Root {
    anchor: TrustAnchor<'static>,
    certificate: CertificateDer<'static>,
    /// How many others may lie between it and a server's; the anchor does not know.
    between: usize,
}

impl Root {
    /// None, if it signs no certificates.
    fn new(certificate: &CertificateDer<'static>) -> Option<Root> {
        let between = Certificate::parse(certificate)?.signs()?;
        let mut store = RootCertStore::empty();
        store.add(certificate.clone()).ok()?;
        Some(Root { anchor: store.roots.pop()?, certificate: certificate.clone(), between })
    }

    fn certificate(&self, now: UnixTime) -> Option<Certificate<'_>> {
        Certificate::parse(&self.certificate)
            .filter(|certificate| certificate.validity(now.as_secs()) == Validity::Valid)
    }
}

/// Verifies servers as GnuTLS does for libzmq, which is more lenient than usual in Rust: a trusted
/// certificate may be the server's own (self-signed, made for the purpose), a certificate without
/// alternative names is good for its common name, one of version 1 for who is signed by somebody trusted,
/// and without ZMQ_WSS_HOSTNAME any name will do. Those who are trusted must be valid themselves.
#[derive(Debug)]
struct Verifier {
    trusted: Vec<CertificateDer<'static>>,
    roots: Vec<Root>,
    hostname: Option<ServerName<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.provider.signature_verification_algorithms
    }

    /// That who signed it leads to somebody who is trusted.
    fn verify_path(
        &self,
        certificate: &ParsedCertificate<'_>,
        parsed: &Certificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        // Constraints bind the common name, too, when there is no other; rustls does not look at it then.
        let free = !parsed.has_host_names();
        let constrains = |der: &CertificateDer<'_>| {
            Certificate::parse(der).is_none_or(|signer| signer.constrains_names())
        };
        let mut result = Err(CertificateError::UnknownIssuer.into());
        if free && intermediates.iter().any(constrains) {
            return result;
        }
        let roots: Vec<&Root> = self
            .roots
            .iter()
            .filter(|root| !(free && root.anchor.name_constraints.is_some()))
            .filter(|root| root.certificate(now).is_some())
            .collect();
        // They are sent in the order in which they sign: who allows few of them is not shown the others.
        let mut lengths: Vec<usize> =
            roots.iter().map(|root| root.between.min(intermediates.len())).collect();
        lengths.sort_unstable();
        lengths.dedup();
        for length in lengths {
            let allowing = roots.iter().filter(|root| root.between >= length);
            result = verify_server_cert_signed_by_trust_anchor(
                certificate,
                &allowing.map(|root| root.anchor.clone()).collect(),
                intermediates.get(..length).unwrap_or_default(),
                now,
                self.algorithms().all,
            );
            if result.is_ok() {
                break;
            }
        }
        result
    }

    /// That somebody who is trusted has signed a certificate of version 1, and nobody in between.
    fn verify_version_1(
        &self,
        certificate: &Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let Certificate { signed, algorithm, signature, issuer, .. } = *certificate;
        // The names that one with constraints may sign for are not looked at here.
        let free = self.roots.iter().filter(|root| root.anchor.name_constraints.is_none());
        let signer = free.filter_map(|root| root.certificate(now)).find(|root| {
            root.subject == issuer
                && self.algorithms().all.iter().any(|candidate| {
                    candidate.signature_alg_id().as_ref() == algorithm
                        && candidate.public_key_alg_id().as_ref() == root.key_algorithm
                        && candidate.verify_signature(root.key, signed, signature).is_ok()
                })
        });
        signer.map(drop).ok_or(CertificateError::UnknownIssuer.into())
    }
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
        let parsed = Certificate::parse(end_entity).ok_or(CertificateError::BadEncoding)?;
        match parsed.validity(now.as_secs()) {
            Validity::Valid => {}
            Validity::NotYet => return Err(CertificateError::NotValidYet.into()),
            Validity::Expired => return Err(CertificateError::Expired.into()),
        }
        if !parsed.may_shake_hands() {
            return Err(CertificateError::InvalidPurpose.into());
        }
        let trusted = self.trusted.contains(end_entity);
        if parsed.is_version_1 {
            if !trusted {
                self.verify_version_1(&parsed, now)?;
            }
            return match &self.hostname {
                Some(hostname) if !names(&parsed, hostname) => {
                    Err(CertificateError::NotValidForName.into())
                }
                _ => Ok(ServerCertVerified::assertion()),
            };
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if !trusted {
            self.verify_path(&certificate, &parsed, intermediates, now)?;
        }
        let Some(hostname) = &self.hostname else { return Ok(ServerCertVerified::assertion()) };
        match verify_server_name(&certificate, hostname) {
            Ok(()) => {}
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                presented,
                ..
            })) if presented.is_empty() && names(&parsed, hostname) => {}
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
        let Some(version_1) = version_1(certificate) else {
            return verify_tls12_signature(message, certificate, signature, self.algorithms());
        };
        let mapping = self.algorithms().mapping.iter();
        let wanted = mapping.filter(|(scheme, _)| *scheme == signature.scheme);
        let verified = wanted.flat_map(|(_, algorithms)| *algorithms).any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == version_1.key_algorithm
                && algorithm.verify_signature(version_1.key, message, signature.signature()).is_ok()
        });
        if verified {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let Some(version_1) = version_1(certificate) else {
            return verify_tls13_signature(message, certificate, signature, self.algorithms());
        };
        let key = SubjectPublicKeyInfoDer::from(version_1.key_info);
        verify_tls13_signature_with_raw_key(message, &key, signature, self.algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What rustls cannot read.
fn version_1<'a>(certificate: &'a CertificateDer<'_>) -> Option<Certificate<'a>> {
    Certificate::parse(certificate).filter(|certificate| certificate.is_version_1)
}

/// Whether the only common name of the certificate's subject is this name, of a server.
fn names(certificate: &Certificate<'_>, hostname: &ServerName<'_>) -> bool {
    let ServerName::DnsName(hostname) = hostname else { return false };
    certificate
        .common_name()
        .filter(|_| certificate.is_for_servers())
        .is_some_and(|name| name.eq_ignore_ascii_case(hostname.as_ref().as_bytes()))
}

#[cfg(any(test, fuzzing))]
#[path = "tls_fuzz_test.rs"]
pub(crate) mod fuzz_test;
#[cfg(test)]
#[path = "tls_test.rs"]
mod tls_test;
