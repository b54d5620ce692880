//! A flow as whoever runs it may see it, and the answer that rests in one that ran without a browser.

use std::sync::Arc;

use futures_util::future::try_join3;

use crate::domain::client::Client;
use crate::domain::flow::errand::Errand;
use crate::domain::flow::{At, Flow};
use crate::domain::passkey::Passkey;
use crate::entropy::Entropy;
use crate::protocol::authorization_request::Prompt;
use crate::protocol::authorization_response::{AuthorizationResponse, Carrier};
use crate::protocol::error::Refusal;
use crate::protocol::id::{DeviceId, FlowId, UserId};
use crate::protocol::scope::Scope;
use crate::secret::{MasterKey, Sealed, Secret};
use crate::store::ephemeral::StoreError;
use crate::usecase::pairing_keys;
use crate::usecase::sign_in::boxed::boxed;
use crate::usecase::sign_in::check_totp::key_uri;
use crate::usecase::sign_in::leave::Tickets;
use crate::usecase::sign_in::{Known, NewKey, OwnDevice, OwnPasskey, Seen};

pub struct Shown {
    pub known: Arc<Known>,
    pub tickets: Arc<Tickets>,
    pub master: Arc<MasterKey>,
    pub entropy: Arc<Entropy>,
    pub issuer: String,
}

impl Shown {
    pub async fn seen(&self, id: &FlowId, flow: Flow, client: Arc<Client>) -> Result<Seen, StoreError> {
        let redirectless = flow.is_redirectless();
        let answer = match &flow.at {
            At::Completed(sealed) => {
                let opened = self.master.open(&place(id), &Sealed::from_bytes(sealed.clone())).ok();
                let fields = opened.and_then(|plain| serde_json::from_slice(plain.expose()).ok());
                Some(fields.ok_or(StoreError::Corrupt("a sealed answer"))?)
            }
            // Told to whoever has no browser to carry it.
            At::Failed(failure) if redirectless => {
                let fields = self.fields(&flow, refused(&failure.refusal()))?;
                Some(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }
            At::UserCode
            | At::Device
            | At::Account(_)
            | At::Asking(..)
            | At::Errand(_)
            | At::Consent(_)
            | At::Ready
            | At::Left
            | At::Connected
            | At::Failed(_) => None,
        };
        let ends = flow.device.is_none() && flow.has_ended();
        let resume = (ends && !redirectless).then(|| self.tickets.resume_url(id, &flow));
        let whose = flow.errand().and_then(Errand::user).or(flow.user()).or_else(|| flow.offered());
        let person = match whose {
            Some(user) => self.known.directory.user(&user).await?,
            None => None,
        };
        let username = person.as_ref().map(|user| user.username.clone());
        let name = person.and_then(|user| user.name.clone());
        let remembered = self.remembered(&flow).await?;
        let passkey = flow.ceremony.as_ref().map(|ceremony| ceremony.asked.options());
        let pairing = flow.offers_pairing().zip(flow.user());
        let ticket = pairing.map(|((enrolment, _), user)| {
            self.known.second_factors.offers.ticket(flow.transaction, user, &enrolment.app)
        });
        let devices = self.devices(&flow).await?;
        let factors = &self.known.second_factors;
        let shown = flow.typed().map(|typing| typing.method).or(flow.new_totp().map(|new| new.method));
        let code = match (flow.user(), flow.code_underway(), shown) {
            (Some(user), Some(sent), _) => Some(factors.codes.standing(user, sent).await?),
            (Some(user), None, Some(method)) => Some(factors.totps.standing(user, method).await?),
            (Some(_), None, None) | (None, ..) => None,
        };
        let asked = !matches!(flow.at, At::UserCode) && flow.device.is_none();
        let with_context = asked && self.known.directory.sign_on().await?.includes_request_context();
        let new_key = self.new_key(&flow, username.as_deref().unwrap_or_default())?;
        let remember_for = boxed(|| self.known.remember_for(&flow, &client)).await?;
        let (late, answered, session, browser, state) = (false, false, None, None, None);
        Ok(Seen {
            id: id.clone(),
            flow,
            client,
            username,
            name,
            remembered,
            with_context,
            passkey,
            ticket,
            devices,
            new_key,
            code,
            answered,
            late,
            resume,
            answer,
            remember_for,
            session,
            browser,
            state,
        })
    }

    /// What an app is to have of what somebody makes.
    fn new_key(&self, flow: &Flow, username: &str) -> Result<Option<NewKey>, StoreError> {
        let factors = &self.known.second_factors;
        if let Some((user, new)) = flow.user().zip(flow.new_totp()) {
            let key = factors.totps.key_of(user, new)?;
            return Ok(Some(NewKey { text: key.base32(), uri: key_uri(&key, &self.issuer, username) }));
        }
        let Some(new) = flow.new_phone() else { return Ok(None) };
        let key = factors.phones.key_of(new)?;
        let uri = pairing_keys::link(&self.issuer, &key)?;
        Ok(Some(NewKey { text: Secret::new(key.expose().clone()), uri }))
    }

    /// On which the person can be asked. One that is gone is not shown.
    async fn devices(&self, flow: &Flow) -> Result<Vec<OwnDevice>, StoreError> {
        let (Some(second_factor), Some(user)) = (&flow.second_factor, flow.user()) else { return Ok(Vec::new()) };
        if flow.manages() {
            return self.owned(user).await;
        }
        let ids = second_factor.devices();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let phones = self.known.directory.devices_of(&user).await?;
        let all_phones = ids.iter().all(|id| phones.iter().any(|(device, _)| device.id == *id));
        // Who waits for a phone asks every second: those are in memory, and addresses are not.
        let factors = &self.known.second_factors;
        let (mut addresses, totps, passkeys) = if all_phones {
            (Vec::new(), Vec::new(), Vec::new())
        } else {
            let passkeys = factors.evaluate.passkeys.of_user(user);
            try_join3(factors.codes.devices.own.of_user(user), factors.totps.devices.of_user(user), passkeys).await?
        };
        if let Some(given) = flow.given.filter(|given| ids.contains(given)) {
            addresses.extend(factors.codes.devices.given(user, given).await?);
        }
        let phone = |id: &DeviceId| {
            let (device, installation) = phones.iter().find(|(device, _)| device.id == *id)?;
            Some(OwnDevice::Phone(device.clone(), Arc::clone(installation)))
        };
        let address =
            |id: &DeviceId| addresses.iter().find(|address| address.id == *id).cloned().map(OwnDevice::Address);
        let totp = |id: &DeviceId| totps.iter().find(|own| own.id == *id).cloned().map(OwnDevice::Totp);
        let passkey = |id: &DeviceId| passkeys.iter().find(|own| own.device() == *id).map(own_passkey);
        let device = |id: &DeviceId| phone(id).or_else(|| passkey(id)).or_else(|| totp(id)).or_else(|| address(id));
        Ok(ids.iter().filter_map(device).collect())
    }

    /// Whatever the person has.
    async fn owned(&self, user: UserId) -> Result<Vec<OwnDevice>, StoreError> {
        let factors = &self.known.second_factors;
        let phones = self.known.directory.devices_of(&user).await?;
        let passkeys = factors.evaluate.passkeys.of_user(user);
        let (addresses, totps, passkeys) =
            try_join3(factors.codes.devices.own.of_user(user), factors.totps.devices.of_user(user), passkeys).await?;
        let phones = phones.iter().map(|(device, about)| OwnDevice::Phone(device.clone(), Arc::clone(about)));
        let codes = totps.into_iter().map(OwnDevice::Totp).chain(addresses.into_iter().map(OwnDevice::Address));
        Ok(phones.chain(passkeys.iter().map(own_passkey)).chain(codes).collect())
    }

    /// What the person need not be asked again.
    async fn remembered(&self, flow: &Flow) -> Result<Option<Scope>, StoreError> {
        match (&flow.at, flow.user()) {
            // [OIDCC §3.1.2.1] prompt=consent asks for all of it.
            (At::Consent(_), Some(user)) if !flow.request.prompts(Prompt::Consent) => {
                Ok(self.known.consents.find(user, &flow.client).await?.map(|given| given.scope))
            }
            (_, _) => Ok(None),
        }
    }

    /// The flow with its answer in it.
    pub(super) fn with_answer(
        &self,
        id: &FlowId,
        flow: Flow,
        response: AuthorizationResponse,
    ) -> Result<Flow, StoreError> {
        let plain = serde_json::to_vec(&self.fields(&flow, response)?).unwrap_or_default();
        let sealed = self.master.seal(&place(id), &plain, &self.entropy);
        flow.completed(&sealed).ok_or(StoreError::Corrupt("a flow that is not at its end"))
    }

    fn fields(&self, flow: &Flow, response: AuthorizationResponse) -> Result<Vec<(&'static str, String)>, StoreError> {
        match response.carried(&flow.request.destination, &self.issuer) {
            Carrier::Flow(fields) => Ok(fields),
            Carrier::Redirect(_) | Carrier::FormPost { .. } => {
                Err(StoreError::Corrupt("a flow that goes through a browser"))
            }
        }
    }
}

pub(super) fn refused(refusal: &Refusal) -> AuthorizationResponse {
    AuthorizationResponse::error(refusal.code, &refusal.description)
}

fn own_passkey(passkey: &Passkey) -> OwnDevice {
    let (id, name, created_at) = (passkey.device(), passkey.name.clone(), passkey.created_at);
    OwnDevice::Passkey(OwnPasskey { id, name, created_at })
}

fn place(id: &FlowId) -> String {
    format!("flow|answer|{}", id.digest())
}
