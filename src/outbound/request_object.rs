//! A request object that a client keeps at an address it registered [RFC 9101 §5.2, OIDCC §6.2].

use super::document::{self, DocumentError};
use super::egress::Egress;
use crate::protocol::request_object::MAX_BYTES;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("no text")]
    Text,
}

/// The text that is there. Whether it is one of the client's addresses was asked before.
pub async fn fetch(egress: &Egress, uri: &str) -> Result<String, FetchError> {
    let accept = "application/oauth-authz-req+jwt, application/jwt";
    let document = document::fetch(egress, uri, accept, MAX_BYTES).await?;
    let text = std::str::from_utf8(&document.body).map_err(|_| FetchError::Text)?;
    Ok(text.trim().to_owned())
}
