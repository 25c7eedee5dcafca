//! The handshake after the greeting: either a mechanism's commands or, with a peer older than
//! ZMTP 3.0, the identity that each side sends as its first frame. Called by `engine`.

use crate::mechanism::{self, Mechanism, Secured, Status};
use crate::message::COMMAND;
use crate::zmtp::assembler::{Assembler, Framing};
use crate::zmtp::greeting::Version;
use crate::zmtp::metadata::Properties;
use crate::zmtp::{EngineConfig, Failure, codec_v1, error_code, frame};

/// No frame of a handshake is larger. `ZMQ_MAXMSGSIZE` is about messages, and the identities of old
/// peers look like those: without a greeting anything else that speaks first does, too.
const MAX_FRAME: u64 = 128 * 1024;

/// A handshake in progress.
///
/// ```text
///   Greeting --> Identity (1.0, 2.0) -------------------> Secured
///           \--> Commands (3.x) --> ZAP --> Commands --/
/// ```
pub(crate) struct Handshake {
    assembler: Assembler,
    step: Step,
    /// The identity, an empty one, was complete with the greeting: its header is that of a long frame.
    identified: bool,
}

enum Step {
    /// Waiting for the peer's identity, of at most so many bytes.
    Identity(Framing, u64),
    /// Exchanging commands.
    Commands(Box<dyn Mechanism>),
}

impl Handshake {
    /// Starts with what the greeting found. `received` are the bytes of the greeting.
    pub(crate) fn new(
        version: Version,
        mechanism_matches: bool,
        early: Option<Handshake>,
        received: &[u8],
        config: &EngineConfig,
        out: &mut Vec<u8>,
    ) -> Result<Handshake, Failure> {
        let mut assembler = Assembler::default();
        if matches!(version, Version::V3_0 | Version::V3_1) {
            if !mechanism_matches {
                return Err(Failure::handshake(error_code::ZMTP_MECHANISM_MISMATCH));
            }
            return early.map_or_else(|| Handshake::early(config), Ok);
        }
        // Versions without mechanisms would let anybody in: CVE-2014-7202, CVE-2014-9721.
        if config.secured() {
            return Err(Failure::protocol());
        }
        let framing = if version == Version::V2 { Framing::V2 } else { Framing::V1 };
        let limit = u64::try_from(config.maxmsgsize).map_or(MAX_FRAME, |max| max.min(MAX_FRAME));
        let mut identified = false;
        match version {
            Version::Unversioned => {
                // Our signature was the header of the identity frame, and what came is the
                // beginning of the peer's.
                out.extend_from_slice(&config.routing_id);
                identified = assembler.step(received, framing, limit)?.frame.is_some();
            }
            Version::V1 => codec_v1::put_frame(0, &[], &config.routing_id, out),
            _ => frame::put_frame(0, &config.routing_id, out),
        }
        Ok(Handshake { assembler, step: Step::Identity(framing, limit), identified })
    }

    /// Starts before the peer's greeting is complete, of which so much is known that it speaks ZMTP
    /// 3.x; `new` tells whether it has the same mechanism.
    pub(crate) fn early(config: &EngineConfig) -> Result<Handshake, Failure> {
        let step = Step::Commands(mechanism::new(config)?);
        Ok(Handshake { assembler: Assembler::default(), step, identified: false })
    }

    /// Works ahead while the peer is waited for.
    pub(crate) fn prepare(&mut self) -> Result<(), Failure> {
        self.mechanism().map_or(Ok(()), Mechanism::prepare)
    }

    /// Takes bytes from the front of `input`, never beyond the end of the handshake. The peer's
    /// identity, if that is what ended it, is returned; a mechanism must be asked by `advance`.
    pub(crate) fn handle_input(
        &mut self,
        input: &[u8],
    ) -> Result<(usize, Option<Vec<u8>>), Failure> {
        match &mut self.step {
            Step::Identity(framing, limit) => {
                let step = self.assembler.step(input, *framing, *limit)?;
                Ok((step.consumed, step.frame.map(|(_, identity)| identity.to_vec())))
            }
            Step::Commands(mechanism) => {
                // The COMMAND flag is not asked for: libzmq accepts handshakes without it.
                let step = self.assembler.step(input, Framing::V2, MAX_FRAME)?;
                if let Some((_, body)) = step.frame {
                    mechanism.process(body)?;
                }
                Ok((step.consumed, None))
            }
        }
    }

    /// The mechanism, if there is one.
    pub(crate) fn mechanism(&mut self) -> Option<&mut (dyn Mechanism + 'static)> {
        match &mut self.step {
            Step::Identity(..) => None,
            Step::Commands(mechanism) => Some(&mut **mechanism),
        }
    }

    /// Sends what the mechanism has to send, and says whether it is through.
    pub(crate) fn advance(&mut self, out: &mut Vec<u8>) -> Result<bool, Failure> {
        let Some(mechanism) = self.mechanism() else {
            return Ok(self.identified);
        };
        while let Some(body) = mechanism.next_command()? {
            frame::put_frame(COMMAND, &body, out);
        }
        match mechanism.status() {
            Status::Handshaking => Ok(false),
            Status::Ready => Ok(true),
            Status::Failed(failure) => Err(failure),
        }
    }

    /// What the mechanism leaves for the data phase; nothing for an old peer but its identity.
    pub(crate) fn finish(self, identity: Vec<u8>) -> Option<Secured> {
        match self.step {
            Step::Commands(mechanism) => mechanism.finish(),
            Step::Identity(..) => {
                let peer = Properties { list: Vec::new(), identity };
                Some(Secured { peer, zap: None, transform: None })
            }
        }
    }
}
