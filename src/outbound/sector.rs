//! What a client's sector says belongs to it [OIDCC §8.1, OIDCR §5].

use http::{HeaderValue, StatusCode, header};
use url::Url;

use super::egress::{AnswerBody, Egress, EgressError, Outgoing};

/// Room for more addresses than anybody has clients.
const MOST: usize = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SectorError {
    #[error("no URL")]
    Url,
    #[error("{0}")]
    Egress(#[from] EgressError),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("no JSON array of addresses")]
    List,
}

/// The addresses that are listed there.
pub async fn listed(egress: &Egress, uri: &str) -> Result<Vec<String>, SectorError> {
    let url = Url::parse(uri).map_err(|_| SectorError::Url)?;
    let json = HeaderValue::from_static("application/json");
    let answer = egress.send(Outgoing::get(url).header(header::ACCEPT, json), AnswerBody::UpTo(MOST)).await?;
    if answer.status != StatusCode::OK {
        return Err(SectorError::Status(answer.status));
    }
    serde_json::from_slice(&answer.body).map_err(|_| SectorError::List)
}
