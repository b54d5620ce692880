//! What a client's sector says belongs to it [OIDCC §8.1, OIDCR §5].

use super::document::{self, DocumentError};
use super::egress::Egress;

/// Room for more addresses than anybody has clients.
const MOST: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SectorError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("no JSON array of addresses")]
    List,
}

/// The addresses that are listed there.
pub async fn listed(egress: &Egress, uri: &str) -> Result<Vec<String>, SectorError> {
    let document = document::fetch(egress, uri, "application/json", MOST).await?;
    serde_json::from_slice(&document.body).map_err(|_| SectorError::List)
}
