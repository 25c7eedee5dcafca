//! A map from byte strings that finds every key that is a prefix of some data.
//!
//! A radix tree in one slab: a node stands for the bytes on the way to it, chains without branches
//! are one node. Peers choose the keys, so nothing here recurses: neither the length nor the number
//! of keys costs stack (CVE-2021-20236). Called by the subscription trie, and by XSUB for its own
//! subscriptions.

use slab::Slab;

/// Names a node that holds a value; valid until that value is removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct NodeId(u32);

const ROOT: u32 = 0;

/// Labels up to this length lie in the node.
const INLINE_LABEL: usize = 22;

/// The bytes between a node and its parent.
enum Label {
    Inline { len: u8, bytes: [u8; INLINE_LABEL] },
    Heap(Box<[u8]>),
}

impl Label {
    fn new(label: &[u8]) -> Label {
        if label.len() > INLINE_LABEL {
            return Label::Heap(label.into());
        }
        let mut bytes = [0; INLINE_LABEL];
        bytes[..label.len()].copy_from_slice(label);
        Label::Inline { len: label.len() as u8, bytes }
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Label::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Label::Heap(bytes) => bytes,
        }
    }
}

#[derive(Clone, Copy)]
struct Child {
    /// The first byte of the child's label.
    byte: u8,
    node: u32,
}

struct Node<V> {
    label: Label,
    value: Option<V>,
    /// INVARIANT: sorted by `byte`, each byte once.
    children: Vec<Child>,
    parent: u32,
}

impl<V> Node<V> {
    fn new(label: &[u8], parent: u32) -> Node<V> {
        Node { label: Label::new(label), value: None, children: Vec::new(), parent }
    }

    #[inline]
    fn child(&self, byte: u8) -> Option<u32> {
        if self.children.len() <= 16 {
            self.children.iter().find(|child| child.byte == byte).map(|child| child.node)
        } else {
            let place = self.children.binary_search_by_key(&byte, |child| child.byte).ok()?;
            Some(self.children[place].node)
        }
    }

    /// Adds a child or replaces the one that begins with the same byte.
    fn set_child(&mut self, byte: u8, node: u32) {
        match self.children.binary_search_by_key(&byte, |child| child.byte) {
            Ok(place) => self.children[place].node = node,
            Err(place) => self.children.insert(place, Child { byte, node }),
        }
    }
}

/// The map.
pub(crate) struct PrefixTree<V> {
    /// INVARIANT: the root is at `ROOT` and has an empty label, every other label is not empty;
    /// every other node has a value or at least two children.
    nodes: Slab<Node<V>>,
    values: usize,
}

impl<V> Default for PrefixTree<V> {
    fn default() -> PrefixTree<V> {
        let mut nodes = Slab::new();
        nodes.insert(Node::new(&[], ROOT));
        PrefixTree { nodes, values: 0 }
    }
}

impl<V> PrefixTree<V> {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.values
    }

    /// The value of a key, which is made first if the key is new.
    pub(crate) fn get_or_insert_with(
        &mut self,
        key: &[u8],
        make: impl FnOnce() -> V,
    ) -> (NodeId, &mut V) {
        let node = self.node_for(key);
        let slot = &mut self.nodes[node as usize].value;
        if slot.is_none() {
            self.values += 1;
        }
        (NodeId(node), slot.get_or_insert_with(make))
    }

    /// The node of a key.
    pub(crate) fn find(&self, key: &[u8]) -> Option<NodeId> {
        let mut node = ROOT;
        let mut rest = key;
        while let Some(&byte) = rest.first() {
            node = self.nodes[node as usize].child(byte)?;
            rest = rest.strip_prefix(self.nodes[node as usize].label.as_slice())?;
        }
        self.nodes[node as usize].value.is_some().then_some(NodeId(node))
    }

    /// The value of a node, `None` if it has none or is gone.
    pub(crate) fn value_mut(&mut self, node: NodeId) -> Option<&mut V> {
        self.nodes.get_mut(node.0 as usize)?.value.as_mut()
    }

    /// The value of a node, `None` if it has none or is gone.
    pub(crate) fn value(&self, node: NodeId) -> Option<&V> {
        self.nodes.get(node.0 as usize)?.value.as_ref()
    }

    /// The key of a node.
    pub(crate) fn key(&self, node: NodeId) -> Vec<u8> {
        let mut labels = Vec::new();
        let mut node = node.0;
        while node != ROOT {
            labels.push(self.nodes[node as usize].label.as_slice());
            node = self.nodes[node as usize].parent;
        }
        labels.reverse();
        labels.concat()
    }

    /// Removes the value of a node, and the nodes that nobody needs any more.
    pub(crate) fn remove(&mut self, node: NodeId) -> Option<V> {
        let value = self.nodes.get_mut(node.0 as usize)?.value.take()?;
        self.values -= 1;
        self.prune(node.0);
        Some(value)
    }

    /// The values of all keys that `data` begins with, the shortest key first.
    #[inline]
    pub(crate) fn prefixes_of<'a>(&'a self, data: &'a [u8]) -> impl Iterator<Item = &'a V> {
        Prefixes { tree: self, next: Some(ROOT), rest: data }
    }

    /// Visits all keys in ascending order.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&[u8], &V)) {
        let mut path = Vec::new();
        let mut open = vec![(ROOT, 0)];
        while let Some((node, above)) = open.pop() {
            let node = &self.nodes[node as usize];
            path.truncate(above);
            path.extend_from_slice(node.label.as_slice());
            if let Some(value) = &node.value {
                visit(&path, value);
            }
            open.extend(node.children.iter().rev().map(|child| (child.node, path.len())));
        }
    }

    /// The node for a key, made if need be.
    fn node_for(&mut self, key: &[u8]) -> u32 {
        let mut node = ROOT;
        let mut rest = key;
        while let Some(&byte) = rest.first() {
            let Some(child) = self.nodes[node as usize].child(byte) else {
                return self.add_node(node, rest);
            };
            let label = self.nodes[child as usize].label.as_slice();
            let common = label.iter().zip(rest).take_while(|(a, b)| a == b).count();
            node = if common == label.len() { child } else { self.split(child, common) };
            rest = &rest[common..];
        }
        node
    }

    fn add_node(&mut self, parent: u32, label: &[u8]) -> u32 {
        let node = self.nodes.insert(Node::new(label, parent)) as u32;
        self.nodes[parent as usize].set_child(label[0], node);
        node
    }

    /// Puts a node between `node` and its parent that takes over the first `at` bytes of the label.
    /// `node` keeps its number, see [`NodeId`].
    fn split(&mut self, node: u32, at: usize) -> u32 {
        let label = self.nodes[node as usize].label.as_slice();
        let (front, back) = (label[..at].to_vec(), label[at..].to_vec());
        let parent = self.nodes[node as usize].parent;
        let middle = self.add_node(parent, &front);
        self.nodes[middle as usize].set_child(back[0], node);
        self.nodes[node as usize].parent = middle;
        self.nodes[node as usize].label = Label::new(&back);
        middle
    }

    /// Restores the invariant of `nodes` after `node` lost its value.
    fn prune(&mut self, mut node: u32) {
        while node != ROOT && self.nodes[node as usize].value.is_none() {
            match *self.nodes[node as usize].children.as_slice() {
                [] => {
                    let gone = self.nodes.remove(node as usize);
                    let children = &mut self.nodes[gone.parent as usize].children;
                    children.retain(|child| child.node != node);
                    children.shrink_to(2 * children.len());
                    node = gone.parent;
                }
                [only] => {
                    let gone = self.nodes.remove(node as usize);
                    let child = &mut self.nodes[only.node as usize];
                    let label = [gone.label.as_slice(), child.label.as_slice()].concat();
                    child.label = Label::new(&label);
                    child.parent = gone.parent;
                    self.nodes[gone.parent as usize].set_child(label[0], only.node);
                    return;
                }
                _ => return,
            }
        }
        if self.values == 0 {
            *self = PrefixTree::default();
        }
    }
}

struct Prefixes<'a, V> {
    tree: &'a PrefixTree<V>,
    next: Option<u32>,
    rest: &'a [u8],
}

impl<'a, V> Iterator for Prefixes<'a, V> {
    type Item = &'a V;

    #[inline]
    fn next(&mut self) -> Option<&'a V> {
        loop {
            let node = &self.tree.nodes[self.next? as usize];
            let Some(rest) = self.rest.strip_prefix(node.label.as_slice()) else {
                self.next = None;
                return None;
            };
            self.rest = rest;
            self.next = rest.first().and_then(|&byte| node.child(byte));
            if node.value.is_some() {
                return node.value.as_ref();
            }
        }
    }
}

#[cfg(test)]
#[path = "prefix_tree_test.rs"]
mod prefix_tree_test;
