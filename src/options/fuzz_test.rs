//! What the fuzzer feeds to the options: any number, any value, any buffer to read into. See
//! `crate::fuzz`.

use crate::fuzz::Input;
use crate::options::table::{self, Found};
use crate::options::{ContextOptions, SocketOptions};
use crate::patterns::SocketType;

pub(crate) fn options(data: &[u8]) {
    let mut input = Input(data);
    let kind = SocketType::from_number(i32::from(input.byte() % 21)).unwrap();
    let mut context = ContextOptions::default();
    let mut options = SocketOptions::new(kind, &context);
    while !input.is_empty() {
        let number = match input.byte() {
            255 => i32::from_be_bytes([input.byte(), input.byte(), input.byte(), input.byte()]),
            number => number.into(),
        };
        let length = usize::from(input.byte());
        match length {
            255 => drop(table::set(&mut options, number, None)),
            length if length & 1 == 0 => {
                let value = input.take(length / 2);
                let _ = table::set(&mut options, number, Some(value));
                let _ = crate::options::context::set(&mut context, number, value);
            }
            length => {
                let mut buffer = vec![0xa5; length / 2];
                if let Ok(Found::Written(written)) = table::get(&options, number, &mut buffer) {
                    assert!(written <= buffer.len());
                }
            }
        }
        let _ = table::null_needs_no_length(number);
    }
    // The times that the runtime makes of them.
    let _ =
        (options.heartbeat_interval(), options.heartbeat_timeout(), options.handshake_timeout());
}
