//! Answers that a client may have signed: JSON, or the same in a JWT.

use poem::http::{HeaderValue, header};
use poem::{IntoResponse, Response};
use poem_openapi::ResponseContent;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{MetaMediaType, Registry};
use poem_openapi::types::{ToJSON, Type};
use serde_json::{Value, json};

use crate::secret::Secret;

/// [OIDCC §5.3.2]
pub const JWT: &str = "application/jwt";
/// [RFC 9701 §5]
pub const INTROSPECTION: &str = "application/token-introspection+jwt";

pub enum Signed<T> {
    Plain(Json<T>),
    /// With its media type.
    Token(&'static str, Secret<String>),
}

/// Generators take one media type for each answer, so that of the JWT is in the newer document alone.
impl<T: ToJSON + Type> ResponseContent for Signed<T> {
    fn media_types() -> Vec<MetaMediaType> {
        vec![MetaMediaType { content_type: Json::<T>::CONTENT_TYPE, schema: Json::<T>::schema_ref() }]
    }

    fn register(registry: &mut Registry) {
        <Json<T> as Payload>::register(registry);
    }
}

impl<T: ToJSON + Type> IntoResponse for Signed<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Plain(json) => json.into_response(),
            Self::Token(kind, token) => {
                let mut response = token.expose().clone().into_response();
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
                response
            }
        }
    }
}

/// Adds the media types to the document of version 3.1.
pub fn described(document: &mut Value) {
    let signed = json!({"schema": {"type": "string"}, "example": "eyJhbGciOiJSUzI1NiJ9..."});
    for (path, method, kind) in [
        ("/idp/userinfo.openid", "get", JWT),
        ("/idp/userinfo.openid", "post", JWT),
        ("/as/introspect.oauth2", "post", INTROSPECTION),
    ] {
        let operation = document.get_mut("paths").and_then(|paths| paths.get_mut(path)?.get_mut(method));
        let content = operation.and_then(|operation| operation.pointer_mut("/responses/200/content"));
        if let Some(content) = content.and_then(Value::as_object_mut) {
            content.insert(kind.to_owned(), signed.clone());
        }
    }
}
