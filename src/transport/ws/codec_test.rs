//! Frames in pieces of every size, both ways.

use super::decoder::Decoder;
use super::encoder::{Encoder, Keys};
use super::frame::Control;

fn keys() -> Box<Keys> {
    let mut next = 0u32;
    Box::new(move || {
        next = next.wrapping_mul(0x9e37_79b9).wrapping_add(0x1234_5678);
        next.to_be_bytes()
    })
}

/// A ZMTP frame.
fn frame(flags: u8, size: usize) -> Vec<u8> {
    let mut frame = match u8::try_from(size) {
        Ok(short) => vec![flags, short],
        Err(_) => [&[flags | 2][..], &(size as u64).to_be_bytes()].concat(),
    };
    frame.extend((0..size).map(|index| index as u8));
    frame
}

fn decode(decoder: &mut Decoder, mut input: &[u8], room: usize, step: usize) -> Vec<u8> {
    let mut output = Vec::new();
    let mut buffer = vec![0; room];
    loop {
        let piece = &input[..step.min(input.len())];
        let (taken, given, control) = decoder.decode(piece, &mut buffer).unwrap();
        assert_eq!(control, None);
        output.extend_from_slice(&buffer[..given]);
        input = &input[taken..];
        if taken == 0 && given == 0 {
            assert!(input.is_empty());
            return output;
        }
    }
}

#[test]
fn frames_pass_both_codecs() {
    let frames: Vec<Vec<u8>> = [0, 1, 5, 124, 125, 126, 254, 255, 256, 65534, 65535, 65536, 70_000]
        .into_iter()
        .flat_map(|size| [frame(0, size), frame(1, size), frame(4, size)])
        .collect();
    let stream = frames.concat();
    for masked in [false, true] {
        for step in [1, 3, 7, 1000, 100_000, usize::MAX] {
            let mut encoder = Encoder::new(masked.then(keys));
            let mut wire = Vec::new();
            for piece in stream.chunks(step.min(stream.len())) {
                encoder.encode(piece, &mut wire);
            }
            let mut decoder = Decoder::new(masked, u64::MAX);
            let room = if step < 10 { 17 } else { step.min(100_000) };
            assert!(decode(&mut decoder, &wire, room, step) == stream, "{masked} {step}");
        }
    }
}

#[test]
fn bytes_on_the_wire() {
    let mut wire = Vec::new();
    let mut encoder = Encoder::new(None);
    encoder.encode(&[1, 2, b'h', b'i', 4, 6, 5, b'R', b'E', b'A', b'D', b'Y'], &mut wire);
    assert_eq!(wire, b"\x82\x03\x01hi\x82\x07\x02\x05READY");
    let mut wire = Vec::new();
    let mut encoder = Encoder::new(Some(Box::new(|| [1, 2, 3, 4])));
    encoder.encode(&[0, 5, 0, 0, 0, 0, 0], &mut wire);
    assert_eq!(wire, [0x82, 0x86, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2]);
}

#[test]
fn heartbeats_become_control_frames() {
    let ping = b"\x04\x08\x04PING\x00\x0ax";
    for step in 1..=ping.len() {
        let (mut encoder, mut wire) = (Encoder::new(None), Vec::new());
        for piece in [&ping[..], &frame(0, 1)].concat().chunks(step) {
            encoder.encode(piece, &mut wire);
        }
        assert_eq!(wire, [0x89, 0, 0x82, 2, 0, 0]);
    }
    let (mut encoder, mut wire) = (Encoder::new(None), Vec::new());
    encoder.encode(b"\x04\x05\x04LIVE\x00\x01x", &mut wire);
    assert_eq!(wire, b"\x8a\x00\x82\x02\x00x");
    // Another command is nobody's business, nor is a message.
    for frame in [
        b"\x04\x08\x05PINGSxx",
        b"\x04\x08\x07MESSAGE",
        b"\x04\x08\x04PONGxyz",
        b"\x00\x08\x04PING\x00\x0ax",
    ] {
        let (mut encoder, mut wire) = (Encoder::new(None), Vec::new());
        encoder.encode(frame, &mut wire);
        assert_eq!(wire.len(), frame.len() + 1);
    }
}

#[test]
fn control_frames_come_between_frames() {
    let mut encoder = Encoder::new(None);
    let mut wire = Vec::new();
    encoder.encode(&[0, 2, b'a'], &mut wire);
    encoder.control(&Control::Pong(b"x".to_vec()), &mut wire);
    encoder.encode(b"b", &mut wire);
    assert_eq!(wire, b"\x82\x03\x00ab\x8a\x01x");
    encoder.control(&Control::Close(vec![3, 232]), &mut wire);
    assert_eq!(wire, b"\x82\x03\x00ab\x8a\x01x\x88\x02\x03\xe8");

    let mut decoder = Decoder::new(false, u64::MAX);
    let input = b"\x89\x02hi\x8a\x00\x88\x00\x82\x01\x00";
    let mut output = [0; 8];
    for (taken, control) in [
        (4, Some(Control::Pong(b"hi".to_vec()))),
        (6, Some(Control::Ponged)),
        (8, Some(Control::Close(vec![]))),
    ] {
        let start = taken - if taken == 4 { 4 } else { 2 };
        let decoded = decoder.decode(&input[start..], &mut output).unwrap();
        assert_eq!(decoded, (taken - start, 0, control));
    }
    assert_eq!(decoder.decode(&input[8..], &mut output).unwrap(), (3, 2, None));
    assert_eq!(output[..2], [0, 0]);
}

#[test]
fn greeting_is_swallowed_and_made_up() {
    let (mut encoder, mut wire) = (Encoder::new(None), Vec::new());
    encoder.swallow(64);
    encoder.encode(&[0xff; 10], &mut wire);
    encoder.encode(&[[7; 54].as_slice(), &[0, 1, 9]].concat(), &mut wire);
    assert_eq!(wire, [0x82, 2, 0, 9]);
    let mut decoder = Decoder::new(false, u64::MAX);
    decoder.push(b"greeting");
    assert_eq!(decode(&mut decoder, &wire, 3, 2), b"greeting\x00\x01\x09");
}

#[test]
fn what_a_peer_must_not_send() {
    for (masked, input) in [
        (false, &b"\x82\x81\0\0\0\0\0"[..]),  // masked by a server
        (true, b"\x82\x01\x00"),              // not masked by a client
        (false, b"\x80\x01\x00"),             // a continuation of nothing
        (false, b"\x00\x01\x00"),             // the same, and not the last
        (false, b"\x02\x01\x00\x82\x01\x00"), // another message inside
        (false, b"\x02\x01\x00\x02\x01\x00"), // a second beginning
        (false, b"\x02\x00\x80\x00"),         // no flags in any fragment
        (false, b"\x09\x00"),                 // a ping in fragments
        (false, b"\x81\x01\x00"),             // text
        (false, b"\xc2\x01\x00"),             // compressed
        (false, b"\x82\x00"),                 // no flags
        (false, b"\x89\x7e\x00\x7e"),         // a long ping
        (false, b"\x8b\x00"),                 // an unknown control frame
    ] {
        let result = Decoder::new(masked, u64::MAX).decode(input, &mut [0; 64]);
        assert!(result.is_err(), "{input:?}");
    }
    // The length is the engine's to judge; nothing is allocated for it.
    let mut decoder = Decoder::new(false, u64::MAX);
    let huge = b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x00";
    let mut output = [0; 64];
    let (taken, given, _) = decoder.decode(huge, &mut output).unwrap();
    assert_eq!((taken, given), (huge.len(), 9));
    assert_eq!(output[..9], [2, 255, 255, 255, 255, 255, 255, 255, 254]);
}

/// Browsers send large messages so, and their pings may stand between the fragments.
#[test]
fn a_message_in_fragments() {
    let body: Vec<u8> = (0..300u32).map(|index| index as u8).collect();
    for masked in [false, true] {
        for cuts in [vec![0], vec![1], vec![0, 0, 100], vec![1, 126, 127], vec![299, 300, 301]] {
            let message = [&[1][..], &body].concat();
            let mut wire = Vec::new();
            let mut from = 0;
            for (index, &to) in cuts.iter().chain([&message.len()]).enumerate() {
                let last = to == message.len() && index == cuts.len();
                wire.push(if index == 0 { 2 } else { 0 } | if last { 0x80 } else { 0 });
                let bit = if masked { 0x80 } else { 0 };
                wire.push(bit | 126);
                wire.extend_from_slice(&((to - from) as u16).to_be_bytes());
                let key = [7, 1, 0xc3, 9];
                let key = if masked { &key[..] } else { &[] };
                wire.extend_from_slice(key);
                for (at, byte) in message[from..to].iter().enumerate() {
                    wire.push(byte ^ key.get(at % 4).unwrap_or(&0));
                }
                from = to;
            }
            for step in [1, 3, 1000] {
                let mut decoder = Decoder::new(masked, 300);
                assert!(decode(&mut decoder, &wire, 50, step) == frame(1, 300), "{cuts:?} {step}");
                let mut small = Decoder::new(masked, 200);
                let mut output = [0; 1000];
                let mut rest = &wire[..];
                let refused = loop {
                    match small.decode(&rest[..step.min(rest.len())], &mut output) {
                        Ok((taken, _, None)) if taken > 0 => rest = &rest[taken..],
                        Ok(_) => break false,
                        Err(_) => break true,
                    }
                };
                assert!(refused, "{cuts:?} {step}");
            }
        }
    }
    let mut decoder = Decoder::new(false, 300);
    let mut output = [0; 10];
    let (taken, given, control) =
        decoder.decode(b"\x02\x01\x00\x89\x01!\x80\x01x", &mut output).unwrap();
    assert_eq!((taken, given, control), (6, 0, Some(Control::Pong(b"!".to_vec()))));
    let (taken, given, _) = decoder.decode(b"\x80\x01x", &mut output).unwrap();
    assert_eq!((taken, &output[..given]), (3, &b"\x00\x01x"[..]));
}
