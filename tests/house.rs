//! The walls of the house: which room may use which, where `unsafe` may stand, how long a file may
//! be, how it opens. The table of rooms is `tests/house/rooms.rs`. Run alone by `make check-house`.

#[path = "house/not_yet.rs"]
mod not_yet;
#[path = "house/panics.rs"]
mod panics;
#[path = "house/rooms.rs"]
mod rooms;
#[path = "house/rules.rs"]
mod rules;
#[path = "house/rules_test.rs"]
mod rules_test;
#[path = "house/source.rs"]
mod source;
#[path = "house/source_test.rs"]
mod source_test;

use std::fs;
use std::path::{Path, PathBuf};

use rules::{Faults, File};

/// Rust code of the project stands below these.
const RUST: &[&str] = &["src", "tests", "benches", "examples", "fuzz", "tools", "build.rs"];

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `path` that belong to the project, as paths from the top.
fn walk(path: &Path, found: &mut Vec<String>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if [".git", "target", "stage", "__pycache__", "node_modules"].contains(&&*name) {
        return;
    }
    if path.is_dir() {
        // Cargo marks its output folders.
        if path.join("CACHEDIR.TAG").exists() {
            return;
        }
        let entries = fs::read_dir(path).expect("a readable folder").flatten();
        entries.for_each(|entry| walk(&entry.path(), found));
    } else if path.is_file() {
        let inside = path.strip_prefix(top()).expect("a file of the project");
        found.push(inside.to_string_lossy().into_owned());
    }
}

fn rust_files() -> Vec<File> {
    let mut paths = Vec::new();
    RUST.iter().for_each(|start| walk(&top().join(start), &mut paths));
    paths.retain(|path| path.ends_with(".rs"));
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: String) -> File {
    let text = fs::read_to_string(top().join(&path)).expect("a file in UTF-8");
    File { path, text }
}

fn report(faults: Faults) {
    assert!(faults.is_empty(), "the house rules are broken:\n{}\n", faults.join("\n"));
}

#[test]
fn every_room_keeps_to_its_neighbours() {
    let files = rust_files();
    let mut inside = files.iter().filter(|file| file.path.starts_with("src/")).peekable();
    assert!(inside.peek().is_some());
    report(inside.flat_map(|file| rules::room_faults(file, &files)).collect());
}

#[test]
fn no_room_leads_back_to_itself() {
    assert_eq!(rules::circles(), [""; 0]);
}

#[test]
fn every_file_opens_with_what_it_is_and_is_short() {
    let files = rust_files();
    for file in &files {
        let lines = file.text.lines().count();
        if lines > rules::LONG && lines <= rules::TOO_LONG {
            println!("warning: {}: {lines} lines, aim at {}", file.path, rules::LONG);
        }
    }
    report(files.iter().flat_map(rules::file_faults).collect());
}

#[test]
fn no_path_of_one_machine_is_in_a_file() {
    let parent = top().parent().map(|folder| folder.to_string_lossy().into_owned());
    let home = std::env::var("HOME").ok();
    let mut folders = rules::folders_of_machine(parent.as_deref(), home.as_deref());
    folders.push("/ho\u{6d}e/".to_owned());
    let mut paths = Vec::new();
    walk(&top(), &mut paths);
    let texts = paths.into_iter().filter_map(|path| {
        let text = fs::read_to_string(top().join(&path)).ok()?;
        Some(rules::machine_paths(&path, &text, &folders))
    });
    report(texts.flatten().collect());
}

/// Holds the part of a document between `<!-- name: ..` and `<!-- end of name -->` to `wanted`, or
/// rewrites it if UPDATE is set.
fn hold_to(document: &str, name: &str, wanted: &str) {
    let path = top().join(document);
    let text = fs::read_to_string(&path).expect("a document");
    let begin = text.find(&format!("<!-- {name}: ")).expect("the mark where the part begins");
    let begin = begin + text[begin..].find('\n').expect("a line") + 1;
    let end = text.find(&format!("<!-- end of {name} -->")).expect("the mark where it ends");
    let wanted = format!("{}{wanted}{}", &text[..begin], &text[end..]);
    if wanted != text && std::env::var_os("UPDATE").is_some() {
        fs::write(&path, wanted).expect("a document that can be written");
        return;
    }
    assert!(wanted == text, "{document} is stale: UPDATE=1 cargo test --test house");
}

#[test]
fn the_architecture_document_shows_the_table_of_rooms() {
    hold_to("docs/architecture.md", "rooms", &rules::rooms_as_markdown());
}

#[test]
fn what_is_not_there_yet_is_listed() {
    let files = rust_files();
    report(not_yet::faults(&files));
    hold_to("docs/not-yet.md", "list", &not_yet::as_markdown(&not_yet::marks(&files)));
}

#[test]
fn no_panic_can_be_reached_by_a_peer() {
    report(panics::faults(&rust_files()));
}

#[test]
fn the_readme_tells_which_rust_is_needed() {
    let wanted = concat!(env!("CARGO_PKG_RUST_VERSION"), " or newer");
    assert!(read("README.md".to_owned()).text.contains(wanted), "README.md does not say: {wanted}");
}

#[test]
fn documents_lead_to_files_that_exist() {
    let mut paths = Vec::new();
    walk(&top(), &mut paths);
    paths.retain(|path| path.ends_with(".md") && !path.starts_with("man/"));
    let documents = paths.into_iter().map(read);
    report(documents.flat_map(|file| rules::dead_links(&file, &top())).collect());
}

#[test]
fn every_room_of_the_table_exists() {
    let files = rust_files();
    for room in rooms::ROOMS {
        let [file, folder] = [format!("src/{}.rs", room.name), format!("src/{}/", room.name)];
        let exists =
            files.iter().any(|other| other.path == file || other.path.starts_with(&folder));
        // A part that has rules of its own may come later.
        assert!(exists || room.name.contains('/'), "no file is in the room {}", room.name);
    }
}
