//! Tests of `rules.rs`: what breaks a rule is caught, what keeps to it is not.

use crate::not_yet;
use crate::rules::{
    File, TOO_LONG, file_faults, folders_of_machine, machine_paths, room_faults, room_of,
    rooms_as_markdown,
};

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// The faults of a file among a few others.
fn faults(path: &str, text: &str) -> Vec<String> {
    let others = ["src/patterns/dealer.rs", "src/patterns/mod.rs", "src/pipe/byte_queue.rs"];
    let files: Vec<File> = others.iter().map(|path| file(path, "//! x\n")).collect();
    room_faults(&file(path, text), &files)
}

#[test]
fn rooms_are_found_by_the_longest_name() {
    let name = |path| room_of(path).map(|room| room.name);
    assert_eq!(name("src/error.rs"), Some("error"));
    assert_eq!(name("src/error_test.rs"), Some("error"));
    assert_eq!(name("src/pipe/mod.rs"), Some("pipe"));
    assert_eq!(name("src/runtime/reactor.rs"), Some("runtime"));
    assert_eq!(name("src/runtime/session.rs"), Some("runtime/session"));
    assert_eq!(name("src/runtime/session/write.rs"), Some("runtime/session"));
    assert_eq!(name("src/runtime/session_test.rs"), Some("runtime/session"));
    assert_eq!(name("src/lib.rs"), Some("lib"));
    assert_eq!(name("src/attic/mod.rs"), None);
}

#[test]
fn a_room_that_is_not_in_the_table_is_caught() {
    assert_eq!(faults("src/attic/mod.rs", "//! x\n").len(), 1);
}

#[test]
fn a_use_of_a_forbidden_room_is_caught() {
    let found = faults("src/routing/fair_queue.rs", "//! x\nuse crate::socket::Socket;\n");
    assert_eq!(
        found,
        ["src/routing/fair_queue.rs:2: `routing` may not use `crate::socket::Socket`"]
    );
    assert_eq!(faults("src/zmtp/codec.rs", "//! x\nfn f() { crate::sys::now() }").len(), 1);
    assert_eq!(faults("src/ffi/socket.rs", "//! x\nuse crate::{error::Error, zmtp};").len(), 1);
    assert_eq!(faults("src/pipe/conflate.rs", "//! x\nuse super::super::runtime::Wake;").len(), 1);
}

#[test]
fn only_the_front_door_of_patterns_is_open_to_the_socket() {
    assert_eq!(faults("src/socket/endpoints.rs", "//! x\nuse crate::patterns::Pattern;"), [""; 0]);
    assert_eq!(
        faults("src/socket/endpoints.rs", "//! x\nuse crate::patterns::dealer::Dealer;").len(),
        1
    );
    assert_eq!(faults("src/socket/endpoints.rs", "//! x\nuse crate::patterns::*;").len(), 1);
}

#[test]
fn one_item_of_a_room_can_be_open() {
    assert_eq!(faults("src/zmtp/command.rs", "//! x\nuse crate::patterns::SocketType;"), [""; 0]);
    assert_eq!(faults("src/zmtp/command.rs", "//! x\nuse crate::patterns::Pattern;").len(), 1);
}

#[test]
fn one_part_of_a_room_alone_joins_others() {
    let text = "//! x\nuse crate::pipe::Pipe;\nuse crate::zmtp::Engine;\n";
    assert_eq!(faults("src/runtime/connection.rs", text), [""; 0]);
    assert_eq!(faults("src/runtime/reactor.rs", text).len(), 2);
}

#[test]
fn a_file_may_use_its_own_room_and_tests_may_use_any() {
    assert_eq!(faults("src/routing/a.rs", "//! x\nuse crate::routing::b::B;"), [""; 0]);
    assert_eq!(faults("src/routing/a_test.rs", "//! x\nuse crate::socket::Socket;"), [""; 0]);
}

#[test]
fn unsafe_where_it_may_not_stand_is_caught() {
    let text = "//! x\n// unsafe words are free\nfn f() { unsafe { g() } }\n";
    assert_eq!(
        faults("src/zmtp/codec.rs", text),
        ["src/zmtp/codec.rs:3: `unsafe` may not stand here"]
    );
    assert_eq!(faults("src/pipe/conflate.rs", text).len(), 1);
    assert_eq!(faults("src/pipe/byte_queue.rs", text), [""; 0]);
    assert_eq!(faults("src/pipe/byte_queue/chunk.rs", text), [""; 0]);
    assert_eq!(faults("src/sys/epoll.rs", text), [""; 0]);
}

#[test]
fn a_room_that_does_not_forbid_unsafe_at_its_door_is_caught() {
    assert_eq!(faults("src/zmtp/mod.rs", "//! x\nmod codec;\n").len(), 1);
    assert_eq!(faults("src/z85.rs", "//! x\nfn f() {}\n").len(), 1);
    assert_eq!(faults("src/pipe/mod.rs", "//! x\nmod byte_queue;\n").len(), 1);
    assert_eq!(faults("src/zmtp/mod.rs", "//! x\n#![forbid(unsafe_code)]\n"), [""; 0]);
    assert_eq!(faults("src/pipe/mod.rs", "//! x\n#![deny(unsafe_code)]\n"), [""; 0]);
    assert_eq!(faults("src/zmtp/codec.rs", "//! x\n"), [""; 0]);
    assert_eq!(faults("src/sys/mod.rs", "//! x\n"), [""; 0]);
}

#[test]
fn long_files_and_files_that_do_not_say_what_they_are_are_caught() {
    assert_eq!(file_faults(&file("src/a.rs", "use std::fs;\n")).len(), 1);
    let long = format!("//! x\n{}", "\n".repeat(TOO_LONG));
    assert_eq!(file_faults(&file("src/a.rs", &long)).len(), 1);
    assert_eq!(file_faults(&file("src/a.rs", "//! x\n")), [""; 0]);
}

#[test]
fn paths_of_one_machine_are_caught() {
    let folders = ["/somewhere/else/".to_owned()];
    let found = machine_paths("README.md", "one\ncd /somewhere/else/x\n", &folders);
    assert_eq!(found, ["README.md:2: a path of one machine (/somewhere/else/)"]);
    assert_eq!(machine_paths("README.md", "cd somewhere\n", &folders), [""; 0]);
}

#[test]
fn a_clone_may_lie_anywhere() {
    let folders = |parent, home| folders_of_machine(Some(parent), Some(home));
    assert_eq!(folders("/src", "/build"), [""; 0]);
    assert_eq!(folders("/", "/"), [""; 0]);
    assert_eq!(folders("/data/projects", "/var/lib/me/"), ["/data/projects/", "/var/lib/me/"]);
    assert_eq!(folders("/tmp", "/r\u{6f}ot"), ["/r\u{6f}ot/"]);
    assert_eq!(folders_of_machine(None, None), [""; 0]);
}

#[test]
fn the_table_has_a_row_for_each_room() {
    let table = rooms_as_markdown();
    assert!(table.contains("| error |") && table.contains("byte_queue"));
}

#[test]
fn dead_links_are_caught() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = "[a](../Cargo.toml) [b](https://example.org)\n[c](nowhere.md#part) [d](#part)\n";
    let found = crate::rules::dead_links(&file("docs/x.md", text), top);
    assert_eq!(found, ["docs/x.md:2: no file nowhere.md"]);
}

#[test]
fn refusals_that_are_not_listed_are_caught() {
    let text =
        "//! x\nfn f() {\n    Err(Error::NOTSUP)\n}\n#[cfg(test)]\nmod t { Error::NOTSUP }\n";
    let found = not_yet::faults(&[file("src/ffi/a.rs", text)]);
    assert_eq!(found, ["src/ffi/a.rs:3: NOTSUP without `// Not yet: ..` in the line above"]);
    assert_eq!(not_yet::faults(&[file("src/patterns/a.rs", text)]), [""; 0]);
}

#[test]
fn marks_are_read_and_must_have_a_text() {
    let text = "// Not yet: zmq_x - ENOTSUP\nErr(Error::NOTSUP)\n// Not yet: zmq_y\n";
    let files = [file("src/ffi/a.rs", text)];
    assert_eq!(not_yet::faults(&files).len(), 1);
    assert_eq!(not_yet::marks(&files)[0], ("zmq_x".to_owned(), "ENOTSUP".to_owned()));
    assert!(not_yet::as_markdown(&not_yet::marks(&files)).contains("| zmq_x | ENOTSUP |"));
}
