//! Who calls the admin API: a client, by a token of its own. Looked at again at each call.

use std::sync::Arc;

use crate::domain::audit::Actor;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::Permissions;
use crate::usecase::admin::{AdminError, Administrator};
use crate::usecase::introspect::Introspect;

pub struct Authorize {
    pub introspect: Arc<Introspect>,
}

impl Authorize {
    pub async fn identify(&self, token: &str) -> Result<Administrator, AdminError> {
        let Some(active) = self.introspect.bearer(token).await? else {
            return Err(AdminErrorCode::TokenInvalid.into());
        };
        // No person is an administrator yet, whatever their token says.
        if active.person.is_some() {
            return Err(AdminError::because(AdminErrorCode::TokenInvalid, "the token is a person's"));
        }
        // What the client may ask for may have been cut since.
        let permissions = Permissions::of(&active.scope).within(&Permissions::of(&active.client.scope));
        Ok(Administrator { actor: Actor::Client(active.client.id.clone()), permissions })
    }
}
