//! What was read or computed once and is kept in memory, up to a number of entries.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::{Mutex, PoisonError};

/// Keeps what was asked for of late. There are two generations: who is asked for moves to the young one,
/// and when that is full it becomes the old one, whose rest is dropped. A hit costs one look-up in one map.
pub struct Kept<K, V> {
    generations: Mutex<Generations<K, V>>,
    /// Entries of one generation.
    most: usize,
}

struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Kept<K, V> {
    /// Keeps at most this many.
    pub fn new(entries: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Self { generations: Mutex::new(generations), most: (entries / 2).max(1) }
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = generations.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = generations.old.remove_entry(key)?;
        let dropped = generations.put(key, value.clone(), self.most);
        drop(generations);
        drop(dropped);
        Some(value)
    }

    pub fn insert(&self, key: K, value: V) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = generations.put(key, value, self.most);
        // What is dropped may be much, and nobody has to wait for it.
        drop(generations);
        drop(dropped);
    }

    pub fn clear(&self) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.clear();
        generations.old.clear();
    }
}

impl<K: Hash + Eq, V> Generations<K, V> {
    /// Answers the old generation, when another one has become that.
    fn put(&mut self, key: K, value: V, most: usize) -> HashMap<K, V> {
        // An older value that is left in the old generation is not seen behind this one.
        self.young.insert(key, value);
        if self.young.len() < most {
            return HashMap::new();
        }
        mem::replace(&mut self.old, mem::take(&mut self.young))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_kept() {
        let kept = Kept::new(4);
        assert_eq!(kept.get("a"), None);
        for value in 0..10 {
            kept.insert("a".to_owned(), value);
            assert_eq!(kept.get("a"), Some(value));
            kept.insert(format!("other {value}"), 100);
            assert_eq!(kept.get("a"), Some(value));
        }
        kept.clear();
        assert_eq!(kept.get("a"), None);
    }

    #[test]
    fn no_more_are_kept_than_that_and_those_asked_for_stay() {
        let kept = Kept::new(100);
        for n in 0..1000 {
            kept.insert(n, n);
            assert_eq!(kept.get(&0), Some(0), "{n}");
        }
        let still = (0..1000).filter(|n| kept.get(n).is_some()).count();
        assert!((50..=100).contains(&still), "{still}");
    }
}
