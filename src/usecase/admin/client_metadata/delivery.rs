//! How a client comes to the answers of people [CIBA §4, §5].

use super::address::is_callable;
use super::{ClientMetadata, Problems};
use crate::domain::client::Delivery;
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::FieldCode;

pub(super) const MODE: &str = "/backchannel_token_delivery_mode";
pub(super) const ENDPOINT: &str = "/backchannel_client_notification_endpoint";

impl ClientMetadata {
    pub(super) fn delivery(&self, egress: Option<&Egress>, problems: &mut Problems) -> Delivery {
        match (self.backchannel_token_delivery_mode.as_deref(), &self.backchannel_client_notification_endpoint) {
            (None | Some("poll"), None) => {}
            (None | Some("poll"), Some(_)) => {
                problems.add(ENDPOINT, FieldCode::NotAllowed, "Only with backchannel_token_delivery_mode ping.");
            }
            (Some("ping"), None) => problems.add(ENDPOINT, FieldCode::Required, "With ping, where the client is told."),
            (Some("ping"), Some(endpoint)) => {
                if is_callable(endpoint, egress) {
                    return Delivery::Ping { endpoint: endpoint.clone() };
                }
                let detail =
                    "An https URL of at most 400 characters, without fragment, that leads to a public address.";
                problems.add(ENDPOINT, FieldCode::Invalid, detail);
            }
            (Some(_), _) => problems.add(MODE, FieldCode::Invalid, "poll or ping."),
        }
        Delivery::Poll
    }
}
