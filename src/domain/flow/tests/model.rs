//! Whatever people can do to a flow, in any order and at any time; and what is true of it, apart from the flow.

use std::ops::{ControlFlow, RangeInclusive};

use proptest::collection::vec;
use proptest::prelude::*;

use super::errand::{self, done as on_errand};
use super::scene::{Of, PEOPLE, Scene, ceremony, chosen_by, person};
use super::*;
use crate::domain::flow::errand::Errand;
use crate::domain::passkey::Purpose;
use crate::domain::session::Trusted;
use crate::protocol::flow_api::Action;
use crate::protocol::id::{DeviceId, OtpId};
use crate::protocol::webauthn::Asked;

/// What somebody, or their browser, can do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// As somebody else, where one is offered.
    Identify,
    /// As the one who is signed in already.
    GoOn,
    Clear,
    Password(usize),
    /// A passkey answers.
    Passkey(usize),
    /// The first one is made.
    Make,
    /// A passkey answers what nobody asked.
    Fail,
    Turn(Source),
    Cancel,
    Agree(bool),
    /// The code of a device.
    Type,
    Confirm,
    Leave,
    Complete,
    /// The device hears of it.
    Connect,
    Errand(errand::Deed, usize),
    SecondFactor(mfa::Deed),
    /// Whatever is right where the flow is, or one of what is.
    Right(u8),
}

/// Deeds, each some seconds after the one before.
pub(super) fn deeds(count: RangeInclusive<usize>) -> impl Strategy<Value = Vec<(u16, Deed)>> {
    let sources = prop_oneof![Just(Source::Password), Just(Source::Passkey)];
    let deed = prop_oneof![
        3 => Just(Deed::Identify),
        2 => Just(Deed::GoOn),
        1 => Just(Deed::Clear),
        6 => person().prop_map(Deed::Password),
        6 => person().prop_map(Deed::Passkey),
        3 => Just(Deed::Make),
        2 => Just(Deed::Fail),
        2 => sources.prop_map(Deed::Turn),
        1 => Just(Deed::Cancel),
        3 => any::<bool>().prop_map(Deed::Agree),
        2 => Just(Deed::Type),
        3 => Just(Deed::Confirm),
        2 => Just(Deed::Leave),
        2 => Just(Deed::Complete),
        2 => Just(Deed::Connect),
        10 => (errand::deeds(), person()).prop_map(|(deed, person)| Deed::Errand(deed, person)),
        16 => mfa::deeds().prop_map(Deed::SecondFactor),
        24 => any::<u8>().prop_map(Deed::Right),
    ];
    let pause = prop_oneof![4 => Just(0), 3 => 1_u16..90, 1 => 90_u16..2000];
    vec((pause, deed), count)
}

/// Somebody showed that they are this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    pub user: UserId,
    pub factor: Factor,
    pub by_passkey: bool,
    /// The device that vouched for them.
    pub by: Option<Trusted>,
}

impl Proof {
    /// Something by which somebody shows who they are.
    pub(super) const fn is_first(&self) -> bool {
        matches!(self.factor, Factor::Session | Factor::Password | Factor::Passkey)
    }
}

/// What happened, as people know it.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    pub proofs: Vec<Proof>,
    /// Who agreed last.
    pub agreed: Option<UserId>,
    /// What was to be signed, and is worth nothing any more.
    pub spent: Vec<Asked>,
    /// For whom the last of it was.
    pub asked_for: Option<UserId>,
    /// How many took an answer.
    pub answers: u32,
    /// What was put to devices, and the codes that were sent.
    pub questions: Vec<(RequestId, DeviceId)>,
    pub codes: Vec<(OtpId, DeviceId)>,
    /// Which of them were answered, or came back.
    pub used: Vec<Uuid>,
    /// Who was offered last that the app becomes a device of theirs.
    pub offered_to: Option<UserId>,
}

impl Past {
    /// What the last one who proved anything has proved, since somebody else did.
    pub(super) fn of_last(&self) -> (Option<UserId>, Vec<Proof>) {
        let last = self.proofs.last().map(|proof| proof.user);
        let own = self.proofs.iter().rev().take_while(|proof| Some(proof.user) == last);
        (last, own.copied().collect())
    }
}

pub(super) struct Model {
    pub scene: Scene,
    pub flow: Flow,
    pub now: Timestamp,
    pub past: Past,
}

/// One deed, and what came of it.
pub(super) struct Done<'m> {
    pub model: &'m Model,
    pub before: Flow,
    pub deed: Deed,
    /// The action of the API that it is.
    pub action: Option<Action>,
    /// Whether anything came of it.
    pub took: bool,
    /// Where the same would have led half an hour later.
    pub later: Option<Flow>,
}

impl Model {
    pub(super) fn begin(scene: Scene) -> Self {
        let now = at(0);
        let flow = match scene.of {
            Of::Browser | Of::App => Flow::begin(scene.start(), scene.session().as_ref(), &scene.around(now)),
            Of::Device => scene.of_device(now),
            Of::NamelessDevice => Flow::awaiting_code(scene.start(), now),
        };
        let mut model = Self { scene, flow: flow.clone(), now, past: Past::default() };
        model.goes_on(&flow);
        model.flow = model.asking(flow.clone(), now);
        model.past.asked_for = model.flow.user();
        let begun = model.flow.clone();
        model.past.remember_second_factor(&flow, &begun);
        model
    }

    fn around(&self, now: Timestamp) -> Around<'_> {
        self.scene.around(now)
    }

    /// Whoever goes on by a session has proved then to be its person.
    fn goes_on(&mut self, flow: &Flow) {
        if let (Some(_), Some(session)) = (flow.session, self.scene.session()) {
            let by_passkey = session.authentication.acr == Acr::Passkey;
            self.past.proofs.push(Proof { user: session.user, factor: Factor::Session, by_passkey, by: None });
        }
    }

    fn has_passkey(&self, user: UserId) -> bool {
        PEOPLE.iter().zip(self.scene.has).any(|(one, has)| *one == user && has)
    }

    /// As `Known::asking` has it.
    fn asking(&self, mut flow: Flow, now: Timestamp) -> Flow {
        let around = self.around(now);
        loop {
            flow = self.with_ceremony(flow, now);
            let unattended = !flow.is_redirectless();
            if flow.wants_second_factor(&around).is_none() || (!unattended && flow.app.is_none()) {
                return flow;
            }
            match mfa::found_out(flow, &self.scene, unattended, self.past.next(), &around) {
                ControlFlow::Break(flow) => return flow,
                ControlFlow::Continue(next) => flow = next,
            }
        }
    }

    fn with_ceremony(&self, mut flow: Flow, now: Timestamp) -> Flow {
        while flow.wants_ceremony() {
            let around = self.around(now);
            let purpose = match flow.user() {
                Some(user) if !self.has_passkey(user) => Some(Purpose::Register).filter(|_| flow.enrols(&around)),
                Some(_) | None => Some(Purpose::Prove),
            };
            flow = match purpose.filter(|_| self.scene.passkeys) {
                Some(purpose) => flow.with_ceremony(ceremony(purpose, now)),
                None => flow.lacking(&around),
            };
        }
        flow
    }

    /// Whether a use case lets this passkey answer.
    fn answers(&self, user: UserId, now: Timestamp) -> bool {
        let flow = &self.flow;
        let asked = flow.ceremony.as_ref().is_some_and(|one| one.is_live(now) && one.purpose == Purpose::Prove);
        asked && self.has_passkey(user) && flow.user().is_none_or(|proved| proved == user)
    }

    /// A try that failed: there is something else to be signed then.
    fn asked_anew(&self, now: Timestamp) -> Option<Flow> {
        self.flow.ceremony.as_ref()?;
        let next = self.asking(self.flow.clone().without_ceremony(), now);
        matches!(next.at, At::Asking(..)).then_some(next)
    }

    /// The deed, as the use cases do it, and the action of the API that it is.
    fn next(&self, deed: Deed, now: Timestamp) -> (Option<Flow>, Option<Action>) {
        let (flow, around) = (self.flow.clone(), self.around(now));
        if flow.is_over(now) {
            return (None, None);
        }
        match deed {
            Deed::Identify => {
                let offered = flow.offered().is_some();
                let next = if offered { flow.another(Some("bob"), &around) } else { flow.identified("alice", &around) };
                (next, Some(Action::SubmitIdentifier))
            }
            Deed::GoOn => (flow.chosen(&around), None),
            Deed::Clear => (flow.another(None, &around), Some(Action::ClearIdentifier)),
            Deed::Password(person) => {
                let user = PEOPLE[person];
                let next = flow.password_verified(user, &around).map(|flow| flow.by_password_of(chosen_by(user)));
                (next, Some(Action::CheckUsernamePassword))
            }
            Deed::Passkey(person) if self.answers(PEOPLE[person], now) => {
                (flow.passkey_verified(PEOPLE[person], &around), Some(Action::CheckAssertion))
            }
            Deed::Passkey(_) | Deed::Fail => (self.asked_anew(now), None),
            Deed::Make => {
                let makes = flow.status() == Status::Fido2ActivationRequired && !flow.is_late(now);
                let user = flow.user().filter(|_| makes);
                (user.and_then(|user| flow.passkey_verified(user, &around)), None)
            }
            Deed::Turn(source) => (flow.turned_to(source, &around), None),
            Deed::Cancel => {
                let action = cancels(flow.status());
                (action.and_then(|_| flow.cancelled(&around)), action)
            }
            Deed::Agree(all) => {
                let scope = Scope::parse("openid").filter(|_| !all);
                (flow.agreed(scope.as_ref(), &around), Some(Action::GrantConsent))
            }
            Deed::Type => (flow.for_device(self.scene.of_device(now)), Some(Action::SubmitUserCode)),
            Deed::Confirm => (flow.confirmed(&around), Some(Action::ConfirmUserCode)),
            Deed::Leave => (flow.left(), None),
            Deed::Complete => (flow.completed(&Sealed::from_bytes(vec![1])), None),
            Deed::Connect => {
                let waits = flow.device.is_some() && flow.at == At::Ready;
                (waits.then(|| flow.connected()), None)
            }
            Deed::Errand(deed, person) => {
                let (next, action) = on_errand(flow, deed, PEOPLE[person], &around);
                (next, Some(action))
            }
            Deed::Right(_) => (None, None),
            Deed::SecondFactor(deed) => mfa::done(flow, deed, (&self.scene, &self.past), &around),
        }
    }

    /// What that is.
    fn resolved(&self, deed: Deed) -> Deed {
        let Deed::Right(pick) = deed else { return deed };
        let known = PEOPLE.iter().position(|one| Some(*one) == self.flow.user());
        let (who, either) = (known.unwrap_or(usize::from(pick) % PEOPLE.len()), pick.is_multiple_of(2));
        let status = self.flow.status();
        let chooses = self.flow.offered().is_some() && either;
        let select = Deed::SecondFactor(mfa::Deed::Select(who, either));
        let goes_on = Deed::Errand(errand::Deed::Continue, who);
        let shown = self.flow.typing().is_some();
        let code = if shown { mfa::Deed::Show(who) } else { mfa::Deed::Check { last: true } };
        let right = [
            (Status::UsernamePasswordRequired, Deed::Password(who)),
            (Status::AssertionRequired, Deed::Passkey(who)),
            (Status::Fido2ActivationRequired, Deed::Make),
            (Status::IdentifierRequired, if chooses { Deed::GoOn } else { Deed::Identify }),
            (Status::AuthenticationRequired, Deed::SecondFactor(mfa::Deed::Authenticate(either))),
            (Status::DeviceSelectionRequired, select),
            (Status::PushConfirmationTimedOut, select),
            (Status::PushConfirmationWaiting, Deed::SecondFactor(mfa::Deed::Answer { last: true, yes: pick > 40 })),
            (Status::OtpRequired, Deed::SecondFactor(code)),
            (Status::DeviceManagement, Deed::SecondFactor(mfa::Deed::Resume)),
            (Status::MfaCompleted, goes_on),
            (Status::MobilePairingRequired, goes_on),
            (Status::ConsentRequired, Deed::Agree(either)),
        ];
        right.iter().find(|(at, _)| *at == status).map_or(Deed::Leave, |(_, deed)| *deed)
    }

    /// Whether anything would come of it now.
    pub(super) fn would(&self, deed: Deed) -> bool {
        self.next(deed, self.now).0.is_some()
    }

    pub(super) fn does(&mut self, pause: u16, deed: Deed) -> Done<'_> {
        self.now = self.now + Duration::from_secs(u64::from(pause));
        let (now, before, deed) = (self.now, self.flow.clone(), self.resolved(deed));
        let (next, action) = self.next(deed, now);
        let next = next.map(|next| self.asking(next, now));
        let half_an_hour_later = now + Duration::from_secs(1800);
        let (later, _) = self.next(deed, half_an_hour_later);
        let took = next.is_some();
        if let Some(next) = next {
            self.remember(&before, deed, &next);
            self.flow = next;
        }
        Done { model: self, before, deed, action, took, later }
    }

    fn remember(&mut self, before: &Flow, deed: Deed, next: &Flow) {
        // What was refused has asked anew, and proved nothing.
        let answered = matches!(deed, Deed::Passkey(person) if self.answers(PEOPLE[person], self.now));
        let past = &mut self.past;
        past.remember_second_factor(before, next);
        if let Some(ceremony) = before.ceremony.as_ref().filter(|_| next.ceremony != before.ceremony) {
            past.spent.push(ceremony.asked.clone());
        }
        if next.ceremony != before.ceremony {
            past.asked_for = next.user();
        }
        let mut proved = |user, factor| {
            past.proofs.push(Proof { user, factor, by_passkey: factor == Factor::Passkey, by: None });
        };
        match (deed, before.errand()) {
            (Deed::Password(person), _) => proved(PEOPLE[person], Factor::Password),
            (Deed::Passkey(person), _) if answered => proved(PEOPLE[person], Factor::Passkey),
            (Deed::Make, _) => {
                if let Some(user) = before.user() {
                    proved(user, Factor::Passkey);
                    for (one, has) in PEOPLE.iter().zip(&mut self.scene.has) {
                        *has |= *one == user;
                    }
                }
            }
            // Whoever has chosen another password has given the one before, if that was still asked for.
            (Deed::Errand(errand::Deed::Continue, _), Some(Errand::Changed(changed))) => {
                let counted = next.authenticated.as_ref().is_some_and(|how| how.at == changed.proved_at);
                if counted && next.user() == Some(changed.user) {
                    proved(changed.user, Factor::Password);
                }
            }
            (Deed::Agree(_), _) => past.agreed = before.user(),
            (Deed::Leave, _) => past.answers += u32::from(before.at == At::Ready),
            (Deed::Complete | Deed::Connect, _) => past.answers += 1,
            (Deed::GoOn | Deed::Type, _) => self.goes_on(next),
            _ => {}
        }
    }
}

/// What giving up is called there.
fn cancels(status: Status) -> Option<Action> {
    let cancels = [
        (Status::IdentifierRequired, Action::CancelIdentifierSubmission),
        (Status::UsernamePasswordRequired, Action::Cancel),
        (Status::OauthDeviceUserCodeConfirmationRequired, Action::Cancel),
        (Status::ConsentRequired, Action::DenyConsent),
        (Status::AssertionRequired, Action::CancelAuthentication),
        (Status::Fido2ActivationRequired, Action::CancelAuthentication),
        (Status::AuthenticationRequired, Action::CancelAuthentication),
        (Status::DeviceSelectionRequired, Action::CancelAuthentication),
        (Status::DeviceManagement, Action::CancelAuthentication),
        (Status::PushConfirmationWaiting, Action::CancelAuthentication),
        (Status::PushConfirmationTimedOut, Action::CancelAuthentication),
        (Status::PushConfirmationRejected, Action::CancelAuthentication),
        (Status::OtpRequired, Action::CancelAuthentication),
        (Status::MfaFailed, Action::CancelAuthentication),
    ];
    cancels.iter().find(|(at, _)| *at == status).map(|(_, action)| *action)
}
