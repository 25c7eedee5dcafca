//! What the fuzzer feeds to the subscriptions: peers choose the topics. See `crate::fuzz`.

use std::collections::BTreeMap;

use crate::fuzz::Input;
use crate::routing::prefix_map::PrefixMap;

/// Against a plain map.
pub(crate) fn subscriptions(data: &[u8]) {
    let mut input = Input(data);
    let mut map: PrefixMap<usize> = PrefixMap::default();
    let mut model: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut step = 0;
    while !input.is_empty() {
        step += 1;
        let action = input.byte();
        let key = input.take(usize::from(action >> 2)).repeat(1 + usize::from(action & 2) * 20);
        if action & 1 == 0 {
            let (id, value) = map.get_or_insert_with(&key, || step);
            assert_eq!(*value, *model.entry(key.clone()).or_insert(step));
            assert_eq!(map.key(id), key);
        } else {
            let id = map.find(&key);
            assert_eq!(id.is_some(), model.contains_key(&key));
            let removed = id.and_then(|id| map.remove(id));
            assert_eq!(removed, model.remove(&key));
        }
        assert_eq!(map.len(), model.len());
        let data = [&key[..], input.0].concat();
        let found: Vec<usize> = map.prefixes_of(&data).copied().collect();
        let expected = model.iter().filter(|(key, _)| data.starts_with(key));
        let expected: Vec<usize> = expected.map(|(_, &value)| value).collect();
        assert_eq!(found, expected);
    }
}
