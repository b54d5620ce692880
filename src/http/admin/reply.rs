//! Answers of the admin API: JSON with its tag, or a problem document.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};

use crate::http::admin::problem::Problem;
use crate::http::body::BodyError;
use crate::secret::sha256;
use crate::usecase::StoreError;
use crate::usecase::admin::AdminError;

/// JSON. `TAGGED`: with the `ETag` of the representation.
pub struct Reply<T, const STATUS: u16, const TAGGED: bool> {
    body: T,
    etag: Option<String>,
    location: Option<String>,
}

/// What a resource is, or became.
pub type Read<T> = Reply<T, 200, true>;
/// What has no tag: lists, and answers that are shown once.
pub type Shown<T> = Reply<T, 200, false>;
pub type Created<T> = Reply<T, 201, true>;

impl<T: ToJSON> Read<T> {
    pub fn of(body: T) -> Self {
        let etag = Some(etag(&body));
        Self { body, etag, location: None }
    }
}

impl<T> Shown<T> {
    pub const fn of(body: T) -> Self {
        Self { body, etag: None, location: None }
    }
}

impl<T> Created<T> {
    /// `of`: what will be read there; the answer itself may hold a secret besides.
    pub fn at(location: String, of: &impl ToJSON, body: T) -> Self {
        Self { body, etag: Some(etag(of)), location: Some(location) }
    }
}

/// A strong tag [RFC 9110 §8.8.3]: equal only if the bytes are.
pub fn etag(representation: &impl ToJSON) -> String {
    let digest = sha256(representation.to_json_string().as_bytes());
    let short = digest.first_chunk::<16>().copied().unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(short))
}

impl<T: ToJSON + Send, const STATUS: u16, const TAGGED: bool> IntoResponse for Reply<T, STATUS, TAGGED> {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .status(StatusCode::from_u16(STATUS).unwrap_or(StatusCode::OK))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CACHE_CONTROL, "no-store");
        if let Some(etag) = self.etag {
            response = response.header(header::ETAG, etag);
        }
        if let Some(location) = self.location {
            response = response.header(header::LOCATION, location);
        }
        response.body(self.body.to_json_string())
    }
}

impl<T: Type, const STATUS: u16, const TAGGED: bool> ApiResponse for Reply<T, STATUS, TAGGED> {
    fn meta() -> MetaResponses {
        let mut headers = Vec::new();
        if TAGGED {
            headers.push(text_header("ETag", "For `If-Match`."));
        }
        if STATUS == 201 {
            headers.push(text_header("Location", "Where it is now."));
        }
        MetaResponses {
            responses: vec![MetaResponse {
                description: if STATUS == 201 { "It was made." } else { "The answer." },
                status: Some(STATUS),
                status_range: None,
                content: vec![MetaMediaType { content_type: "application/json", schema: T::schema_ref() }],
                headers,
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn text_header(name: &str, description: &str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: String::schema_ref(),
    }
}

/// Done, and nothing to say.
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl ApiResponse for Done {
    fn meta() -> MetaResponses {
        let response = MetaResponse {
            description: "Done.",
            status: Some(204),
            status_range: None,
            content: vec![],
            headers: vec![],
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(_: &mut Registry) {}
}

/// A refusal on its way to `http/error.rs`, which words it. In the `OpenAPI` document it is the
/// problems that any operation may answer with.
pub struct Refused(poem::Error);

/// A use case said no.
#[derive(Debug)]
pub struct Failure(pub AdminError);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl Refused {
    pub fn body(error: BodyError) -> Self {
        Self(error.into())
    }
}

impl From<AdminError> for Refused {
    fn from(error: AdminError) -> Self {
        // The status is set in `Errors`.
        Self(poem::Error::new(Failure(error), StatusCode::INTERNAL_SERVER_ERROR))
    }
}

impl From<crate::protocol::admin_error::AdminErrorCode> for Refused {
    fn from(code: crate::protocol::admin_error::AdminErrorCode) -> Self {
        AdminError::from(code).into()
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        AdminError::from(error).into()
    }
}

impl From<Refused> for poem::Error {
    fn from(refused: Refused) -> Self {
        refused.0
    }
}

const PROBLEMS: [(u16, &str); 12] = [
    (400, "The request is malformed."),
    (401, "There is no valid access token."),
    (403, "The access token does not reach this far."),
    (404, "There is nothing of this name."),
    (408, "The request did not arrive in time."),
    (409, "It conflicts with what is there."),
    (412, "It was changed meanwhile."),
    (413, "The body is too large."),
    (415, "The body is not JSON."),
    (422, "The body is not acceptable."),
    (429, "Too many at once."),
    (503, "The server cannot answer now."),
];

impl ApiResponse for Refused {
    fn meta() -> MetaResponses {
        let problem = || MetaMediaType {
            content_type: "application/problem+json",
            schema: MetaSchemaRef::Reference(Problem::name().into_owned()),
        };
        let responses = PROBLEMS.map(|(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![problem()],
            headers: vec![],
        });
        MetaResponses { responses: responses.into() }
    }

    fn register(registry: &mut Registry) {
        Problem::register(registry);
    }
}

pub type Result<T> = std::result::Result<T, Refused>;
