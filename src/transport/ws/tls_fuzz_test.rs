//! What the fuzzer feeds to the verification of servers: certificates of strangers. See `crate::fuzz`.

use super::*;
use crate::fuzz::Input;

const TRUSTED: [&[u8]; 4] = [
    include_bytes!("testdata/ca.pem"),
    include_bytes!("testdata/old_ca.pem"),
    include_bytes!("testdata/v1_ca.pem"),
    include_bytes!("testdata/self.pem"),
];
/// Those that these have signed.
const GENUINE: [&[u8]; 4] = [
    include_bytes!("testdata/leaf.pem"),
    include_bytes!("testdata/old_leaf.pem"),
    include_bytes!("testdata/v1.pem"),
    // Of the same key and name as `old_ca`.
    include_bytes!("testdata/no_ca.pem"),
];
/// A day in 2027.
const NOW: u64 = 1_800_000_000;

/// Whatever comes, nobody is believed but who was signed: what is changed in one is found.
pub(crate) fn certificates(data: &[u8]) {
    let mut input = Input(data);
    let hostname = input.flag().then(|| ServerName::try_from("leaf.test").unwrap());
    let der = CertificateDer::from(input.rest());
    if let Some(certificate) = Certificate::parse(&der) {
        certificate.signs();
        certificate.common_name();
    }
    let trusted = super::certificates(&TRUSTED.concat()).unwrap();
    let roots = trusted.iter().filter_map(Root::new).collect();
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier { trusted: trusted.clone(), roots, hostname, provider };
    let name = ServerName::from(Ipv4Addr::LOCALHOST);
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW));
    if verifier.verify_server_cert(&der, &[], &name, &[], now).is_ok() {
        let genuine = GENUINE.iter().flat_map(|pem| super::certificates(pem).unwrap());
        let signed = Certificate::parse(&der).unwrap().signed;
        let known =
            |other: &CertificateDer<'_>| Certificate::parse(other).unwrap().signed == signed;
        assert!(trusted.contains(&der) || genuine.into_iter().any(|other| known(&other)));
    }
}
