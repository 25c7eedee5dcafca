//! No panic that a peer could reach: in the rooms that read what strangers send, every operation that
//! can panic is in the list below, with the reason why it does not.
//!
//! Looked for are `unwrap` and `expect`, the macros that panic, and indexing. Test code may do all of it.
//! And nowhere in the library anything ends the process.

use crate::rules::{Faults, File};
use crate::source::{Token, tokens, without_tests};

/// Folders below `src` that are looked through.
const ROOMS: &[&str] = &["zmtp", "mechanism", "transport", "runtime"];

/// File, how many such operations it has, and why none of them panics.
#[rustfmt::skip]
const ALLOWED: &[(&str, usize, &str)] = &[
    ("src/zmtp/greeting.rs", 7, "arrays of 64 bytes at constant places; what is taken fits, as `wanted` is at most 64"),
    ("src/zmtp/inbound.rs", 1, "the first of the bytes of which a header was read"),
    ("src/zmtp/outbound.rs", 2, "the whole of a slice; the first of one byte"),
    ("src/mechanism/curve/boxes.rs", 4, "constant parts of arrays of 24 bytes"),
    ("src/mechanism/curve/stream.rs", 1, "the whole of a slice"),
    ("src/mechanism/gssapi/message.rs", 2, "`unwrap` is the word of GSSAPI for decrypting, and gives a Result"),
    ("src/mechanism/gssapi/mod.rs", 1, "the same"),
    ("src/transport/address.rs", 1, "up to a place that `find` gave in the same text"),
    ("src/transport/tcp/socks.rs", 3, "`sent` and `received` only grow by what was sent and received of the same buffers; the longest reply fits"),
    ("src/transport/tipc.rs", 1, "the whole of a list"),
    ("src/transport/ws/decoder.rs", 3, "a key of four bytes, at places below four; a header is complete before its key is read"),
    ("src/transport/ws/encoder.rs", 3, "a header or command ends the state in which it is collected when it is full; a key of four bytes"),
    ("src/transport/ws/frame.rs", 1, "a key of four bytes, at places below four"),
    ("src/transport/ws/layer.rs", 8, "a greeting of 64 bytes at constant places; mechanisms have at most six letters"),
    ("src/runtime/incoming/large.rs", 1, "`Stream::expect` waits for bytes"),
];

const MACROS: &[&str] =
    &["panic", "unreachable", "todo", "unimplemented", "assert", "assert_eq", "assert_ne"];

fn is_test_file(path: &str) -> bool {
    path.ends_with("_test.rs") || path.ends_with("/testing.rs")
}

/// The lines of a file that could panic.
pub(crate) fn places(text: &str) -> Vec<usize> {
    let all = tokens(text);
    let kept = without_tests(&all);
    let text_at = |at: usize| kept.get(at).map_or("", |token: &&Token| token.text.as_str());
    let mut found = Vec::new();
    for (at, token) in kept.iter().enumerate() {
        let (before, after) = (if at > 0 { text_at(at - 1) } else { "" }, text_at(at + 1));
        let called = before == "." && after == "(";
        let panics = match token.text.as_str() {
            "unwrap" | "expect" => called,
            "[" => {
                // Behind a value; not a type, a pattern, an attribute or the arguments of a macro.
                let word = before.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
                let keyword = ["let", "in", "mut", "return", "match", "else", "ref", "dyn", "as"];
                (word && !keyword.contains(&before)) || [")", "]"].contains(&before)
            }
            word => MACROS.contains(&word) && after == "!",
        };
        if panics {
            found.push(token.line);
        }
    }
    found
}

/// Nothing in the library ends the process.
fn ends(file: &File) -> Faults {
    let all = tokens(&file.text);
    let kept = without_tests(&all);
    let end = |pair: &[&Token]| {
        ["abort", "exit", "_exit", "process_abort"].contains(&pair[0].text.as_str())
            && pair[1].text == "("
    };
    let lines = kept.windows(2).filter(|pair| end(pair)).map(|pair| pair[0].line);
    lines.map(|line| format!("{}:{line}: ends the process", file.path)).collect()
}

pub(crate) fn faults(files: &[File]) -> Faults {
    let mut faults = Faults::new();
    for file in files {
        if file.path.starts_with("src/") && !is_test_file(&file.path) {
            faults.extend(ends(file));
        }
        let room = file.path.strip_prefix("src/").and_then(|rest| rest.split('/').next());
        if !room.is_some_and(|room| ROOMS.contains(&room)) || is_test_file(&file.path) {
            continue;
        }
        let found = places(&file.text);
        let allowed = ALLOWED.iter().find(|row| row.0 == file.path).map_or(0, |row| row.1);
        if found.len() != allowed {
            faults.push(format!(
                "{}: {} operations that could panic (lines {found:?}), and {allowed} are explained in \
                 tests/house/panics.rs",
                file.path,
                found.len()
            ));
        }
    }
    for (path, _, _) in ALLOWED {
        if !files.iter().any(|file| file.path == *path) {
            faults.push(format!("{path}: not there any more, but in tests/house/panics.rs"));
        }
    }
    faults
}

#[test]
fn operations_that_could_panic_are_found() {
    let source = "#[derive(Debug)]\nfn f(a: [u8; 3], b: &[u8]) {\n let [c, d] = x;\n b[1];\n f()[2];\n \
                  v.unwrap();\n v.unwrap_or(1);\n vec![1];\n panic!(\"\");\n debug_assert!(a);\n expect();\n}\n\
                  #[cfg(test)]\nmod tests {\n fn g() { v.unwrap(); b[1]; }\n}\n";
    assert_eq!(places(source), [4, 5, 6, 9]);
}
