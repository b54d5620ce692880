//! What a client registers for token exchange. There are no standard names for it.

use std::collections::BTreeSet;

use super::{ClientMetadata, Problems};
use crate::domain::client::{GrantType, TokenExchange};
use crate::protocol::admin_error::FieldCode;
use crate::protocol::id::ClientId;

const MOST_AUDIENCES: usize = 20;
const LONGEST_AUDIENCE: usize = 400;

impl ClientMetadata {
    pub(super) fn token_exchange(
        &self,
        grants: &BTreeSet<GrantType>,
        problems: &mut Problems,
    ) -> Option<TokenExchange> {
        let audiences = self.token_exchange_audiences.clone().unwrap_or_default();
        let impersonation = self.token_exchange_impersonation.unwrap_or(false);
        if grants.contains(&GrantType::TokenExchange) {
            if audiences.len() > MOST_AUDIENCES {
                problems.add("/token_exchange_audiences", FieldCode::TooLong, "At most 20.");
            }
            for (at, audience) in audiences.iter().enumerate() {
                let visible = audience.bytes().all(|byte| byte.is_ascii_graphic());
                if audience.is_empty() || audience.len() > LONGEST_AUDIENCE || !visible {
                    let pointer = format!("/token_exchange_audiences/{at}");
                    problems.add_to(pointer, FieldCode::Invalid, "1 to 400 visible characters.");
                }
            }
            return Some(TokenExchange { audiences, impersonation });
        }
        for (pointer, present) in
            [("/token_exchange_audiences", !audiences.is_empty()), ("/token_exchange_impersonation", impersonation)]
        {
            if present {
                problems.add(pointer, FieldCode::NotAllowed, "Only with the token-exchange grant.");
            }
        }
        None
    }

    /// The other client need not be there yet: who is not there exchanges nothing.
    pub(super) fn may_act(&self, problems: &mut Problems) -> Option<ClientId> {
        let text = self.may_act.as_deref()?;
        let client = ClientId::parse(text);
        if client.is_none() {
            problems.add("/may_act", FieldCode::Invalid, "The client_id of another client.");
        }
        client
    }
}
