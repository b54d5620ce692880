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
        let (fetches, answer, delay) = (Arc::clone(&shop.fetches), Arc::clone(&shop.answer), Arc::clone(&shop.delay));
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
        *self.answer.lock().unwrap() =
            Some(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"));
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
