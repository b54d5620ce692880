//! Whether a client belongs to the sector that it names: the sector lists its addresses [OIDCC §8.1].

use crate::domain::client::Client;
use crate::outbound::egress::Egress;
use crate::outbound::sector::listed;
use crate::protocol::admin_error::{FieldCode, FieldProblem};

/// What a sector was found to list. No other address is registered under it.
#[derive(Debug)]
pub enum Vouched {
    /// Nobody is called from here: whoever registers the client answers for it.
    Unasked,
    For {
        /// `None`: no sector was asked.
        uri: Option<String>,
        addresses: Vec<String>,
    },
}

pub const NOT_LISTED: FieldProblem = FieldProblem::new(
    "/sector_identifier_uri",
    FieldCode::Invalid,
    "It does not list all redirect_uris, and jwks_uri where that is needed, or could not be read: a JSON array.",
);

impl Vouched {
    /// Asks the sector of a client as it is to be, unless all was listed `before`.
    pub async fn of(egress: Option<&Egress>, client: &Client, before: Option<&Client>) -> Self {
        let Some(egress) = egress else { return Self::Unasked };
        let uri = uri(client).map(str::to_owned);
        let known = before.filter(|before| self::uri(before) == uri.as_deref());
        let addresses = known.iter().flat_map(|before| before.addresses()).map(str::to_owned).collect();
        let known = Self::For { uri: uri.clone(), addresses };
        match uri {
            Some(uri) if !known.covers(client) => {
                let addresses = listed(egress, &uri).await.unwrap_or_else(|error| {
                    tracing::info!(client.id = %client.id, detail = %error, "a sector does not say whose it is");
                    Vec::new()
                });
                Self::For { uri: Some(uri), addresses }
            }
            Some(_) | None => known,
        }
    }

    pub fn covers(&self, client: &Client) -> bool {
        match (self, uri(client)) {
            (Self::Unasked, _) | (_, None) => true,
            (Self::For { uri, addresses }, Some(own)) => {
                uri.as_deref() == Some(own)
                    && client.addresses().all(|address| addresses.iter().any(|listed| listed == address))
            }
        }
    }
}

fn uri(client: &Client) -> Option<&str> {
    client.pairwise.as_ref().and_then(|sector| sector.uri.as_deref())
}
