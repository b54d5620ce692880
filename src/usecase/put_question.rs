//! A question is put to a person: saved before anybody hears of it, then into the inbox, then to the phones.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;

use crate::domain::authentication_request::{AuthenticationRequest, Challenge, REMEMBER};
use crate::domain::client::NumberMatching;
use crate::domain::device::{Device, Installation};
use crate::domain::inbox::{Added, Entry, Inbox, Limits, Standing};
use crate::entropy::Entropy;
use crate::failpoint;
use crate::metrics::{Limit, metrics};
use crate::protocol::id::AuthReqId;
use crate::secret::Digest;
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::shelves::DeviceBell;
use crate::store::sql::directory::Directory;
use crate::store::sql::tokens::Tokens;
use crate::usecase::push::queue::QueuePushes;

pub struct PutQuestion {
    pub requests: Shelf<AuthenticationRequest>,
    pub inboxes: Shelf<Inbox>,
    pub bell: DeviceBell,
    pub directory: Arc<Directory>,
    pub tokens: Tokens,
    pub pushes: QueuePushes,
    /// No question waits longer.
    pub longest: Duration,
}

impl PutQuestion {
    /// Which devices it is put to, the primary one first.
    pub async fn devices_for(
        &self,
        request: &AuthenticationRequest,
    ) -> Result<Vec<(Device, Arc<Installation>)>, StoreError> {
        let mut devices = self.directory.devices_of(&request.user).await?.to_vec();
        devices.retain(|(device, _)| request.asks(device));
        devices.sort_by_key(|(device, _)| device.position);
        Ok(devices)
    }

    /// Saved first, then the inbox, then the bell: a device that answers at once finds a question.
    pub async fn put(
        &self,
        request: &AuthenticationRequest,
        digest: &Digest<AuthReqId>,
        devices: &[(Device, Arc<Installation>)],
        (asks, limits): (Standing, Limits),
    ) -> Result<Added, StoreError> {
        // What lies in the inbox is read meanwhile, and written afterwards.
        let (saved, inbox) = join(self.save(digest, request), self.inboxes.find(&request.user)).await;
        saved?;
        failpoint::hit("K3");
        let now = request.issued_at;
        let entry = Entry::new(request.notification, *digest, &request.client, request.expires_at);
        let lifetime = self.longest + REMEMBER;
        let entry = &entry;
        let add = |asks: Standing| move |inbox: Inbox| inbox.add(entry.clone(), asks, limits, now);
        let user = &request.user;
        let mut added = self.inboxes.upsert_found(user, inbox?, lifetime, add(asks)).await?;
        // Who is known is only asked where it matters.
        if added != Added::Yes && self.is_known(request, asks).await? {
            added = self.inboxes.upsert(user, lifetime, add(Standing::Known)).await?;
        }
        if added != Added::Yes {
            self.requests.remove(digest).await?;
            metrics().limited(Limit::Questions);
            return Ok(added);
        }
        failpoint::hit("K4");
        for (_, installation) in devices {
            self.bell.ring(&installation.id).await;
        }
        // Those who do not listen. In a box: most phones do.
        Box::pin(self.pushes.question(request, digest, devices)).await;
        Ok(added)
    }

    /// Whether there is room for it in the inbox, as things are: for whoever counts it before it is put.
    pub async fn room(
        &self,
        request: &AuthenticationRequest,
        digest: &Digest<AuthReqId>,
        (asks, limits): (Standing, Limits),
    ) -> Result<Added, StoreError> {
        let inbox = self.inboxes.get(&request.user).await?.unwrap_or_default();
        let entry = Entry::new(request.notification, *digest, &request.client, request.expires_at);
        let mut added = inbox.clone().add(entry.clone(), asks, limits, request.issued_at).1;
        if added != Added::Yes && self.is_known(request, asks).await? {
            added = inbox.add(entry, Standing::Known, limits, request.issued_at).1;
        }
        if added != Added::Yes {
            metrics().limited(Limit::Questions);
        }
        Ok(added)
    }

    /// Whether a client that asks as a stranger is none.
    async fn is_known(&self, request: &AuthenticationRequest, asks: Standing) -> Result<bool, StoreError> {
        Ok(asks == Standing::Stranger && self.tokens.has_grant(request.user, &request.client).await?)
    }

    pub async fn save(&self, digest: &Digest<AuthReqId>, request: &AuthenticationRequest) -> Result<(), StoreError> {
        let lifetime = request.expires_at.since(request.issued_at) + REMEMBER;
        if self.requests.insert(digest, request, lifetime).await? {
            Ok(())
        } else {
            // 256 random bits do not repeat; if they seem to, something is badly wrong with them.
            Err(StoreError::Corrupt("an auth_req_id was drawn twice"))
        }
    }
}

/// What the person carries to the device, drawn anew.
pub fn challenge(entropy: &Entropy, matching: Option<NumberMatching>) -> Challenge {
    match matching {
        None => Challenge::None,
        Some(NumberMatching::Type) => Challenge::Type { right: two_digits(entropy) },
        Some(NumberMatching::Pick) => {
            let mut options = [two_digits(entropy), 0, 0];
            for at in 1..options.len() {
                let (drawn, rest) = options.split_at_mut(at);
                if let Some(slot) = rest.first_mut() {
                    *slot = loop {
                        let number = two_digits(entropy);
                        if !drawn.contains(&number) {
                            break number;
                        }
                    };
                }
            }
            let [a, b, c] = options;
            // Drawn apart from the numbers, so that no place in the list is likelier.
            let right = match entropy.below(3) {
                0 => a,
                1 => b,
                _ => c,
            };
            Challenge::Pick { options, right }
        }
    }
}

fn two_digits(entropy: &Entropy) -> u8 {
    u8::try_from(10 + entropy.below(90)).unwrap_or(10)
}
