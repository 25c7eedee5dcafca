//! The doors of the fuzzer: one function per kind of input that strangers send or callers give.
//!
//! Built for tests and for `make fuzz` only (`--cfg fuzzing`). The functions stand in the
//! `fuzz_test.rs` of the room whose code they feed; each of them panics when a property does not hold.
//! `fuzz/fuzz_targets` has one libFuzzer program for each row of [`TARGETS`], and the unit test here
//! replays `fuzz/corpus`, so that what the fuzzer once found stays found.
#![forbid(unsafe_code)]

use crate::{mechanism, options, routing, transport, z85, zmtp};

/// Feeds one input.
pub type Target = fn(&[u8]);

/// The table: a new target is one row here, and a file of the same name in `fuzz/fuzz_targets`.
pub const TARGETS: &[(&str, Target)] = &[
    ("greeting", zmtp::fuzz_test::greeting),
    ("frames_v1", zmtp::fuzz_test::frames_v1),
    ("frames_v2", zmtp::fuzz_test::frames_v2),
    ("frames_v3", zmtp::fuzz_test::frames_v3),
    ("commands", zmtp::fuzz_test::commands),
    ("metadata", zmtp::fuzz_test::metadata),
    ("sessions", zmtp::session_fuzz_test::sessions),
    ("plain", mechanism::fuzz_test::plain),
    ("curve", mechanism::fuzz_test::curve),
    ("curve_keyed", mechanism::curve_keyed),
    ("gssapi", mechanism::gssapi_commands),
    ("zap", mechanism::fuzz_test::zap),
    ("socks", transport::socks_replies),
    ("ws_upgrade", transport::ws_upgrade),
    ("ws_frames", transport::ws_frames),
    ("ws_layer", transport::ws_layer),
    ("certificates", transport::wss_certificates),
    ("datagrams", transport::fuzz_test::datagrams),
    ("multicast", transport::multicast_packets),
    ("endpoints", transport::fuzz_test::endpoints),
    ("options", options::fuzz_test::options),
    ("subscriptions", routing::fuzz_test::subscriptions),
    ("wishes", routing::fuzz_test::wishes),
    ("z85", z85_text),
];

/// The function of a target.
pub fn target(name: &str) -> Target {
    let row = TARGETS.iter().find(|(known, _)| *known == name);
    row.map(|(_, target)| *target).unwrap_or_else(|| panic!("no target {name}"))
}

/// What decodes is the text of exactly these bytes, and all bytes have a text.
fn z85_text(data: &[u8]) {
    if let Ok(bytes) = z85::decode(data) {
        assert_eq!(*z85::encode(&bytes).unwrap(), data);
    }
    if let Ok(text) = z85::encode(data)
        && !data.is_empty()
    {
        assert_eq!(*z85::decode(&text).unwrap(), data);
    }
}

/// Takes an input apart. At its end everything is zero.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 != 0
    }

    /// One of several.
    pub(crate) fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes behind a byte that says how many.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        self.take(length)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
    }

    #[test]
    fn the_corpus_holds_what_it_promises() {
        for (name, target) in TARGETS {
            target(&[]);
            let inputs = fs::read_dir(folder("corpus").join(name)).expect("a corpus");
            for input in inputs {
                let path = input.unwrap().path();
                println!("{}", path.display());
                target(&fs::read(path).unwrap());
            }
        }
    }

    #[test]
    fn every_target_has_a_program() {
        let programs: BTreeSet<String> = fs::read_dir(folder("fuzz_targets"))
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let mut known: BTreeSet<String> = TARGETS.iter().map(|row| row.0.to_owned()).collect();
        // It needs a libzmq beside this library.
        known.insert("differential".to_owned());
        assert_eq!(programs, known);
    }
}
