//! What a client of the flow API does with a passkey: it has one answer, or one made [flows.md A.1.3].

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::client::Client;
use crate::domain::flow::{At, Flow};
use crate::domain::passkey::PasskeyName;
use crate::protocol::flow_api::{DetailCode, FlowRefusal, Members};
use crate::protocol::id::{DeviceId, FlowId, PasskeyId, UserId};
use crate::protocol::webauthn::RelyingParty;
use crate::store::ephemeral::{Found, Lifetime, StoreError};
use crate::store::sql::besides::Besides;
use crate::store::sql::passkeys::Added;
use crate::usecase::add_passkey::{Grounds, Made};
use crate::usecase::check_passkey::Attempt;
use crate::usecase::sign_in::advance::{Advance, Calling, FlowError};
use crate::usecase::sign_in::send_code::Asker;
use crate::usecase::sign_in::{Known, Page};

impl Known {
    /// Whose passkey has answered to what the flow asks for, on this page. `None`: nobody's, and another signature is to be
    /// asked for: a challenge is for one try.
    pub(super) async fn asserted_by(
        &self,
        flow: &Flow,
        page: Page<'_>,
        members: &Members,
    ) -> Result<Option<UserId>, FlowError> {
        let Some(ceremony) = &flow.ceremony else { return Err(FlowRefusal::not_now().into()) };
        let attempt = Attempt {
            assertion: members.text("assertion").unwrap_or_default(),
            ceremony,
            origin: self.origin(page, members)?,
            user: flow.user(),
            client: Some(&flow.client),
        };
        Ok(self.passkeys.check(attempt).await?)
    }

    /// Of the page that calls: a passkey has to have been used there.
    fn origin<'a>(&'a self, page: Page<'a>, members: &Members) -> Result<&'a str, FlowRefusal> {
        let own = self.passkeys.party.as_ref().map(RelyingParty::origin).unwrap_or_default();
        let origin = match page {
            Page::Own => own,
            Page::Of(origin) => origin,
        };
        for (name, fits) in [("origin", &[origin][..]), ("compatibility", &["FULL", "SECURITY_KEY_ONLY", "NONE"])] {
            if members.text(name).is_some_and(|said| !fits.contains(&said)) {
                let why = "another value than is possible here";
                return Err(FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some(name), why));
            }
        }
        Ok(origin)
    }
}

impl Advance {
    /// A passkey answers. Whoever is asked for one that counts no more is not told that its answer is wrong, and it is not
    /// used up: the policy says what comes of it.
    pub(super) async fn assert(
        &self,
        id: &FlowId,
        (found, flow): (&Found<Flow>, Flow),
        client: &Arc<Client>,
        (calling, members): (Calling<'_>, &Members),
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        let factors = &self.known.second_factors;
        let judged = self.known.judged(Arc::clone(client), flow.user(), now).await?;
        let flow = match factors.still_asserts(flow, (&judged, calling.asker())).await? {
            ControlFlow::Continue(flow) => flow,
            ControlFlow::Break(next) => return Ok(next),
        };
        let user = self.check_assertion(id, (found, &flow), client, calling, members).await?;
        let judged = self.known.judged(Arc::clone(client), Some(user), now).await?;
        Ok(factors.asserted(flow, user, &judged).await?)
    }

    /// Refused, the flow asks for another signature: a challenge is for one try.
    async fn check_assertion(
        &self,
        id: &FlowId,
        (found, flow): (&Found<Flow>, &Flow),
        client: &Arc<Client>,
        calling: Calling<'_>,
        members: &Members,
    ) -> Result<UserId, FlowError> {
        if let Some(user) = self.known.asserted_by(flow, calling.page, members).await? {
            return Ok(user);
        }
        self.ask_anew(id, (found, flow), client, calling.asker()).await?;
        Err(proves_nothing().into())
    }

    /// A passkey is made: in a step of its own, or as a second factor by whoever still has none.
    pub(super) async fn make(
        &self,
        id: &FlowId,
        (found, flow): (&Found<Flow>, Flow),
        client: &Arc<Client>,
        (calling, members): (Calling<'_>, &Members),
        now: Timestamp,
    ) -> Result<Option<Flow>, FlowError> {
        let factors = &self.known.second_factors;
        let sets_up = flow.makes_second_factor();
        let judged = self.known.judged(Arc::clone(client), flow.user(), now).await?;
        let (flow, besides) = match factors.still_makes(flow, (&judged, calling.asker())).await? {
            ControlFlow::Continue(still) => still,
            ControlFlow::Break(next) => return Ok(next),
        };
        let (user, made) = self.activate(id, (found, &flow), client, (calling, members), besides).await?;
        if sets_up {
            return Ok(factors.passkey_made(flow, (user, made), (&judged, calling.asker())).await);
        }
        Ok(flow.passkey_verified(user, &judged.around()))
    }

    /// The first passkey of whoever has just proved to be somebody in another way, and has nothing else but what `besides`
    /// allows: whose it is, and as which device it counts.
    async fn activate(
        &self,
        id: &FlowId,
        (found, flow): (&Found<Flow>, &Flow),
        client: &Arc<Client>,
        (calling, members): (Calling<'_>, &Members),
        besides: Besides,
    ) -> Result<(UserId, DeviceId), FlowError> {
        let user = flow.user().ok_or_else(FlowRefusal::not_now)?;
        let bad_name = || FlowRefusal::invalid(DetailCode::InvalidFieldValue, Some("nickname"), "no name of a passkey");
        let passkey = PasskeyId::new(self.known.second_factors.entropy.uuid());
        let made = Made {
            id: passkey,
            user,
            attestation: members.text("attestation").unwrap_or_default(),
            ceremony: flow.ceremony.as_ref(),
            origin: self.known.origin(calling.page, members)?,
            name: PasskeyName::of_made(members.text("nickname")).ok_or_else(bad_name)?,
            grounds: Grounds::Flow { password: flow.password, besides },
        };
        if self.add_passkey.add(made).await? == Some(Added::Yes) {
            return Ok((user, DeviceId::new(passkey.uuid())));
        }
        self.ask_anew(id, (found, flow), client, calling.asker()).await?;
        let why = "the passkey was not made";
        Err(FlowRefusal::invalid(DetailCode::CredentialValidationFailed, Some("attestation"), why).into())
    }

    /// Whoever has a passkey by now, or none any more, is asked as if they came by just now.
    pub(super) async fn ask_anew(
        &self,
        id: &FlowId,
        (found, flow): (&Found<Flow>, &Flow),
        client: &Arc<Client>,
        asker: Asker<'_>,
    ) -> Result<(), StoreError> {
        let judged = self.known.judged(Arc::clone(client), flow.user(), self.clock.now()).await?;
        let next = self.known.asking(flow.clone().without_ceremony(), &judged, asker).await?;
        // An end has more to it than a state: whoever is there cancels.
        if matches!(next.at, At::Asking(..)) {
            // Somebody else was faster: then there is another one already.
            if !self.flows.replace(&id.digest(), found, &next, Lifetime::Keep).await? {
                self.known.second_factors.let_go(&next, next.waits_for()).await;
            }
        }
        Ok(())
    }
}

/// Whoever answered with a passkey is nobody.
pub(super) fn proves_nothing() -> FlowRefusal {
    let why = "the passkey proves nothing";
    FlowRefusal::invalid(DetailCode::CredentialValidationFailed, Some("assertion"), why)
}
