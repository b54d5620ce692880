//! Forms: parameters, each once.

use std::fmt;
use std::marker::PhantomData;

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::{BodyError, FORM_LIMIT, content_type, media_type, read, request_meta};
use crate::protocol::parameters::Parameters;

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

/// The form of a page, outside the `OpenAPI` document.
#[derive(Debug)]
pub struct PageForm(pub Parameters);

impl<'a> FromRequest<'a> for PageForm {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(read_form(request, body).await?))
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

fn is_form(content_type: &str) -> bool {
    media_type(content_type).is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}
