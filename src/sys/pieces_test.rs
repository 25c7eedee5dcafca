//! Tests of `pieces`.

use std::io::{ErrorKind, IoSlice, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use super::linux::{Habit, send, send_small};

fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    (one, other)
}

/// Frames as a queue has them: headers, and bodies between small and large.
fn bytes() -> Vec<u8> {
    (0..600_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn buffers<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<IoSlice<'a>> {
    let mut buffers = Vec::new();
    for &length in lengths.iter().cycle().take(32) {
        let (now, later) = bytes.split_at(length.min(bytes.len()));
        buffers.push(IoSlice::new(now));
        bytes = later;
    }
    buffers
}

#[test]
fn what_is_sent_in_pieces_comes_as_it_was() {
    let bytes = bytes();
    for lengths in
        [&[9, 65_536][..], &[65_536, 0], &[3584], &[3583, 1], &[1, 2, 3], &[40_000, 9, 70], &[0]]
    {
        let (to, mut from) = pair();
        let mut sent = 0;
        for _ in 0..3 {
            let rest = bytes.get(sent..).unwrap();
            let count = send_small(to.as_fd(), &buffers(rest, lengths)).unwrap();
            let asked = buffers(rest, lengths).iter().map(|buffer| buffer.len()).sum::<usize>();
            assert!(count <= asked && (count > 0 || asked == 0), "{count} of {asked}");
            let mut came = vec![0; count];
            from.read_exact(&mut came).unwrap();
            assert!(came == rest[..count], "{lengths:?}");
            sent += count;
        }
    }
}

#[test]
fn many_parts_are_sent_as_far_as_they_fit() {
    let bytes = bytes();
    let (to, mut from) = pair();
    let many: Vec<_> = bytes.chunks(9).take(500).map(IoSlice::new).collect();
    let count = send_small(to.as_fd(), &many).unwrap();
    assert!(count > 0 && count <= 500 * 9);
    let mut came = vec![0; count];
    from.read_exact(&mut came).unwrap();
    assert!(came == bytes[..count]);
}

#[test]
fn a_full_socket_takes_a_part_and_then_nothing() {
    let bytes = bytes();
    let (to, mut from) = pair();
    let mut sent = 0;
    let error = loop {
        match send_small(to.as_fd(), &[IoSlice::new(bytes.get(sent..).unwrap())]) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let mut came = vec![0; sent];
    from.read_exact(&mut came).unwrap();
    assert!(came == bytes[..sent]);
    drop(from);
    let gone = send_small(to.as_fd(), &[IoSlice::new(&bytes)]).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::BrokenPipe);
}

#[test]
fn whichever_way_is_taken_the_stream_is_the_same() {
    let bytes = bytes();
    let (to, mut from) = pair();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).unwrap();
        all
    });
    let mut sent = 0;
    while sent < bytes.len() {
        match send(to.as_fd(), &buffers(bytes.get(sent..).unwrap(), &[9, 50_000])) {
            Ok(count) => sent += count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    drop(to);
    assert!(reader.join().unwrap() == bytes);
}

const KIB: usize = 1024;

/// Whether the next write is looked at, and then its price for 1024 bytes.
fn write(habit: &mut Habit, bytes: usize, price: u64) -> bool {
    let looked = habit.looks();
    habit.learn(bytes, looked.then(|| price * bytes as u64 / 1024));
    looked
}

#[test]
fn dear_writes_are_followed_by_small_pieces() {
    let mut habit = Habit::default();
    let looks = (0..8).filter(|_| write(&mut habit, 64 * KIB, 120)).count();
    assert_eq!((looks, habit.is_small()), (2, false));
    assert!(write(&mut habit, 64 * KIB, 2600));
    assert!(habit.is_small());
    // One look tells that they pay.
    assert!(write(&mut habit, 64 * KIB, 300));
    for _ in 0..15 {
        assert!(habit.is_small() && !write(&mut habit, 64 * KIB, 300));
    }
    // Tried again: still dear, and then cheap.
    assert!(!habit.is_small() && write(&mut habit, 64 * KIB, 2600));
    assert!(habit.is_small());
    for _ in 0..16 {
        write(&mut habit, 64 * KIB, 300);
    }
    assert!(!habit.is_small() && write(&mut habit, 64 * KIB, 120));
    assert!(!habit.is_small());
}

#[test]
fn where_all_copies_are_slow_writes_stay_as_they_are() {
    let mut habit = Habit::default();
    write(&mut habit, 64 * KIB, 2000);
    assert!(habit.is_small());
    write(&mut habit, 64 * KIB, 1900);
    let small = (0..255).filter(|_| write(&mut habit, 64 * KIB, 2000) || habit.is_small()).count();
    assert_eq!(small, 0);
}

#[test]
fn a_short_write_tells_nothing() {
    let mut habit = Habit::default();
    assert!(write(&mut habit, 4 * KIB, 9000) && !habit.is_small());
    assert!(write(&mut habit, 64 * KIB, 2600) && habit.is_small());
    // It is not known yet whether they pay.
    assert!(write(&mut habit, 4 * KIB, 9000) && habit.is_small());
    assert!(write(&mut habit, 64 * KIB, 300));
    assert!(!write(&mut habit, 64 * KIB, 300));
}
