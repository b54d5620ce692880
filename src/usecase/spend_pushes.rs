//! How often a person is asked on their phones by MFA policies, be it in a sign-in or because a relying party asks
//! [flows.md D.1; security.md case 122].

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::occasion::Notice;
use crate::domain::push_allowance::{Allowed, PushAllowance, REMEMBERED};
use crate::entropy::Entropy;
use crate::metrics::{Limit, metrics};
use crate::protocol::id::{ClientId, RequestId, UserId};
use crate::store::ephemeral::{Shelf, StoreError};
use crate::store::sql::ledger::Ledger;
use crate::usecase::tell_person::TellPerson;

pub struct SpendPushes {
    pub allowances: Shelf<PushAllowance>,
    pub tell: TellPerson,
    pub ledger: Ledger,
    pub entropy: Arc<Entropy>,
}

impl SpendPushes {
    /// One more. `Some`: not before then. `asks`: for which client, in what. `language`: in which the person is told, a BCP 47 tag.
    pub async fn spend(
        &self,
        asks: (&ClientId, RequestId),
        (user, language): (UserId, &str),
        policy: &MfaPolicy,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let limit = policy.push_limit;
        let one_more = |allowance: PushAllowance| {
            let (next, allowed) = allowance.ask(limit, now);
            let until = next.locked_until();
            (next, (allowed, until))
        };
        let (allowed, until) = self.allowances.upsert(&user, REMEMBERED, one_more).await?;
        if allowed == Allowed::Locked {
            let (client, request) = asks;
            let event = Event::new(self.entropy.ordered_uuid(now), now, Action::SecondFactorEvaluated);
            let event = event.client(client).user(user).request(request);
            self.ledger.audit(event.refused("asked too often: nobody is asked for some time")).await;
            self.tell.of(user, Notice::PushLocked, Some(&policy.id), language).await;
        }
        if allowed == Allowed::Yes {
            return Ok(None);
        }
        metrics().limited(Limit::Pushes);
        Ok(until)
    }
}
