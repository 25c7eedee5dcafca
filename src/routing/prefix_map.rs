//! A map from byte strings that finds every key that is a prefix of some data.
//!
//! One hash table for all keys and a list of the lengths that occur: a look-up hashes the data once,
//! eight bytes at a time, and probes the table at each of those lengths. That takes two cache lines
//! for a key that matches where a trie takes two for every byte. Peers choose the keys, so the hash
//! is seeded, and nothing recurses: keys of any length cost no stack (CVE-2021-20236).
//! Called by the subscriptions, and by XSUB for its own subscriptions.

use std::hash::{BuildHasher, Hasher, RandomState};

use slab::Slab;

use crate::error::{Error, Result};

/// Names a key; valid until it is removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct KeyId(u32);

/// Keys up to this length lie in their entry.
const INLINE_KEY: usize = 22;

enum Key {
    Inline { len: u8, bytes: [u8; INLINE_KEY] },
    Heap(Box<[u8]>),
}

impl Key {
    fn new(key: &[u8]) -> Result<Key> {
        if key.len() > INLINE_KEY {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(key.len()).map_err(|_| Error::NOMEM)?;
            bytes.extend_from_slice(key);
            return Ok(Key::Heap(bytes.into_boxed_slice()));
        }
        let mut bytes = [0; INLINE_KEY];
        bytes[..key.len()].copy_from_slice(key);
        Ok(Key::Inline { len: key.len() as u8, bytes })
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Key::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Key::Heap(bytes) => bytes,
        }
    }
}

struct Entry<V> {
    key: Key,
    value: V,
}

/// How many entries fit into a bucket.
const LANES: usize = 7;

/// One cache line of the table: the hashes of up to seven entries, side by side so that one look
/// compares all, and the entries.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Bucket {
    /// `EMPTY` where there is no entry; the last lane says whether entries that wanted to be here
    /// are in the next bucket: `OVERFLOWED` or `EMPTY`.
    hashes: [u32; LANES + 1],
    entries: [u32; LANES + 1],
}

const EMPTY: u32 = 0;
const OVERFLOWED: u32 = 1;
/// Hashes of keys start here.
const FIRST_HASH: u32 = 2;

const NO_ENTRIES: Bucket = Bucket { hashes: [EMPTY; LANES + 1], entries: [0; LANES + 1] };

/// How many entries a bucket has on average at most.
const MOST: usize = 4;

/// A table of so few buckets is not made smaller.
const SMALL: usize = 8;

/// The map.
pub(crate) struct PrefixMap<V> {
    entries: Slab<Entry<V>>,
    /// The entry of the empty key, which is a prefix of everything. It is the commonest key, and
    /// not in the table.
    empty: Option<u32>,
    /// The other entries by hash.
    /// INVARIANT: the length is a power of two; there are at most `MOST` entries for each bucket;
    /// every bucket between the one that a hash wants and the one where it is has overflowed.
    table: Vec<Bucket>,
    /// How many buckets have overflowed.
    overflowed: usize,
    /// The lengths of the keys, ascending, and how many keys have each.
    lengths: Vec<(usize, u32)>,
    seed: Seed,
}

impl<V> Default for PrefixMap<V> {
    fn default() -> PrefixMap<V> {
        PrefixMap {
            entries: Slab::new(),
            empty: None,
            table: vec![NO_ENTRIES],
            overflowed: 0,
            lengths: Vec::new(),
            seed: Seed::random(),
        }
    }
}

impl<V> PrefixMap<V> {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The value of a key, which is made first if the key is new. `NOMEM`, and nothing has changed, without
    /// memory for that.
    pub(crate) fn get_or_insert_with(
        &mut self,
        key: &[u8],
        make: impl FnOnce() -> V,
    ) -> Result<(KeyId, &mut V)> {
        let id = match self.find(key) {
            Some(id) => id,
            None => KeyId(self.insert(key, make())?),
        };
        Ok((id, &mut self.entries[id.0 as usize].value))
    }

    /// The id of a key.
    pub(crate) fn find(&self, key: &[u8]) -> Option<KeyId> {
        if key.is_empty() {
            return self.empty.map(KeyId);
        }
        let (bucket, lane) = self.lookup(self.seed.hash(key), key)?;
        Some(KeyId(self.table[bucket].entries[lane]))
    }

    /// The value of a key, `None` if it is gone.
    pub(crate) fn value(&self, id: KeyId) -> Option<&V> {
        self.entries.get(id.0 as usize).map(|entry| &entry.value)
    }

    /// The value of a key, `None` if it is gone.
    pub(crate) fn value_mut(&mut self, id: KeyId) -> Option<&mut V> {
        self.entries.get_mut(id.0 as usize).map(|entry| &mut entry.value)
    }

    /// The bytes of a key, empty if it is gone.
    pub(crate) fn key(&self, id: KeyId) -> &[u8] {
        self.entries.get(id.0 as usize).map_or(&[], |entry| entry.key.as_slice())
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, id: KeyId) -> Option<V> {
        if self.empty == Some(id.0) {
            self.empty = None;
            return self.entries.try_remove(id.0 as usize).map(|entry| entry.value);
        }
        let key = self.entries.get(id.0 as usize)?.key.as_slice();
        let len = key.len();
        let (bucket, lane) = self.lookup(self.seed.hash(key), key)?;
        self.table[bucket].hashes[lane] = EMPTY;
        let entry = self.entries.try_remove(id.0 as usize)?;
        if let Ok(place) = self.lengths.binary_search_by_key(&len, |&(len, _)| len) {
            self.lengths[place].1 -= 1;
            if self.lengths[place].1 == 0 {
                self.lengths.remove(place);
            }
        }
        // An eighth full at most: a quarter of the table is half full then, and need not grow soon.
        if self.table.len() > SMALL && self.entries.len() < self.table.len() * MOST / 8 {
            self.resize(self.table.len() / 4);
            self.entries.shrink_to_fit();
        }
        Some(entry.value)
    }

    /// The values of all keys that `data` begins with, the shortest key first.
    #[inline]
    pub(crate) fn prefixes_of<'a>(&'a self, data: &'a [u8]) -> impl Iterator<Item = &'a V> {
        self.keys_before(data).map(|KeyId(entry)| &self.entries[entry as usize].value)
    }

    /// The ids of all keys that `data` begins with, the shortest key first.
    #[inline]
    pub(crate) fn keys_before<'a>(&'a self, data: &'a [u8]) -> impl Iterator<Item = KeyId> + 'a {
        let mut hasher = PrefixHasher::new(&self.seed, data);
        let possible = self.lengths.iter().take_while(|&&(len, _)| len <= data.len());
        let found = possible.filter_map(move |&(len, _)| {
            let (bucket, lane) = self.lookup(hasher.hash(len), &data[..len])?;
            Some(self.table[bucket].entries[lane])
        });
        self.empty.into_iter().chain(found).map(KeyId)
    }

    /// Visits all keys, in no order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8], &V)) {
        for (_, entry) in &self.entries {
            visit(entry.key.as_slice(), &entry.value);
        }
    }

    /// The bucket and the lane of a key.
    #[inline]
    fn lookup(&self, hash: u32, key: &[u8]) -> Option<(usize, usize)> {
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let bucket = &self.table[place];
            let mut equal = bucket.lanes_with(hash);
            while equal != 0 {
                // The last lane holds no hash, so the mask changes nothing but the bounds check.
                let lane = equal.trailing_zeros() as usize & LANES;
                let entry = bucket.entries[lane] as usize;
                if self.entries[entry].key.as_slice() == key {
                    return Some((place, lane));
                }
                equal &= equal - 1;
            }
            if bucket.hashes[LANES] != OVERFLOWED {
                return None;
            }
            place = (place + 1) & mask;
        }
    }

    #[cold]
    fn insert(&mut self, key: &[u8], value: V) -> Result<u32> {
        let key_bytes = Key::new(key)?;
        self.see_that_it_can_grow()?;
        let entry = self.entries.insert(Entry { key: key_bytes, value }) as u32;
        if key.is_empty() {
            self.empty = Some(entry);
            return Ok(entry);
        }
        if self.entries.len() > self.table.len() * MOST {
            self.resize(self.table.len() * 2);
        } else if self.has_overflowed_much() {
            self.resize(self.table.len());
        } else {
            self.occupy(self.seed.hash(key), entry);
        }
        match self.lengths.binary_search_by_key(&key.len(), |&(len, _)| len) {
            Ok(place) => self.lengths[place].1 += 1,
            Err(place) => self.lengths.insert(place, (key.len(), 1)),
        }
        Ok(entry)
    }

    /// Whether there is memory for one more key. Lists that grow end the process if there is not,
    /// so as much as they are about to take is asked for, all at once, and given back.
    fn see_that_it_can_grow(&self) -> Result<()> {
        let (entries, buckets) = (self.entries.len(), self.table.len());
        let mut wanted = 0;
        if entries == self.entries.capacity() {
            wanted += 2 * entries * (size_of::<Entry<V>>() + size_of::<usize>());
        }
        if self.lengths.len() == self.lengths.capacity() {
            wanted += 2 * size_of_val(self.lengths.as_slice());
        }
        if entries + 1 > buckets * MOST || self.has_overflowed_much() {
            wanted += 2 * buckets * size_of::<Bucket>() + entries * size_of::<(u32, u32)>();
        }
        Vec::<u8>::new().try_reserve_exact(wanted).map_err(|_| Error::NOMEM)
    }

    /// More buckets than an eighth have overflowed: by keys that are gone, or because too many keys
    /// share the low bits of their hash.
    fn has_overflowed_much(&self) -> bool {
        self.overflowed > self.table.len() / 8 + 1
    }

    /// Makes the table anew.
    fn resize(&mut self, buckets: usize) {
        self.table = vec![NO_ENTRIES; buckets];
        self.overflowed = 0;
        let hashes: Vec<_> = self
            .entries
            .iter()
            .filter(|&(entry, _)| self.empty != Some(entry as u32))
            .map(|(entry, content)| (self.seed.hash(content.key.as_slice()), entry as u32))
            .collect();
        for (hash, entry) in hashes {
            self.occupy(hash, entry);
        }
    }

    /// Puts an entry into the first bucket with room from the one it wants.
    fn occupy(&mut self, hash: u32, entry: u32) {
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let bucket = &mut self.table[place];
            if let Some(lane) = bucket.hashes[..LANES].iter().position(|&hash| hash == EMPTY) {
                bucket.hashes[lane] = hash;
                bucket.entries[lane] = entry;
                return;
            }
            if bucket.hashes[LANES] != OVERFLOWED {
                bucket.hashes[LANES] = OVERFLOWED;
                self.overflowed += 1;
            }
            place = (place + 1) & mask;
        }
    }
}

impl Bucket {
    /// The lanes that hold this hash, as bits.
    #[inline]
    fn lanes_with(&self, hash: u32) -> u32 {
        let mut lanes = 0;
        for (lane, &other) in self.hashes.iter().enumerate() {
            lanes |= u32::from(other == hash) << lane;
        }
        lanes
    }
}

/// What makes the hashes of this map unlike those of any other, so that nobody can send keys that
/// collide.
#[derive(Clone, Copy)]
struct Seed {
    start: u64,
    word: u64,
    end: u64,
}

impl Seed {
    fn random() -> Seed {
        let number = || RandomState::new().build_hasher().finish();
        Seed { start: number(), word: number() | 1, end: number() | 1 }
    }

    fn hash(&self, key: &[u8]) -> u32 {
        PrefixHasher::new(self, key).hash(key.len())
    }
}

/// The high and the low half of a product, mixed.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

/// Hashes prefixes of growing length of the same data, each byte once.
struct PrefixHasher<'a> {
    seed: Seed,
    data: &'a [u8],
    /// How many bytes, in whole words, `state` stands for.
    done: usize,
    state: u64,
}

impl<'a> PrefixHasher<'a> {
    #[inline]
    fn new(seed: &Seed, data: &'a [u8]) -> PrefixHasher<'a> {
        PrefixHasher { seed: *seed, data, done: 0, state: seed.start }
    }

    /// The hash of the first `len` bytes; `len` may not shrink from call to call.
    #[inline]
    fn hash(&mut self, len: usize) -> u32 {
        while len - self.done >= 8 {
            self.state = fold(self.state ^ self.word(), self.seed.word);
            self.done += 8;
        }
        let tail = self.word() & !(u64::MAX << (8 * (len - self.done)));
        let hash = fold(self.state ^ tail, self.seed.end ^ ((len as u64) << 32));
        ((hash ^ (hash >> 32)) as u32).max(FIRST_HASH)
    }

    /// The eight bytes after those done, with zeros behind the end of the data.
    #[inline]
    fn word(&self) -> u64 {
        let rest = &self.data[self.done..];
        match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        }
    }
}

#[cfg(test)]
#[path = "prefix_map_test.rs"]
mod prefix_map_test;
