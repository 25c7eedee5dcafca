//! Keeps `docs/options.md` equal to the tables: `UPDATE=1 cargo test options_document` writes it.

use std::fmt::Write;
use std::path::Path;

use crate::options::row::{Get, Kinds, Null, Rule, Set, Store};
use crate::options::{ContextOptions, SocketOptions, context, numbers, rows};
use crate::patterns::SocketType;

const HEAD: &str = "# Options

Written by `UPDATE=1 cargo test options_document` from the tables in `src/options`; what each option
does is told by zmq_setsockopt(3), zmq_getsockopt(3) and zmq_ctx_set(3). Whatever breaks a rule is
`EINVAL`; once a call on the socket has answered `ETERM`, any option of it is `ETERM`, too.

Reading needs a buffer of exactly 4 bytes for an int and of 8 for a long. Where it says *int, 4 or
more*, a larger buffer is zeroed behind the value; bytes and text need room for all of it, text with
a NUL at the end that the length counts. A CURVE key is read as 32 bytes or, into 41, as text.
";

fn kinds(kinds: &Kinds) -> String {
    match kinds {
        Kinds::All => "all".to_owned(),
        Kinds::Only(kinds) => kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" "),
    }
}

/// A range as people write it.
fn range(min: i32, max: i32) -> String {
    match (min, max) {
        (i32::MIN, i32::MAX) => "any int".to_owned(),
        (0, 1) => "int 0 or 1".to_owned(),
        (min, i32::MAX) => format!("int from {min}"),
        (min, max) => format!("int {min} to {max}"),
    }
}

fn rule(set: &Set) -> String {
    match set.rule {
        Rule::Int { min, max } => range(min, max),
        Rule::Wide => "64 bits".to_owned(),
        Rule::Bytes { min, max, null } => {
            let length = match (min, max) {
                (min, usize::MAX) if min < 2 => {
                    if min == 0 { "bytes" } else { "bytes, not empty" }.to_owned()
                }
                (min, max) if min == max => format!("{min} bytes"),
                (min, max) => format!("{min} to {max} bytes"),
            };
            let null = match null {
                Null::Refused | Null::Empty => "",
                Null::Resets | Null::ResetsAtAnyLength => "; NULL takes it back",
            };
            length + null
        }
    }
}

fn read(get: &Get) -> &'static str {
    match get {
        Get::Int(_) => "int",
        Get::RoomyInt(_) | Get::Pattern(_) => "int, 4 or more",
        Get::Wide(_) => "64 bits",
        Get::Bytes(_) => "bytes",
        Get::Text(_) => "text",
        Get::Key(_) => "key",
        Get::Spoilt(_) => "`EINVAL`, yet the int is written",
        Get::Socket => "int, 4 or more",
    }
}

fn default(get: &Get) -> String {
    let options = SocketOptions::new(SocketType::Pair, &ContextOptions::default());
    match get {
        Get::Int(value) | Get::RoomyInt(value) | Get::Spoilt(value) => value(&options).to_string(),
        Get::Wide(value) => i64::from_ne_bytes(value(&options)).to_string(),
        Get::Bytes(value) | Get::Text(value) if value(&options).is_empty() => "empty".to_owned(),
        Get::Key(_) => "zeros".to_owned(),
        _ => String::new(),
    }
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    text += "\n## Sockets\n\nDefaults are those of a PAIR socket. Kept by: the *options*,\nthe *pattern* alone, or computed by the *socket*.\n\n";
    text += "| option | number | value | may be set on | read as | read on | default | kept by |\n";
    text += "|---|---|---|---|---|---|---|---|\n";
    for row in rows::ROWS {
        let (value, set_on, keeper) = match &row.set {
            Some(set) => {
                let keeper =
                    if matches!(set.store, Store::Pattern) { "pattern" } else { "options" };
                (rule(set), kinds(&set.on), keeper)
            }
            None => (String::new(), String::new(), "socket"),
        };
        let (read_as, read_on, default) = match &row.get {
            // The rows whose values the socket computes do not say how they look.
            Some(Get::Socket) if row.number == numbers::LAST_ENDPOINT => {
                ("text", "all".to_owned(), "empty".to_owned())
            }
            Some(Get::Socket) if row.number == numbers::FD => {
                ("int, 4 or more", "all but the thread-safe".to_owned(), String::new())
            }
            Some(Get::Pattern(on)) => ("int, 4 or more", kinds(on), String::new()),
            Some(get) => (read(get), "all".to_owned(), default(get)),
            None => ("", String::new(), String::new()),
        };
        writeln!(
            text,
            "| {} | {} | {value} | {set_on} | {read_as} | {read_on} | {default} | {keeper} |",
            row.name, row.number
        )
        .unwrap();
    }
    text += "\n## Contexts\n\nEvery value is an int of exactly four bytes. ZMQ_THREAD_NAME_PREFIX also takes 1 to 16 ";
    text += "bytes of text, and gives\nthem into any buffer they fit into; as an int it is the number the text begins with.\n\n";
    text += "| option | number | value | default when read |\n|---|---|---|---|\n";
    for row in context::ROWS {
        let value = row.set.map_or(String::new(), |(min, _)| range(min, i32::MAX));
        let default =
            row.get.map_or(String::new(), |get| get(&ContextOptions::default()).to_string());
        writeln!(text, "| {} | {} | {value} | {default} |", row.name, row.number).unwrap();
    }
    text
}

#[test]
fn options_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/options.md");
    let wanted = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/options.md is stale: UPDATE=1 cargo test options_document");
}
