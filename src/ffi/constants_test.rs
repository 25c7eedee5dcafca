//! The options have the same numbers in the header and in the core.

use std::collections::HashMap;

fn numbers<'a>(source: &'a str, before: &str, between: &str) -> HashMap<&'a str, i32> {
    let pairs = source.lines().filter_map(|line| {
        let (name, value) = line.trim().strip_prefix(before)?.split_once(between)?;
        Some((name, value.strip_suffix(';')?.parse().ok()?))
    });
    pairs.collect()
}

#[test]
fn options_have_one_number() {
    let header = [include_str!("constants.rs"), include_str!("constants_draft.rs")].concat();
    let header = numbers(&header, "pub const ZMQ_", ": c_int = ");
    let core = numbers(include_str!("../options/numbers.rs"), "", " = ");
    assert!(core.len() > 100 && header.len() > 150);
    for (name, number) in core {
        assert_eq!(header.get(name), Some(&number), "{name}");
    }
}
