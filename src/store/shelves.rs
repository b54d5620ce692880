//! Which types rest in the ephemeral store, and how each is found.

use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::inbox::Inbox;
use crate::protocol::id::{AuthReqId, UserId};
use crate::secret::Digest;
use crate::store::ephemeral::{Purpose, Shelved};

impl Shelved for AuthenticationRequest {
    const PURPOSE: Purpose = Purpose::AuthenticationRequest;
    type Id = Digest<AuthReqId>;

    fn id(id: &Digest<AuthReqId>) -> Vec<u8> {
        id.as_bytes().to_vec()
    }
}

impl Shelved for Inbox {
    const PURPOSE: Purpose = Purpose::Inbox;
    type Id = UserId;

    fn id(id: &UserId) -> Vec<u8> {
        id.uuid().as_bytes().to_vec()
    }
}
