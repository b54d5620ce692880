//! Bodies, read within bounds. Every handler that takes a body takes one of these; the framework's
//! own extractors read without limit and with lenient parsers.

mod form;
mod json;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use poem::error::ResponseError;
use poem::http::{StatusCode, header};
use poem::{FromRequest, Request, RequestBody, Response};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaMediaType, MetaRequest};

pub use self::form::{OAuthForm, PageForm, read_page_form};
pub use self::json::{BoundedJson, is_json_request, strict_json};
use super::call_time::{BODY_DEADLINE, CallTime};
use crate::protocol::error::Refusal;

/// The longest form: 64 KiB.
pub const FORM_LIMIT: usize = 64 * 1024;
/// The longest body of the device API: 32 KiB.
pub const DEVICE_LIMIT: usize = 32 * 1024;
/// The longest body of the administration API: 256 KiB.
pub const ADMIN_LIMIT: usize = 256 * 1024;

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
    pub fn description(&self) -> &str {
        match self {
            Self::NotAForm => "The content type is not application/x-www-form-urlencoded.",
            Self::NotJson => "The content type is not application/json.",
            Self::Encoded => "A content encoding is not accepted.",
            Self::TooLarge => "The body is too large.",
            Self::TooSlow => "The body did not arrive in time.",
            Self::Interrupted => "The body ended early.",
            Self::Parameters(refusal) => &refusal.description,
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

/// Only one content type can be meant; a second header would let two readers differ.
fn content_type(request: &Request) -> Option<&str> {
    let mut all = request.headers().get_all(header::CONTENT_TYPE).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok(),
        (None | Some(_), _) => None,
    }
}

fn request_meta<P: Payload + ParsePayload>() -> MetaRequest {
    let content = vec![MetaMediaType { content_type: P::CONTENT_TYPE, schema: P::schema_ref() }];
    MetaRequest { description: None, content, required: P::IS_REQUIRED }
}

/// The bytes of a body, whatever they are; at most [`DEVICE_LIMIT`].
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl<'a> FromRequest<'a> for RawBody {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(read(request, body, DEVICE_LIMIT).await?))
    }
}
