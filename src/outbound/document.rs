//! A document that a client keeps at an address of its own.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::Url;

use super::egress::{AnswerBody, Egress, EgressError, Outgoing};

/// Why it could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("no URL")]
    Url,
    #[error("{0}")]
    Egress(#[from] EgressError),
    #[error("answered {0}")]
    Status(StatusCode),
}

pub struct Document {
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Nothing but a 200 of `most` bytes counts; redirects are not followed. `accept` is the types that it may have.
pub async fn fetch(egress: &Egress, uri: &str, accept: &'static str, most: usize) -> Result<Document, DocumentError> {
    let mut url = Url::parse(uri).map_err(|_| DocumentError::Url)?;
    // [OIDCC §6.2] tells versions apart, and is not sent.
    url.set_fragment(None);
    let request = Outgoing::get(url).header(header::ACCEPT, HeaderValue::from_static(accept));
    let answer = egress.send(request, AnswerBody::UpTo(most)).await?;
    if answer.status != StatusCode::OK {
        return Err(DocumentError::Status(answer.status));
    }
    Ok(Document { headers: answer.headers, body: answer.body })
}
