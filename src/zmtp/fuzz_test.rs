//! What the fuzzer feeds to this room: greetings, frames of every version, commands, property lists.
//! See `crate::fuzz`.

use std::time::{Duration, Instant};

use crate::fuzz::Input;
use crate::message::{COMMAND, MORE, Subscription};
use crate::patterns::SocketType;
use crate::zmtp::command::{self, Command};
use crate::zmtp::greeting::Version;
use crate::zmtp::testing::{Collect, GREETING, READY, Side, config};
use crate::zmtp::{
    EngineConfig, Failure, FrameSink, MechanismConfig, codec_v1, frame, metadata, outbound,
};

const KINDS: &[SocketType] = &[
    SocketType::Router,
    SocketType::Dealer,
    SocketType::Rep,
    SocketType::Req,
    SocketType::Pub,
    SocketType::Sub,
    SocketType::Pull,
    SocketType::Pair,
];

/// The options of one side.
fn any_config(input: &mut Input<'_>) -> EngineConfig {
    let mut config = config(input.choose(KINDS));
    let id = usize::from(input.byte());
    config.routing_id = vec![b'i'; if id < 128 { 0 } else { id }];
    config.maxmsgsize = if input.flag() { i64::from(input.byte()) } else { -1 };
    let secret = [7; 32];
    config.mechanism = match input.byte() % 8 {
        1 => MechanismConfig::PlainServer,
        2 => MechanismConfig::CurveServer { secret_key: secret.into() },
        3 => MechanismConfig::PlainClient { username: b"u".to_vec(), password: vec![b'p'].into() },
        _ => MechanismConfig::Null,
    };
    config
}

/// Any bytes from the first on: the outcome does not depend on the pieces they come in, nobody gets
/// past a mechanism without it, and nothing is sent twice.
pub(crate) fn greeting(data: &[u8]) {
    let mut input = Input(data);
    let config = any_config(&mut input);
    let piece = 1 + usize::from(input.byte() % 70);
    let (now, bytes) = (Instant::now(), input.rest());
    let secured = config.secured();
    let [mut whole, mut pieces] = [usize::MAX, piece].map(|piece| {
        let mut side = Side::new(config.clone(), now);
        side.feed(now, bytes, piece);
        side
    });
    assert_eq!(whole.failure, pieces.failure);
    assert_eq!(whole.zap, pieces.zap);
    assert_eq!(whole.sent(), pieces.sent());
    let established = whole.engine.is_established();
    assert_eq!(established, pieces.engine.is_established());
    if whole.failure.is_none() {
        assert_eq!(whole.inbox, pieces.inbox);
    }
    if let Some(peer) = &whole.peer {
        assert!(!secured, "a peer of version {:?} got past the mechanism", peer.version);
        assert!(peer.metadata.routing_id().len() <= 128 * 1024);
    }
    let late = whole.engine.handle_timeout(now + Duration::from_secs(31));
    assert!(established || late.is_err());
}

/// A side that has shaken hands with a peer of this version.
fn established(version: Version, input: &mut Input<'_>) -> (Side, Instant) {
    let now = Instant::now();
    let kind = if input.flag() { SocketType::Router } else { SocketType::Rep };
    let mut config = config(kind);
    config.maxmsgsize = match input.byte() {
        0 => -1,
        limit => i64::from(limit) * 4,
    };
    let mut side = Side::new(config, now);
    let hello = match version {
        Version::Unversioned => b"\x01\0".to_vec(),
        Version::V1 => b"\xff\0\0\0\0\0\0\0\x01\x7f\x00\x05\x01\0".to_vec(),
        Version::V2 => b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\0".to_vec(),
        Version::V3_0 => {
            let mut greeting = [GREETING, READY].concat();
            greeting[11] = 0;
            greeting
        }
        Version::V3_1 => [GREETING, READY].concat(),
    };
    side.feed(now, &hello, usize::MAX);
    assert!(side.inbox.is_empty());
    side.peer();
    side.sent();
    (side, now)
}

/// Frames, and what ended them.
type Outcome = (Vec<(u8, Vec<u8>)>, Option<Failure>);

/// What a plain reader makes of the bytes: one header, one body, and so on.
fn expected(bytes: &[u8], v1: bool, limit: u64) -> Outcome {
    let mut frames = Vec::new();
    let mut rest = bytes;
    loop {
        let header = if v1 {
            match codec_v1::parse_header(rest) {
                Ok(header) => header,
                Err(failure) => return (frames, Some(failure)),
            }
        } else {
            frame::parse_header(rest)
        };
        let Some(header) = header else { return (frames, None) };
        if header.len > limit {
            return (frames, Some(Failure::too_large()));
        }
        let end = header.header_len + header.len as usize;
        let Some(body) = rest.get(header.header_len..end) else { return (frames, None) };
        if header.flags & COMMAND != 0 && command::parse(body).is_err() {
            return (frames, Some(Failure::protocol()));
        }
        frames.push((header.flags & (MORE | COMMAND), body.to_vec()));
        rest = &rest[end..];
    }
}

/// A frame beyond this is taken out of the stream as the session does with large ones.
const LARGE: u64 = 300;

/// Reads as `runtime::incoming` does: scans what is there, and receives large bodies beside it.
fn scanned(side: &mut Side, now: Instant, bytes: &[u8], piece: usize, most: usize) -> Outcome {
    let (mut frames, mut buffer) = (Vec::new(), Vec::new());
    let mut large: Option<(u8, Vec<u8>, usize)> = None;
    let mut complete = 0;
    for piece in bytes.chunks(piece) {
        let mut piece = piece;
        if let Some((flags, body, size)) = &mut large {
            let taken = piece.len().min(*size - body.len());
            body.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            if body.len() < *size {
                continue;
            }
            complete += usize::from(side.engine.note_large_frame(now, *flags, body.len()).unwrap());
            frames.push((*flags, std::mem::take(body)));
            large = None;
        }
        buffer.extend_from_slice(piece);
        loop {
            let scan = match side.engine.scan(now, &mut buffer, most) {
                Ok(scan) => scan,
                Err(failure) => return (frames, Some(failure)),
            };
            assert!(scan.messages <= most && scan.messages_end <= scan.frames_end);
            assert!(scan.frames_end <= buffer.len());
            complete += scan.messages;
            let mut taken: &[u8] = &buffer[..scan.frames_end];
            while let Some(header) = frame::parse_header(taken) {
                assert_eq!(taken[0] & !frame::KNOWN, 0, "reserved flags are cleared");
                let end = header.header_len + header.len as usize;
                let flags = header.flags & (MORE | COMMAND);
                frames.push((flags, taken[header.header_len..end].to_vec()));
                taken = &taken[end..];
            }
            buffer.drain(..scan.frames_end);
            match scan.next {
                Some((header, size)) if size > LARGE => {
                    assert!(buffer.len() < header + size as usize);
                    let flags = buffer[0] & (MORE | COMMAND);
                    large = Some((flags, buffer.split_off(header), size as usize));
                    buffer.clear();
                    break;
                }
                _ if scan.messages < most && !scan.broken => break,
                _ => {}
            }
        }
    }
    let ends = |flags: u8| flags & (MORE | COMMAND) == 0;
    let commands = frames.iter().filter(|frame| frame.0 & COMMAND != 0).count();
    let messages = frames.iter().filter(|frame| ends(frame.0)).count();
    assert!((messages..=messages + commands).contains(&complete));
    (frames, None)
}

fn raw_frames(version: Version, data: &[u8]) {
    let mut input = Input(data);
    let (mut side, now) = established(version, &mut input);
    let (piece, most) = (1 + usize::from(input.byte() % 70), 1 + usize::from(input.byte() % 5));
    let bytes = input.rest();
    assert!(side.engine.inbound_raw());
    let limit = size_limit(data);
    let (frames, failure) = scanned(&mut side, now, bytes, piece, most);
    let (wanted, wanted_failure) = expected(bytes, false, limit);
    // A large command is for the pattern and not looked at.
    assert!(frames.len() >= wanted.len(), "{frames:?} {wanted:?}");
    assert_eq!(frames[..wanted.len()], wanted);
    if failure != wanted_failure {
        assert!(wanted.iter().chain(&frames).any(|frame| frame.1.len() as u64 > LARGE));
    }
    // However many PINGs came, few PONGs wait.
    assert!(side.sent().len() <= 16 * 32);
    let _ = side.engine.handle_timeout(now + Duration::from_secs(7000));
}

/// ZMQ_MAXMSGSIZE as `established` takes it from the input.
fn size_limit(data: &[u8]) -> u64 {
    match data.get(1).copied().unwrap_or(0) {
        0 => isize::MAX as u64,
        limit => u64::from(limit) * 4,
    }
}

pub(crate) fn frames_v2(data: &[u8]) {
    raw_frames(Version::V2, data);
}

pub(crate) fn frames_v3(data: &[u8]) {
    let version =
        if data.first().is_some_and(|byte| byte & 2 != 0) { Version::V3_0 } else { Version::V3_1 };
    raw_frames(version, data);
}

/// ZMTP 1.0, with a greeting and without: decoded frame by frame, in any pieces, with a reader that
/// has enough now and then.
pub(crate) fn frames_v1(data: &[u8]) {
    let mut input = Input(data);
    let version = if data.first().is_some_and(|byte| byte & 2 != 0) {
        Version::Unversioned
    } else {
        Version::V1
    };
    let (mut side, now) = established(version, &mut input);
    let (piece, most) = (1 + usize::from(input.byte() % 70), 1 + usize::from(input.byte() % 5));
    let bytes = input.rest();
    assert!(!side.engine.inbound_raw());
    let (mut frames, mut failure, mut buffer) = (Vec::new(), None, Vec::new());
    for piece in bytes.chunks(piece) {
        if failure.is_some() {
            break;
        }
        buffer.extend_from_slice(piece);
        loop {
            let mut sink = Collect(Vec::new(), most);
            match side.engine.decode(now, &buffer, &mut sink) {
                Ok(taken) => drop(buffer.drain(..taken)),
                Err(ended) => failure = Some(ended),
            }
            let got = sink.0.len();
            frames.append(&mut sink.0);
            if got < most || failure.is_some() {
                break;
            }
        }
        assert!(failure.is_some() || buffer.is_empty());
    }
    assert_eq!((frames, failure), expected(bytes, true, size_limit(data)));
}

/// Commands: each is read the same way everywhere, and what is written is read back.
pub(crate) fn commands(data: &[u8]) {
    let parsed = command::parse(data);
    if let Ok(Command::Ping { context, .. }) = parsed {
        assert!(context.len() <= 16);
        assert_eq!(command::parse(&command::pong(context)), Ok(Command::Pong));
    }
    let _ = command::error_received(data);
    let error = command::error(data);
    let reason = error.strip_prefix(command::ERROR).unwrap();
    assert_ne!(
        command::error_received(reason),
        Failure::handshake(crate::zmtp::error_code::ZMTP_MALFORMED_COMMAND_ERROR)
    );
    let subscription = Subscription::from_command(data);
    if let Some(subscription) = subscription {
        assert_eq!(subscription.to_command().unwrap().data(), data);
        if let Some(message) = subscription.to_message() {
            assert_eq!(Subscription::from_message(message.unwrap().data()), Some(subscription));
        }
        assert_eq!(parsed, Ok(Command::Other));
    }
    let legacy = subscription.and_then(Subscription::as_legacy);
    // As it goes out to each kind of peer, and comes in there.
    let flags = data.first().copied().unwrap_or(0);
    for version in [Version::Unversioned, Version::V1, Version::V2, Version::V3_0, Version::V3_1] {
        let mut wire = Vec::new();
        outbound::encode(version, None, flags, data, &mut wire).unwrap();
        let (frames, failure) = expected(&wire, version <= Version::V1, u64::MAX >> 1);
        let malformed = failure == Some(Failure::protocol());
        assert!(failure.is_none() || malformed && parsed.is_err());
        match (frames.first(), version) {
            (Some((flags, body)), _) if flags & COMMAND != 0 => assert_eq!(body, data),
            (Some((_, body)), _) if flags & COMMAND != 0 => {
                let (first, topic) = legacy.unwrap();
                assert_eq!((body[0], &body[1..]), (first, topic));
            }
            (Some((more, body)), _) => assert_eq!((*more, &body[..]), (flags & MORE, data)),
            (None, Version::V3_0 | Version::V3_1) => assert!(malformed),
            (None, _) => assert!(flags & COMMAND != 0 && legacy.is_none()),
        }
    }
}

/// Property lists: what is accepted is written back byte for byte; reserved names are not believed.
pub(crate) fn metadata(data: &[u8]) {
    let mut input = Input(data);
    let kind = input.choose(KINDS);
    let bytes = input.rest();
    if let Ok(peer) = metadata::parse_peer(bytes, kind) {
        assert!(peer.identity.len() <= 255);
        for (name, _) in &peer.list {
            assert!(
                ![&b"user-id"[..], b"peer-address", b"__fd"].contains(&&*name.to_ascii_lowercase())
            );
        }
    }
    if let Ok(list) = metadata::parse_zap(bytes, kind) {
        let mut again = Vec::new();
        list.iter().for_each(|(name, value)| metadata::put(name, value, &mut again));
        // Names that are no text were left out.
        assert!(again.len() <= bytes.len());
        assert_eq!(metadata::parse_zap(&again, kind).unwrap(), list);
    }
}

#[test]
fn the_plain_reader_reads() {
    let (frames, failure) = expected(b"\x01\x02ab\x00\x00\x02\0\0\0\0\0\0\0\x05", false, 4);
    assert_eq!(frames, [(1, b"ab".to_vec()), (0, Vec::new())]);
    assert_eq!(failure, Some(Failure::too_large()));
    let mut sink = Collect(Vec::new(), 1);
    assert!(!sink.frame(0, b"x"));
}
