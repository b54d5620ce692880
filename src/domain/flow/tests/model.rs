//! Whatever people can do to a flow, in any order and at any time; and what is true of it, apart from the flow.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::errand::{self, done as on_errand};
use super::*;
use crate::domain::flow::errand::Errand;
use crate::domain::passkey::Purpose;
use crate::protocol::claims_request::AcrRequest;
use crate::protocol::flow_api::Action;
use crate::protocol::webauthn::{Asked, Owner, RelyingParty};

pub(super) const PEOPLE: [UserId; 3] = [ALICE, BOB, CAROL];

/// One of [`PEOPLE`].
fn person() -> impl Strategy<Value = usize> {
    0..PEOPLE.len()
}

/// What a flow begins with.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Scene {
    pub policy: SignOnPolicy,
    pub implied_consent: bool,
    pub of: Of,
    /// Who is signed in in the browser, since how many seconds, and whether by a passkey.
    session: Option<(usize, i64, bool)>,
    pub chooses: bool,
    /// Whom the relying party means.
    pub meant: Option<usize>,
    /// It needs a passkey.
    pub needs_passkey: bool,
    /// Browsers have passkeys for us.
    passkeys: bool,
    /// Who has one.
    has: [bool; 3],
}

/// Who waits for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Browser,
    App,
    Device,
    /// A device that an app has somebody name.
    NamelessDevice,
}

pub(super) fn scenes() -> impl Strategy<Value = Scene> {
    let of = prop_oneof![
        3 => Just(Of::Browser), 2 => Just(Of::App), 1 => Just(Of::Device), 1 => Just(Of::NamelessDevice)
    ];
    let session = proptest::option::of((person(), 0_i64..2400, any::<bool>()));
    let request =
        (of, session, any::<bool>(), proptest::option::weighted(0.2, person()), proptest::bool::weighted(0.2));
    let around = (any::<bool>(), proptest::bool::weighted(0.9), any::<[bool; 3]>());
    (tree(), request, around).prop_map(|(policy, request, around)| {
        let (of, session, chooses, meant, needs_passkey) = request;
        let (implied_consent, passkeys, has) = around;
        Scene { policy, implied_consent, of, session, chooses, meant, needs_passkey, passkeys, has }
    })
}

/// A tree in which every step has a name of its own.
pub(super) fn tree() -> impl Strategy<Value = SignOnPolicy> {
    let leaf = prop_oneof![Just(Branch::Done), Just(Branch::Fail)];
    let branch = leaf.prop_recursive(4, 16, 2, |inner| {
        let source = prop_oneof![Just(Source::Identifier), Just(Source::Password), Just(Source::Passkey)];
        let about = prop_oneof![
            Just(About::Asked(Acr::Device)),
            Just(About::Scope(vec!["profile".into(), "phone".into()])),
            Just(About::Client(vec![ClientId::parse("shop").unwrap()])),
            Just(About::NotWithin(60)),
        ];
        let condition = (any::<bool>(), about).prop_map(|(not, about)| Condition { not, about });
        let when = prop_oneof![4 => Just(Vec::new()), 3 => vec(condition, 1..3)];
        let how = (source, any::<bool>(), any::<bool>());
        (how, when, inner.clone(), inner).prop_map(|((source, or, enrol), when, success, failure)| {
            let id = StepId::parse("unnamed").unwrap();
            let alternatives = match source {
                Source::Password if or => vec![Source::Passkey],
                Source::Passkey if or => vec![Source::Password],
                Source::Identifier | Source::Password | Source::Passkey | Source::Mfa => Vec::new(),
            };
            Branch::Step(Box::new(Step { id, source, alternatives, enrol, mfa_policy: None, when, success, failure }))
        })
    });
    branch.prop_map(|mut root| {
        fn name(branch: &mut Branch, number: &mut u32) {
            if let Branch::Step(step) = branch {
                step.id = StepId::parse(&format!("s{number}")).unwrap();
                *number += 1;
                name(&mut step.success, number);
                name(&mut step.failure, number);
            }
        }
        name(&mut root, &mut 0);
        SignOnPolicy { root, ..SignOnPolicy::password() }
    })
}

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

/// When somebody chose their password: not when anybody else did.
pub(super) fn chosen_by(user: UserId) -> Timestamp {
    let which = PEOPLE.iter().position(|one| *one == user).unwrap();
    at(-900 - i64::try_from(which).unwrap())
}

fn ceremony(purpose: Purpose, begun_at: Timestamp) -> Ceremony {
    static PARTY: LazyLock<RelyingParty> = LazyLock::new(|| RelyingParty::of_issuer("http://localhost:8080").unwrap());
    let owner = Owner { handle: ALICE.uuid(), username: "alice", name: "Alice" };
    let asked = match purpose {
        Purpose::Prove => PARTY.ask(&[]),
        Purpose::Register => PARTY.ask_for_new(owner, &[]),
    };
    Ceremony { purpose, asked: asked.unwrap(), begun_at }
}

impl Scene {
    pub(super) fn around(&self, now: Timestamp) -> Around<'_> {
        let Self { policy, implied_consent, passkeys, .. } = self;
        Around { policy, implied_consent: *implied_consent, remembered: None, passkeys: *passkeys, now }
    }

    pub(super) fn session(&self) -> Option<Session> {
        let (person, age, by_passkey) = self.session?;
        let since = at(-age);
        let how = if by_passkey { Authentication::by_passkey(since) } else { Authentication::by_password(since) };
        Some(Session { seen_at: at(0), authentication: how, ..session(PEOPLE[person], -age) })
    }

    fn request(&self) -> AuthorizationRequest {
        let mode = if self.of == Of::App { ResponseMode::Flow } else { ResponseMode::Query };
        let mut asked = match self.of {
            Of::Browser | Of::App => request(mode),
            Of::Device | Of::NamelessDevice => {
                AuthorizationRequest::of_device(Scope::parse("openid profile").unwrap(), None)
            }
        };
        if self.chooses && matches!(self.of, Of::Browser | Of::App) {
            asked.prompt = vec![Prompt::SelectAccount];
        }
        if self.needs_passkey {
            let values = vec![Acr::Passkey.as_str().to_owned()];
            asked.extent.claims.acr = Some(AcrRequest { essential: true, values });
        }
        asked
    }

    fn start(&self) -> Start {
        Start { meant: self.meant.map(|person| PEOPLE[person]), ..start(self.request()) }
    }

    /// The flow of a device that is known.
    fn of_device(&self, now: Timestamp) -> Flow {
        let start = Start { device: device::of_device().device, ..self.start() };
        Flow::begin(start, self.session().as_ref(), &self.around(now))
    }
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
        model.flow = model.asking(flow, now);
        model.past.asked_for = model.flow.user();
        model
    }

    fn around(&self, now: Timestamp) -> Around<'_> {
        self.scene.around(now)
    }

    /// Whoever goes on by a session has proved then to be its person.
    fn goes_on(&mut self, flow: &Flow) {
        if let (Some(_), Some(session)) = (flow.session, self.scene.session()) {
            let by_passkey = session.authentication.acr == Acr::Passkey;
            self.past.proofs.push(Proof { user: session.user, factor: Factor::Session, by_passkey });
        }
    }

    fn has_passkey(&self, user: UserId) -> bool {
        PEOPLE.iter().zip(self.scene.has).any(|(one, has)| *one == user && has)
    }

    /// As `Known::asking` has it.
    fn asking(&self, mut flow: Flow, now: Timestamp) -> Flow {
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
            Deed::Cancel => (flow.clone().cancelled(&around), cancels(flow.status())),
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
        }
    }

    /// Whether anything would come of it now.
    pub(super) fn would(&self, deed: Deed) -> bool {
        self.next(deed, self.now).0.is_some()
    }

    pub(super) fn does(&mut self, pause: u16, deed: Deed) -> Done<'_> {
        self.now = self.now + Duration::from_secs(u64::from(pause));
        let (now, before) = (self.now, self.flow.clone());
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
        if let Some(ceremony) = before.ceremony.as_ref().filter(|_| next.ceremony != before.ceremony) {
            past.spent.push(ceremony.asked.clone());
        }
        if next.ceremony != before.ceremony {
            past.asked_for = next.user();
        }
        let mut proved = |user, factor| {
            past.proofs.push(Proof { user, factor, by_passkey: factor == Factor::Passkey });
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
    ];
    cancels.iter().find(|(at, _)| *at == status).map(|(_, action)| *action)
}
