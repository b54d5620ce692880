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
    kept: Mutex<HashMap<ClientId, Kept>>,
}

#[derive(Clone)]
struct Kept {
    uri: String,
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
        let before = self.kept().get(&client.id).filter(|kept| kept.uri == uri).cloned();
        let fresh = before.as_ref().is_some_and(|kept| now < kept.until);
        let before = before.and_then(|kept| kept.picture);
        if fresh {
            return Ok(before);
        }
        self.keep(&client.id, Kept { uri: uri.to_owned(), until: now + AGAIN, picture: before.clone() });
        match logo::fetch(&self.egress, uri).await {
            Ok(picture) => {
                let picture = Some(Arc::new(picture));
                self.keep(&client.id, Kept { uri: uri.to_owned(), until: now + FRESH, picture: picture.clone() });
                Ok(picture)
            }
            Err(error) => {
                tracing::info!(client.id = %client.id, detail = %error, "the picture of a client could not be had");
                Ok(before)
            }
        }
    }

    fn keep(&self, client: &ClientId, picture: Kept) {
        let mut kept = self.kept();
        if kept.len() >= MOST && !kept.contains_key(client) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.until).map(|(client, _)| client.clone());
            if let Some(oldest) = oldest {
                kept.remove(&oldest);
            }
        }
        kept.insert(client.clone(), picture);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<ClientId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
