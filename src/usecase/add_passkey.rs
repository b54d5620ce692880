//! Somebody who has proved to be somebody makes a passkey.

use std::sync::Arc;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::passkey::{Ceremony, MOST, Passkey, PasskeyName};
use crate::entropy::Entropy;
use crate::protocol::id::{PasskeyId, UserId};
use crate::protocol::webauthn::{Asked, Attestation, Expected, NewCredential, RelyingParty, Unproved};
use crate::store::ephemeral::StoreError;
use crate::store::sql::besides::Besides;
use crate::store::sql::passkeys::{Added, Passkeys};
use crate::usecase::record_refusal::RecordRefusal;

pub struct AddPasskey {
    pub passkeys: Passkeys,
    /// `None`: browsers have no passkeys for this issuer.
    pub party: Option<RelyingParty>,
    pub refusals: RecordRefusal,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

/// What a browser brought.
#[derive(Debug)]
pub struct Made<'a> {
    /// What it is called from then on.
    pub id: PasskeyId,
    pub user: UserId,
    /// The credential that was made, in JSON.
    pub attestation: &'a str,
    /// `None`: it is over, or another session's.
    pub ceremony: Option<&'a Ceremony>,
    /// Of the page that asked.
    pub origin: &'a str,
    pub name: PasskeyName,
    pub grounds: Grounds,
}

/// What lets somebody have another passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds {
    /// They have just shown that it is still them, in the way in which they sign in.
    Confirmed,
    /// They have proved something in a flow: enough for a first one, and for no other. `password`: when the one was
    /// chosen that they gave. `besides`: what else they may have by then.
    Flow { password: Option<Timestamp>, besides: Besides },
}

impl AddPasskey {
    /// Any other than `Yes`: why not. `None`: it is not what was asked for, or comes too late.
    #[tracing::instrument(level = "debug", name = "add_passkey", skip_all)]
    pub async fn add(&self, made: Made<'_>) -> Result<Option<Added>, StoreError> {
        let now = self.clock.now();
        let ceremony = made.ceremony.filter(|ceremony| ceremony.is_live(now));
        let verified = match ceremony {
            Some(ceremony) => self.verified(&made, &ceremony.asked).map_err(Unproved::why),
            None => Err("the ceremony is over, or another session's"),
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(why) => {
                self.refuse(why).await;
                return Ok(None);
            }
        };
        let passkey = Passkey {
            id: made.id,
            user: made.user,
            credential: verified.id,
            key: verified.key,
            sign_count: verified.sign_count,
            name: made.name,
            backup_eligible: verified.backup_eligible,
            backed_up: verified.backed_up,
            created_at: now,
            last_used_at: None,
        };
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::PasskeyAdded).user(made.user);
        let (most, password) = match made.grounds {
            Grounds::Confirmed => ((MOST, Besides::Anything), None),
            Grounds::Flow { password, besides } => ((1, besides), password),
        };
        let added = self.passkeys.add(&passkey, most, password, &event).await?;
        match added {
            Added::Yes => {}
            Added::TooMany => self.refuse("the person has as many as one may have, or something else by now").await,
            Added::Taken => self.refuse("the credential is registered already").await,
            Added::AnotherPassword => self.refuse("another password was chosen since").await,
            Added::NoUser => self.refuse("the user is locked, disabled or gone").await,
        }
        Ok(Some(added))
    }

    async fn refuse(&self, why: &'static str) {
        tracing::info!(detail = why, "passkey not registered");
        self.refusals.record(Action::PasskeyAdded, why.to_owned(), None).await;
    }

    fn verified(&self, made: &Made<'_>, asked: &Asked) -> Result<NewCredential, Unproved> {
        let party = self.party.as_ref().ok_or(Unproved::Origin)?;
        Attestation::parse(made.attestation)?.verify(&Expected { party, origin: made.origin, asked })
    }
}
