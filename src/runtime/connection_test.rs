//! What a layer below owes the peer, when nobody above has anything to write.

use std::sync::atomic::Ordering::Relaxed;

use super::*;
use crate::options::ContextOptions;
use crate::patterns::SocketType;
use crate::transport::bottomless_test::bottomless;

#[test]
fn a_layer_that_waits_for_room_is_told_of_it() {
    let options = SocketOptions::new(SocketType::Pair, &ContextOptions::default());
    let (stream, taken) = bottomless(usize::MAX);
    let mut connection = Connection::new(stream, &options, Instant::now());
    assert!(connection.is_writable());
    let before = connection.has_control();
    taken.owes.store(true, Relaxed);
    // Whoever shares the connection has to see to it that somebody is told of room.
    assert!(!connection.is_writable() && connection.has_control());
    connection.note(Ready { readable: true, ..Ready::default() });
    assert_eq!(taken.writes.load(Relaxed), 0);
    for _ in 0..2 {
        connection.note(Ready { writable: true, ..Ready::default() });
        assert_eq!((taken.writes.load(Relaxed), taken.bytes.load(Relaxed)), (1, 0));
    }
    assert!(connection.is_writable());
    assert_eq!(connection.has_control(), before);
}
