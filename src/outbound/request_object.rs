//! A request object that a client keeps at an address it registered [RFC 9101 §5.2, OIDCC §6.2].

use http::{HeaderValue, StatusCode, header};
use url::Url;

use super::egress::{AnswerBody, Egress, EgressError, Outgoing};
use crate::protocol::request_object::MAX_BYTES;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("no URL")]
    Url,
    #[error("{0}")]
    Egress(#[from] EgressError),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("no text")]
    Text,
}

/// The text that is there. Whether it is one of the client's addresses was asked before.
pub async fn fetch(egress: &Egress, uri: &str) -> Result<String, FetchError> {
    let mut url = Url::parse(uri).map_err(|_| FetchError::Url)?;
    // [OIDCC §6.2] it tells versions apart, and is not sent.
    url.set_fragment(None);
    let accept = HeaderValue::from_static("application/oauth-authz-req+jwt, application/jwt");
    let answer = egress.send(Outgoing::get(url).header(header::ACCEPT, accept), AnswerBody::UpTo(MAX_BYTES)).await?;
    if answer.status != StatusCode::OK {
        return Err(FetchError::Status(answer.status));
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| FetchError::Text)?;
    Ok(text.trim().to_owned())
}
