//! What libzmq may give an application that this library does not, and nothing else may differ. Used by the
//! fuzz target `differential`; tests/differential.rs tries it.

/// A message as the application reads it, part by part.
pub(crate) type Message = Vec<Vec<u8>>;

/// A frame behind the greeting. The bytes may end before its body does.
pub(crate) struct Frame<'a> {
    pub(crate) flags: u8,
    pub(crate) size: u64,
    pub(crate) body: Option<&'a [u8]>,
}

const MORE: u8 = 1;
const LARGE: u8 = 2;
const COMMAND: u8 = 4;
const READY: &[u8] = b"\x05READY";
const SOCKET_TYPE: &[u8] = b"Socket-Type";

/// The frames behind the greeting, of which the first is the handshake; none of a peer of ZMTP 1.0,
/// which has no commands.
pub(crate) fn frames(bytes: &[u8]) -> Vec<Frame<'_>> {
    let mut found = Vec::new();
    let has_version =
        bytes.first() == Some(&0xff) && bytes.get(9).is_some_and(|byte| byte & 1 == 1);
    let mut rest = match bytes.get(10).filter(|_| has_version) {
        None | Some(0) => None,
        Some(1) => bytes.get(12..),
        Some(_) => bytes.get(64..),
    };
    while let Some([flags, short, tail @ ..]) = rest {
        let (size, tail) = match tail.split_at_checked(7) {
            Some((low, tail)) if flags & LARGE != 0 => {
                let low = low.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte));
                (u64::from(*short) << 56 | low, tail)
            }
            _ => (u64::from(*short), tail),
        };
        let parts = usize::try_from(size).ok().and_then(|size| tail.split_at_checked(size));
        found.push(Frame { flags: *flags, size, body: parts.map(|(body, _)| body) });
        rest = parts.map(|(_, rest)| rest);
    }
    found
}

/// Whether one may accept the handshake and the other not: libzmq holds it to ZMQ_MAXMSGSIZE, while here it is
/// no message; names of properties are the same in capital letters here, as 23/ZMTP says, but not there; and
/// libzmq bears with a property that breaks off before its name, its length or its value.
pub(crate) fn shakes_hands_otherwise(bytes: &[u8], frames: &[Frame<'_>], limit: i64) -> bool {
    let newer = bytes.get(10).is_some_and(|&revision| revision > 1);
    let Some(handshake) = frames.first().filter(|_| newer) else { return false };
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    handshake.size > limit || handshake.body.is_some_and(is_read_otherwise)
}

fn is_read_otherwise(handshake: &[u8]) -> bool {
    let mut rest = handshake.strip_prefix(READY).unwrap_or_default();
    while let Some((&length, tail)) = rest.split_first() {
        let Some((name, tail)) = tail.split_at_checked(length.into()) else {
            return tail.is_empty();
        };
        let mut known = [SOCKET_TYPE, b"Identity"].into_iter();
        if known.any(|known| name != known && name.eq_ignore_ascii_case(known)) {
            return true;
        }
        let Some((&length, tail)) = tail.split_first_chunk() else { return tail.is_empty() };
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let Some((_, tail)) = tail.split_at_checked(length) else { return tail.is_empty() };
        rest = tail;
    }
    false
}

/// Whether the handshake says what it has to and nothing else, so that there is nothing in it to quarrel about.
pub(crate) fn shakes_hands_plainly(frames: &[Frame<'_>]) -> bool {
    let said = frames.first().filter(|first| first.flags == COMMAND).and_then(|first| first.body);
    said.and_then(|said| said.strip_prefix(&[READY, b"\x0b", SOCKET_TYPE].concat()[..]))
        .and_then(<[u8]>::split_first_chunk)
        .is_some_and(|(&length, kind)| {
            usize::try_from(u32::from_be_bytes(length)) == Ok(kind.len())
        })
}

/// How many messages are complete, however the handshake goes.
pub(crate) fn whole_messages(frames: &[Frame<'_>]) -> usize {
    let ends = |frame: &&Frame<'_>| frame.flags & (COMMAND | MORE) == 0 && frame.body.is_some();
    frames.iter().skip(1).filter(ends).count()
}

/// Whether there are commands behind the handshake.
pub(crate) fn has_commands(frames: &[Frame<'_>]) -> bool {
    frames.iter().skip(1).any(|frame| frame.flags & COMMAND != 0)
}

/// Whether both have read the same, but for what may differ: libzmq gives SUBSCRIBE and CANCEL to any
/// application as parts of messages, and goes on behind a malformed command, which ends the connection here.
pub(crate) fn agree(here: &[Message], there: &[Message], frames: &[Frame<'_>]) -> bool {
    if here == there {
        return true;
    }
    let commands = Commands::of(frames);
    let ends_here = commands.whole_messages_before_end == Some(here.len());
    if commands.given.is_empty() {
        return ends_here && there.starts_with(here);
    }
    // A command between the parts of a message divides it at libzmq, and one with the flag MORE joins it
    // with the next: only the parts are compared.
    let mut rest = here.iter().flatten().peekable();
    let mut more: Vec<_> =
        there.iter().flatten().filter(|part| rest.next_if_eq(part).is_none()).collect();
    let allowed =
        commands.given.iter().chain(if ends_here { &commands.behind_end } else { &[][..] });
    for allowed in allowed.chain(&commands.begun) {
        if let Some(place) = more.iter().position(|part| part == allowed) {
            more.swap_remove(place);
        }
    }
    rest.next().is_none() && more.is_empty()
}

/// What there is about the commands behind the handshake.
#[derive(Default)]
struct Commands<'a> {
    /// Those that libzmq gives to the application.
    given: Vec<&'a [u8]>,
    /// How many messages are complete before the first malformed one.
    whole_messages_before_end: Option<usize>,
    /// What comes behind that, and the message that has begun before it.
    behind_end: Vec<&'a [u8]>,
    /// Parts of a message that never ends, which a command may end at libzmq.
    begun: Vec<&'a [u8]>,
}

impl<'a> Commands<'a> {
    fn of(frames: &[Frame<'a>]) -> Commands<'a> {
        let mut found = Commands::default();
        let mut messages = 0;
        for (flags, body) in
            frames.iter().skip(1).filter_map(|frame| Some((frame.flags, frame.body?)))
        {
            if flags & COMMAND == 0 {
                found.begun.push(body);
                if flags & MORE == 0 {
                    messages += 1;
                    let whole = found.begun.drain(..);
                    if found.whole_messages_before_end.is_some() {
                        found.behind_end.extend(whole);
                    }
                }
            } else if body.starts_with(b"\x09SUBSCRIBE") || body.starts_with(b"\x06CANCEL") {
                found.given.push(body);
            } else if is_malformed(body) {
                found.whole_messages_before_end.get_or_insert(messages);
            }
        }
        found
    }
}

/// Whether a name is longer than the command, or a PING has no time to live.
fn is_malformed(body: &[u8]) -> bool {
    body.split_first().is_none_or(|(&length, rest)| rest.len() < usize::from(length))
        || body.strip_prefix(b"\x04PING").is_some_and(|rest| rest.len() < 2)
}
