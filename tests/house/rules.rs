//! The rules of the house, each a function from one file to what is wrong with it.

use crate::rooms::{HALVES, ROOMS, Room, Unsafe};
use crate::source::{Path, crate_paths, tokens, without_tests};

/// Above this a file is named in a warning.
pub(crate) const LONG: usize = 400;
/// Above this the test fails.
pub(crate) const TOO_LONG: usize = 800;

/// A Rust file: its path from the top of the project, with `/`, and its text.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What is wrong, ready to print: `path:line: reason`.
pub(crate) type Faults = Vec<String>;

/// Everything that the rules say about one file below `src`; `files` is all of them.
pub(crate) fn room_faults(file: &File, files: &[File]) -> Faults {
    let Some(room) = room_of(&file.path) else {
        return vec![format!("{}: no such room in tests/house/rooms.rs", file.path)];
    };
    let mut faults = Faults::new();
    neighbours(file, room, files, &mut faults);
    unsafe_code(file, room, &mut faults);
    faults
}

/// What holds for every Rust file of the project.
pub(crate) fn file_faults(file: &File) -> Faults {
    let mut faults = Faults::new();
    if !file.text.trim_start().starts_with("//!") {
        faults.push(format!("{}:1: opens without `//!` (what it is, who calls it)", file.path));
    }
    let lines = file.text.lines().count();
    if lines > TOO_LONG {
        faults.push(format!("{}: {lines} lines, more than {TOO_LONG}: split it", file.path));
    }
    faults
}

/// The folders that only one machine has, of the one above the clone and the home folder. One that is a
/// single name, as /src or /build in a container, is no more than a word of a path elsewhere.
pub(crate) fn folders_of_machine(parent: Option<&str>, home: Option<&str>) -> Vec<String> {
    let names = |folder: &str| folder.split('/').filter(|name| !name.is_empty()).count();
    let folders = [parent, home].into_iter().flatten();
    let folders = folders.map(|folder| format!("{}/", folder.trim_end_matches('/')));
    folders.filter(|folder| names(folder) >= 2 || folder == "/r\u{6f}ot/").collect()
}

/// Folders that exist on one machine only, in a text of the project.
pub(crate) fn machine_paths(path: &str, text: &str, folders: &[String]) -> Faults {
    let mut faults = Faults::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(folder) = folders.iter().find(|folder| line.contains(folder.as_str())) {
            faults.push(format!("{path}:{}: a path of one machine ({folder})", index + 1));
        }
    }
    faults
}

/// Links of a document to files that are not there.
pub(crate) fn dead_links(document: &File, top: &std::path::Path) -> Faults {
    let folder = top.join(&document.path);
    let mut faults = Faults::new();
    for (index, line) in document.text.lines().enumerate() {
        for link in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
            if !elsewhere && !folder.with_file_name("").join(file).exists() {
                faults.push(format!("{}:{}: no file {file}", document.path, index + 1));
            }
        }
    }
    faults
}

/// The room with the longest name that covers `path` (`src/...`).
pub(crate) fn room_of(path: &str) -> Option<&'static Room> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let covers = |room: &&Room| {
        inside == room.name
            || inside.strip_prefix(room.name).is_some_and(|rest| {
                rest.starts_with('/') || (room.name.contains('/') && rest.starts_with('_'))
            })
            || inside == format!("{}_test", room.name)
    };
    ROOMS.iter().filter(covers).max_by_key(|room| room.name.len())
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("_test.rs") || path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Which other rooms the file names. Test code may name any.
fn neighbours(file: &File, room: &Room, files: &[File], faults: &mut Faults) {
    if is_test_file(&file.path) || room.name == "lib" {
        return;
    }
    let all = tokens(&file.text);
    let module = module_of(&file.path);
    for path in crate_paths(&without_tests(&all), &module) {
        let Some(target) = path.parts.first() else { continue };
        let own = module.first() == Some(&target.as_str());
        // Items of the crate root and macros are not rooms.
        if own || !ROOMS.iter().any(|room| room.name == target) {
            continue;
        }
        if !room.may_use.iter().any(|rule| allows(rule, &path, files)) {
            faults.push(format!(
                "{}:{}: `{}` may not use `crate::{}`",
                file.path,
                path.line,
                room.name,
                path.parts.join("::")
            ));
        }
    }
}

fn allows(rule: &str, path: &Path, files: &[File]) -> bool {
    let parts: Vec<&str> = path.parts.iter().map(String::as_str).collect();
    if let Some(front) = rule.strip_suffix('/') {
        // The front door only: the second part is not an inner file of that room.
        return parts.first() == Some(&front)
            && parts.get(1).is_none_or(|inner| *inner != "*" && !is_inner(front, inner, files));
    }
    let wanted: Vec<&str> = rule.split("::").collect();
    parts.starts_with(&wanted)
}

fn is_inner(room: &str, name: &str, files: &[File]) -> bool {
    let [file, folder] = [format!("src/{room}/{name}.rs"), format!("src/{room}/{name}/mod.rs")];
    files.iter().any(|known| known.path == file || known.path == folder)
}

fn module_of(path: &str) -> Vec<&str> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    inside.trim_end_matches("/mod").split('/').collect()
}

fn unsafe_code(file: &File, room: &Room, faults: &mut Faults) {
    let all = tokens(&file.text);
    let top = room.name.split('/').next().unwrap_or(room.name);
    let first = file.path == format!("src/{top}.rs") || file.path == format!("src/{top}/mod.rs");
    // `forbid` cannot be lifted further in, so a room with an exception denies at its door. What
    // its parts say is up to them; the scan for `unsafe` covers them all.
    let exceptions = ROOMS.iter().find(|room| room.name == top).map(|room| &room.unsafe_code);
    let opening = match exceptions {
        Some(Unsafe::Nowhere) if room.name != "lib" => "#![forbid(unsafe_code)]",
        // Until its exception is there, such a room may forbid as well.
        Some(Unsafe::In(_)) if file.text.contains("#![forbid(unsafe_code)]") => "",
        Some(Unsafe::In(_)) => "#![deny(unsafe_code)]",
        _ => "",
    };
    // A room that is still empty has nothing to forbid.
    if first && !file.text.contains(opening) && !all.is_empty() {
        faults.push(format!("{}:1: opens without `{opening}`", file.path));
    }
    let allowed = match &room.unsafe_code {
        Unsafe::Anywhere => true,
        Unsafe::In(modules) => modules.iter().any(|module| {
            let inside = file.path.strip_prefix(&format!("src/{}/{module}", room.name));
            inside.is_some_and(|rest| rest.starts_with(['.', '/', '_']))
        }),
        Unsafe::Nowhere => false,
    };
    if !allowed {
        for token in all.iter().filter(|token| token.text == "unsafe") {
            faults.push(format!("{}:{}: `unsafe` may not stand here", file.path, token.line));
        }
    }
}

/// The rooms that the table lets lead back to themselves. A room counts with its parts; a single item
/// that it may use (`patterns::SocketType`) does not.
pub(crate) fn circles() -> Vec<&'static str> {
    fn whole(name: &'static str) -> &'static str {
        name.split('/').next().unwrap_or(name)
    }
    let neighbours = |room: &'static str| {
        let parts = ROOMS.iter().filter(move |part| whole(part.name) == room);
        let used = parts.flat_map(|part| part.may_use).filter(|rule| !rule.contains("::"));
        used.map(|rule| whole(rule)).filter(move |other| {
            *other != room
                && !HALVES.iter().any(|pair| pair.contains(&room) && pair.contains(other))
        })
    };
    let leads_back = |start: &&'static str| {
        let (mut reached, mut next) = (Vec::new(), vec![*start]);
        while let Some(room) = next.pop() {
            for other in neighbours(room) {
                if !reached.contains(&other) {
                    reached.push(other);
                    next.push(other);
                }
            }
        }
        reached.contains(start)
    };
    let mut rooms: Vec<_> = ROOMS.iter().map(|room| whole(room.name)).collect();
    rooms.dedup();
    rooms.into_iter().filter(leads_back).collect()
}

/// The table of rooms as docs/architecture.md shows it.
pub(crate) fn rooms_as_markdown() -> String {
    let mut table = String::from("| room | what | may use | `unsafe` |\n|---|---|---|---|\n");
    for room in ROOMS {
        let uses = if room.may_use.is_empty() { "-".into() } else { room.may_use.join(" ") };
        let unsafe_code = match &room.unsafe_code {
            Unsafe::Nowhere => "-".to_owned(),
            Unsafe::Anywhere => "yes".to_owned(),
            Unsafe::In(modules) => modules.join(" "),
        };
        table += &format!("| {} | {} | {uses} | {unsafe_code} |\n", room.name, room.what);
    }
    table
}
