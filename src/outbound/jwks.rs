//! The key sets of clients that registered a `jwks_uri`: fetched when needed, kept for a while,
//! fetched again when a token names a key that is not in them [OIDCC §10.1.1].

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, header};

use super::document::{self, DocumentError};
use super::egress::Egress;
use crate::clock::Timestamp;
use crate::protocol::jwt::{JwtError, KeySet, KeySetError};

const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// No client's answer makes us ask more often, nor less often, than this.
const MIN_FRESH: Duration = Duration::from_mins(1);
/// Half of [`MAX_AGE`], so that an outage always finds us with half of it left.
const MAX_FRESH: Duration = Duration::from_mins(30);
const DEFAULT_FRESH: Duration = Duration::from_mins(10);
/// Keys older than this are not believed even if newer ones cannot be had: a key that was
/// withdrawn must stop working some day.
const MAX_AGE: Duration = Duration::from_hours(1);
/// How often a token with an unknown `kid`, which anybody can make, has the set fetched again.
const MIN_BETWEEN_REFRESHES: Duration = Duration::from_mins(1);
/// After a failure, how long everybody else is spared the wait for the next one.
const MIN_BETWEEN_FAILURES: Duration = Duration::from_secs(10);
const MAX_SETS: u64 = 10_000;

/// Why a token could not be checked against fetched keys. All of it is `invalid_client` to the
/// client: its keys are its own to serve.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    #[error("jwks_uri: {0}")]
    Fetch(Arc<FetchError>),
    #[error(transparent)]
    Token(#[from] JwtError),
}

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("{0}")]
    KeySet(#[from] KeySetError),
}

/// The fetched key sets of this node. One fetch per URI at a time, however many wait for it.
#[derive(Debug)]
pub struct JwksCache {
    egress: Egress,
    sets: moka::sync::Cache<String, Arc<Entry>>,
}

/// What we know about one URI.
#[derive(Debug, Default)]
struct Entry {
    state: Mutex<State>,
    /// Held while fetching.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct State {
    set: Option<Fetched>,
    failed: Option<(Timestamp, Arc<FetchError>)>,
    refreshed_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Fetched {
    keys: Arc<KeySet>,
    at: Timestamp,
    fresh_until: Timestamp,
}

/// Where keys come from: those fetched for this very request need no second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Kept,
    JustFetched,
}

impl Entry {
    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn fresh(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        self.set.as_ref().filter(|set| now < set.fresh_until).map(|set| Arc::clone(&set.keys))
    }

    /// Good enough while nothing newer can be had.
    fn usable(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        self.set.as_ref().filter(|set| now < set.at + MAX_AGE).map(|set| Arc::clone(&set.keys))
    }

    fn recent_failure(&self, now: Timestamp) -> Option<Arc<FetchError>> {
        let recent = self.failed.as_ref().filter(|(at, _)| now < *at + MIN_BETWEEN_FAILURES);
        recent.map(|(_, error)| Arc::clone(error))
    }

    fn may_refresh(&self, now: Timestamp) -> bool {
        self.refreshed_at.is_none_or(|at| now >= at + MIN_BETWEEN_REFRESHES)
    }
}

impl JwksCache {
    pub fn new(egress: Egress) -> Self {
        Self { egress, sets: moka::sync::Cache::new(MAX_SETS) }
    }

    /// Checks a token with the keys behind `uri`; if none of them is the one it names, with newer
    /// keys, at most once a minute.
    pub async fn verify<T>(
        &self,
        uri: &str,
        now: Timestamp,
        verify: impl Fn(&KeySet) -> Result<T, JwtError>,
    ) -> Result<T, JwksError> {
        let (keys, origin) = self.obtain(uri, now).await?;
        match (verify(&keys), origin) {
            (Err(JwtError::UnknownKey), Origin::Kept) => match self.newer(uri, &keys, now).await {
                Some(newer) => Ok(verify(&newer)?),
                None => Err(JwtError::UnknownKey.into()),
            },
            (outcome, Origin::Kept | Origin::JustFetched) => Ok(outcome?),
        }
    }

    /// The keys behind `uri`, fetched now if they are not at hand.
    async fn obtain(&self, uri: &str, now: Timestamp) -> Result<(Arc<KeySet>, Origin), JwksError> {
        let entry = self.entry(uri);
        let state = entry.state();
        if let Some(fresh) = state.fresh(now) {
            return Ok((fresh, Origin::Kept));
        }
        // Somebody is fetching already: whoever has usable keys need not wait for him.
        let guard = match (entry.fetching.try_lock(), state.usable(now)) {
            (Ok(guard), _) => guard,
            (Err(_), Some(usable)) => return Ok((usable, Origin::Kept)),
            (Err(_), None) => entry.fetching.lock().await,
        };
        let state = entry.state();
        if let Some(fresh) = state.fresh(now) {
            return Ok((fresh, Origin::Kept));
        }
        let fetched = match state.recent_failure(now) {
            Some(failure) => Err(failure),
            None => self.fetch(&entry, uri, now).await,
        };
        drop(guard);
        match (fetched, state.usable(now)) {
            (Ok(keys), _) => Ok((keys, Origin::JustFetched)),
            (Err(_), Some(keys)) => Ok((keys, Origin::Kept)),
            (Err(error), None) => Err(JwksError::Fetch(error)),
        }
    }

    /// Keys other than `seen`, unless they were asked for less than a minute ago.
    async fn newer(&self, uri: &str, seen: &Arc<KeySet>, now: Timestamp) -> Option<Arc<KeySet>> {
        let entry = self.entry(uri);
        let _guard = entry.fetching.lock().await;
        let state = entry.state();
        let changed = state.fresh(now).filter(|keys| !Arc::ptr_eq(keys, seen));
        if changed.is_some() {
            return changed;
        }
        if !state.may_refresh(now) {
            return None;
        }
        entry.change(|state| state.refreshed_at = Some(now));
        self.fetch(&entry, uri, now).await.ok()
    }

    fn entry(&self, uri: &str) -> Arc<Entry> {
        self.sets.get_with_by_ref(uri, Arc::default)
    }

    /// To be called by the holder of `fetching`.
    async fn fetch(&self, entry: &Entry, uri: &str, now: Timestamp) -> Result<Arc<KeySet>, Arc<FetchError>> {
        match self.download(uri).await {
            Ok((keys, fresh_for)) => {
                let keys = Arc::new(keys);
                let set = Fetched { keys: Arc::clone(&keys), at: now, fresh_until: now + fresh_for };
                entry.change(|state| {
                    state.set = Some(set);
                    state.failed = None;
                });
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(uri = without_query(uri), %error, "the keys of a client could not be fetched");
                let error = Arc::new(error);
                entry.change(|state| state.failed = Some((now, Arc::clone(&error))));
                Err(error)
            }
        }
    }

    async fn download(&self, uri: &str) -> Result<(KeySet, Duration), FetchError> {
        let accept = "application/jwk-set+json, application/json";
        let document = document::fetch(&self.egress, uri, accept, MAX_DOCUMENT_BYTES).await?;
        Ok((KeySet::parse(&document.body)?, fresh_for(&document.headers)))
    }
}

/// For the log: a query may hold what is nobody's business.
fn without_query(uri: &str) -> &str {
    uri.split_once('?').map_or(uri, |(before, _)| before)
}

/// How long an answer is fresh [RFC 9111 §5.2.2], within our bounds.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let directives = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    let mut fresh = DEFAULT_FRESH;
    for directive in directives {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return MIN_FRESH;
        }
        if name.eq_ignore_ascii_case("max-age")
            && let Ok(seconds) = value.trim_matches('"').parse()
        {
            fresh = Duration::from_secs(seconds).clamp(MIN_FRESH, MAX_FRESH);
        }
    }
    fresh
}
