//! Payloads that one type reads or writes and another describes in the `OpenAPI` document: what a
//! device signs is defined once, in `nod-device`, which knows no server and no document.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use poem::http::header::{self, HeaderValue};
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use serde::Serialize;

use crate::http::body::{DEVICE_LIMIT, read};

const JSON: &str = "application/json";

/// The bytes of a JSON body, at most [`DEVICE_LIMIT`], for whoever checks a signature over them before
/// anything is parsed. `S` describes them in the document.
pub struct Unread<S> {
    pub bytes: Bytes,
    described_by: PhantomData<fn() -> S>,
}

impl<S> fmt::Debug for Unread<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unread").field(&self.bytes.len()).finish()
    }
}

impl<'a, S: Type> ApiExtractor<'a> for Unread<S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        S::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: JSON, schema: S::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self { bytes: read(request, body, DEVICE_LIMIT).await?, described_by: PhantomData })
    }
}

/// An answer that serde writes as `T`. `S` describes it in the document.
#[derive(Debug)]
pub struct Described<T, S> {
    value: T,
    described_by: PhantomData<fn() -> S>,
}

impl<T, S> Described<T, S> {
    pub const fn new(value: T) -> Self {
        Self { value, described_by: PhantomData }
    }
}

impl<T: Serialize + Send, S: Type> Payload for Described<T, S> {
    const CONTENT_TYPE: &'static str = JSON;

    fn schema_ref() -> MetaSchemaRef {
        S::schema_ref()
    }

    fn register(registry: &mut Registry) {
        S::register(registry);
    }
}

impl<T: Serialize + Send, S: Type> IntoResponse for Described<T, S> {
    fn into_response(self) -> Response {
        // Strings, integers, lists and names: serde has nothing to refuse.
        let body = serde_json::to_vec(&self.value).unwrap_or_default();
        Response::builder().header(header::CONTENT_TYPE, HeaderValue::from_static(JSON)).body(body)
    }
}

impl<T: Serialize + Send, S: Type> ApiResponse for Described<T, S> {
    fn meta() -> MetaResponses {
        let content = vec![MetaMediaType { content_type: JSON, schema: S::schema_ref() }];
        MetaResponses { responses: vec![response(content)] }
    }

    fn register(registry: &mut Registry) {
        S::register(registry);
    }
}

/// Server-sent events. Their data is described in words.
#[derive(Debug)]
pub struct EventStream(pub Response);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for EventStream {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Inline(Box::new(MetaSchema::new("string")));
        MetaResponses { responses: vec![response(vec![MetaMediaType { content_type: "text/event-stream", schema }])] }
    }

    fn register(_registry: &mut Registry) {}
}

fn response(content: Vec<MetaMediaType>) -> MetaResponse {
    MetaResponse { description: "", status: Some(200), status_range: None, content, headers: Vec::new() }
}
