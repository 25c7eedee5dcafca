//! The greeting: both sides find out which ZMTP the other speaks (37/ZMTP, "Greeting").
//!
//! Called by `engine` with whatever bytes there are; a greeting may come byte by byte. What is sent
//! depends on what was received, since old peers would stumble over the newer fields:
//!
//! ```text
//!   sent                              received
//!   signature (10) ----------------->
//!                  <-- first byte is not FF, or the flags in byte 9 say that this is the header
//!                      of an identity frame: an unversioned peer, ZMTP 1.0
//!   major = 3 ---------------------->  after 10 bytes
//!                  <-- revision 0 or 1: ZMTP 1.0 or 2.0
//!   socket type -------------------->
//!                  <-- revision 3: ZMTP 3.x
//!   minor, mechanism, as-server ---->
//!                  <-- the same, 64 bytes in all
//! ```

use crate::zmtp::EngineConfig;

/// `FF`, 8 bytes of padding, `7F`.
const SIGNATURE: usize = 10;
/// Where the revision, or major version, is.
const REVISION: usize = 10;
/// The greeting of ZMTP 2.0: signature, revision, socket type.
const V2_SIZE: usize = 12;
/// The greeting of ZMTP 3.x.
const V3_SIZE: usize = 64;

/// What the greeting found, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    /// ZMTP 1.0 without a greeting: the bytes received so far start the identity frame.
    Unversioned,
    /// ZMTP 1.0 framing behind a versioned greeting.
    V1,
    V2,
    V3_0,
    V3_1,
}

impl Version {
    /// The version as numbers.
    pub(crate) fn number(self) -> (u8, u8) {
        match self {
            Version::Unversioned | Version::V1 => (1, 0),
            Version::V2 => (2, 0),
            Version::V3_0 => (3, 0),
            Version::V3_1 => (3, 1),
        }
    }
}

/// The exchange so far.
pub(crate) struct Greeting {
    received: [u8; V3_SIZE],
    len: usize,
    /// Whether our major version was sent.
    major_sent: bool,
    /// Whether all that our side has to say was sent.
    complete: bool,
}

impl Greeting {
    /// Starts the exchange: sends the signature.
    ///
    /// The padding is the length that an identity frame of ZMTP 1.0 would have, so that to an old
    /// peer the signature is the header of that frame.
    pub(crate) fn new(config: &EngineConfig, out: &mut Vec<u8>) -> Greeting {
        out.push(0xff);
        out.extend_from_slice(&(config.routing_id.len() as u64 + 1).to_be_bytes());
        out.push(0x7f);
        Greeting { received: [0; V3_SIZE], len: 0, major_sent: false, complete: false }
    }

    /// Takes bytes from the front of `input`, never more than the greeting has, and says how many
    /// and, once it is known, the version.
    pub(crate) fn handle_input(
        &mut self,
        input: &[u8],
        config: &EngineConfig,
        out: &mut Vec<u8>,
    ) -> (usize, Option<Version>) {
        let mut consumed = 0;
        loop {
            let wanted = match self.len {
                0 => 1,
                len if len < SIGNATURE => SIGNATURE,
                SIGNATURE => SIGNATURE + 1,
                _ if self.revision() <= 1 => V2_SIZE,
                _ => V3_SIZE,
            };
            let rest = input.get(consumed..).unwrap_or_default();
            let taken = (wanted - self.len).min(rest.len());
            if taken == 0 {
                return (consumed, None);
            }
            self.received[self.len..self.len + taken].copy_from_slice(&rest[..taken]);
            self.len += taken;
            consumed += taken;
            if let Some(version) = self.advance(config, out) {
                return (consumed, Some(version));
            }
        }
    }

    /// Sends what may be sent by now; the version when nothing more is to come.
    fn advance(&mut self, config: &EngineConfig, out: &mut Vec<u8>) -> Option<Version> {
        // The right-most bit of byte 9 is MORE if this is an identity frame, which never has it.
        if self.received[0] != 0xff || (self.len >= SIGNATURE && self.received[9] & 1 == 0) {
            return Some(Version::Unversioned);
        }
        if self.len >= SIGNATURE && !self.major_sent {
            self.major_sent = true;
            out.push(3);
        }
        if self.len > REVISION && !self.complete {
            self.complete = true;
            if self.revision() <= 1 {
                out.push(config.kind.number() as u8);
            } else {
                put_v3(config, out);
            }
        }
        match (self.len, self.revision()) {
            (V2_SIZE, 0) => Some(Version::V1),
            (V2_SIZE, 1) => Some(Version::V2),
            (V3_SIZE, 3) if self.received[11] == 0 => Some(Version::V3_0),
            (V3_SIZE, _) => Some(Version::V3_1),
            _ => None,
        }
    }

    fn revision(&self) -> u8 {
        self.received[REVISION]
    }

    /// Whether our side has said all, to a peer that speaks ZMTP 3.x.
    pub(crate) fn is_sent_to_v3(&self) -> bool {
        self.complete && self.revision() > 1
    }

    /// All bytes received: what an unversioned peer sent belongs to its identity frame.
    pub(crate) fn received(&self) -> &[u8] {
        self.received.get(..self.len).unwrap_or_default()
    }

    /// Whether the peer named our mechanism. 37/ZMTP: "the mechanism SHALL be the same".
    pub(crate) fn mechanism_matches(&self, config: &EngineConfig) -> bool {
        self.received[12..32] == padded(config.mechanism.name())
    }
}

/// The name of a mechanism as the greeting has it, padded with zeros to 20 bytes.
fn padded(name: &[u8]) -> [u8; 20] {
    let mut padded = [0; 20];
    padded.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    padded
}

/// The part of our greeting that follows the major version: minor, mechanism, as-server, filler.
fn put_v3(config: &EngineConfig, out: &mut Vec<u8>) {
    out.push(1);
    out.extend_from_slice(&padded(config.mechanism.name()));
    out.push(u8::from(config.mechanism.as_server()));
    out.extend_from_slice(&[0; 31]);
}
