//! The key sets of clients that registered a `jwks_uri`: fetched when needed, kept for a while,
//! fetched again when a token names a key that is not in them [OIDCC §10.1.1].

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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::outbound::egress::EgressSettings;
    use crate::protocol::client_assertion::ASSERTION_TYP;
    use crate::protocol::jwt::{Algorithm, SigningKey, Unverified, public_jwks};

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const MINUTE: Duration = Duration::from_mins(1);

    /// A client that serves its keys, or fails to.
    struct Shop {
        uri: String,
        fetches: Arc<AtomicUsize>,
        answer: Arc<Mutex<Option<String>>>,
        delay: Arc<Mutex<Duration>>,
    }

    impl Shop {
        #[expect(clippy::disallowed_methods, reason = "a server of this test")]
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let uri = format!("http://{}/jwks", listener.local_addr().unwrap());
            let shop = Self { uri, fetches: Arc::default(), answer: Arc::default(), delay: Arc::default() };
            let (fetches, answer, delay) =
                (Arc::clone(&shop.fetches), Arc::clone(&shop.answer), Arc::clone(&shop.delay));
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    fetches.fetch_add(1, Ordering::SeqCst);
                    drop(stream.read(&mut [0; 4096]).await);
                    let (delay, answer) = (*delay.lock().unwrap(), answer.lock().unwrap().clone());
                    tokio::time::sleep(delay).await;
                    let answer = answer.unwrap_or_else(|| "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned());
                    drop(stream.write_all(answer.as_bytes()).await);
                }
            });
            shop
        }

        fn serves(&self, headers: &str, keys: &[&SigningKey]) {
            let document = String::from_utf8(public_jwks(keys.iter().map(|key| key.public_jwk()))).unwrap();
            self.says(headers, &document);
        }

        fn says(&self, headers: &str, body: &str) {
            let length = body.len();
            *self.answer.lock().unwrap() = Some(format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
            ));
        }

        fn fails(&self) {
            *self.answer.lock().unwrap() = None;
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    fn cache() -> JwksCache {
        JwksCache::new(
            Egress::new(&EgressSettings {
                allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
                plain_http_hosts: vec!["127.0.0.1".into()],
                ..EgressSettings::default()
            })
            .unwrap(),
        )
    }

    fn key() -> SigningKey {
        SigningKey::generate(Algorithm::ES256).unwrap().0
    }

    async fn verify(cache: &JwksCache, shop: &Shop, key: &SigningKey, now: Timestamp) -> Result<(), JwksError> {
        let token = key.sign("JWT", &json!({})).unwrap();
        let token = Unverified::parse(token.expose()).unwrap();
        let verify = |keys: &KeySet| keys.verify::<Value>(&token, Algorithm::ES256, ASSERTION_TYP);
        cache.verify(&shop.uri, now, verify).await.map(|_| ())
    }

    fn is_unknown_key(result: &Result<(), JwksError>) -> bool {
        matches!(result, Err(JwksError::Token(JwtError::UnknownKey)))
    }

    #[tokio::test]
    async fn keys_are_fetched_once_and_kept_as_long_as_the_client_says() {
        for (headers, fresh) in [
            ("", DEFAULT_FRESH),
            ("Cache-Control: max-age=120\r\n", 2 * MINUTE),
            ("Cache-Control: public, Max-Age=\"120\"\r\n", 2 * MINUTE),
            ("Cache-Control: max-age=1\r\n", MINUTE),
            ("Cache-Control: max-age=300, no-cache\r\n", MINUTE),
            ("Cache-Control: no-store\r\n", MINUTE),
            ("Cache-Control: max-age=99999999\r\n", 30 * MINUTE),
            ("Cache-Control: max-age=soon\r\n", DEFAULT_FRESH),
        ] {
            let (cache, shop, key) = (cache(), Shop::start().await, key());
            shop.serves(headers, &[&key]);
            for now in [NOW, NOW, NOW + fresh - Duration::from_millis(1)] {
                verify(&cache, &shop, &key, now).await.unwrap();
            }
            assert_eq!(shop.fetches(), 1, "{headers}");
            verify(&cache, &shop, &key, NOW + fresh).await.unwrap();
            assert_eq!(shop.fetches(), 2, "{headers}");
        }
    }

    #[tokio::test]
    async fn oidcc_10_1_1_an_unknown_kid_has_the_keys_fetched_again_but_not_more_than_once_a_minute() {
        let (cache, shop, old, new) = (cache(), Shop::start().await, key(), key());
        shop.serves("", &[&old]);
        verify(&cache, &shop, &old, NOW).await.unwrap();
        shop.serves("", &[&new]);
        verify(&cache, &shop, &new, NOW).await.unwrap();
        assert_eq!(shop.fetches(), 2);

        for _ in 0..20 {
            assert!(is_unknown_key(&verify(&cache, &shop, &key(), NOW + MINUTE - Duration::from_millis(1)).await));
        }
        assert_eq!(shop.fetches(), 2, "a stranger cannot make us fetch at will");
        assert!(is_unknown_key(&verify(&cache, &shop, &old, NOW + MINUTE).await), "withdrawn");
        assert_eq!(shop.fetches(), 3);
    }

    #[tokio::test]
    async fn an_unknown_kid_in_keys_just_fetched_is_just_unknown() {
        let (cache, shop) = (cache(), Shop::start().await);
        shop.serves("", &[&key()]);
        assert!(is_unknown_key(&verify(&cache, &shop, &key(), NOW).await));
        assert_eq!(shop.fetches(), 1);
    }

    #[tokio::test]
    async fn a_wrong_signature_is_no_reason_to_fetch_again() {
        let (cache, shop, key) = (cache(), Shop::start().await, key());
        shop.serves("", &[&key]);
        verify(&cache, &shop, &key, NOW).await.unwrap();
        let verify = |_: &KeySet| -> Result<(), _> { Err(JwtError::Signature) };
        let result = cache.verify(&shop.uri, NOW, verify).await;
        assert!(matches!(result, Err(JwksError::Token(JwtError::Signature))));
        assert_eq!(shop.fetches(), 1);
    }

    #[tokio::test]
    async fn f25_during_an_outage_kept_keys_serve_for_an_hour_and_no_longer() {
        let (cache, shop, key) = (cache(), Shop::start().await, key());
        shop.serves("Cache-Control: max-age=99999999\r\n", &[&key]);
        verify(&cache, &shop, &key, NOW).await.unwrap();
        shop.fails();
        for minutes in [29, 30, 31, 45, 59] {
            verify(&cache, &shop, &key, NOW + minutes * MINUTE).await.unwrap();
        }
        let error = verify(&cache, &shop, &key, NOW + 60 * MINUTE).await.unwrap_err();
        assert!(matches!(error, JwksError::Fetch(_)), "{error:?}");
        shop.serves("", &[&key]);
        verify(&cache, &shop, &key, NOW + 61 * MINUTE).await.unwrap();
    }

    #[tokio::test]
    async fn after_a_failure_nobody_waits_for_the_next_one() {
        let (cache, shop, key) = (cache(), Shop::start().await, key());
        for _ in 0..10 {
            assert!(verify(&cache, &shop, &key, NOW).await.is_err());
        }
        assert_eq!(shop.fetches(), 1);
        shop.serves("", &[&key]);
        assert!(verify(&cache, &shop, &key, NOW + Duration::from_millis(9999)).await.is_err());
        verify(&cache, &shop, &key, NOW + Duration::from_secs(10)).await.unwrap();
    }

    #[tokio::test]
    async fn documents_that_are_no_key_sets_are_failures() {
        let (cache, shop, key) = (cache(), Shop::start().await, key());
        let large = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(MAX_DOCUMENT_BYTES));
        for (n, body) in ["", "{}", "<html>", &large].into_iter().enumerate() {
            shop.says("", body);
            let now = NOW + u32::try_from(n).unwrap() * MINUTE;
            let error = verify(&cache, &shop, &key, now).await.unwrap_err();
            assert!(matches!(error, JwksError::Fetch(_)), "{error:?}");
        }
        let shop = Shop { uri: "https://10.0.0.1/jwks".into(), ..shop };
        let error = verify(&cache, &shop, &key, NOW).await.unwrap_err();
        assert_eq!(error.to_string(), "jwks_uri: the host leads to a private or special-purpose address");
        let shop = Shop { uri: "no url".into(), ..shop };
        assert!(verify(&cache, &shop, &key, NOW).await.is_err());
    }

    #[tokio::test]
    async fn many_at_once_cause_one_fetch() {
        let (cache, shop, key) = (cache(), Shop::start().await, key());
        shop.serves("", &[&key]);
        *shop.delay.lock().unwrap() = Duration::from_millis(600);
        let all = futures_util::future::join_all((0..50).map(|_| verify(&cache, &shop, &key, NOW))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(shop.fetches(), 1);

        // Once kept keys are stale, one fetches and the others go on with what there is.
        let later = NOW + DEFAULT_FRESH;
        let started = std::time::Instant::now();
        let first = verify(&cache, &shop, &key, later);
        let others = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let others = futures_util::future::join_all((0..50).map(|_| verify(&cache, &shop, &key, later))).await;
            (others, started.elapsed())
        };
        let (first, (others, took)) = futures_util::future::join(first, others).await;
        assert!(first.is_ok() && others.iter().all(Result::is_ok));
        assert!(took < Duration::from_millis(550), "{took:?}");
        assert_eq!(shop.fetches(), 2);
    }

    #[tokio::test]
    async fn many_strangers_at_once_cause_one_fetch() {
        let (cache, shop, key, stranger) = (cache(), Shop::start().await, key(), key());
        shop.serves("", &[&key]);
        verify(&cache, &shop, &key, NOW).await.unwrap();
        *shop.delay.lock().unwrap() = Duration::from_millis(50);
        let all = futures_util::future::join_all((0..50).map(|_| verify(&cache, &shop, &stranger, NOW))).await;
        assert!(all.iter().all(is_unknown_key));
        assert_eq!(shop.fetches(), 2);
    }

    #[tokio::test]
    async fn oidcc_10_1_1_many_tokens_of_a_new_key_at_once_are_all_believed() {
        let (cache, shop, old, new) = (cache(), Shop::start().await, key(), key());
        shop.serves("", &[&old]);
        verify(&cache, &shop, &old, NOW).await.unwrap();
        shop.serves("", &[&new]);
        *shop.delay.lock().unwrap() = Duration::from_millis(50);
        let all = futures_util::future::join_all((0..50).map(|_| verify(&cache, &shop, &new, NOW))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(shop.fetches(), 2);
    }

    #[tokio::test]
    async fn only_a_200_answer_is_a_key_set() {
        for status in ["404 Not Found", "201 Created", "302 Found"] {
            let (cache, shop, key) = (cache(), Shop::start().await, key());
            shop.serves("", &[&key]);
            let answer = shop.answer.lock().unwrap().take().map(|answer| answer.replace("200 OK", status));
            *shop.answer.lock().unwrap() = answer;
            let error = verify(&cache, &shop, &key, NOW).await.unwrap_err();
            assert_eq!(error.to_string(), format!("jwks_uri: answered {status}"));
        }
    }

    #[tokio::test]
    async fn a_fetch_that_is_given_up_is_taken_over() {
        let (cache, shop, key) = (cache(), Shop::start().await, key());
        shop.serves("", &[&key]);
        *shop.delay.lock().unwrap() = Duration::from_millis(200);
        let abandoned = tokio::time::timeout(Duration::from_millis(50), verify(&cache, &shop, &key, NOW));
        let (abandoned, patient) = futures_util::future::join(abandoned, verify(&cache, &shop, &key, NOW)).await;
        assert!(abandoned.is_err() && patient.is_ok());
    }
}
