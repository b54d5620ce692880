//! A poll with a device code [RFC 8628 §3.4, §3.5]: pending, refused, or turned into tokens once.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Event};
use crate::domain::client::GrantType;
use crate::domain::device_authorization::{Connected, DeviceAuthorization, Poll};
use crate::domain::grant::Grant;
use crate::entropy::Entropy;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::extent::Extent;
use crate::protocol::id::{DeviceCode, GrantId, RequestId};
use crate::store::ephemeral::{Lifetime, Shelf};
use crate::store::sql::consents::Consents;
use crate::store::sql::directory::Directory;
use crate::store::sql::ledger::{Granted, Ledger, Rests};
use crate::store::sql::sessions::Sessions;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::issue::{Along, Issue, TokenResponse};

pub struct RedeemDevice {
    pub devices: Shelf<DeviceAuthorization>,
    pub directory: Arc<Directory>,
    pub sessions: Sessions,
    pub consents: Consents,
    pub ledger: Ledger,
    pub issue: Arc<Issue>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl RedeemDevice {
    #[tracing::instrument(level = "debug", name = "redeem_device", skip_all)]
    pub async fn redeem(
        &self,
        client: &AuthenticatedClient,
        device_code: Option<&str>,
        bound_to: Option<Confirmation>,
    ) -> Result<TokenResponse, Error> {
        client.needs(GrantType::DeviceCode)?;
        let device_code = device_code.ok_or(Refusal::invalid_request("device_code is required."))?;
        let (now, digest) = (self.clock.now(), DeviceCode::presented(device_code).digest());
        let poll = |device: DeviceAuthorization| {
            let request = device.request;
            let (device, poll) = device.poll(&client.id, now);
            let wait = device.polling.wait(now);
            (device, (request, poll, wait))
        };
        let polled = self.devices.update(&digest, Lifetime::Keep, poll).await?;
        let (request, poll, wait) = polled.ok_or_else(|| Refusal::invalid_grant("unknown device code"))?;
        let connected = ready(poll, wait)?;
        let response = self.give(client, request, *connected, bound_to, now).await?;
        // SQL has the last word. This only spares the next poll the way there.
        let settled = self.devices.update(&digest, Lifetime::Keep, |device| (device.redeemed(), ())).await;
        if settled.is_err() {
            tracing::warn!(request.id = %request, "a redeemed device code was not marked");
        }
        Ok(response)
    }

    async fn give(
        &self,
        client: &AuthenticatedClient,
        request: RequestId,
        connected: Connected,
        bound_to: Option<Confirmation>,
        now: Timestamp,
    ) -> Result<TokenResponse, Error> {
        // As of a code: what was true when the person agreed may no longer be.
        let user = self.directory.user(&connected.user).await?;
        if !user.is_some_and(|user| user.is_active()) {
            return Err(Refusal::invalid_grant("the user is locked, disabled or gone").into());
        }
        if !self.sessions.is_live(connected.session, now).await? {
            return Err(Refusal::invalid_grant("the session in which it was agreed to has ended").into());
        }
        let consent = Consents::needed(client, &connected.scope, connected.consent);
        if !self.consents.cover(connected.user, &client.id, consent.as_ref()).await? {
            return Err(Refusal::invalid_grant("the person has withdrawn the consent").into());
        }
        let scope = connected.scope.within(&client.scope);
        let scope = scope.ok_or_else(|| Refusal::invalid_grant("the client may ask for nothing of it any more"))?;
        let grant = Grant {
            id: GrantId::new(self.entropy.ordered_uuid(now)),
            request: Some(request),
            client: client.id.clone(),
            user: connected.user,
            device: connected.device,
            // Of the browser, which is another machine: signing out there is not switching this one off.
            session: None,
            bound_to: bound_to.filter(|_| client.is_public()),
            extent: Extent::default(),
            scope,
            acr: connected.authentication.acr,
            amr: connected.authentication.amr,
            authenticated_at: connected.authentication.at,
            created_at: now,
            revoked_at: None,
        };
        let minted = self.issue.mint(client, &grant, &Along::default().bound_to(bound_to), now)?;
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::DeviceAuthorizationRedeemed)
            .client(&client.id)
            .user(connected.user)
            .request(request);
        let on = Rests { session: Some(connected.session), consent };
        match self.ledger.grant_on(on, grant, minted.refresh_row, minted.access_row, event).await? {
            Granted::First => Ok(minted.response),
            Granted::Already => Err(Refusal::invalid_grant("the device code was redeemed before").into()),
            Granted::SessionEnded => {
                Err(Refusal::invalid_grant("the session in which it was agreed to has ended").into())
            }
            Granted::ConsentWithdrawn => Err(Refusal::invalid_grant("the person has withdrawn the consent").into()),
        }
    }
}

fn ready(poll: Poll, wait: Duration) -> Result<Box<Connected>, Error> {
    let not_yet = |code, description| Error::NotYet { refusal: Refusal::new(code, description), wait };
    Err(match poll {
        Poll::Ready(connected) => return Ok(connected),
        Poll::Pending => not_yet(ErrorCode::AuthorizationPending, "Nobody has connected the device yet."),
        Poll::SlowDown => not_yet(ErrorCode::SlowDown, "Polled too fast: the interval is 5 seconds longer now."),
        Poll::Expired => Refusal::new(ErrorCode::ExpiredToken, "Nobody connected the device in time.").into(),
        Poll::Refused => Refusal::new(ErrorCode::AccessDenied, "The person did not connect the device.").into(),
        Poll::Foreign => Refusal::invalid_grant("another client's device code").into(),
        Poll::Redeemed => Refusal::invalid_grant("the device code was redeemed before").into(),
    })
}
