use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use poem::{Body, Endpoint as _, Route};
use poem_openapi::payload::PlainText;
use poem_openapi::{Object, OpenApi, OpenApiService};
use serde::Deserialize;
use serde_json::Value;

use super::*;

/// What the document shows of the form.
#[derive(Object)]
struct TokenForm {
    grant_type: String,
}

#[derive(Debug, Object, Deserialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Deny {
    device_id: String,
    number: Option<u8>,
}

struct Api;

#[OpenApi]
#[expect(clippy::unused_async, reason = "operations of the document are async")]
impl Api {
    #[oai(path = "/token", method = "post")]
    async fn token(&self, form: OAuthForm<TokenForm>) -> PlainText<String> {
        PlainText(form.parameters.names().collect::<Vec<_>>().join(" "))
    }

    #[oai(path = "/deny", method = "post")]
    async fn deny(&self, body: BoundedJson<Deny>) -> PlainText<String> {
        PlainText(format!("{} {}", body.value.device_id, body.raw().len()))
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

fn post(path: &str, content_type: &str, body: impl Into<Body>) -> Request {
    let uri = path.parse::<http::Uri>().unwrap();
    Request::builder().method(http::Method::POST).uri(uri).content_type(content_type).body(body)
}

fn app() -> Route {
    Route::new().nest("/", OpenApiService::new(Api, "test", "1"))
}

/// Status and body of the answer; the body read errors by their type.
async fn send(request: Request) -> (u16, String) {
    let response = app().get_response(request).await;
    let status = response.status().as_u16();
    (status, response.into_body().into_string().await.unwrap())
}

async fn refusal(request: Request) -> BodyError {
    let error = app().call(request).await.map(|_| ()).unwrap_err();
    error.downcast_ref::<BodyError>().expect("a BodyError").clone()
}

fn endless() -> Body {
    let chunk = Bytes::from_static(&[b'a'; 8192]);
    Body::from_bytes_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())))
}

#[tokio::test]
async fn a_form_is_read() {
    let sent = "grant_type=g&client_id=shop";
    for content_type in [FORM, "application/x-www-form-urlencoded; charset=UTF-8", "APPLICATION/x-www-form-urlencoded"]
    {
        assert_eq!(send(post("/token", content_type, sent)).await, (200, "grant_type client_id".to_owned()));
    }
}

#[tokio::test]
async fn another_content_type_is_no_form() {
    for content_type in [
        JSON,
        "text/plain",
        "application/x-www-form-urlencoded; charset=latin1",
        "x; charset=utf-8",
        "application/x-www-form-urlencoded; a=b",
    ] {
        assert_eq!(refusal(post("/token", content_type, "a=b")).await, BodyError::NotAForm, "{content_type}");
    }
    let bare = Request::builder().method(http::Method::POST).uri_str("/token").body("a=b");
    assert_eq!(refusal(bare).await, BodyError::NotAForm);
    let mut twice = post("/token", FORM, "a=b");
    twice.headers_mut().append(header::CONTENT_TYPE, FORM.parse().unwrap());
    assert_eq!(refusal(twice).await, BodyError::NotAForm);
    let (status, body) = send(post("/token", JSON, "{}")).await;
    assert_eq!(status, 400);
    assert_eq!(
        body,
        r#"{"error":"invalid_request","error_description":"The content type is not application/x-www-form-urlencoded."}"#
    );
}

#[tokio::test]
async fn the_rules_for_parameters_hold() {
    let refused = refusal(post("/token", FORM, "grant_type=g&grant_type=g")).await;
    assert!(matches!(refused, BodyError::Parameters(_)), "{refused:?}");
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn encodings_are_refused() {
    for encoding in ["gzip", "identity", ""] {
        let mut request = post("/token", FORM, "a=b");
        request.headers_mut().insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
        let refused = refusal(request).await;
        assert_eq!((&refused, refused.status().as_u16()), (&BodyError::Encoded, 415));
    }
}

#[tokio::test]
async fn size_is_bounded_by_what_is_announced_and_by_what_comes() {
    let longest = |limit: usize| format!("{}=", "a".repeat(limit - 1));
    let refused = refusal(post("/token", FORM, longest(FORM_LIMIT))).await;
    assert!(matches!(refused, BodyError::Parameters(_)), "within the limit, but a long name");
    assert_eq!(refusal(post("/token", FORM, longest(FORM_LIMIT + 1))).await, BodyError::TooLarge);
    assert_eq!(refusal(post("/token", FORM, endless())).await, BodyError::TooLarge);
    assert_eq!(refusal(post("/deny", JSON, endless())).await, BodyError::TooLarge);

    for length in ["65537", "300000000", "99999999999999999999999", "-1", "x"] {
        let mut announced = post("/token", FORM, Body::from_bytes_stream(stream::pending::<std::io::Result<Bytes>>()));
        announced.headers_mut().insert(header::CONTENT_LENGTH, length.parse().unwrap());
        assert_eq!(refusal(announced).await, BodyError::TooLarge, "{length}: refused before it is read");
    }
}

#[tokio::test]
async fn a_slow_body_is_not_waited_for() {
    let silent = Body::from_bytes_stream(stream::pending::<std::io::Result<Bytes>>());
    let mut request = post("/token", FORM, silent);
    let brief = Duration::from_millis(50);
    request.set_data(CallTime::new(brief, brief, Arc::default()));
    let refused = refusal(request).await;
    assert_eq!((&refused, refused.status().as_u16()), (&BodyError::TooSlow, 408));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let pieces = [Ok(Bytes::from_static(b"grant_type=g")), Err(std::io::Error::other("gone"))];
    assert_eq!(
        refusal(post("/token", FORM, Body::from_bytes_stream(stream::iter(pieces)))).await,
        BodyError::Interrupted
    );
}

#[tokio::test]
async fn a_body_in_pieces_is_joined() {
    let pieces =
        [&b"grant_type="[..], b"g&client", b"_id=shop"].map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)));
    let body = Body::from_bytes_stream(stream::iter(pieces));
    assert_eq!(send(post("/token", FORM, body)).await.1, "grant_type client_id");
}

#[tokio::test]
async fn json_is_read_and_its_bytes_are_kept() {
    let sent = r#" {"deviceId": "d1"}"#;
    for content_type in [JSON, "application/json; charset=utf-8", "application/vnd.nod.deny+json"] {
        assert_eq!(send(post("/deny", content_type, sent)).await, (200, format!("d1 {}", sent.len())));
    }
    for content_type in ["text/json", FORM, "application/+json", "application/jsonx", "json"] {
        let refused = refusal(post("/deny", content_type, sent)).await;
        assert_eq!((&refused, refused.status().as_u16()), (&BodyError::NotJson, 415), "{content_type}");
    }
}

#[tokio::test]
async fn json_of_another_shape_is_refused_without_an_echo() {
    for (sent, detail) in [
        (r#"{"deviceId": {"hunter2": 1}}"#, "expected a string"),
        (r#"{"deviceId": 5}"#, "expected a string"),
        (r#"{"deviceId":"d", "number": "hunter2"}"#, "expected u8"),
        (r#"{"deviceId":"d", "number": 256}"#, "expected u8"),
        (r#"{"deviceId":"d", "hunter2": 1}"#, "expected `deviceId` or `number`"),
        ("{}", "missing field `deviceId`"),
        ("null", "expected struct Deny"),
    ] {
        let refused = refusal(post("/deny", JSON, sent)).await;
        assert_eq!(refused, BodyError::Shape(detail.into()), "{sent}");
        assert!(!refused.description().contains("deviceId"));
    }
    assert_eq!(refusal(post("/deny", JSON, "")).await, BodyError::Syntax);
}

#[test]
fn rfc8259_4_a_repeated_member_is_refused_at_any_level() {
    for json in
        [r#"{"a":1,"a":1}"#, r#"{"a":1,"b":{"c":[{"d":1,"d":2}]}}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"":1,"":2}]"#]
    {
        assert_eq!(strict_json(json.as_bytes()), Err(BodyError::RepeatedMember), "{json}");
    }
    assert!(strict_json(br#"{"a":{"a":[{"a":1},{"a":1}]},"A":2}"#).is_ok());
}

#[test]
fn json_nests_sixteen_levels() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(strict_json(nested(16).as_bytes()).is_ok());
    assert_eq!(strict_json(nested(17).as_bytes()), Err(BodyError::TooDeep));
    assert_eq!(strict_json("[".repeat(30_000).as_bytes()), Err(BodyError::TooDeep));
    let objects = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    assert!(strict_json(objects(16).as_bytes()).is_ok());
    assert_eq!(strict_json(objects(17).as_bytes()), Err(BodyError::TooDeep));
}

#[test]
fn what_is_no_json_is_refused() {
    for json in [&b""[..], b"{", b"{}x", b"{} {}", b"nul", b"\"\xff\"", b"[1,]", b"\"\\ud800\"", b"NaN", b"1e999"] {
        assert_eq!(strict_json(json), Err(BodyError::Syntax), "{json:?}");
    }
}

#[test]
fn the_document_describes_the_bodies() {
    let document: Value = serde_json::from_str(&OpenApiService::new(Api, "test", "1").spec()).unwrap();
    let content = |path: &str| &document["paths"][path]["post"]["requestBody"]["content"];
    assert_eq!(content("/token")[FORM]["schema"]["$ref"], "#/components/schemas/TokenForm");
    assert_eq!(content("/deny")[JSON]["schema"]["$ref"], "#/components/schemas/Deny");
}

proptest::proptest! {
    #[test]
    fn strict_reading_agrees_with_serde_json(json in r#"[\[\]{}",:a-c0-2]{0,24}"#) {
        if let Ok(strict) = strict_json(json.as_bytes()) {
            proptest::prop_assert_eq!(strict, serde_json::from_str::<Value>(&json).unwrap());
        }
    }
}
