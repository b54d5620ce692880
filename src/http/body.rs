//! Bodies, read within bounds. Every handler that takes a body takes one of these; the framework's
//! own extractors read without limit and with lenient parsers.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use poem::error::ResponseError;
use poem::http::{StatusCode, header};
use poem::{FromRequest, Request, RequestBody, Response};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::call_time::{BODY_DEADLINE, CallTime};
use crate::protocol::error::Refusal;
use crate::protocol::parameters::Parameters;

/// The longest form: 64 KiB.
pub const FORM_LIMIT: usize = 64 * 1024;
/// The longest body of the device API: 32 KiB.
pub const DEVICE_LIMIT: usize = 32 * 1024;
/// The longest body of the administration API: 256 KiB.
pub const ADMIN_LIMIT: usize = 256 * 1024;
/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 16;
/// Why a body was not taken. Nothing here echoes what was sent.
///
/// It is an error of HTTP, not of a protocol, and each family of endpoints words it in its own way:
/// an error handler finds it again by `poem::Error::downcast_ref::<BodyError>()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    NotAForm,
    NotJson,
    Encoded,
    TooLarge,
    TooSlow,
    Interrupted,
    /// The parameters of a form are not acceptable.
    Parameters(Refusal),
    Syntax,
    RepeatedMember,
    TooDeep,
    /// Valid JSON that is not what the endpoint takes. The text is for the log.
    Shape(Cow<'static, str>),
}

impl BodyError {
    /// What to tell the client: constant text.
    pub fn description(&self) -> &'static str {
        match self {
            Self::NotAForm => "The content type is not application/x-www-form-urlencoded.",
            Self::NotJson => "The content type is not application/json.",
            Self::Encoded => "A content encoding is not accepted.",
            Self::TooLarge => "The body is too large.",
            Self::TooSlow => "The body did not arrive in time.",
            Self::Interrupted => "The body ended early.",
            Self::Parameters(refusal) => refusal.description,
            Self::Syntax => "The body is not valid JSON.",
            Self::RepeatedMember => "A member of a JSON object is repeated.",
            Self::TooDeep => "The JSON is nested too deeply.",
            Self::Shape(_) => "The JSON does not have the documented members and types.",
        }
    }
}

/// What to tell the log.
impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parameters(refusal) => &refusal.detail,
            Self::Shape(detail) => detail,
            Self::NotAForm
            | Self::NotJson
            | Self::Encoded
            | Self::TooLarge
            | Self::TooSlow
            | Self::Interrupted
            | Self::Syntax
            | Self::RepeatedMember
            | Self::TooDeep => self.description(),
        })
    }
}

impl std::error::Error for BodyError {}

impl ResponseError for BodyError {
    fn status(&self) -> StatusCode {
        match self {
            // [RFC 6749 §5.2] a malformed request is `invalid_request` with 400, and a token request
            // of another type is a malformed one.
            Self::NotAForm
            | Self::Interrupted
            | Self::Parameters(_)
            | Self::Syntax
            | Self::RepeatedMember
            | Self::TooDeep
            | Self::Shape(_) => StatusCode::BAD_REQUEST,
            Self::NotJson | Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn as_response(&self) -> Response {
        let body = serde_json::json!({ "error": "invalid_request", "error_description": self.description() });
        Response::builder()
            .status(self.status())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CACHE_CONTROL, "no-store")
            .body(body.to_string())
    }
}

/// Reads a body of at most `limit` bytes, and not a byte more than that into memory.
pub async fn read(request: &Request, body: &mut RequestBody, limit: usize) -> Result<Bytes, BodyError> {
    // Nothing of ours is worth a decompressor that turns a kilobyte into a gigabyte.
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(BodyError::Encoded);
    }
    let announced = request.headers().get(header::CONTENT_LENGTH);
    if announced.is_some_and(|length| longer_than(length.as_bytes(), limit)) {
        return Err(BodyError::TooLarge);
    }
    let body = body.take().map_err(|_| BodyError::Interrupted)?;
    let deadline = request.data::<CallTime>().map_or(BODY_DEADLINE, CallTime::body);
    tokio::time::timeout(deadline, collect(body.into(), limit)).await.unwrap_or(Err(BodyError::TooSlow))
}

/// Whether a `Content-Length` says more than `limit`; one that is no number says too much.
fn longer_than(length: &[u8], limit: usize) -> bool {
    std::str::from_utf8(length).ok().and_then(|digits| digits.parse::<usize>().ok()).is_none_or(|length| length > limit)
}

type BoxBody = http_body_util::combinators::BoxBody<Bytes, std::io::Error>;

async fn collect(mut body: BoxBody, limit: usize) -> Result<Bytes, BodyError> {
    let mut gathered = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Interrupted)?.into_data() else { continue };
        if gathered.len() + data.len() > limit {
            return Err(BodyError::TooLarge);
        }
        // Most bodies come in one piece, which needs no copy.
        if gathered.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        gathered.extend_from_slice(&data);
    }
    Ok(gathered.freeze())
}

/// The type and subtype of a content type, when its only parameter, if any, is UTF-8.
fn media_type(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next()?;
    let utf8 = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    };
    (parts.clone().count() <= 1 && parts.all(utf8)).then_some(essence)
}

fn is_form(content_type: &str) -> bool {
    media_type(content_type).is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Whether the request says that its body is JSON.
pub fn is_json_request(request: &Request) -> bool {
    content_type(request).is_some_and(is_json)
}

fn is_json(content_type: &str) -> bool {
    let is_json = |essence: &str| {
        let essence = essence.to_ascii_lowercase();
        let subtype = essence.strip_prefix("application/");
        subtype.is_some_and(|subtype| {
            subtype == "json" || subtype.strip_suffix("+json").is_some_and(|prefix| !prefix.is_empty())
        })
    };
    media_type(content_type).is_some_and(is_json)
}

/// Only one content type can be meant; a second header would let two readers differ.
fn content_type(request: &Request) -> Option<&str> {
    let mut all = request.headers().get_all(header::CONTENT_TYPE).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok(),
        (None | Some(_), _) => None,
    }
}

/// The form of a page whose handler words its own refusals.
pub async fn read_page_form(request: &Request, body: &mut RequestBody) -> Result<Parameters, BodyError> {
    read_form(request, body).await
}

async fn read_form(request: &Request, body: &mut RequestBody) -> Result<Parameters, BodyError> {
    if !content_type(request).is_some_and(is_form) {
        return Err(BodyError::NotAForm);
    }
    Parameters::parse(&read(request, body, FORM_LIMIT).await?).map_err(BodyError::Parameters)
}

/// The form of an operation in the `OpenAPI` document. `S` describes its fields there and nowhere
/// else: what arrives are [`Parameters`], because a protocol wants to say itself what is missing.
pub struct OAuthForm<S> {
    pub parameters: Parameters,
    described_by: PhantomData<fn() -> S>,
}

impl<S> From<Parameters> for OAuthForm<S> {
    fn from(parameters: Parameters) -> Self {
        Self { parameters, described_by: PhantomData }
    }
}

impl<S> fmt::Debug for OAuthForm<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OAuthForm").field(&self.parameters).finish()
    }
}

impl<S: Type> Payload for OAuthForm<S> {
    const CONTENT_TYPE: &'static str = "application/x-www-form-urlencoded";

    fn check_content_type(content_type: &str) -> bool {
        is_form(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        S::schema_ref()
    }

    fn register(registry: &mut Registry) {
        S::register(registry);
    }
}

impl<S: Type> ParsePayload for OAuthForm<S> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(read_form(request, body).await?.into())
    }
}

impl<'a, S: Type> ApiExtractor<'a> for OAuthForm<S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<Self>())
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        <Self as ParsePayload>::from_request(request, body).await
    }
}

fn request_meta<P: Payload + ParsePayload>() -> MetaRequest {
    let content = vec![MetaMediaType { content_type: P::CONTENT_TYPE, schema: P::schema_ref() }];
    MetaRequest { description: None, content, required: P::IS_REQUIRED }
}

/// The form of a page, outside the `OpenAPI` document.
#[derive(Debug)]
pub struct PageForm(pub Parameters);

impl<'a> FromRequest<'a> for PageForm {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(read_form(request, body).await?))
    }
}

/// The bytes of a body, whatever they are; at most [`DEVICE_LIMIT`].
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl<'a> FromRequest<'a> for RawBody {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(read(request, body, DEVICE_LIMIT).await?))
    }
}

/// A JSON body of at most `LIMIT` bytes: no member twice, no deep nesting. `T` reads it, and `S`,
/// usually the same type, describes it in the `OpenAPI` document. It is read by serde, because the
/// document's own reader takes the number 5 for the string "5"; validators of the document are not
/// applied.
pub struct BoundedJson<T, S = T, const LIMIT: usize = DEVICE_LIMIT> {
    pub value: T,
    raw: Bytes,
    described_by: PhantomData<fn() -> S>,
}

impl<T, S, const LIMIT: usize> BoundedJson<T, S, LIMIT> {
    /// The body as it was sent: what a signature over the body covers.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }
}

impl<T: fmt::Debug, S, const LIMIT: usize> fmt::Debug for BoundedJson<T, S, LIMIT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoundedJson").field(&self.value).finish()
    }
}

impl<T: DeserializeOwned + Send, S: Type, const LIMIT: usize> Payload for BoundedJson<T, S, LIMIT> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        is_json(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        S::schema_ref()
    }

    fn register(registry: &mut Registry) {
        S::register(registry);
    }
}

impl<T: DeserializeOwned + Send, S: Type, const LIMIT: usize> ParsePayload for BoundedJson<T, S, LIMIT> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        if !content_type(request).is_some_and(is_json) {
            return Err(BodyError::NotJson.into());
        }
        let raw = read(request, body, LIMIT).await?;
        let value =
            serde_json::from_value(strict_json(&raw)?).map_err(|refused| BodyError::Shape(nameless(&refused)))?;
        Ok(Self { value, raw, described_by: PhantomData })
    }
}

impl<'a, T: DeserializeOwned + Send, S: Type, const LIMIT: usize> ApiExtractor<'a> for BoundedJson<T, S, LIMIT> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<Self>())
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        <Self as ParsePayload>::from_request(request, body).await
    }
}

/// What serde found wrong, without what was sent: its messages quote values and unknown names, and
/// say our own names only when a member is missing and after "expected".
fn nameless(refused: &serde_json::Error) -> Cow<'static, str> {
    let message = refused.to_string();
    if message.starts_with("missing field") {
        return message.into();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}").into(),
        None => "a member is not acceptable".into(),
    }
}

/// Reads JSON that has one meaning: [RFC 8259 §4] leaves open which of two equal names counts, so
/// two are refused, at any level and however they are escaped.
pub fn strict_json(json: &[u8]) -> Result<Value, BodyError> {
    let fault = Cell::new(BodyError::Syntax);
    let mut reader = serde_json::Deserializer::from_slice(json);
    Strict { depth: 0, fault: &fault }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|_| fault.into_inner())
}

/// Builds one value. `fault` says what was wrong when it was not the syntax.
struct Strict<'f> {
    depth: usize,
    fault: &'f Cell<BodyError>,
}

impl Strict<'_> {
    /// The seed for what is inside of this value.
    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(BodyError::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, fault: self.fault })
    }

    fn fail<E: serde::de::Error>(&self, fault: BodyError) -> E {
        self.fault.set(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner()?)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner()?)?;
            if object.insert(name, value).is_some() {
                return Err(self.fail(BodyError::RepeatedMember));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures_util::stream;
    use poem::{Body, Endpoint as _, Route};
    use poem_openapi::payload::PlainText;
    use poem_openapi::{Object, OpenApi, OpenApiService};
    use serde::Deserialize;

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
        for content_type in
            [FORM, "application/x-www-form-urlencoded; charset=UTF-8", "APPLICATION/x-www-form-urlencoded"]
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
            let mut announced =
                post("/token", FORM, Body::from_bytes_stream(stream::pending::<std::io::Result<Bytes>>()));
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
        let pieces = [&b"grant_type="[..], b"g&client", b"_id=shop"]
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)));
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
}
