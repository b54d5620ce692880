//! The ordinary sign-in: a request at the authorization endpoint, a flow, an answer.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::client::{Client, GrantType};
use crate::domain::device::{Device, Installation};
use crate::domain::enrolment::Enrolment;
use crate::domain::flow::{Around, Flow, IDLE, LONGEST};
use crate::domain::otp::OtpDevice;
use crate::domain::passkey::{Ceremony, PasskeyName};
use crate::domain::policy::SignOnPolicy;
use crate::domain::second_factor::Verdict;
use crate::domain::session::Session;
use crate::domain::totp::TotpDevice;
use crate::domain::user::User;
use crate::entropy::Entropy;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::{
    BrowserKey, ClientId, DeviceId, EnrolmentTicket, FlowId, RememberedKey, SessionToken, UserId,
};
use crate::protocol::scope::Scope;
use crate::secret::{Digest, Secret};
use crate::store::ephemeral::StoreError;
use crate::store::sql::consents::Consents;
use crate::store::sql::directory::Directory;
use crate::store::sql::sessions::Sessions;
use crate::usecase::check_passkey::CheckPasskey;
use crate::usecase::sign_in::known_devices::KnownDevice;
use crate::usecase::sign_in::second_factor::SecondFactors;
use crate::usecase::sign_in::send_code::{Asker, Standing};

pub mod advance;
pub mod anew;
pub mod ask_device;
pub mod authorize;
mod await_device;
pub mod beside;
mod boxed;
pub mod check_totp;
pub mod conclude;
pub mod connect;
pub mod device_authentications;
pub mod errand;
pub mod given_address;
mod gone;
pub mod known_devices;
pub mod leave;
pub mod limit_flows;
pub mod log_out;
pub mod logos;
pub mod look_after;
mod other_way;
pub mod pair_phone;
mod passkeys;
pub mod push;
pub mod read_request;
mod remember;
pub mod respond;
pub mod second_factor;
pub mod send_code;
mod set_up;
mod set_up_address;
pub mod shown;
pub mod spend_texts;
mod take_code;
mod told_directly;

fn no_sign_in() -> Refusal {
    Refusal::new(ErrorCode::UnauthorizedClient, "The client is unknown, or may not have people sign in.")
}

/// What a browser, or whoever acts like one, shows of itself.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// By which it is recognised in its flows.
    pub key: Option<BrowserKey>,
    /// By which somebody is signed in there.
    pub session: Option<SessionToken>,
    /// Who has signed in there before.
    pub device: Option<KnownDevice>,
    /// By which somebody is remembered there who has shown a second factor.
    pub remembered: Option<RememberedKey>,
}

/// What the browser of somebody who has just signed in keeps.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub session: SessionToken,
    pub device: KnownDevice,
}

impl Browser {
    /// By which it is recognised from now on; and its key, where it had none.
    pub fn recognised(&self, entropy: &Entropy) -> (Digest<BrowserKey>, Option<BrowserKey>) {
        if let Some(key) = &self.key {
            return (key.digest(), None);
        }
        let fresh = BrowserKey::new(entropy.token());
        (fresh.digest(), Some(fresh))
    }

    /// By what it is remembered, if it is.
    pub fn remembered_by(&self) -> Option<Digest<RememberedKey>> {
        self.remembered.as_ref().map(RememberedKey::digest)
    }
}

/// What is known about people and clients while somebody signs in.
pub struct Known {
    pub directory: Arc<Directory>,
    pub passkeys: Arc<CheckPasskey>,
    pub sessions: Sessions,
    pub consents: Consents,
    pub second_factors: Arc<SecondFactors>,
}

/// What a flow is judged by, as it is now.
pub struct Judged {
    pub client: Arc<Client>,
    pub policy: Arc<SignOnPolicy>,
    remembered: Option<Scope>,
    passkeys: bool,
    /// On this device alone somebody is asked for a second factor. `None`: where the policy says.
    only: Option<DeviceId>,
    person: Option<Arc<User>>,
    now: Timestamp,
}

impl Known {
    /// `None`: the client may not have people sign in any more.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Arc<Client>>, StoreError> {
        let client = self.directory.client(id).await?.filter(|client| !client.disabled);
        Ok(client.filter(|client| client.sign_in.is_some() || client.may(GrantType::DeviceCode)))
    }

    /// The session of a browser, if its person may still have one.
    pub async fn session(&self, browser: &Browser, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let Some(token) = &browser.session else { return Ok(None) };
        let Some(session) = self.sessions.find(&token.digest(), now).await? else { return Ok(None) };
        let active = self.directory.user(&session.user).await?.is_some_and(|user| user.is_active());
        Ok(active.then_some(session))
    }

    pub async fn judged(
        &self,
        client: Arc<Client>,
        user: Option<UserId>,
        now: Timestamp,
    ) -> Result<Judged, StoreError> {
        let remembered = match user {
            Some(user) => self.consents.find(user, &client.id).await?.map(|given| given.scope),
            None => None,
        };
        let person = match user {
            Some(user) => self.directory.user(&user).await?,
            None => None,
        };
        let policy = self.policy_of(&client).await?;
        let passkeys = self.passkeys.party.is_some();
        Ok(Judged { client, policy, remembered, passkeys, person, only: None, now })
    }

    /// How a client's people sign in. Where what it names is not to be found, nobody signs in.
    async fn policy_of(&self, client: &Client) -> Result<Arc<SignOnPolicy>, StoreError> {
        if let Some(policy) = self.directory.sign_on().await?.policy_of(client) {
            return Ok(Arc::clone(policy));
        }
        // Made on another node a moment ago, and named since.
        self.directory.look().await?;
        let sign_on = self.directory.sign_on().await?;
        sign_on.policy_of(client).cloned().ok_or(StoreError::Corrupt("a client names a policy that there is not"))
    }

    /// The flow with what has to be found out before anybody can be asked. Who has proved to be somebody and has
    /// nothing of what is asked is led to wherever the policy leads from there.
    pub async fn asking(&self, mut flow: Flow, judged: &Judged, asker: Asker<'_>) -> Result<Flow, StoreError> {
        loop {
            flow = self.with_ceremony(flow, judged).await?;
            let Some(policy) = flow.wants_second_factor(&judged.around()) else { return Ok(flow) };
            let unattended = self.is_unattended(&flow, judged).await?;
            if !unattended && flow.app.is_none() {
                return Ok(flow);
            }
            match self.second_factors.found_out(flow, &policy, unattended, (judged, asker)).await? {
                ControlFlow::Break(flow) => return self.with_ceremony(flow, judged).await,
                ControlFlow::Continue(next) => flow = next,
            }
        }
    }

    /// Whether our own pages show it, which have no app behind them that could say more.
    async fn is_unattended(&self, flow: &Flow, judged: &Judged) -> Result<bool, StoreError> {
        Ok(!flow.is_redirectless() && self.application_of(judged).await?.is_none())
    }

    /// Something for a passkey to sign, where one is asked for.
    async fn with_ceremony(&self, mut flow: Flow, judged: &Judged) -> Result<Flow, StoreError> {
        while flow.wants_ceremony() {
            let makes = flow.makes_second_factor();
            let begun = if makes { None } else { self.begun(&flow, judged.now).await? };
            let ceremony = match (begun, flow.user()) {
                (Some(ceremony), _) => Some(ceremony),
                (None, Some(user)) if makes || flow.enrols(&judged.around()) => {
                    self.passkeys.begin_first(user, judged.now).await?
                }
                (None, _) => None,
            };
            flow = match ceremony {
                Some(ceremony) => flow.with_ceremony(ceremony),
                // The device is gone, or none can be made: what the policy says of that is found out anew.
                None if makes || flow.asserting().is_some() => {
                    let lacking = flow.clone().lacking(&judged.around());
                    let anew = if makes { flow.set_up_over() } else { flow.unasked() };
                    anew.unwrap_or(lacking)
                }
                None => flow.lacking(&judged.around()),
            };
        }
        Ok(flow)
    }

    /// `None`: nobody has what could sign it.
    async fn begun(&self, flow: &Flow, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        match (flow.asserting(), flow.user()) {
            (Some(asserting), Some(user)) => self.passkeys.begin_with(user, asserting.selected, now).await,
            (Some(_), None) => Ok(None),
            (None, user) => self.passkeys.begin(user, now).await,
        }
    }

    /// Who shows the flows of this policy, where that is not us.
    pub async fn application_of(&self, judged: &Judged) -> Result<Option<Arc<Application>>, StoreError> {
        Ok(self.directory.sign_on().await?.application_of(&judged.policy).cloned())
    }
}

impl Judged {
    pub fn around(&self) -> Around<'_> {
        Around {
            policy: &self.policy,
            implied_consent: self.client.sign_in.as_ref().is_some_and(|sign_in| sign_in.implied_consent),
            remembered: self.remembered.as_ref(),
            passkeys: self.passkeys,
            person: self.person.as_deref(),
            now: self.now,
        }
    }

    /// What a second factor comes to here.
    fn narrowed(&self, (verdict, enrolment): (Verdict, Option<Enrolment>)) -> (Verdict, Option<Enrolment>) {
        let verdict = match self.only {
            Some(device) => verdict.only_on(device),
            None => verdict,
        };
        (verdict, enrolment)
    }
}

/// A page that calls the flow API, as its browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page<'a> {
    /// One of ours, or no page at all.
    Own,
    /// Of this other origin.
    Of(&'a str),
}

/// How long a flow is kept after something was done to it.
fn left(started_at: Timestamp, now: Timestamp) -> Duration {
    IDLE.min((started_at + LONGEST).since(now))
}

/// On which somebody can be asked.
#[derive(Clone, Debug)]
pub enum OwnDevice {
    Phone(Device, Arc<Installation>),
    Address(OtpDevice),
    Totp(TotpDevice),
    Passkey(OwnPasskey),
}

/// A passkey, as somebody may see it who is asked for it.
#[derive(Clone, Debug)]
pub struct OwnPasskey {
    pub id: DeviceId,
    pub name: PasskeyName,
    pub created_at: Timestamp,
}

impl OwnDevice {
    pub const fn id(&self) -> DeviceId {
        match self {
            Self::Phone(device, _) => device.id,
            Self::Address(address) => address.id,
            Self::Totp(own) => own.id,
            Self::Passkey(own) => own.id,
        }
    }
}

/// The key of an authenticator app, or of a phone, as an app takes it.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// As people type it: in base32, or twelve digits.
    pub text: Secret<String>,
    /// As an app reads it from a QR code.
    pub uri: Secret<String>,
}

/// A flow as whoever runs it sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub id: FlowId,
    pub flow: Flow,
    pub client: Arc<Client>,
    /// Of the person, once somebody proved to be one, or who is signed in already.
    pub username: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// What the person let the client have before, where they are asked for more.
    pub remembered: Option<Scope>,
    /// Whoever shows it is told what was asked for, and by whom.
    pub with_context: bool,
    /// What a passkey is asked, or made of, while one is.
    pub passkey: Option<serde_json::Value>,
    /// With which the app becomes a device, while it may.
    pub ticket: Option<EnrolmentTicket>,
    /// On which devices the person can be asked, or all that they look after; the primary one first.
    pub devices: Vec<OwnDevice>,
    /// The key of what somebody makes.
    pub new_key: Option<NewKey>,
    /// How it stands with the code that was sent, where one was.
    pub code: Option<Standing>,
    /// The question on a device waits for no answer any more: there is something to come for.
    pub answered: bool,
    /// What a passkey is to sign is too old to be answered: whoever tries is asked for something else.
    pub late: bool,
    /// Where the browser goes, once.
    pub resume: Option<String>,
    /// The answer, for whoever has no browser.
    pub answer: Option<Vec<(String, String)>>,
    /// For how long the person may have this browser remembered, by the second factor that they have just shown.
    pub remember_for: Option<Duration>,
    /// Somebody was signed in by this call.
    pub session: Option<SignedIn>,
    /// By which the browser is remembered from now on.
    pub browser: Option<RememberedKey>,
    /// By which the next call goes on, where there are no cookies.
    pub state: Option<BrowserKey>,
}
