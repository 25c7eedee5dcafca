//! Reads Rust source as far as the house rules need it: tokens without comments and strings, the
//! paths that lead into another room, and where test code begins.

/// A token and its line.
#[derive(Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path from the root of the crate: `crate::pipe::PipeId` is `["pipe", "PipeId"]`.
#[derive(Debug, PartialEq)]
pub(crate) struct Path {
    pub(crate) parts: Vec<String>,
    pub(crate) line: usize,
}

/// The tokens of a file: words, `::`, and single marks. Comments, strings, characters and
/// lifetimes are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let from = at;
        let rest = &source[at..];
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            at += block_comment(rest);
        } else if let Some(length) = string(rest) {
            at += length;
        } else if bytes[at] == b'\'' {
            at += character_or_lifetime(rest);
        } else if is_word(rest) {
            let length = rest.find(|c: char| !word_char(c)).unwrap_or(rest.len());
            found.push(Token { text: rest[..length].to_owned(), line });
            at += length;
        } else if rest.starts_with("::") {
            found.push(Token { text: "::".to_owned(), line });
            at += 2;
        } else {
            let mark = rest.chars().next().unwrap_or(' ');
            if !mark.is_whitespace() {
                found.push(Token { text: mark.to_string(), line });
            }
            at += mark.len_utf8();
        }
        line += source[from..at].matches('\n').count();
    }
    found
}

fn word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_word(rest: &str) -> bool {
    rest.chars().next().is_some_and(word_char)
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Length of the string literal that `rest` starts with, its prefix included.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["", "b", "c", "r", "br", "cr"].iter().rev().find(|prefix| {
        rest.strip_prefix(**prefix).is_some_and(|after| {
            after.starts_with('"') || (prefix.ends_with('r') && raw_start(after).is_some())
        })
    })?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = raw_start(body)?;
        let end = format!("\"{}", "#".repeat(hashes));
        let inner = hashes + 1;
        let length = body[inner..].find(&end).map_or(body.len(), |found| inner + found + end.len());
        return Some(prefix.len() + length);
    }
    let mut escaped = false;
    for (index, c) in body.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(prefix.len() + index + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// How many `#` stand before the quote of a raw string.
fn raw_start(after: &str) -> Option<usize> {
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

fn character_or_lifetime(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            // The escaped character itself may be a quote.
            chars.next();
            chars.find(|(_, c)| *c == '\'').map_or(rest.len(), |(index, _)| index + 1)
        }
        Some((index, c)) => {
            let after = index + c.len_utf8();
            let word = rest[after..].find(|c: char| !word_char(c)).unwrap_or(rest.len() - after);
            if rest[after..].starts_with('\'') { after + 1 } else { after + word }
        }
        None => 1,
    }
}

/// The tokens that are not inside `#[cfg(test)]` items.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<&Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(after) = test_attribute(tokens, at) {
            at = end_of_item(tokens, after);
        } else {
            kept.push(&tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Where the attribute `#[cfg(test)]` or `#[cfg(all(test, ..))]` at `at` ends.
fn test_attribute(tokens: &[Token], at: usize) -> Option<usize> {
    let text = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text.as_str());
    let plain = text(4) == "test";
    let all = text(4) == "all" && text(6) == "test";
    if text(0) == "#" && text(1) == "[" && text(2) == "cfg" && (plain || all) {
        let end = tokens[at..].iter().position(|token| token.text == "]")?;
        return Some(at + end + 1);
    }
    None
}

/// Where the item that starts at `from` ends: behind its `;` or its closing brace.
fn end_of_item(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return index + 1;
                }
            }
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Every path that starts at `crate`, or that climbs there with `super`, in a file whose module is
/// `module` (`["pipe", "byte_queue"]`). Groups are spread out.
pub(crate) fn crate_paths(tokens: &[&Token], module: &[&str]) -> Vec<Path> {
    let mut found = Vec::new();
    let mut inline: Vec<usize> = Vec::new();
    let mut depth = 0;
    let mut at = 0;
    while at < tokens.len() {
        let text = tokens[at].text.as_str();
        let follows = |offset: usize| tokens.get(at + offset).map_or("", |t| t.text.as_str());
        match text {
            "mod" if follows(2) == "{" => inline.push(depth),
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                }
            }
            "crate" if follows(1) == "::" => {
                at = tree(tokens, at + 2, &[], &mut found);
                continue;
            }
            "super" if at == 0 || tokens[at - 1].text != "::" => {
                let mut climbed = 1;
                while follows(2 * climbed) == "super" {
                    climbed += 1;
                }
                let next = at + 2 * climbed;
                let levels = module.len() + inline.len();
                if climbed == levels && tokens.get(next - 1).is_some_and(|t| t.text == "::") {
                    at = tree(tokens, next, &[], &mut found);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads one use tree (or plain path) behind a `::` and gives where it ends.
fn tree(tokens: &[&Token], mut at: usize, stem: &[String], found: &mut Vec<Path>) -> usize {
    let mut parts = stem.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        match tokens.get(at).map(|token| token.text.as_str()) {
            Some("{") => {
                at += 1;
                while let Some(token) = tokens.get(at) {
                    match token.text.as_str() {
                        "}" => return at + 1,
                        "," => at += 1,
                        _ => at = tree(tokens, at, &parts, found),
                    }
                }
                return at;
            }
            Some(word) if is_word(word) || word == "*" => {
                if word != "self" || parts.is_empty() {
                    parts.push(word.to_owned());
                }
                at += 1;
            }
            // Something unexpected, as `crate::` in a macro: step over it.
            _ => at += 1,
        }
        if tokens.get(at).is_some_and(|token| token.text == "::") {
            at += 1;
            // Generic arguments end the path: `crate::pipe::Queue::<u8>`.
            if tokens.get(at).is_some_and(|token| token.text == "<") {
                break;
            }
        } else {
            break;
        }
    }
    if tokens.get(at).is_some_and(|token| token.text == "as") && !stem.is_empty() {
        at += 2;
    }
    found.push(Path { parts, line });
    at
}
