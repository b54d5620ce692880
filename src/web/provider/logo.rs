//! The picture of a client, from our own origin.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Request, Response};

use super::Provider;
use crate::domain::client::Client;
use crate::http::headers::{fence, retry_after};
use crate::protocol::id::ClientId;
use crate::usecase::sign_in::logos;

/// Below the path of our pages: no identifier of a flow has a slash in it.
pub(super) const LOGOS: &str = "/sign-in/logo/";

/// In the browser of whoever has seen it.
const KEPT: HeaderValue = HeaderValue::from_static("private, max-age=600");

/// Where the picture of a client is, below the path of the issuer. `None`: it has none that is shown.
pub(super) fn path(client: &Client) -> Option<String> {
    logos::shown(client).map(|_| format!("{LOGOS}{}", URL_SAFE_NO_PAD.encode(client.id.as_str())))
}

impl Provider {
    pub(super) async fn logo(&self, client: &str, request: &Request) -> Response {
        if *request.method() != Method::GET {
            return StatusCode::METHOD_NOT_ALLOWED.into();
        }
        let id = URL_SAFE_NO_PAD.decode(client).ok().and_then(|id| ClientId::parse(std::str::from_utf8(&id).ok()?));
        let Some(id) = id else { return StatusCode::NOT_FOUND.into() };
        match self.logos.of(&id).await {
            Ok(Some(picture)) => {
                let answer = Response::builder().header(header::CONTENT_TYPE, picture.kind);
                let mut answer = answer.header(header::CACHE_CONTROL, KEPT).body(picture.bytes.clone());
                fence(answer.headers_mut());
                answer
            }
            Ok(None) => StatusCode::NOT_FOUND.into(),
            Err(error) => {
                tracing::error!(%error, "failed");
                let mut answer = Response::from(StatusCode::SERVICE_UNAVAILABLE);
                answer.headers_mut().insert(header::RETRY_AFTER, retry_after(Duration::from_secs(1)));
                answer
            }
        }
    }
}
