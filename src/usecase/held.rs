//! The polls that this node holds.
//!
//! Each node knows its own and no more. Two polls of one request that are held at two nodes do not see each
//! other: an answer wakes both, on whatever node it came in, one of them claims the request, and the other one
//! is told to slow down or that it was redeemed. The limit of a client, too, is that of each node.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::protocol::id::{AuthReqId, ClientId};
use crate::secret::Digest;

/// Polls of one client that one node holds at a time. More are answered at once.
const HELD_PER_CLIENT: usize = 200;

/// The requests whose poll this node holds now. Coming and going costs the same however many are held.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<Mutex<Polls<Digest<AuthReqId>, ClientId>>>);

pub(super) enum Entered {
    /// A place to wait in, given back when dropped.
    Held(Place),
    /// The request is held already.
    Twice,
    /// The client has enough polls waiting.
    Full,
}

impl Held {
    pub(super) fn enter(&self, digest: Digest<AuthReqId>, client: &ClientId) -> Entered {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).enter(digest, client) {
            Verdict::Enters => Entered::Held(Place { held: self.clone(), digest }),
            Verdict::Twice => Entered::Twice,
            Verdict::Full => Entered::Full,
        }
    }
}

pub(super) struct Place {
    held: Held,
    digest: Digest<AuthReqId>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.held.0.lock().unwrap_or_else(PoisonError::into_inner).leave(&self.digest);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Enters,
    Twice,
    Full,
}

/// Over any kind of key, so that a test can count how often keys are looked at.
#[derive(Debug)]
struct Polls<R, C> {
    /// One of each request, and whose it is.
    clients: HashMap<R, C>,
    /// How many of each client. Never 0: who has none is not there.
    counts: HashMap<C, usize>,
}

impl<R, C> Default for Polls<R, C> {
    fn default() -> Self {
        Self { clients: HashMap::new(), counts: HashMap::new() }
    }
}

impl<R: Eq + Hash, C: Clone + Eq + Hash> Polls<R, C> {
    fn enter(&mut self, request: R, client: &C) -> Verdict {
        if self.clients.contains_key(&request) {
            return Verdict::Twice;
        }
        let count = self.counts.get(client).copied().unwrap_or(0);
        if count >= HELD_PER_CLIENT {
            return Verdict::Full;
        }
        self.clients.insert(request, client.clone());
        self.counts.insert(client.clone(), count + 1);
        Verdict::Enters
    }

    fn leave(&mut self, request: &R) {
        let Some(client) = self.clients.remove(request) else { return };
        match self.counts.get_mut(&client) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) => drop(self.counts.remove(&client)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::Hasher;

    use super::*;

    thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    /// A key that counts how often it is compared.
    #[derive(Clone, Debug)]
    struct Counted(usize);

    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            LOOKS.set(LOOKS.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for Counted {}

    impl Hash for Counted {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    #[test]
    fn coming_and_going_cost_the_same_however_many_are_held() {
        let mut polls = Polls::<Counted, Counted>::default();
        for request in 0..10_000 {
            assert_eq!(polls.enter(Counted(request), &Counted(request / 100)), Verdict::Enters);
        }
        LOOKS.set(0);
        for request in 10_000..10_100 {
            assert_eq!(polls.enter(Counted(request), &Counted(7)), Verdict::Enters);
            polls.leave(&Counted(request));
        }
        // A few for each: the key itself, and whatever shares its place in the table.
        assert!(LOOKS.get() <= 100 * 10, "{} comparisons for 100 polls", LOOKS.get());
    }

    #[test]
    fn places_are_given_back() {
        let mut polls = Polls::<u32, &str>::default();
        let full = u32::try_from(HELD_PER_CLIENT).unwrap();
        for request in 0..full {
            assert_eq!(polls.enter(request, &"shop"), Verdict::Enters);
        }
        assert_eq!(polls.enter(3, &"shop"), Verdict::Twice);
        assert_eq!(polls.enter(full, &"shop"), Verdict::Full);
        assert_eq!(polls.enter(full, &"till"), Verdict::Enters);
        polls.leave(&3);
        assert_eq!(polls.enter(3, &"shop"), Verdict::Enters);
        (0..=full).for_each(|request| polls.leave(&request));
        assert!(polls.clients.is_empty() && polls.counts.is_empty(), "nothing is left of clients that went");
    }
}
