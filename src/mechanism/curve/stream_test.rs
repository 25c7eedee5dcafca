//! Boxes of batches, of frames that come alone and of long ones, against those of `dryoc`.

use zeroize::Zeroizing;

use super::boxes::{self, MAC};
use super::stream::{BATCH, Slot, Stream};

const PREFIX: &[u8; 16] = b"CurveZMQMESSAGEC";

/// Plain texts in their places, with bytes between them that belong to nobody.
fn lay_out(lens: &[usize], first: u64) -> (Vec<u8>, Vec<Slot>) {
    let mut buffer = Vec::new();
    let mut slots = Vec::new();
    for (counter, len) in (first..).zip(lens) {
        buffer.extend_from_slice(&[0xaa; 3]);
        slots.push(Slot { counter, at: buffer.len(), len: *len });
        buffer.extend_from_slice(&[0; MAC]);
        buffer.extend((0..*len).map(|index| (index as u64 + counter) as u8));
    }
    (buffer, slots)
}

/// Seals and opens texts, and compares with boxes made one by one.
fn check(lens: &[usize], first: u64, sealer: &mut Stream, opener: &mut Stream) {
    let key = Box::new(Zeroizing::new([3; 32]));
    let (plain, slots) = lay_out(lens, first);
    let mut sealed = plain.clone();
    sealer.seal(&mut sealed, &slots);
    let mut expected = plain.clone();
    for slot in &slots {
        let end = slot.at + MAC + slot.len;
        let mut one = Vec::new();
        let nonce = boxes::short_nonce(PREFIX, slot.counter);
        boxes::seal(&key, &nonce, &[&plain[slot.at + MAC..end]], &mut one);
        expected[slot.at..end].copy_from_slice(&one);
    }
    assert_eq!(sealed, expected, "{lens:?} from {first}");

    if !sealer.is_short(lens[0]) {
        let mut text = vec![0; lens[0]];
        assert!(opener.open_long(&sealed, slots[0], &mut text));
        assert_eq!(text, plain[slots[0].at + MAC..]);
        return;
    }
    let mut texts = Vec::new();
    let genuine = opener.open(&sealed, &slots, |index, text, keystream| {
        assert_eq!(index, texts.len());
        texts.push(text.iter().zip(keystream).map(|(byte, key)| byte ^ key).collect::<Vec<u8>>());
    });
    assert_eq!(genuine, slots.len());
    for (slot, text) in slots.iter().zip(&texts) {
        assert_eq!(*text, plain[slot.at + MAC..slot.at + MAC + slot.len]);
    }
    // A forged one ends it, wherever the forger put his hand.
    for (number, slot) in slots.iter().enumerate() {
        for at in [slot.at, slot.at + 15, slot.at + MAC, slot.at + MAC + slot.len - 1] {
            let mut forged = sealed.clone();
            forged[at] ^= 0x80;
            let mut given = 0;
            let genuine = opener.open(&forged, &slots, |_, _, _| given += 1);
            assert_eq!((genuine, given), (number, number));
        }
    }
}

#[test]
fn boxes_are_those_of_nacl_at_every_length() {
    let key = Box::new(Zeroizing::new([3; 32]));
    let (mut sealer, mut opener) = (Stream::new(&key, PREFIX), Stream::new(&key, PREFIX));
    let mut counter = 1;
    for len in (1..700).chain([1000, 4095, 4096, 4097, 65_536]) {
        check(&[len], counter, &mut sealer, &mut opener);
        // Counters mostly follow each other, but a peer may leave some out.
        counter += if len % 10 == 0 { 1000 } else { 1 };
    }
}

#[test]
fn boxes_of_a_batch_are_those_of_nacl() {
    let key = Box::new(Zeroizing::new([3; 32]));
    let (mut sealer, mut opener) = (Stream::new(&key, PREFIX), Stream::new(&key, PREFIX));
    let mut counter = u64::from(u32::MAX) - 200;
    for round in 1..600_usize {
        let mut lens = Vec::new();
        let mut blocks = 0;
        for index in 0..BATCH.min(1 + round % 20) {
            // All alike, growing, or as they come; and about the ends of blocks.
            let len = match round % 4 {
                0 => round % 300,
                1 => 1 + round % 97 + 16 * index,
                2 => 1 + (round * 7 + index * 131) % 480,
                _ => [15, 16, 17, 31, 32, 33, 95, 96, 97, 287, 288, 289][(round + index) % 12],
            };
            let len = len.max(1);
            // One that is too long for a batch, as on a narrow processor many are, goes alone.
            let fits = sealer.fits(blocks, len);
            if fits || lens.is_empty() {
                blocks += Slot { counter: 0, at: 0, len }.blocks();
                lens.push(len);
            }
            if !fits {
                break;
            }
        }
        check(&lens, counter, &mut sealer, &mut opener);
        counter += lens.len() as u64;
    }
}
