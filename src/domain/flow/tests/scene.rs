//! What a flow begins with, by chance: a policy, people, what they have, and who waits for the end.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;

use super::mfa::Has;
use super::*;
use crate::domain::passkey::Purpose;
use crate::protocol::claims_request::{AcrRequest, PersonalClaim};
use crate::protocol::id::MfaPolicyId;
use crate::protocol::webauthn::{Owner, RelyingParty};

pub(super) const PEOPLE: [UserId; 3] = [ALICE, BOB, CAROL];

/// One of [`PEOPLE`].
pub(super) fn person() -> impl Strategy<Value = usize> {
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
    pub passkeys: bool,
    /// Who has one.
    pub has: [bool; 3],
    /// What they have besides.
    second: [Has; 3],
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
    let around = (any::<bool>(), proptest::bool::weighted(0.9), any::<[bool; 3]>(), mfa::people());
    (tree(), request, around).prop_map(|(policy, request, around)| {
        let (of, session, chooses, meant, needs_passkey) = request;
        let (implied_consent, passkeys, has, second) = around;
        Scene { policy, implied_consent, of, session, chooses, meant, needs_passkey, passkeys, has, second }
    })
}

/// A tree in which every step has a name of its own.
pub(super) fn tree() -> impl Strategy<Value = SignOnPolicy> {
    let leaf = prop_oneof![Just(Branch::Done), Just(Branch::Fail)];
    let branch = leaf.prop_recursive(4, 16, 2, |inner| {
        let source = prop_oneof![
            1 => Just(Source::Identifier),
            1 => Just(Source::Password),
            1 => Just(Source::Passkey),
            2 => Just(Source::Mfa)
        ];
        let about = prop_oneof![
            Just(About::Asked(Acr::Device)),
            Just(About::Scope(vec!["profile".into(), "phone".into()])),
            Just(About::Client(vec![ClientId::parse("shop").unwrap()])),
            Just(About::NotWithin(60)),
            Just(About::Network(vec!["127.0.0.0/8".parse().unwrap()])),
            Just(About::Network(vec!["10.0.0.0/8".parse().unwrap()])),
            Just(About::Person(PersonalClaim::Email, vec!["alice@home.example".into()])),
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
    let begun = branch.clone().prop_map(|then| step("begun", Source::Password, then, Branch::Fail));
    prop_oneof![branch, begun].prop_map(|mut root| {
        fn name(branch: &mut Branch, number: &mut u32, proved: bool) {
            if let Branch::Step(step) = branch {
                step.id = StepId::parse(&format!("s{number}")).unwrap();
                *number += 1;
                // Of somebody of whom nothing was proved, none is asked: no such policy is registered.
                if step.source == Source::Mfa && !proved {
                    step.source = Source::Password;
                }
                step.mfa_policy = MfaPolicyId::parse("mfa").filter(|_| step.source == Source::Mfa);
                let proves = step.source.proves() && step.when.is_empty();
                name(&mut step.success, number, proved || proves);
                name(&mut step.failure, number, proved);
            }
        }
        name(&mut root, &mut 0, false);
        SignOnPolicy { root, ..SignOnPolicy::password() }
    })
}

/// When somebody chose their password: not when anybody else did.
pub(super) fn chosen_by(user: UserId) -> Timestamp {
    let which = PEOPLE.iter().position(|one| *one == user).unwrap();
    at(-900 - i64::try_from(which).unwrap())
}

pub(super) fn ceremony(purpose: Purpose, begun_at: Timestamp) -> Ceremony {
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
        Around { policy, implied_consent: *implied_consent, remembered: None, passkeys: *passkeys, person: None, now }
    }

    pub(super) fn session(&self) -> Option<Session> {
        let (person, age, by_passkey) = self.session?;
        let since = at(-age);
        let how = if by_passkey { Authentication::by_passkey(since) } else { Authentication::by_password(since) };
        Some(Session { seen_at: at(0), authentication: how, ..session(PEOPLE[person], -age) })
    }

    /// What this person has for a second factor.
    pub(super) fn has_second(&self, user: UserId) -> Has {
        PEOPLE.iter().zip(self.second).find(|(one, _)| **one == user).map_or(Has::Nothing, |(_, has)| has)
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

    pub(super) fn start(&self) -> Start {
        Start { meant: self.meant.map(|person| PEOPLE[person]), ..start(self.request()) }
    }

    /// The flow of a device that is known.
    pub(super) fn of_device(&self, now: Timestamp) -> Flow {
        let start = Start { device: device::of_device().device, ..self.start() };
        Flow::begin(start, self.session().as_ref(), &self.around(now))
    }
}
