//! The questions that wait for one user. Every trusted device of the user sees the same ones.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::authentication_request::REMEMBER;
use crate::protocol::id::{AuthReqId, ClientId, NotificationId};
use crate::secret::{Digest, sha256};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub notification: NotificationId,
    pub request: Digest<AuthReqId>,
    pub expires_at: Timestamp,
    /// Which client asked, as far as counting needs it.
    client: [u8; 4],
    decided: bool,
}

impl Entry {
    pub fn new(
        notification: NotificationId,
        request: Digest<AuthReqId>,
        client: &ClientId,
        expires_at: Timestamp,
    ) -> Self {
        let [a, b, c, d, ..] = sha256(client.as_str().as_bytes());
        Self { notification, request, expires_at, client: [a, b, c, d], decided: false }
    }

    pub const fn is_decided(&self) -> bool {
        self.decided
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Any client.
    Stranger,
    /// One that has a grant of the person. One place is kept for those, so that strangers cannot shut
    /// them out, however many they are.
    Known,
}

/// How many questions one person may have waiting.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub per_user: usize,
    pub per_client_and_user: usize,
}

impl Limits {
    fn waiting(self, standing: Standing) -> usize {
        match standing {
            Standing::Stranger => self.per_user.saturating_sub(1).max(1),
            Standing::Known => self.per_user,
        }
    }

    /// How many questions of one client, waiting and ended, a person is asked within the time that
    /// they are remembered.
    fn remembered_of_client(self) -> usize {
        (4 * self.per_client_and_user).max(16)
    }

    /// The same for all clients: a bound for the size of an inbox.
    fn remembered(self, standing: Standing) -> usize {
        let remembered = (4 * self.per_user).max(64);
        match standing {
            Standing::Stranger => remembered,
            Standing::Known => 2 * remembered,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    Yes,
    /// The person has enough questions already; ask again when the first of them has ended.
    Full {
        until: Timestamp,
    },
}

impl Inbox {
    /// Adds a question, unless too many wait. What expired a while ago is forgotten on the way; until
    /// then a late answer is told so.
    pub fn add(mut self, entry: Entry, asks: Standing, limits: Limits, now: Timestamp) -> (Self, Added) {
        self.entries.retain(|entry| now < entry.expires_at + REMEMBER);
        let client = entry.client;
        let first_end = |of_client: bool| {
            self.live(now).filter(|entry| !of_client || entry.client == client).map(|entry| entry.expires_at).min()
        };
        // Answering, or withdrawing, must not make room without end: every question rings.
        // For each client by itself, so that no client shuts a person off from the others.
        let own = self.entries.iter().filter(|other| other.client == client);
        if own.clone().count() >= limits.remembered_of_client()
            && let Some(first) = own.map(|entry| entry.expires_at + REMEMBER).min()
        {
            return (self, Added::Full { until: first });
        }
        if self.entries.len() >= limits.remembered(asks)
            && let Some(first) = self.entries.iter().map(|entry| entry.expires_at + REMEMBER).min()
        {
            return (self, Added::Full { until: first });
        }
        let of_client = self.live(now).filter(|entry| entry.client == client).count();
        if of_client >= limits.per_client_and_user {
            let until = first_end(true).unwrap_or(now);
            return (self, Added::Full { until });
        }
        if self.live(now).count() >= limits.waiting(asks) {
            let until = first_end(false).unwrap_or(now);
            return (self, Added::Full { until });
        }
        self.entries.push(entry);
        (self, Added::Yes)
    }

    /// Marks a question as answered. It stays a while, so that a second answer is told so.
    #[must_use]
    pub fn decided(mut self, notification: NotificationId) -> Self {
        for entry in &mut self.entries {
            entry.decided |= entry.notification == notification;
        }
        self
    }

    /// All questions that are remembered, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn find(&self, notification: NotificationId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.notification == notification)
    }

    /// The questions that wait for an answer now, oldest first.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| !entry.decided && now < entry.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use uuid::Uuid;

    const LIMITS: Limits = Limits { per_user: 3, per_client_and_user: 1 };

    fn add(inbox: Inbox, n: u128, client: &str, now: i64) -> (Inbox, Added) {
        add_as(Standing::Stranger, inbox, n, client, now)
    }

    fn add_as(asks: Standing, inbox: Inbox, n: u128, client: &str, now: i64) -> (Inbox, Added) {
        let now = Timestamp::from_seconds(now);
        let client = ClientId::parse(client).unwrap();
        let id = NotificationId::new(Uuid::from_u128(n));
        let entry = Entry::new(id, Digest::of(&n.to_be_bytes()), &client, now + Duration::from_secs(100));
        inbox.add(entry, asks, LIMITS, now)
    }

    #[test]
    fn ciba_14_a_person_has_few_questions_at_a_time() {
        let (inbox, added) = add(Inbox::default(), 1, "shop", 0);
        assert_eq!(added, Added::Yes);
        let (inbox, added) = add(inbox, 2, "shop", 1);
        assert_eq!(added, Added::Full { until: Timestamp::from_seconds(100) }, "one of a client");
        let (inbox, added) = add(inbox, 3, "bank", 2);
        assert_eq!(added, Added::Yes, "another client is not held up");
        let (inbox, added) = add(inbox, 4, "club", 3);
        assert_eq!(added, Added::Full { until: Timestamp::from_seconds(100) }, "two of strangers");
        let (full, added) = add_as(Standing::Known, inbox.clone(), 8, "home", 3);
        assert_eq!(added, Added::Yes, "and one of a client that she knows");
        let (_, added) = add_as(Standing::Known, full, 9, "work", 3);
        assert_eq!(added, Added::Full { until: Timestamp::from_seconds(100) }, "three of all clients");
        let (inbox, added) = add(inbox.decided(NotificationId::new(Uuid::from_u128(1))), 5, "shop", 4);
        assert_eq!(added, Added::Yes, "an answered question makes room");
        assert!(inbox.find(NotificationId::new(Uuid::from_u128(1))).is_some(), "and can still be told apart");
        // Withdrawing makes no room for ever.
        let mut often = Inbox::default();
        for n in 100..116 {
            let added;
            (often, added) = add(often, n, "shop", 0);
            assert_eq!(added, Added::Yes);
            often = often.decided(NotificationId::new(Uuid::from_u128(n)));
        }
        let (often, added) = add(often, 116, "shop", 0);
        assert!(matches!(added, Added::Full { .. }));
        assert_eq!(add(often, 117, "bank", 0).1, Added::Yes, "and another client is not held up by it");
        // Nor is one that she knows held up by many strangers.
        let mut many = Inbox::default();
        for n in 200..264 {
            let id = NotificationId::new(Uuid::from_u128(n));
            many = add(many, n, &format!("stranger-{}", n / 8), 0).0.decided(id);
        }
        assert!(matches!(add(many.clone(), 264, "another", 0).1, Added::Full { .. }));
        assert_eq!(add_as(Standing::Known, many, 264, "home", 0).1, Added::Yes);
        let (inbox, _) = add(inbox, 6, "shop", 399);
        assert!(inbox.find(NotificationId::new(Uuid::from_u128(1))).is_some(), "after its end as well");
        let (inbox, _) = add(inbox, 7, "bank", 400);
        assert!(inbox.find(NotificationId::new(Uuid::from_u128(1))).is_none(), "for a while");
    }
}
