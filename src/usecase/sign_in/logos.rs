//! The pictures of clients, which our pages show from our own origin: nobody's browser calls a client before its person
//! has agreed to anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::client::Client;
use crate::outbound::egress::Egress;
use crate::outbound::logo::{self, Picture};
use crate::protocol::id::ClientId;
use crate::store::ephemeral::StoreError;
use crate::usecase::sign_in::Known;

/// How long a picture is shown before it is fetched anew.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// While one is fetched, and after it could not be had, nobody else tries.
const AGAIN: Duration = Duration::from_secs(60);
/// Where there are more, the oldest one makes room.
const MOST: usize = 64;

pub struct Logos {
    known: Arc<Known>,
    egress: Egress,
    clock: Arc<dyn Clock>,
    kept: Mutex<Pictures>,
}

/// By client, and that one could not be had.
#[derive(Default)]
struct Pictures(HashMap<ClientId, Kept>);

#[derive(Clone)]
struct Kept {
    uri: String,
    /// When somebody last tried to have it.
    since: Timestamp,
    until: Timestamp,
    picture: Option<Arc<Picture>>,
}

/// Where the picture of a client is, if it is shown. [security.md case 146] not that of one that registered itself:
/// nobody has looked at it, and a known picture is what an impostor would bring.
pub fn shown(client: &Client) -> Option<&str> {
    client.pages.logo_uri.as_deref().filter(|_| client.registered.is_none())
}

impl Logos {
    pub fn new(known: Arc<Known>, egress: Egress, clock: Arc<dyn Clock>) -> Self {
        Self { known, egress, clock, kept: Mutex::default() }
    }

    /// `None`: there is none, or it cannot be had now.
    pub async fn of(&self, client: &ClientId) -> Result<Option<Arc<Picture>>, StoreError> {
        let Some(client) = self.known.client(client).await? else { return Ok(None) };
        let Some(uri) = shown(&client) else { return Ok(None) };
        let now = self.clock.now();
        let before = self.kept().0.get(&client.id).filter(|kept| kept.uri == uri).cloned();
        let fresh = before.as_ref().is_some_and(|kept| now < kept.until);
        let before = before.and_then(|kept| kept.picture);
        if fresh {
            return Ok(before);
        }
        let keep = |lasts: Duration, picture: Option<Arc<Picture>>| {
            let kept = Kept { uri: uri.to_owned(), since: now, until: now + lasts, picture };
            self.kept().keep(&client.id, kept);
        };
        keep(AGAIN, before.clone());
        match logo::fetch(&self.egress, uri).await {
            Ok(picture) => {
                let picture = Some(Arc::new(picture));
                keep(FRESH, picture.clone());
                Ok(picture)
            }
            Err(error) => {
                tracing::info!(client.id = %client.id, detail = %error, "the picture of a client could not be had");
                Ok(before)
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Pictures> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pictures {
    fn keep(&mut self, client: &ClientId, picture: Kept) {
        if self.0.len() >= MOST && !self.0.contains_key(client) {
            // By when it came, and not by how long it is good: that one could not be had is good for a minute alone, and
            // whoever forgets it calls its server again.
            let oldest = self.0.iter().min_by_key(|(_, kept)| kept.since).map(|(client, _)| client.clone());
            if let Some(oldest) = oldest {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(client.clone(), picture);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_one_makes_room_and_none_that_could_not_be_had() {
        let client = |n: usize| ClientId::parse(&format!("client{n}")).unwrap();
        let mut pictures = Pictures::default();
        for (n, second) in (0..=MOST).zip(1_800_000_000..) {
            let since = Timestamp::from_seconds(second);
            let lasts = if n == 1 { AGAIN } else { FRESH };
            pictures.keep(&client(n), Kept { uri: String::new(), since, until: since + lasts, picture: None });
        }
        assert_eq!(pictures.0.len(), MOST);
        assert!(!pictures.0.contains_key(&client(0)) && pictures.0.contains_key(&client(1)));
        // What comes anew takes nobody's place.
        let since = Timestamp::from_seconds(1_900_000_000);
        pictures.keep(&client(2), Kept { uri: String::new(), since, until: since + FRESH, picture: None });
        assert_eq!(pictures.0.len(), MOST);
        assert!(pictures.0.contains_key(&client(1)));
    }
}
