//! What came back, and what every answer of its kind has in common.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::CHECK_SESSION;
use super::contract::{self, Sent};

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A token response [RFC 6749 §5.1].
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) id_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let sent = request.body().and_then(reqwest::Body::as_bytes).map(|bytes| Sent {
            form: request.headers().get("content-type").is_some_and(|kind| !kind.as_bytes().ends_with(b"json")),
            bytes: bytes.to_vec(),
        });
        let response = client.execute(request).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a whole body").to_vec();
        let answer = Self { status, headers, body };
        // Whatever was asked: the server does not break.
        assert!(status < 500 || status == 503, "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
        assert!(answer.header("date").is_some(), "{answer:?}");
        assert!(answer.header("cache-control").is_some(), "{answer:?}");
        answer.is_fenced_in(&path);
        contract::check(method.as_str(), &path, sent.as_ref(), &answer);
        answer
    }

    /// [security.md case 137] a page, that of an error too, whatever test gets it: nothing frames it, opens it or runs in
    /// it. But for the one that is made for frames, which has nothing to press.
    #[track_caller]
    fn is_fenced_in(&self, path: &str) {
        let page = self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        let policy = self.header("content-security-policy").unwrap_or_default();
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        for fence in ["default-src 'none'", "base-uri 'none'"].iter().filter(|_| page) {
            assert!(policy.contains(fence), "{path}: {policy}");
        }
        if page && path != CHECK_SESSION {
            assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action "), "{path}: {policy}");
            let fences = [
                ("x-frame-options", "DENY"),
                ("cross-origin-opener-policy", "same-origin"),
                ("cross-origin-resource-policy", "same-origin"),
            ];
            for (name, value) in fences {
                assert_eq!(self.header(name), Some(value), "{path}: {name}");
            }
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?} {}", self.text()))
    }

    /// 200, JSON that nobody may keep.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type").unwrap().split(';').next(), Some("application/json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        self.json()
    }

    #[track_caller]
    pub(crate) fn tokens(&self) -> Tokens {
        let json = self.ok();
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        Tokens {
            access_token: text("access_token").expect("an access token"),
            id_token: text("id_token").expect("an ID token"),
            refresh_token: text("refresh_token"),
            json,
        }
    }

    /// An error of a direct endpoint [RFC 6749 §5.2, CIBA §13].
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, error: &str) -> &Self {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{text}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{text}");
        let json = self.json();
        assert_eq!(json["error"], error, "{text}");
        for (name, value) in json.as_object().expect("an object") {
            assert!(["error", "error_description", "error_uri"].contains(&name.as_str()), "{text}");
            let value = value.as_str().expect("a string");
            assert!(value.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{text}");
        }
        self
    }

    /// An error of the device API [RFC 9457], with the nonce for the next try.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> &Self {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{text}");
        assert!(self.header("device-nonce").is_some(), "{text}");
        let challenge = (status == 401).then_some("Device-Proof realm=\"nod\", algs=\"ES256\"");
        assert_eq!(self.header("www-authenticate"), challenge, "{text}");
        let json = self.json();
        assert_eq!(json["code"], code, "{text}");
        assert_eq!(json["status"], status, "{text}");
        assert!(json["type"].is_string() && json["title"].is_string(), "{text}");
        let members = ["type", "title", "status", "code", "detail"];
        assert!(json.as_object().unwrap().keys().all(|name| members.contains(&name.as_str())), "{text}");
        self
    }

    /// An error of the admin API [RFC 9457].
    #[track_caller]
    pub(crate) fn admin_problem(&self, status: u16, code: &str) -> &Self {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{text}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{text}");
        let json = self.json();
        assert_eq!(json["code"], code, "{text}");
        assert_eq!(json["status"], status, "{text}");
        assert!(json["title"].is_string(), "{text}");
        assert!(json["type"].as_str().is_some_and(|page| page.ends_with(&format!("/docs/errors/{code}"))), "{text}");
        let members = ["type", "title", "status", "code", "detail", "errors", "retry_after_seconds"];
        assert!(json.as_object().unwrap().keys().all(|name| members.contains(&name.as_str())), "{text}");
        assert_eq!(matches!(status, 401 | 403), self.header("www-authenticate").is_some(), "{text}");
        self
    }

    /// How long to wait, by a 429 or 503.
    #[track_caller]
    pub(crate) fn retry_after(&self) -> u64 {
        self.header("retry-after").expect("Retry-After").parse().unwrap()
    }
}
