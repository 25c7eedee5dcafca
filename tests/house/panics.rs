//! No panic that a peer or a caller could reach: every operation of the library that can panic is in the
//! list below, with the reason why it does not.
//!
//! Looked for are `unwrap` and `expect`, the macros that panic, indexing, the standard library's
//! functions that panic over their arguments, division by what is not a constant, and data of a
//! thread's own, which it has no more when it ends. Not sums and products, which wrap in a release,
//! nor `insert` and `remove`, which maps have as well, nor what the library's crates do. Test code
//! may do all of it. And nowhere in the library anything ends the process.

use crate::rules::{Faults, File};
use crate::source::{Token, tokens, without_tests};

/// File, how many such operations it has, and why none of them panics.
#[rustfmt::skip]
const ALLOWED: &[(&str, usize, &str)] = &[
    ("src/zmtp/greeting.rs", 8, "arrays of 64 bytes at constant places; what is taken fits, as `wanted` is at most 64; parts of one length"),
    ("src/zmtp/inbound.rs", 1, "the first of the bytes of which a header was read"),
    ("src/zmtp/outbound.rs", 2, "the whole of a slice; the first of one byte"),
    ("src/mechanism/curve/boxes.rs", 8, "constant parts of arrays of 24 bytes; both of one constant length"),
    ("src/mechanism/curve/stream.rs", 7, "the whole of a slice; tags of one length; lengths that were compared; by at least one block; constant lengths"),
    ("src/mechanism/gssapi/message.rs", 4, "`unwrap` is the word of GSSAPI for decrypting, and gives a Result; places of the length of what goes there"),
    ("src/mechanism/gssapi/mod.rs", 1, "the same"),
    ("src/transport/address.rs", 1, "up to a place that `find` gave in the same text"),
    ("src/transport/tcp/socks.rs", 3, "`sent` and `received` only grow by what was sent and received of the same buffers; the longest reply fits"),
    ("src/transport/tipc.rs", 1, "the whole of a list"),
    ("src/transport/ws/decoder.rs", 6, "a key of four bytes, at places below four; a header is complete before its key is read; parts of one length"),
    ("src/transport/ws/encoder.rs", 3, "a header or command ends the state in which it is collected when it is full; a key of four bytes"),
    ("src/transport/ws/frame.rs", 2, "a key of four bytes, at places below four; by less than the length"),
    ("src/transport/ws/layer.rs", 9, "a greeting of 64 bytes at constant places; mechanisms have at most six letters; a part of the length of what goes there"),
    ("src/runtime/incoming/large.rs", 2, "`Stream::expect` waits for bytes; a part of the length of what goes there"),
    ("src/ffi/message.rs", 2, "asserted when it is compiled"),
    ("src/ffi/poll.rs", 1, "asserted when it is compiled"),
    ("src/message/metadata.rs", 2, "the whole of a slice; up to a place that `position` gave in the same bytes"),
    ("src/message/mod.rs", 2, "asserted when it is compiled; up to a length that was compared with the array's"),
    ("src/message/spare/depot.rs", 2, "asserted when it is compiled"),
    ("src/message/spare/rack.rs", 1, "`Magazine::expect` asks for memory that will be wanted"),
    ("src/options/accept_filter.rs", 1, "up to a place that `find` gave in the same text"),
    ("src/options/context.rs", 4, "the length was compared with the buffer's; from a place that `position` gave in the same bytes; both lengths are that"),
    ("src/options/store.rs", 4, "on both sides of a colon that `position` found in the same bytes; keys of 32 bytes; a place of the length of what goes there"),
    ("src/options/table.rs", 4, "made when it is compiled; the length was compared with the buffer's"),
    ("src/patterns/req.rs", 2, "from the first or second on of two; the whole of a slice"),
    ("src/pipe/byte_queue/reader/network.rs", 4, "`count` was compared with the length of `slices`; of a body no more is consumed than it has"),
    ("src/pipe/byte_queue/sync.rs", 1, "of loom's part"),
    ("src/pipe/byte_queue/writer/straight.rs", 1, "asserted when it is compiled"),
    ("src/pipe/set.rs", 2, "by numbers that `ids` gave and nothing has removed since; patterns ask by `get`"),
    ("src/poller.rs", 1, "the number of items was compared with the array's"),
    ("src/poller/recall.rs", 4, "up to a place that `position` gave in the same list; by the size of an item, and `LINE`"),
    ("src/poller/set.rs", 2, "a place that `position` gave in the same list; what was found is at most what there is room for"),
    ("src/proxy.rs", 5, "an array of three at constant places, or up to two or three of it"),
    ("src/routing/pipe_list.rs", 8, "`places` has been made long enough for the number of each pipe in the list; places of the list come from there; the list's own `swap`"),
    ("src/routing/prefix_map.rs", 26, "up to lengths that were compared; buckets behind a mask of the table's length, lanes below the bucket's; entries named by the table are there; places that `binary_search` gave; of the key's own length, which was compared with the array's"),
    ("src/routing/routing_table.rs", 4, "a place that was made just now; constant parts of an array of five bytes; four bytes of five"),
    ("src/routing/subscriptions.rs", 7, "the list of pipes has just been made long enough; the whole of a slice"),
    ("src/socket/looping.rs", 1, "`Direct::expect` looks forward to an answer"),
    ("src/socket/monitoring.rs", 1, "a number that `ids` gave just now"),
    ("src/socket/option.rs", 2, "the same; a place of the length of what goes there"),
    ("src/socket/waiting.rs", 8, "numbers that `ids` gave just now; `count` stays at most the length of both arrays; from what is at most the length"),
    ("src/sys/address.rs", 1, "asserted when it is compiled"),
    ("src/sys/bell.rs", 8, "an array of one more than a wait's descriptors; of loom's part"),
    ("src/sys/pgm/mod.rs", 2, "the first of a list that was asked whether it is empty, and of an array of constant length"),
    ("src/sys/pieces.rs", 2, "by at least `LEAST`; at what is at most the length"),
    ("src/sys/poly1305/mod.rs", 6, "lanes below a constant number; by half of a constant number of lanes"),
    ("src/sys/poly1305/wide.rs", 26, "arrays of constant lengths, by loops over these"),
    ("src/sys/salsa20.rs", 71, "arrays of constant lengths, by loops over these; four of an array of 16"),
    ("src/sys/signaler.rs", 2, "the two of an array"),
    ("src/sys/sync.rs", 2, "of loom's part"),
    ("src/context/handle.rs", 3, "by sizes that are not 0, one more than what may be 0; by the size of a slot"),
    ("src/ffi/arg.rs", 1, "by at least one"),
    ("src/mechanism/curve/x25519.rs", 1, "keys of 32 bytes"),
    ("src/message/spare.rs", 2, "sizes up to `FIRST` have a class before that; by a constant"),
    ("src/message/subscription.rs", 3, "a message of the sum of both lengths"),
    ("src/options/values.rs", 1, "keys of 32 bytes"),
    ("src/patterns/radio.rs", 1, "a place that `position` gave just now"),
    ("src/pipe/byte_queue/writer/network.rs", 1, "from a place that is at most the length"),
    ("src/routing/distributor.rs", 5, "`PipeList::swap`, of places below the borders, which are at most the length"),
    ("src/routing/distributor/together.rs", 2, "the same"),
    ("src/routing/turn.rs", 2, "`PipeList::swap`, of places below or at `active`, which is below the length"),
    ("src/runtime/backoff.rs", 1, "by at least one"),
    ("src/runtime/incoming.rs", 3, "up to what is at most the length; a part of the length of what goes there"),
    ("src/runtime/incoming/staging.rs", 1, "a part of the length of what goes there"),
    ("src/runtime/incoming/wrapped.rs", 3, "less is held than half of the buffer; up to what is at most the length"),
    ("src/runtime/outgoing.rs", 1, "at one at most, of an array of more"),
    ("src/sys/pages.rs", 1, "by the size of a page"),
    ("src/sys/reserve.rs", 1, "by the size of a class, or one"),
    ("src/sys/errand.rs", 1, "without a destructor it is there to the last"),
    ("src/sys/thread.rs", 2, "without a destructor it is there to the last; of loom's part"),
    ("src/transport/multicast/incoming.rs", 1, "up to where whole frames end in the same bytes"),
    ("src/transport/multicast/norm.rs", 3, "by one, as there is a first; the whole of an array; of the tests' part"),
    ("src/transport/multicast/pgm.rs", 5, "the whole of an array; of the tests' part; between constants"),
    ("src/transport/ws/mod.rs", 1, "at a place that `find` gave in the same text"),
    ("src/z85.rs", 4, "below 85 by the remainder; by a byte in a table of 256"),
];

const MACROS: &[&str] =
    &["panic", "unreachable", "todo", "unimplemented", "assert", "assert_eq", "assert_ne"];

fn is_test_file(path: &str) -> bool {
    path.ends_with("_test.rs") || path.ends_with("/testing.rs")
}

/// What panics when lengths differ, a place is beyond the end, or a value is borrowed already.
#[rustfmt::skip]
const STRICT: &[&str] = &[
    "unwrap", "expect", "copy_from_slice", "clone_from_slice", "copy_within", "split_at", "split_at_mut", "split_off",
    "swap", "swap_remove", "drain", "rotate_left", "rotate_right", "chunks", "chunks_exact", "chunks_mut", "windows",
    "step_by", "clamp", "ilog2", "ilog10", "borrow", "borrow_mut",
];

/// What makes `swap` that of an atomic, and `drain` that of everything.
fn is_harmless(name: &str, arguments: &[&Token]) -> bool {
    let end = arguments.iter().position(|token| token.text == ")").unwrap_or(0);
    let mut arguments = arguments[..end].iter().map(|token| token.text.as_str());
    let orders = ["Ordering", "AcqRel", "Acquire", "Release", "Relaxed", "SeqCst"];
    match name {
        "swap" => arguments.any(|word| orders.contains(&word)),
        "drain" => end == 0 || arguments.collect::<String>() == "..",
        _ => false,
    }
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
            "with" => {
                let place = if at > 1 { text_at(at - 2) } else { "" };
                called && place.chars().all(|c| c.is_uppercase() || c == '_')
            }
            "/" | "%" => {
                // The mark stands for `/=` as well.
                let by = if after == "=" { text_at(at + 2) } else { after };
                by == "(" || by.starts_with(|c: char| c.is_lowercase())
            }
            word if STRICT.contains(&word) => {
                called && !is_harmless(word, kept.get(at + 2..).unwrap_or_default())
            }
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
        ["abort", "exit", "_exit", "process_abort", "handle_alloc_error"]
            .contains(&pair[0].text.as_str())
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
        // What is only compiled for the fuzzer may stop it.
        if !file.path.starts_with("src/") || file.path == "src/fuzz.rs" || is_test_file(&file.path)
        {
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
                  a / 2; a % b; a /= c;\n s.swap(1, 2);\n s.swap(1, AcqRel);\n d.drain(..);\n d.drain(..n);\n\
                  L.with(f); l.with(f);\n\
                  #[cfg(test)]\nmod tests {\n fn g() { v.unwrap(); b[1]; }\n}\n";
    assert_eq!(places(source), [4, 5, 6, 9, 13, 13, 14, 17, 18]);
}
