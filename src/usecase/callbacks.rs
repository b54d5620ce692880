//! What a ping is made from, between the request and its decision: the `auth_req_id`, of which otherwise
//! only a digest rests anywhere, and the client's token. Sealed, beside the request and no longer than it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::domain::ping::Callback;
use crate::entropy::Entropy;
use crate::protocol::client_notification_token::ClientNotificationToken;
use crate::protocol::id::AuthReqId;
use crate::secret::{Digest, MasterKey, Sealed, Secret};
use crate::store::ephemeral::{Shelf, StoreError};

#[derive(Clone)]
pub struct Callbacks {
    pub shelf: Shelf<Callback>,
    pub master: Arc<MasterKey>,
    pub entropy: Arc<Entropy>,
}

/// How a client is to be told.
#[derive(Debug)]
pub struct Opened {
    pub auth_req_id: AuthReqId,
    pub token: ClientNotificationToken,
    /// When the client that asked was made: another one may have its name by now.
    pub client_since: Timestamp,
}

impl Callbacks {
    pub async fn keep(
        &self,
        auth_req_id: &AuthReqId,
        token: &ClientNotificationToken,
        client_since: Timestamp,
        lifetime: Duration,
    ) -> Result<(), StoreError> {
        let digest = auth_req_id.digest();
        let (id, token) = (auth_req_id.expose(), token.expose().expose());
        let plain = Secret::new(format!("{} {id} {token}", client_since.millis()));
        let sealed = self.master.seal(&place(&digest), plain.expose().as_bytes(), &self.entropy);
        let callback = Callback { sealed: sealed.as_bytes().to_vec() };
        if self.shelf.insert(&digest, &callback, lifetime).await? {
            Ok(())
        } else {
            // 256 random bits do not repeat.
            Err(StoreError::Corrupt("an auth_req_id was drawn twice"))
        }
    }

    /// `None`: nothing is known any more.
    pub async fn find(&self, digest: &Digest<AuthReqId>) -> Result<Option<Opened>, StoreError> {
        let Some(callback) = self.shelf.get(digest).await? else { return Ok(None) };
        let plain = self
            .master
            .open(&place(digest), &Sealed::from_bytes(callback.sealed))
            .map_err(|_| StoreError::Corrupt("what a ping is made from"))?;
        read(plain.expose()).map(Some).ok_or(StoreError::Corrupt("what a ping is made from"))
    }

    pub async fn forget(&self, digest: &Digest<AuthReqId>) -> Result<(), StoreError> {
        self.shelf.remove(digest).await
    }
}

fn read(plain: &[u8]) -> Option<Opened> {
    let mut parts = std::str::from_utf8(plain).ok()?.splitn(3, ' ');
    let since = parts.next()?.parse().ok()?;
    let auth_req_id = AuthReqId::presented(parts.next()?);
    let token = ClientNotificationToken::parse(parts.next()?)?;
    Some(Opened { auth_req_id, token, client_since: Timestamp::from_millis(since) })
}

fn place(digest: &Digest<AuthReqId>) -> String {
    format!("callback|{}", URL_SAFE_NO_PAD.encode(digest.as_bytes()))
}
