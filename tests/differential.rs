//! What the fuzz target `differential` takes for the same, and what for a finding.

#[path = "../fuzz/oracle.rs"]
mod oracle;

use oracle::{
    Message, agree, frames, has_commands, shakes_hands_otherwise, shakes_hands_plainly,
    whole_messages,
};

/// What a peer says: a greeting, a handshake, and these frames.
fn said(behind: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
    for (flags, body) in [(4, &b"\x05READY"[..])].iter().chain(behind) {
        bytes.extend([*flags, u8::try_from(body.len()).unwrap()]);
        bytes.extend_from_slice(body);
    }
    bytes
}

fn messages(parts: &[&[&str]]) -> Vec<Message> {
    let message = |parts: &&[&str]| parts.iter().map(|part| part.as_bytes().to_vec()).collect();
    parts.iter().map(message).collect()
}

const PING: (u8, &[u8]) = (4, b"\x04PING\0\0");
const SUBSCRIBE: (u8, &[u8]) = (4, b"\x09SUBSCRIBEx");
const NAME: &str = "\x09SUBSCRIBEx";

#[test]
fn a_message_beside_a_command_may_not_be_lost() {
    let there = messages(&[&["a"], &["b"]]);
    for command in [PING, (4, b"\x04PONG"), (4, b"\x05OTHER")] {
        let bytes = said(&[command, (0, b"a"), command, (0, b"b"), command]);
        assert!(has_commands(&frames(&bytes)) && !has_commands(&frames(&said(&[(0, b"a")]))));
        assert_eq!(whole_messages(&frames(&bytes)), there.len());
        assert!(agree(&there, &there, &frames(&bytes)));
        for lost in [messages(&[]), messages(&[&["a"]]), messages(&[&["b"]])] {
            assert!(!agree(&lost, &there, &frames(&bytes)), "{lost:?}");
        }
        assert!(!agree(&there, &messages(&[&["a"]]), &frames(&bytes)), "made up");
    }
}

#[test]
fn what_libzmq_gives_of_subscriptions_is_no_message() {
    let bytes =
        said(&[(0, b"a"), SUBSCRIBE, (1, b"b"), SUBSCRIBE, (0, b"c"), (1, b"d"), SUBSCRIBE]);
    let there = messages(&[&["a"], &[NAME], &["b", NAME], &["c"], &["d", NAME]]);
    assert!(agree(&messages(&[&["a"], &["b", "c"]]), &there, &frames(&bytes)));
    for lost in [messages(&[]), messages(&[&["a"]]), messages(&[&["b", "c"]])] {
        assert!(!agree(&lost, &there, &frames(&bytes)), "{lost:?}");
    }
    // One more than there were.
    let there = messages(&[&["a"], &[NAME], &[NAME]]);
    assert!(!agree(&messages(&[&["a"]]), &there, &frames(&said(&[(0, b"a"), SUBSCRIBE]))));
}

#[test]
fn a_malformed_command_is_the_end_here_and_not_before() {
    for malformed in [(4, &b""[..]), (4, b"\x05PING"), (4, b"\x04PING\0")] {
        let bytes = said(&[(0, b"a"), (0, b"b"), (1, b"c"), malformed, (0, b"d"), (0, b"a")]);
        let there = messages(&[&["a"], &["b"], &["c", "d"], &["a"]]);
        assert!(agree(&messages(&[&["a"], &["b"]]), &there, &frames(&bytes)));
        for wrong in [messages(&[]), messages(&[&["a"]]), messages(&[&["a"], &["b"], &["c", "d"]])]
        {
            assert!(!agree(&wrong, &there, &frames(&bytes)), "{wrong:?}");
        }
        let bytes = said(&[SUBSCRIBE, (0, b"a"), malformed, (0, b"b")]);
        let there = messages(&[&[NAME], &["a"], &["b"]]);
        assert!(agree(&messages(&[&["a"]]), &there, &frames(&bytes)));
        assert!(!agree(&messages(&[]), &there, &frames(&bytes)));
    }
}

#[test]
fn handshakes_are_compared_but_those_that_libzmq_reads_otherwise() {
    let with = |properties: &str| {
        let handshake = format!("\x05READY{properties}");
        let mut bytes = said(&[])[..64].to_vec();
        bytes.extend([4, u8::try_from(handshake.len()).unwrap()]);
        bytes.extend_from_slice(handshake.as_bytes());
        let frames = frames(&bytes);
        let otherwise = |limit| shakes_hands_otherwise(&bytes, &frames, limit);
        (shakes_hands_plainly(&frames), otherwise(-1), otherwise(100))
    };
    let kind = "\x0bSocket-Type\0\0\0\x04PUSH";
    assert_eq!(with(kind), (true, false, false));
    assert_eq!(with(&format!("{kind}\x01x\0\0\0\x01y")), (false, false, false));
    assert_eq!(with(&kind.replace('T', "t")), (false, true, true));
    assert_eq!(with(&format!("{kind}\x01x\0\0\0\x64{:100}", "")), (false, false, true));
    for breaks_off in ["\x01", "\x01x", "\x01x\0\0\0\x01"] {
        assert_eq!(with(&format!("{kind}{breaks_off}")), (false, true, true), "{breaks_off:?}");
    }
    for too_short in ["\x02x", "\x01x\0", "\x01x\0\0\0\x02y"] {
        assert_eq!(with(&format!("{kind}{too_short}")), (false, false, false), "{too_short:?}");
    }
}

#[test]
fn peers_without_commands_are_no_exception() {
    // What would be a greeting is the first message of ZMTP 1.0.
    let mut bytes = said(&[SUBSCRIBE, (4, b"")]);
    assert_eq!(frames(&bytes).iter().map(|frame| frame.size).collect::<Vec<_>>(), [6, 11, 0]);
    bytes[0] = 1;
    assert!(!agree(&messages(&[]), &messages(&[&[NAME]]), &frames(&bytes)));
}
