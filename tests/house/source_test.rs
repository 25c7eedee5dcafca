//! Tests of `source.rs`: the reader that the house rules rely on.

use crate::source::{crate_paths, tokens, without_tests};

fn words(source: &str) -> Vec<String> {
    tokens(source).into_iter().map(|token| token.text).collect()
}

fn paths(source: &str, module: &[&str]) -> Vec<String> {
    let all = tokens(source);
    crate_paths(&without_tests(&all), module).iter().map(|path| path.parts.join("::")).collect()
}

#[test]
fn comments_strings_characters_and_lifetimes_are_no_code() {
    let source = r####"
        // unsafe in a comment
        /* unsafe /* nested */ unsafe */
        let a = "unsafe \" unsafe"; let b = r#"unsafe " unsafe"#; let c = b"unsafe"; let d = c"unsafe";
        let e = '"'; let f = '\''; let g = '\u{41}'; fn h<'a>(x: &'a u8) {}
        end
    "####;
    let found = words(source);
    assert!(!found.contains(&"unsafe".to_owned()), "{found:?}");
    assert_eq!(found.last().map(String::as_str), Some("end"));
}

#[test]
fn lines_are_counted_through_strings_and_comments() {
    let found = tokens("a\n/* \n */ \"\n\" b");
    assert_eq!(found[0].line, 1);
    assert_eq!(found.last().map(|token| token.line), Some(4));
}

#[test]
fn groups_are_spread_out() {
    let source = "use crate::{error::{Error, Result}, pipe::{self, byte_queue::Queue as Q}, zmtp};";
    let expected = ["error::Error", "error::Result", "pipe", "pipe::byte_queue::Queue", "zmtp"]
        .map(String::from);
    assert_eq!(paths(source, &["socket"]), expected);
}

#[test]
fn paths_in_code_are_seen() {
    let source =
        "fn f(x: &crate::pipe::Pipe) { crate::zmtp::parse::<u8>(x); pub(crate) fn g() {} }";
    assert_eq!(paths(source, &["socket"]), ["pipe::Pipe", "zmtp::parse"]);
}

#[test]
fn a_climb_to_the_root_is_seen_and_a_shorter_one_is_not() {
    let source = "use super::super::zmtp::Engine; use super::queue::Queue;";
    assert_eq!(paths(source, &["pipe", "byte_queue"]), ["zmtp::Engine"]);
    let inline = "mod inner { use super::super::zmtp::Engine; } use super::zmtp;";
    assert_eq!(paths(inline, &["pipe"]), ["zmtp::Engine", "zmtp"]);
}

#[test]
fn test_code_is_left_out() {
    let source = "
        #[cfg(test)] mod x_test;
        #[cfg(all(test, not(loom)))] mod tests { use crate::zmtp::Engine; fn f() { if a {} } }
        #[cfg(test)] use crate::ffi::zmq_bind;
        use crate::error::Error;";
    assert_eq!(paths(source, &["pipe"]), ["error::Error"]);
}
