//! What can be done about a second factor on the way of a sign-in, as the use cases do it.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::model::{Past, Proof};
use super::scene::{PEOPLE, Scene, person};
use super::*;
use crate::domain::authentication_request::Challenge;
use crate::domain::device::About as AboutDevice;
use crate::domain::enrolment::{Enrolment, Grounds};
use crate::domain::mobile_app::MobileApp;
use crate::domain::otp::{Channel, OtpMethod, Sent};
use crate::domain::second_factor::{First, Missing, Verdict, Why};
use crate::domain::session::Trusted;
use crate::domain::totp::{TotpMethod, Typing};
use crate::protocol::flow_api::Action;
use crate::protocol::id::{DeviceId, MfaPolicyId, NativeApplicationId, OtpId};

/// What somebody has for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Has {
    /// A phone that vouches for them by itself, where they sign in by its app; elsewhere they are asked on it.
    Trusted,
    /// A phone and an address, of which they choose.
    Both,
    Address,
    /// An authenticator app and an address, of which the app is asked.
    App,
    /// The policy does without.
    Nothing,
    /// Nothing that will do.
    Useless,
}

pub(super) fn people() -> impl Strategy<Value = [Has; 3]> {
    let has = || {
        prop_oneof![
            3 => Just(Has::Trusted),
            4 => Just(Has::Both),
            2 => Just(Has::Address),
            3 => Just(Has::App),
            1 => Just(Has::Nothing),
            1 => Just(Has::Useless),
        ]
    };
    [has(), has(), has()]
}

pub(super) const fn phone_of(user: UserId) -> DeviceId {
    DeviceId::new(Uuid::from_u128(user.uuid().as_u128() * 10))
}

pub(super) const fn address_of(user: UserId) -> DeviceId {
    DeviceId::new(Uuid::from_u128(user.uuid().as_u128() * 10 + 1))
}

pub(super) const fn app_of(user: UserId) -> DeviceId {
    DeviceId::new(Uuid::from_u128(user.uuid().as_u128() * 10 + 2))
}

pub(super) const fn passkey_of(user: UserId) -> DeviceId {
    DeviceId::new(Uuid::from_u128(user.uuid().as_u128() * 10 + 3))
}

/// An app, while it is made.
pub(super) fn new_app(user: UserId) -> NewTotp {
    NewTotp::new(app_of(user), &Sealed::from_bytes(vec![7; 32]), TotpMethod::default())
}

/// A phone that is yet to bring the key of this person.
pub(super) fn new_phone(user: UserId) -> NewPhone {
    let key = Digest::of(user.uuid().as_bytes());
    NewPhone::new(key, &Sealed::from_bytes(vec![7; 32]), Timestamp::from_seconds(600))
}

/// Where this person says that they get codes, once the first one has gone there.
pub(super) fn new_address(user: UserId, channel: Channel) -> NewAddress {
    let (selected, id, method) = (address_of(user), OtpId::new(Uuid::from_u128(1)), OtpMethod::default());
    let sent = Sent { devices: Vec::new(), selected, id, channel, method, again: false, sent_at: at(0) };
    NewAddress { target: "alice@home.example".into(), sent }
}

/// Whose device it is.
pub(super) fn owner(device: DeviceId) -> UserId {
    UserId::new(Uuid::from_u128(device.uuid().as_u128() / 10))
}

impl Has {
    fn evaluated(self, user: UserId, by_app: bool) -> (Verdict, Option<Enrolment>) {
        let (phone, address) = (phone_of(user), address_of(user));
        let verdict = match self {
            Self::Trusted if by_app => Verdict::Authorized(phone),
            Self::Trusted => Verdict::Ask(vec![phone], First::Ask),
            Self::Both => Verdict::Ask(vec![phone, address], First::Choose),
            Self::Address => Verdict::Ask(vec![address], First::Ask),
            Self::App => Verdict::Ask(vec![app_of(user), address], First::Ask),
            Self::Nothing => Verdict::Waived(Missing::NoDevices),
            Self::Useless => Verdict::Failed(Why::NoUsableDevices),
        };
        let grounds = match self {
            Self::Nothing => Some(Ok(Grounds::First)),
            Self::Both | Self::App => Some(Ok(Grounds::Approved)),
            Self::Trusted | Self::Address | Self::Useless => None,
        };
        let policy = MfaPolicyId::parse("mfa").filter(|_| by_app);
        (verdict, policy.zip(grounds).map(|(policy, grounds)| Enrolment { app: app(), policy, grounds }))
    }
}

pub(super) fn app() -> MobileApp {
    let application = NativeApplicationId::parse("bank").unwrap();
    MobileApp { application, jkt: "jkt".into(), public_jwk: "{}".into(), about: AboutDevice::default(), unsound: false }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// By the app, or by none.
    Authenticate(bool),
    /// The phone of this person, or else their address.
    Select(usize, bool),
    Resend,
    Poll,
    /// To the last question, or to the one before it.
    Answer {
        last: bool,
        yes: bool,
    },
    /// The last code, or the one before it.
    Check {
        last: bool,
    },
    /// A code that the authenticator app of this person shows.
    Show(usize),
    /// They want to look after their devices.
    Manage,
    /// The phone of this person is none any more.
    Remove(usize),
    Resume,
}

pub(super) fn deeds() -> impl Strategy<Value = Deed> {
    let last = || proptest::bool::weighted(0.8);
    prop_oneof![
        4 => any::<bool>().prop_map(Deed::Authenticate),
        4 => (person(), any::<bool>()).prop_map(|(person, phone)| Deed::Select(person, phone)),
        1 => Just(Deed::Resend),
        1 => Just(Deed::Poll),
        4 => (last(), proptest::bool::weighted(0.8)).prop_map(|(last, yes)| Deed::Answer { last, yes }),
        4 => last().prop_map(|last| Deed::Check { last }),
        4 => person().prop_map(Deed::Show),
        2 => Just(Deed::Manage),
        1 => person().prop_map(Deed::Remove),
        1 => Just(Deed::Resume),
    ]
}

/// What comes of a deed, and the action of the API that it is, if it is done right.
pub(super) fn done(
    flow: Flow,
    deed: Deed,
    (scene, past): (&Scene, &Past),
    around: &Around<'_>,
) -> (Option<Flow>, Option<Action>) {
    let (now, number) = (around.now, past.next());
    match deed {
        Deed::Authenticate(by_app) => {
            (authenticated(flow, by_app, (scene, number), around), Some(Action::Authenticate))
        }
        Deed::Select(person, phone) => {
            let user = PEOPLE[person];
            let device = if phone { phone_of(user) } else { address_of(user) };
            let offered = flow.second_factor.as_ref().is_some_and(|own| own.devices().contains(&device));
            (asked_on(flow, device, number, now), Some(Action::SelectDevice).filter(|_| offered))
        }
        Deed::Resend => {
            let selected = flow.sent().map(|sent| sent.selected);
            (selected.and_then(|address| asked_on(flow, address, number, now)), Some(Action::ResendOtp))
        }
        Deed::Poll => {
            let over = flow.waits_for().filter(|pushed| now >= pushed.expires_at).map(|pushed| pushed.question);
            let next = match over {
                Some(question) => flow.answered(question, Outcome::TimedOut),
                None => flow.waits_for().is_some().then_some(flow),
            };
            (next, Some(Action::Poll))
        }
        Deed::Answer { last, yes } => {
            let Some((question, device)) = past.questions.iter().rev().nth(usize::from(!last)).copied() else {
                return (None, None);
            };
            let in_time = flow.waits_for().is_none_or(|pushed| now < pushed.expires_at);
            let outcome = match (in_time, yes) {
                (true, true) => Outcome::Approved(Trusted { device, acr: Acr::Device }),
                (true, false) => Outcome::Denied,
                (false, _) => Outcome::TimedOut,
            };
            (admitted(flow.answered(question, outcome), now), Some(Action::Poll).filter(|_| last))
        }
        Deed::Check { last } => {
            let Some((id, _)) = past.codes.iter().rev().nth(usize::from(!last)).copied() else { return (None, None) };
            if flow.sent().is_some_and(|sent| sent.has_expired(now)) {
                return (None, None);
            }
            // What was sent before is no code of the app that is asked for now.
            let sent = last && flow.typing().is_none();
            (admitted(flow.code_verified(id), now), Some(Action::CheckOtp).filter(|_| sent))
        }
        Deed::Show(person) => {
            let app = app_of(PEOPLE[person]);
            let asked = flow.typing().is_some_and(|typing| typing.selected == app);
            (admitted(flow.totp_verified(app), now), Some(Action::CheckOtp).filter(|_| asked))
        }
        Deed::Manage => (flow.managed(None), Some(Action::ManageDevices)),
        Deed::Remove(person) => {
            let user = PEOPLE[person];
            let theirs = flow.user() == Some(user);
            let next = flow.without_device(phone_of(user)).filter(|_| theirs);
            (next, Some(Action::RemoveDevice).filter(|_| theirs))
        }
        Deed::Resume => (flow.resumed(), Some(Action::ResumeAuthentication)),
    }
}

/// As `SecondFactors::admitted` has it.
fn admitted(next: Option<Flow>, now: Timestamp) -> Option<Flow> {
    next.map(|next| next.admitted(Some(now + Duration::from_secs(300))))
}

/// As `SecondFactors::authenticate` has it.
fn authenticated(flow: Flow, by_app: bool, (scene, number): (&Scene, u128), around: &Around<'_>) -> Option<Flow> {
    flow.wants_second_factor(around)?;
    let user = flow.user()?;
    let flow = if by_app { flow.by(Some(app())) } else { flow };
    let evaluated = scene.has_second(user).evaluated(user, flow.app.is_some());
    came_to(flow, evaluated, Some(around.now + Duration::from_secs(300)), (number, around.now))
}

/// As `SecondFactors::found_out` has it.
pub(super) fn found_out(
    flow: Flow,
    scene: &Scene,
    unattended: bool,
    number: u128,
    around: &Around<'_>,
) -> ControlFlow<Flow, Flow> {
    let Some(user) = flow.user() else { return ControlFlow::Continue(flow.lacking(around)) };
    let evaluated = scene.has_second(user).evaluated(user, flow.app.is_some());
    if matches!(evaluated.0, Verdict::Ask(..)) && !flow.pushes_by_itself() {
        return ControlFlow::Break(flow);
    }
    let Some(next) = came_to(flow.clone(), evaluated, None, (number, around.now)) else {
        return ControlFlow::Continue(flow.lacking(around));
    };
    let asked = next.second_factor.as_ref().is_some_and(|came_to| !came_to.devices().is_empty());
    if !unattended || asked || next.setting_up().is_some() {
        return ControlFlow::Break(next);
    }
    let on = next.clone().second_factor_continued(around);
    ControlFlow::Continue(on.unwrap_or_else(|| next.lacking(around)))
}

pub(super) fn came_to(
    flow: Flow,
    evaluated: (Verdict, Option<Enrolment>),
    pairs: Option<Timestamp>,
    (number, now): (u128, Timestamp),
) -> Option<Flow> {
    let asked = match &evaluated.0 {
        Verdict::Ask(devices, First::Ask) => devices.first().copied(),
        Verdict::Ask(_, First::Choose)
        | Verdict::Authorized(_)
        | Verdict::Verify(..)
        | Verdict::LetIn
        | Verdict::Remembered(_)
        | Verdict::Waived(_)
        | Verdict::SetUp(..)
        | Verdict::Failed(_) => None,
    };
    let next = flow.second_factor_evaluated(evaluated, pairs)?;
    match asked {
        Some(device) => asked_on(next, device, number, now),
        None => Some(next),
    }
}

/// A question on a phone, a code to an address, or one of an app.
pub(super) fn asked_on(flow: Flow, selected: DeviceId, number: u128, now: Timestamp) -> Option<Flow> {
    let devices = flow.second_factor.as_ref().map(|own| own.devices().to_vec()).unwrap_or_default();
    let id = Uuid::from_u128(number);
    if selected == address_of(owner(selected)) {
        let (id, method) = (OtpId::new(id), OtpMethod::default());
        return flow.code_sent(Sent {
            devices,
            selected,
            id,
            channel: Channel::Email,
            method,
            again: false,
            sent_at: now,
        });
    }
    if selected == app_of(owner(selected)) {
        return flow.with_typing(Typing { devices, selected, method: TotpMethod::default() });
    }
    let (question, digest) = (RequestId::new(id), Digest::of(&number.to_be_bytes()));
    let expires_at = now + Duration::from_secs(40);
    flow.pushed(Pushed { devices, selected, question, digest, challenge: Challenge::None, expires_at, passcode: None })
}

impl Past {
    /// A number for what is asked next.
    pub(super) fn next(&self) -> u128 {
        u128::try_from(self.questions.len() + self.codes.len()).unwrap() + 1000
    }

    /// What was asked, of whom, and what it proved.
    pub(super) fn remember_second_factor(&mut self, before: &Flow, next: &Flow) {
        if let Some(pushed) =
            next.waits_for().filter(|pushed| self.questions.iter().all(|(id, _)| *id != pushed.question))
        {
            self.questions.push((pushed.question, pushed.selected));
        }
        if let Some(sent) = next.sent().filter(|sent| self.codes.iter().all(|(id, _)| *id != sent.id)) {
            self.codes.push((sent.id, sent.selected));
        }
        if next.enrolment.is_some() && before.enrolment.is_none() {
            self.offered_to = next.user();
        }
        if next.second_factor == before.second_factor && next.at == before.at {
            return;
        }
        match (&next.second_factor, before.waits_for(), before.sent()) {
            // The one who was asked.
            (
                Some(SecondFactor::Authorized(by) | SecondFactor::Pairing(_, Some(Proved::Device(by)))),
                Some(pushed),
                _,
            ) => {
                self.used.push(pushed.question.uuid());
                self.prove(owner(pushed.selected), Factor::TrustedDevice, Some(*by));
            }
            // The app has shown itself.
            (Some(SecondFactor::Authorized(by)), None, _) => {
                self.prove(owner(by.device), Factor::TrustedDevice, Some(*by));
            }
            (Some(SecondFactor::Rejected | SecondFactor::TimedOut(_)), Some(pushed), _) => {
                self.used.push(pushed.question.uuid());
            }
            (Some(SecondFactor::OtpVerified(_) | SecondFactor::Pairing(_, Some(Proved::Code(_)))), _, Some(sent)) => {
                self.used.push(sent.id.uuid());
                self.prove(owner(sent.selected), Factor::Otp, None);
            }
            (Some(SecondFactor::OtpVerified(_) | SecondFactor::Pairing(_, Some(Proved::Code(_)))), _, None) => {
                if let Some(typing) = before.typing() {
                    self.prove(owner(typing.selected), Factor::Otp, None);
                }
            }
            (Some(_) | None, _, _) => {}
        }
    }

    fn prove(&mut self, user: UserId, factor: Factor, by: Option<Trusted>) {
        self.proofs.push(Proof { user, factor, by_passkey: false, by });
    }
}
