//! An authorization code for tokens [RFC 6749 §4.1.3], once.

use std::sync::Arc;

use nod_device::enrollment::DEVICE_ENROLLMENT;
use serde_json::{Value, json};

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::GrantType;
use crate::domain::code::{Code, Presented, With, given_beside};
use crate::domain::enrolment::{Enrolment, Grounds, NotOffered};
use crate::domain::grant::Grant;
use crate::entropy::Entropy;
use crate::failpoint;
use crate::protocol::claims_request::Place;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::Refusal;
use crate::protocol::id::{AuthorizationCode, GrantId};
use crate::protocol::parameters::Parameters;
use crate::secret::Digest;
use crate::store::ephemeral::{Lifetime, Shelf};
use crate::store::sql::consents::Consents;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::{Granted, Ledger, Rests};
use crate::store::sql::sessions::Sessions;
use crate::store::sql::tokens::Tokens;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::device_trust::enrol::{OfferEnrolment, Whom};
use crate::usecase::issue::{Along, Issue, TokenResponse};

pub struct ExchangeCode {
    pub codes: Shelf<Code>,
    pub directory: Arc<Directory>,
    pub sessions: Sessions,
    pub consents: Consents,
    pub tokens: Tokens,
    pub ledger: Ledger,
    pub issue: Arc<Issue>,
    pub offers: OfferEnrolment,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl ExchangeCode {
    #[tracing::instrument(level = "debug", name = "exchange_code", skip_all)]
    pub async fn exchange(
        &self,
        client: &AuthenticatedClient,
        parameters: &Parameters,
        bound_to: Option<Confirmation>,
    ) -> Result<TokenResponse, Error> {
        client.needs(GrantType::AuthorizationCode)?;
        let now = self.clock.now();
        let presented = parameters.get("code").ok_or(Refusal::invalid_request("code is required."))?;
        let digest = AuthorizationCode::presented(presented).digest();
        let with = With {
            client: &client.id,
            redirect_uri: parameters.get("redirect_uri"),
            verifier: parameters.get("code_verifier"),
            key: bound_to.and_then(Confirmation::key),
        };
        let shown = |code: Code| {
            let worth = code.clone();
            let (code, presented) = code.presented(&with, now);
            (code, (worth, presented))
        };
        let (code, presented) = self
            .codes
            .update(&digest, Lifetime::Keep, shown)
            .await?
            .ok_or_else(|| Refusal::invalid_grant("unknown code"))?;
        match presented {
            Presented::Fits => self.give(client, (code, &digest), (parameters, bound_to), now).await,
            Presented::Foreign => Err(Refusal::invalid_grant("another client's code").into()),
            // It may have been redeemed before it was shown again so.
            Presented::Refused(refusal) => Err(self.given_before(client, (&code, &digest), refusal, now).await?),
        }
    }

    async fn give(
        &self,
        client: &AuthenticatedClient,
        (code, digest): (Code, &Digest<AuthorizationCode>),
        (parameters, bound_to): (&Parameters, Option<Confirmation>),
        now: Timestamp,
    ) -> Result<TokenResponse, Error> {
        let gone = || Refusal::invalid_grant("the client may ask for nothing of it any more");
        let extent = client.still(code.extent.clone(), &self.issue.issuer).ok_or_else(gone)?;
        // [RFC 8707 §2.2, RFC 9396 §6] these tokens may be for less; the grant is for all.
        let less = extent.narrowed(parameters)?;
        // [security.md case 27] what was true when the person signed in may no longer be.
        let user = self.directory.user(&code.user).await?.filter(|user| user.is_active());
        let user = user.ok_or_else(|| Refusal::invalid_grant("the user is locked, disabled or gone"))?;
        if !self.sessions.is_live(code.session, now).await? {
            return Err(Refusal::invalid_grant("the session has ended").into());
        }
        let consent = Consents::needed(client, &code.scope, code.consent);
        if !self.consents.cover(code.user, &client.id, consent.as_ref()).await? {
            return Err(Refusal::invalid_grant("the person has withdrawn the consent").into());
        }
        if let Some(device) = code.device
            && !self.directory.may_answer(&code.user, device, now).await?
        {
            return Err(Refusal::invalid_grant("the trusted device is blocked or unpaired").into());
        }
        let scope = code.scope.within(&client.scope).ok_or_else(gone)?;
        let mut claims = user.claims(|claim, value| extent.claims.wants(Place::IdToken, claim, value));
        if let Some(told) = self.enrolment(&code, now).await? {
            claims.insert(DEVICE_ENROLLMENT.to_owned(), told);
        }
        let grant = Grant {
            id: GrantId::new(self.entropy.ordered_uuid(now)),
            request: Some(code.transaction),
            client: client.id.clone(),
            user: code.user,
            device: code.device,
            session: Some(code.session),
            bound_to: bound_to.filter(|_| client.is_public()),
            scope,
            extent,
            acr: code.authentication.acr,
            amr: code.authentication.amr.clone(),
            authenticated_at: code.authentication.at,
            created_at: now,
            revoked_at: None,
        };
        let on = Rests { session: grant.session, consent };
        let along = Along::sign_in(code.nonce.as_deref(), claims).bound_to(bound_to).for_less(less.as_ref());
        let minted = self.issue.mint(client, &grant, &along, now)?;
        failpoint::hit("K19");
        let event = self.event(Action::CodeRedeemed, &code, now);
        match self.ledger.grant_on(on, grant, minted.refresh_row, minted.access_row, event).await? {
            Granted::First => {
                failpoint::hit("K20");
                Ok(minted.response)
            }
            Granted::Already => {
                let refusal = Refusal::invalid_grant("the code was redeemed before: what it gave is revoked");
                Err(self.given_before(client, (&code, digest), refusal, now).await?)
            }
            Granted::SessionEnded => Err(Refusal::invalid_grant("the session ended meanwhile").into()),
            Granted::ConsentWithdrawn => {
                Err(Refusal::invalid_grant("the person has withdrawn the consent meanwhile").into())
            }
        }
    }

    /// The claim `device_enrollment`. `None`: the app is offered nothing, or has answered already.
    async fn enrolment(&self, code: &Code, now: Timestamp) -> Result<Option<Value>, Error> {
        let Some(Enrolment { app, policy, grounds }) = &code.enrolment else { return Ok(None) };
        let grounds = match *grounds {
            Ok(grounds) => grounds,
            Err(why) => {
                // [flows.md H.5] the sign-in counts all the same. That there is no room was written down when they let it
                // in.
                if why == NotOffered::DeviceRequirementsFailed {
                    self.ledger.audit(self.event(Action::DevicePaired, code, now).refused(why.as_str())).await;
                }
                return Ok(Some(json!({ "offered": false, "reason": why.as_str() })));
            }
        };
        let whom = Whom {
            transaction: code.transaction,
            user: code.user,
            client: &code.client,
            policy,
            grounds,
            let_in_by: code.device.filter(|_| grounds == Grounds::Approved),
            password: code.password,
            session: Some(code.session),
        };
        let offered = self.offers.offer(whom, app, now).await?;
        Ok(offered.map(|(ticket, until)| json!({ "offered": true, "ticket": ticket.expose(), "exp": until.seconds() })))
    }

    /// [RFC 6749 §4.1.2] a code that comes a second time was seen by somebody else, who may have been first:
    /// what it gave ends, and what was given beside it.
    async fn given_before(
        &self,
        client: &AuthenticatedClient,
        (code, digest): (&Code, &Digest<AuthorizationCode>),
        refusal: Refusal,
        now: Timestamp,
    ) -> Result<Error, Error> {
        if code.client != client.id {
            return Ok(refusal.into());
        }
        let event = self.event(Action::CodeReused, code, now).refused("a code came again: what it gave is revoked");
        let revoked = self.tokens.revoke_grant_of(code.transaction, &event, now).await?;
        let beside =
            self.event(Action::CodeReused, code, now).refused("a code came again: what came with it is revoked");
        let beside = self.tokens.revoke_grant_of(given_beside(digest), &beside, now).await?;
        Ok(if revoked || beside { Error::Recorded(refusal) } else { refusal.into() })
    }

    fn event(&self, action: Action, code: &Code, now: Timestamp) -> Event {
        Event::new(self.entropy.ordered_uuid(now), now, action)
            .client(&code.client)
            .user(code.user)
            .request(code.transaction)
    }
}
