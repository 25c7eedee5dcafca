//! Unit tests of the prefix map: against a plain map, and at sizes that peers may choose.

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

    fn key(&mut self, longest: usize) -> Vec<u8> {
        (0..self.below(longest + 1)).map(|_| b"abc"[self.below(3)]).collect()
    }
}

fn check(map: &PrefixMap<usize>, model: &BTreeMap<Vec<u8>, usize>, data: &[u8]) {
    assert_eq!(map.len(), model.len());
    let mut all = BTreeMap::new();
    map.for_each(|key, &value| assert_eq!(all.insert(key.to_vec(), value), None));
    assert_eq!(&all, model);
    let found: Vec<usize> = map.prefixes_of(data).copied().collect();
    let expected: Vec<usize> =
        model.iter().filter(|(key, _)| data.starts_with(key)).map(|(_, &value)| value).collect();
    assert_eq!(found, expected);
    let counted: usize = map.lengths.iter().map(|&(_, count)| count as usize).sum();
    assert_eq!(counted + usize::from(map.empty.is_some()), map.len());
    assert!(counted <= map.table.len() * MOST);
    assert!(map.lengths.is_sorted_by(|one, other| one.0 < other.0));
}

#[test]
fn it_answers_like_a_plain_map() {
    for longest in [2, 5, 40] {
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
        let mut map = PrefixMap::default();
        let mut model = BTreeMap::new();
        for step in 0..2_000 {
            let key = numbers.key(longest);
            // More come than go for a while, then the other way round.
            if numbers.below(5) < if step / 500 % 2 == 0 { 4 } else { 1 } {
                let (id, value) = map.get_or_insert_with(&key, || step).unwrap();
                assert_eq!(*value, *model.entry(key.clone()).or_insert(step));
                assert_eq!(map.key(id), key);
            } else {
                let id = map.find(&key);
                assert_eq!(id.is_some(), model.contains_key(&key));
                assert_eq!(id.and_then(|id| map.remove(id)), model.remove(&key));
            }
            check(&map, &model, &numbers.key(2 * longest));
        }
    }
}

#[test]
fn ids_survive_the_growth_of_the_map() {
    let mut map = PrefixMap::default();
    let (kept, _) = map.get_or_insert_with(b"kept", || 7).unwrap();
    for number in 0..5_000u32 {
        map.get_or_insert_with(&number.to_be_bytes(), || 0).unwrap();
    }
    for number in 0..5_000u32 {
        let id = map.find(&number.to_be_bytes()).unwrap();
        map.remove(id);
        assert_eq!((map.remove(id), map.value(id)), (None, None));
    }
    assert_eq!((map.key(kept), map.value(kept)), (&b"kept"[..], Some(&7)));
    assert!(map.table.len() <= 8);
}

#[test]
fn prefixes_hash_alike_whatever_comes_behind() {
    let seed = Seed::random();
    let data: Vec<u8> = (0..100u8).map(|i| i.wrapping_mul(7)).collect();
    let mut hasher = PrefixHasher::new(&seed, &data);
    for len in 0..=data.len() {
        assert_eq!(hasher.hash(len), seed.hash(&data[..len]));
    }
    assert_ne!(seed.hash(b""), seed.hash(b"\0"));
    assert_ne!(seed.hash(b"\0"), seed.hash(b"\0\0"));
}

#[test]
fn megabytes_of_key_cost_no_stack() {
    let mut map = PrefixMap::default();
    let key: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
    for len in (0..=key.len()).step_by(50_000) {
        map.get_or_insert_with(&key[..len], || len).unwrap();
    }
    assert!(map.prefixes_of(&key).copied().eq((0..=key.len()).step_by(50_000)));
    for len in (0..=key.len()).step_by(50_000) {
        let id = map.find(&key[..len]).unwrap();
        assert_eq!(map.remove(id), Some(len));
    }
    assert_eq!(map.len(), 0);
}

#[test]
fn keys_of_very_many_lengths_are_all_found() {
    let mut map = PrefixMap::default();
    let key = vec![b'x'; 2_000];
    for len in 0..=key.len() {
        map.get_or_insert_with(&key[..len], || len).unwrap();
    }
    assert_eq!(map.prefixes_of(&key).count(), key.len() + 1);
    assert_eq!(map.prefixes_of(b"y").count(), 1);
}
