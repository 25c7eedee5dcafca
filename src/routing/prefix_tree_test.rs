//! Unit tests of the prefix tree: against a plain map, and at sizes that peers may choose.

use std::collections::BTreeMap;

use super::*;

/// A small generator of numbers that look random, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn key(&mut self) -> Vec<u8> {
        (0..self.below(6)).map(|_| b"abcdefghijklmnopqrstuvwxyz"[self.below(3)]).collect()
    }
}

fn check(tree: &PrefixTree<usize>, model: &BTreeMap<Vec<u8>, usize>, data: &[u8]) {
    assert_eq!(tree.len(), model.len());
    let mut all = Vec::new();
    tree.for_each(|key, &value| all.push((key.to_vec(), value)));
    assert_eq!(all, model.iter().map(|(k, &v)| (k.clone(), v)).collect::<Vec<_>>());
    let found: Vec<usize> = tree.prefixes_of(data).copied().collect();
    let expected: Vec<usize> =
        model.iter().filter(|(key, _)| data.starts_with(key)).map(|(_, &value)| value).collect();
    assert_eq!(found, expected);
    for (node, content) in &tree.nodes {
        let is_root = node as u32 == ROOT;
        assert_eq!(is_root, content.label.as_slice().is_empty());
        assert!(is_root || content.value.is_some() || content.children.len() >= 2);
        assert!(content.children.is_sorted_by(|a, b| a.byte < b.byte));
        for child in &content.children {
            assert_eq!(tree.nodes[child.node as usize].parent, node as u32);
        }
    }
}

#[test]
fn it_answers_like_a_plain_map() {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut tree = PrefixTree::default();
    let mut model = BTreeMap::new();
    for step in 0..1_000 {
        let key = numbers.key();
        if numbers.below(5) < 3 {
            let (node, value) = tree.get_or_insert_with(&key, || step);
            let value = *value;
            assert_eq!(value, *model.entry(key.clone()).or_insert(step));
            assert_eq!(tree.key(node), key);
        } else {
            let node = tree.find(&key);
            assert_eq!(node.is_some(), model.contains_key(&key));
            assert_eq!(node.and_then(|node| tree.remove(node)), model.remove(&key));
        }
        check(&tree, &model, &numbers.key());
    }
}

#[test]
fn node_ids_survive_changes_round_them() {
    let mut tree = PrefixTree::default();
    let (long, _) = tree.get_or_insert_with(b"weather.europe.berlin", || 1);
    let (short, _) = tree.get_or_insert_with(b"weather", || 2);
    let (fork, _) = tree.get_or_insert_with(b"weather.europe.bern", || 3);
    assert_eq!(tree.key(long), b"weather.europe.berlin");
    tree.remove(short);
    tree.remove(fork);
    assert_eq!(tree.key(long), b"weather.europe.berlin");
    assert_eq!(tree.value(long), Some(&1));
    assert_eq!(tree.find(b"weather.europe.ber"), None);
    assert_eq!(tree.nodes.len(), 2);
}

#[test]
fn megabytes_of_key_cost_no_stack() {
    let mut tree = PrefixTree::default();
    let key: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
    tree.get_or_insert_with(&key, || 0);
    for len in (0..key.len()).step_by(50_000) {
        tree.get_or_insert_with(&key[..len], || len);
    }
    assert_eq!(tree.prefixes_of(&key).count(), 21);
    let mut keys = 0;
    tree.for_each(|_, _| keys += 1);
    assert_eq!(keys, 21);
    for len in (0..key.len()).step_by(50_000) {
        let node = tree.find(&key[..len]).unwrap();
        tree.remove(node);
    }
    let node = tree.find(&key).unwrap();
    assert_eq!(tree.key(node), key);
    tree.remove(node);
    assert_eq!((tree.len(), tree.nodes.len()), (0, 1));
}

#[test]
fn a_chain_of_nested_keys_is_walked_without_recursion() {
    let mut tree = PrefixTree::default();
    let key = vec![b'x'; 2_000];
    for len in 0..=key.len() {
        tree.get_or_insert_with(&key[..len], || len);
    }
    assert_eq!(tree.prefixes_of(&key).count(), key.len() + 1);
    for len in 0..=key.len() {
        let node = tree.find(&key[..len]).unwrap();
        assert_eq!(tree.remove(node), Some(len));
    }
    assert_eq!(tree.len(), 0);
}
