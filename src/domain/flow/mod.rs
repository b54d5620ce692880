//! One run of the authentication flow: from a request at the authorization endpoint to its answer.
//!
//! A flow is a value. Whatever somebody does to it is first found out by a use case (was the password
//! right? has the person agreed before?) and then applied here, as a pure transition. After each, the
//! sign-on policy is walked anew from its root: [`SignOnPolicy::next`] alone decides what comes next.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enrolment::Enrolment;
use super::mobile_app::MobileApp;
use super::otp::CodeSource;
use super::passkey::Ceremony;
use super::policy::{SignOnPolicy, Source};
use super::session::{Authentication, Trusted};
use super::user::User;
use crate::clock::Timestamp;
use crate::protocol::acr::Acr;
use crate::protocol::authorization_request::{AuthorizationRequest, ResponseMode};
use crate::protocol::extent::Extent;
use crate::protocol::id::{
    BrowserKey, ClientId, DeviceCode, DeviceId, RememberedKey, RequestId, SessionId, StepId, UserId,
};
use crate::protocol::notification::Said;
use crate::protocol::scope::Scope;
use crate::protocol::user_code::UserCode;
use crate::secret::{Digest, Sealed};

mod asking;
mod at;
mod begin;
pub mod errand;
mod links;
mod manage;
mod notes;
pub mod of_browser;
mod passcode;
mod remember;
mod second_factor;
mod set_up;
#[cfg(test)]
mod tests;
mod walk;

pub use self::asking::Asking;
pub use self::at::{Again, At, Failure, Offered};
pub use self::begin::Start;
pub use self::notes::{Factor, Note, Notes};
pub use self::second_factor::{Asked, Outcome, Proved, Pushed, SecondFactor, Verifying};
pub use self::set_up::{NewAddress, NewPhone, NewTotp, SettingUp};

/// Without an action for this long, a flow ends.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// No flow is longer than this.
pub const LONGEST: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// What operators and the audit trail call it; one flow gives one grant.
    pub transaction: RequestId,
    pub client: ClientId,
    pub request: AuthorizationRequest,
    /// What waits for the flow, where no relying party does.
    pub device: Option<ForDevice>,
    /// Who runs it without a browser, where it is for a device: another client than the one that waits.
    pub run_by: Option<ClientId>,
    /// Who may act.
    pub browser: Digest<BrowserKey>,
    /// Whoever runs it has no cookies: each answer has the key for the next call, and the one before is
    /// worth nothing then.
    pub cookieless: bool,
    /// Whoever has forgotten a password can be written to.
    pub recoverable: bool,
    /// The session that the browser had, where it still counts.
    pub session: Option<SessionId>,
    /// The session that the browser had when the flow began.
    from: Option<SessionId>,
    /// Nobody else may sign in.
    pub meant: Option<UserId>,
    pub who: Who,
    /// Why their session is not enough.
    pub again: Option<Again>,
    /// What was proved on the way by something that the person did: with this, they have a session.
    pub authenticated: Option<Authentication>,
    /// The device that has vouched besides, in this flow alone.
    pub trusted: Option<Trusted>,
    /// Where a code came from that was right besides, in this flow alone.
    pub by_code: Option<CodeSource>,
    /// When the password was chosen that the person gave: with another one, what it proved is worth nothing.
    pub password: Option<Timestamp>,
    pub notes: Notes,
    /// What the person takes in place of what the policy asks first.
    pub turned: Option<(StepId, Source)>,
    /// What else they may take now.
    pub ways: Vec<Source>,
    /// What a passkey is to sign, while one is asked for.
    pub ceremony: Option<Ceremony>,
    /// By which the person signs in, where it has shown itself.
    pub app: Option<MobileApp>,
    /// What the second factor came to, where one was asked for and the flow has not gone on yet.
    pub second_factor: Option<SecondFactor>,
    /// On which device the person was asked last, or which they have made since.
    pub asked_on: Option<DeviceId>,
    /// From where whoever runs it has called last. `None`: nobody has, who could be asked anything.
    pub called_from: Option<IpAddr>,
    /// By what the browser is remembered, if it is: which people and which policies that goes for, is kept elsewhere.
    pub remembered_by: Option<Digest<RememberedKey>>,
    /// The app, where it is no device of the person and they are asked about it on another one.
    pub newcomer: Option<Box<Asked>>,
    /// What the app by which the person signs in is told in the end.
    pub enrolment: Option<Enrolment>,
    /// They want to look after their devices, and show a second factor first: on which they could be asked before.
    pub managing: Option<Vec<DeviceId>>,
    /// What the person agreed to in this flow.
    pub agreed: Option<Scope>,
    pub at: At,
    pub started_at: Timestamp,
    /// What the person reads where they are asked on a device: nothing else will do then.
    pub said: Option<Box<Said>>,
    /// An address that was given for the person, and is none of their devices: a code may go there.
    pub given: Option<DeviceId>,
    /// In which version it was read: no part of it. `None`: it rests nowhere yet.
    #[serde(skip)]
    seen: Option<u32>,
}

/// A device that somebody is about to connect [RFC 8628 §3.3].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForDevice {
    pub code: Digest<DeviceCode>,
    pub user_code: UserCode,
    /// Somebody has looked at what it is.
    pub confirmed: bool,
}

/// Who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    Nobody,
    /// Somebody said to be this one, who may not exist.
    Claimed(String),
    Proved(UserId),
}

/// What a condition of a policy can ask about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub client: &'a ClientId,
    pub scope: &'a Scope,
    /// The strongest context that the relying party asks for.
    pub asked: Option<Acr>,
    pub authenticated_at: Option<Timestamp>,
    /// The class of what was proved, in this flow or before it.
    pub reached: Option<Acr>,
    /// From where whoever runs the flow calls. `None`: nobody runs one.
    pub from: Option<IpAddr>,
    /// `None`: nobody has proved to be anybody.
    pub person: Option<&'a User>,
    pub now: Timestamp,
}

/// What a transition needs to know besides the flow.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    pub policy: &'a SignOnPolicy,
    /// The client needs no consent.
    pub implied_consent: bool,
    /// What the person let the client have before.
    pub remembered: Option<&'a Scope>,
    /// Browsers have passkeys for this issuer.
    pub passkeys: bool,
    /// Who is asked, where somebody has proved to be one.
    pub person: Option<&'a User>,
    pub now: Timestamp,
}

impl Flow {
    /// The session that something noted leans on: with its end, that is proved no more.
    pub fn leans_on(&self) -> Option<SessionId> {
        self.from.filter(|_| self.session.is_some() || self.notes.lean_on_session())
    }

    /// What is told of how the person was authenticated.
    pub fn authentication(&self) -> Option<Authentication> {
        let own = self.authenticated.as_ref()?;
        let own = self.trusted.map_or_else(|| own.clone(), |trusted| own.with(&trusted));
        Some(match self.by_code {
            Some(source) => own.with_code(source),
            None => own,
        })
    }

    /// What has shown the code by which the person went on last. `None`: none did. It may be a phone.
    pub fn code_shown_by(&self) -> Option<DeviceId> {
        self.asked_on.filter(|_| self.by_code == Some(CodeSource::Authenticator))
    }

    /// The step that is being asked, if it is one of `source`.
    fn asking(&self, source: Source) -> Option<StepId> {
        match &self.at {
            At::Asking(step, asked) if *asked == source => Some(step.clone()),
            At::Asking(..)
            | At::Errand(_)
            | At::UserCode
            | At::Device
            | At::Account(_)
            | At::Consent(_)
            | At::Ready
            | At::Completed(_)
            | At::Left
            | At::Connected
            | At::Failed(_) => None,
        }
    }

    /// It is the device in front of the person, and what they want. `None`: nobody was asked.
    #[must_use]
    pub fn confirmed(mut self, around: &Around<'_>) -> Option<Self> {
        let device = self.device.as_mut().filter(|_| self.at == At::Device)?;
        device.confirmed = true;
        Some(self.settled(around))
    }

    /// Who may go on as they are.
    pub const fn offered(&self) -> Option<UserId> {
        if let At::Account(offered) = &self.at { Some(offered.user) } else { None }
    }

    /// The person goes on as who is signed in. `None`: there was no choice.
    #[must_use]
    pub fn chosen(self, around: &Around<'_>) -> Option<Self> {
        let At::Account(offered) = &self.at else { return None };
        // [OIDCC §3.1.2.1] somebody may have taken their time to choose.
        if is_too_old(&offered.authentication, &self.request, around.now) {
            return Self { again: Some(Again::LongAgo), ..self }.another(None, around);
        }
        let offered = offered.clone();
        Some(self.going_on(offered, around))
    }

    /// As somebody else, who may have said as whom. `None`: there was no choice.
    #[must_use]
    pub fn another(mut self, username: Option<&str>, around: &Around<'_>) -> Option<Self> {
        self.offered()?;
        self.who = username.map_or(Who::Nobody, |username| Who::Claimed(username.to_owned()));
        let next = self.settled(around);
        Some(match username {
            Some(username) => next.clone().identified(username, around).unwrap_or(next),
            None => next,
        })
    }

    /// Somebody says who they are. `None`: nobody was asked.
    #[must_use]
    pub fn identified(mut self, username: &str, around: &Around<'_>) -> Option<Self> {
        let step = self.asking(Source::Identifier)?;
        self.who = Who::Claimed(username.to_owned());
        self.notes.set(step, Note::Identified);
        Some(self.settled(around))
    }

    /// The password of `user` was right. `None`: none was asked for.
    #[must_use]
    pub fn password_verified(mut self, user: UserId, around: &Around<'_>) -> Option<Self> {
        let step = self.asking(Source::Password)?;
        self.verified(user, &Authentication::by_password(around.now), (step, Factor::Password));
        Some(self.settled(around))
    }

    /// A passkey of `user` has answered. `None`: none was asked for.
    #[must_use]
    pub fn passkey_verified(mut self, user: UserId, around: &Around<'_>) -> Option<Self> {
        let step = self.asking(Source::Passkey)?;
        self.verified(user, &Authentication::by_passkey(around.now), (step, Factor::Passkey));
        Some(self.settled(around))
    }

    fn verified(&mut self, user: UserId, how: &Authentication, (step, factor): (StepId, Factor)) {
        // What was just proved is worth more than the session: that one is renewed by it, or somebody else's.
        self.session = None;
        self.again = None;
        // Of another person than the one so far: nothing that was proved until now counts any more.
        if self.who != Who::Proved(user) {
            self.notes.forget_verified();
            self.password = None;
            self.trusted = None;
            self.by_code = None;
            self.newcomer = None;
            self.enrolment = None;
            // What somebody else agreed to.
            self.agreed = None;
        }
        self.who = Who::Proved(user);
        // What the session stands for was proved at another time, and is told where nothing is newer.
        let before = self.authenticated.take().filter(|_| self.notes.has_verified_here());
        self.authenticated = Some(before.map_or_else(|| how.clone(), |before| before.and(how)));
        self.notes.set(step, Note::Verified(factor));
    }

    /// The person wants to be asked this instead. `None`: it is not offered.
    #[must_use]
    pub fn turned_to(mut self, source: Source, around: &Around<'_>) -> Option<Self> {
        let At::Asking(step, _) = &self.at else { return None };
        // By the policy as it is now, not as it was when it was offered.
        let step = around.policy.steps().into_iter().find(|own| own.id == *step)?;
        if !self.ways.contains(&source) || !step.offers(source) {
            return None;
        }
        self.turned = Some((step.id.clone(), source));
        self.ceremony = None;
        Some(self.settled(around))
    }

    /// Whether a passkey is asked for, and there is nothing yet that it could sign.
    pub const fn wants_ceremony(&self) -> bool {
        let asked = matches!(self.at, At::Asking(_, Source::Passkey)) || self.asserting().is_some();
        self.ceremony.is_none() && (asked || self.makes_second_factor())
    }

    /// Whether something has to be found out before anybody can be asked.
    pub fn wants_more(&self) -> bool {
        self.wants_ceremony() || (self.second_factor.is_none() && matches!(self.at, At::Asking(_, Source::Mfa)))
    }

    /// Whether the person may say first in which way they go on: they have begun, there are several, and they
    /// have not said so yet.
    pub fn may_choose(&self) -> bool {
        let At::Asking(step, _) = &self.at else { return false };
        let chosen = self.turned.as_ref().is_some_and(|(id, _)| id == step);
        let begun = self.notes.has_identified() || self.notes.has_verified_here();
        begun && self.session.is_none() && !chosen && !self.ways.is_empty()
    }

    /// Whether it is too late for what a passkey is to sign.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.ceremony.as_ref().is_some_and(|ceremony| !ceremony.is_live(now))
    }

    /// Whether whoever has no passkey makes the first one now: where the policy says so, and not on the word of a
    /// session alone, which may be somebody else's by now.
    pub fn enrols(&self, around: &Around<'_>) -> bool {
        let At::Asking(step, Source::Passkey) = &self.at else { return false };
        let steps = around.policy.steps();
        self.notes.has_verified_here() && steps.into_iter().any(|own| own.id == *step && own.enrol)
    }

    /// What was to be signed is worth nothing any more.
    #[must_use]
    pub fn without_ceremony(self) -> Self {
        Self { ceremony: None, ..self }
    }

    /// What the passkey is to sign. One is for one try.
    #[must_use]
    pub fn with_ceremony(self, ceremony: Ceremony) -> Self {
        Self { ceremony: Some(ceremony), ..self }
    }

    /// The person has nothing of what is asked. The step, or else the policy, may know another way.
    #[must_use]
    pub fn lacking(mut self, around: &Around<'_>) -> Self {
        let At::Asking(step, _) = &self.at else { return self };
        let step = step.clone();
        if self.turned.as_ref().is_some_and(|(chosen, _)| *chosen == step) {
            self.turned = None;
        } else if let Some(way) = self.ways.first() {
            self.turned = Some((step, *way));
        } else {
            self.notes.set(step, Note::Failed);
        }
        self.settled(around)
    }

    /// The person gives up on what is asked. The policy may know another way.
    #[must_use]
    pub fn cancelled(mut self, around: &Around<'_>) -> Option<Self> {
        match self.at.clone() {
            At::Asking(step, _) => {
                self.notes.set(step, Note::Failed);
                let next = self.settled(around);
                let gave_up = matches!(next.at, At::Failed(Failure::ByPolicy));
                Some(if gave_up { Self { at: At::Failed(Failure::Cancelled), ..next } } else { next })
            }
            At::Account(_) => Some(Self { at: At::Failed(Failure::Cancelled), ..self }),
            At::Consent(_) | At::Device => Some(Self { at: At::Failed(Failure::NotAgreed), ..self }),
            // There is nothing to give up yet.
            At::UserCode | At::Errand(_) | At::Ready | At::Completed(_) | At::Left | At::Connected | At::Failed(_) => {
                None
            }
        }
    }

    /// The person agrees to these scopes, or to all that were asked for.
    #[must_use]
    pub fn agreed(mut self, to: Option<&Scope>, around: &Around<'_>) -> Option<Self> {
        let At::Consent(asked) = &self.at else { return None };
        let agreed = match to {
            None => Some(asked.clone()),
            // Without `openid` there is nothing left that a sign-in could give.
            Some(to) => asked.only(|name| name == Scope::OPENID || to.contains(name)),
        };
        self.agreed = agreed;
        Some(self.settled(around))
    }

    /// The browser comes for the answer. `None`: there is none, or it was fetched before.
    #[must_use]
    pub fn left(self) -> Option<Self> {
        (self.device.is_none() && self.has_ended()).then_some(Self { at: At::Left, ..self })
    }

    /// The answer, for whoever runs the flow without a browser.
    #[must_use]
    pub fn completed(self, answer: &Sealed) -> Option<Self> {
        (self.is_redirectless() && matches!(self.at, At::Ready))
            .then(|| Self { at: At::Completed(answer.as_bytes().to_vec()), ..self })
    }

    /// The next call comes with another key.
    #[must_use]
    pub fn rekeyed(self, browser: Digest<BrowserKey>) -> Self {
        Self { browser, ..self }
    }

    /// Nobody is sent anywhere: the answer is the last state.
    pub fn is_redirectless(&self) -> bool {
        self.request.destination.mode == ResponseMode::Flow
    }

    /// The device has it.
    #[must_use]
    pub fn connected(self) -> Self {
        Self { at: At::Connected, ..self }
    }

    /// What the person is asked to agree to: also the scopes that single claims belong to.
    pub fn asked(&self) -> Scope {
        self.request.extent.claims.with(&self.request.scope)
    }

    pub fn facts<'a>(&'a self, around: &Around<'a>) -> Facts<'a> {
        let values = self.request.acr_values.as_deref().unwrap_or_default().split(' ');
        let claimed = self.request.extent.claims.acr.iter().flat_map(|asked| asked.values.iter().map(String::as_str));
        Facts {
            client: &self.client,
            scope: &self.request.scope,
            asked: values.chain(claimed).filter_map(Acr::parse).max(),
            authenticated_at: self.authenticated.as_ref().map(|authentication| authentication.at),
            reached: self.authenticated.as_ref().map(|authentication| authentication.acr),
            from: self.called_from,
            person: around.person.filter(|person| self.user() == Some(person.id)),
            now: around.now,
        }
    }

    /// What the client gets.
    pub fn granted(&self) -> Scope {
        match &self.agreed {
            Some(agreed) => self.request.scope.within(agreed).unwrap_or_else(|| agreed.clone()),
            None => self.request.scope.clone(),
        }
    }

    /// What it gets besides.
    pub fn extent(&self) -> Extent {
        let extent = self.request.extent.clone();
        let agreed = |scope: &str| self.agreed.as_ref().is_none_or(|agreed| agreed.contains(scope));
        Extent { claims: extent.claims.only(agreed), ..extent }
    }

    pub const fn user(&self) -> Option<UserId> {
        match self.who {
            Who::Proved(user) => Some(user),
            Who::Claimed(_) | Who::Nobody => None,
        }
    }

    /// What came of it is still to be told.
    pub const fn has_ended(&self) -> bool {
        matches!(self.at, At::Ready | At::Failed(_))
    }

    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.started_at + LONGEST || matches!(self.at, At::Left)
    }
}

/// [OIDCC §3.1.2.1] `max_age=0` is `prompt=login`.
fn is_too_old(authentication: &Authentication, request: &AuthorizationRequest, now: Timestamp) -> bool {
    request.max_age.is_some_and(|age| now.since(authentication.at) >= Duration::from_secs(u64::from(age)))
}
