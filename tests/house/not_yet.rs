//! What is not there yet is marked where the code refuses it and listed in docs/not-yet.md.
//!
//! The mark is a comment of one line, `// Not yet: <name> - <what it answers>`. Code behind the C
//! boundary that answers NOTSUP must carry one, so nothing is missing from the list by accident.

use crate::rules::{Faults, File};

/// What a comment must start with to be a mark.
const MARK: &str = "// Not yet: ";

/// Rooms whose every NOTSUP stands for something that is to come. Elsewhere it is also what
/// libzmq answers, for example from a pattern that cannot send.
const WATCHED: &[&str] = &["src/ffi/", "src/context/", "src/mechanism/"];

/// Name and text of every mark.
pub(crate) fn marks(files: &[File]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("src/")) {
        for line in file.text.lines() {
            let Some((_, mark)) = line.split_once(MARK) else { continue };
            let (name, text) = mark.split_once(" - ").unwrap_or((mark, ""));
            found.push((name.trim().to_owned(), text.trim().to_owned()));
        }
    }
    found.sort();
    found
}

/// Refusals without a mark, and marks without a text.
pub(crate) fn faults(files: &[File]) -> Faults {
    let mut faults = Faults::new();
    for file in files.iter().filter(|file| file.path.starts_with("src/")) {
        let watched = WATCHED.iter().any(|room| file.path.starts_with(room));
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut before = "";
        for (index, line) in code.lines().enumerate() {
            let place = format!("{}:{}", file.path, index + 1);
            if line.contains(MARK) && !line.contains(" - ") {
                faults.push(format!("{place}: a mark is `{MARK}<name> - <what it answers>`"));
            }
            let refuses = line.contains("Error::NOTSUP") && !line.trim_start().starts_with("//");
            if watched && refuses && !before.contains(MARK) && !line.contains(MARK) {
                faults.push(format!("{place}: NOTSUP without `{MARK}..` in the line above"));
            }
            before = line;
        }
    }
    faults
}

/// The list as docs/not-yet.md shows it.
pub(crate) fn as_markdown(marks: &[(String, String)]) -> String {
    if marks.is_empty() {
        return "Nothing: everything is there.\n".to_owned();
    }
    let mut table = String::from("| what | answers until then |\n|---|---|\n");
    for (name, text) in marks {
        table += &format!("| {name} | {text} |\n");
    }
    table
}
