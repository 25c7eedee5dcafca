//! Receiving from a stream of plain bytes.

use std::io::Write;
use std::sync::Arc;

use super::*;
use crate::pipe::{EndConfig, Notify, PipeConfig, PipeEvent, Style, pair};
use crate::transport::testing::plain;

struct Nobody;

impl Notify for Nobody {
    fn notify(&self, _key: u64, _event: PipeEvent) {}
}

#[test]
fn a_stream_of_bytes_ends_where_there_is_no_memory_for_them() {
    let (stream, mut far) = plain();
    let config = PipeConfig { styles: (Style::Memory, Style::Memory), conflate: (false, false) };
    let end = || EndConfig { owner: Arc::new(Nobody), marks: Some((0, 0)) };
    let (mut pipe, mut reader) = pair(config, end(), end());
    let mut incoming = Incoming::default();
    let mut receive = |pipe: &mut Pipe| {
        let source = Source { stream: &stream, hung_up: false };
        incoming.receive_plain(8, source, pipe, &mut true)
    };
    pipe.run_short(0);
    far.write_all(b"lost").unwrap();
    let end = receive(&mut pipe);
    assert!(matches!(end, Err(End::Closed(Error::NOMEM))), "no gap in what follows");
    far.write_all(b"found").unwrap();
    assert!(receive(&mut pipe).is_ok());
    assert_eq!(reader.read().unwrap().data(), b"found");
}
