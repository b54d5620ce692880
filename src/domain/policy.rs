//! Sign-on policies: which sources of authentication are asked, in which order, and what follows from
//! their answers.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::flow::{Factor, Facts, Note, Notes};
use crate::clock::Timestamp;
use crate::protocol::acr::Acr;
use crate::protocol::claims_request::PersonalClaim;
use crate::protocol::id::{ApplicationId, ClientId, MfaPolicyId, PolicyId, StepId};
use crate::protocol::scope::Scope;
use crate::protocol::words::words;

pub mod listed;

/// A tree of steps. It is walked from its root for every answer: nothing remembers where in it a flow is,
/// so a policy may change while somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOnPolicy {
    pub id: PolicyId,
    /// For operators.
    pub name: String,
    /// Who shows it, where it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<ApplicationId>,
    pub root: Branch,
    pub created_at: Timestamp,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// The person is signed in, provided that something was verified on the way.
    Done,
    /// The person is not.
    Fail,
    Step(Box<Step>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub id: StepId,
    pub source: Source,
    /// What the person may take instead: as good to whoever wrote the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Source>,
    /// Who has no passkey makes the first one here, once something else was proved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enrol: bool,
    /// What counts as a second factor, in a step that asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_policy: Option<MfaPolicyId>,
    /// Where one of these does not hold, the step counts as passed, and has proved nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
    pub success: Branch,
    pub failure: Branch,
}

words! {
    /// Who or what is asked.
    Source {
        /// Whom the person says to be. Proves nothing.
        Identifier = "identifier",
        /// Username and password.
        Password = "password",
        /// A passkey: whose it is, it says itself.
        Passkey = "passkey",
        /// A second factor, as an MFA policy has it, of whoever has proved to be somebody.
        Mfa = "mfa",
    }
}

impl Source {
    /// Whether whoever gets through has proved something.
    pub const fn proves(self) -> bool {
        match self {
            Self::Password | Self::Passkey => true,
            // A second factor may be waived, and is asked of whoever has proved to be somebody.
            Self::Identifier | Self::Mfa => false,
        }
    }

    /// The classes of what it can prove.
    pub const fn reaches(self) -> &'static [Acr] {
        match self {
            Self::Identifier => &[],
            Self::Password => &[Acr::Password],
            Self::Passkey => &[Acr::Passkey],
            Self::Mfa => &[Acr::Otp, Acr::TrustedDevice, Acr::Device, Acr::DeviceNumber],
        }
    }
}

/// When a step is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// When it is otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
    pub about: About,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The relying party is one of these.
    Client(Vec<ClientId>),
    /// The relying party asks for this context, or a stronger one.
    Asked(Acr),
    /// The relying party asks for one of these scopes.
    Scope(Vec<String>),
    /// Nobody was authenticated in this browser within this many seconds.
    NotWithin(u32),
    /// Whoever runs the flow calls from one of these networks.
    Network(Vec<IpNet>),
    /// What is known of the person is one of these: a text, or `true` or `false`.
    Person(PersonalClaim, Vec<String>),
}

impl Condition {
    /// Of what nobody knows yet it holds, and so does its opposite: a step is not passed over for what may turn out otherwise.
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.about.holds(facts).is_none_or(|holds| holds != self.not)
    }

    /// Whether it can hold for anybody who comes from this relying party, whatever that one asks for.
    fn may_hold(&self, client: &ClientId, scope: &Scope) -> bool {
        match &self.about {
            About::Client(clients) => clients.contains(client) != self.not,
            About::Scope(names) => self.not || names.iter().any(|name| scope.contains(name)),
            About::Asked(_) | About::NotWithin(_) | About::Network(_) | About::Person(..) => true,
        }
    }
}

impl Step {
    /// What the person may take, the one that is asked first in front.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        [self.source].into_iter().chain(self.alternatives.iter().copied())
    }

    pub fn offers(&self, source: Source) -> bool {
        self.sources().any(|own| own == source)
    }

    pub fn is_asked(&self, facts: &Facts<'_>) -> bool {
        self.when.iter().all(|condition| condition.holds(facts))
    }

    /// Whether what the browser has from before is no answer to it, where it is asked: it wants somebody who was
    /// here within some time, and they were not; or more than the session is worth.
    pub fn wants_anew(&self, facts: &Facts<'_>) -> bool {
        self.when.iter().any(|condition| !condition.not && condition.about.is_beyond(facts))
    }
}

impl About {
    /// `None`: that is not known.
    fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Client(clients) => Some(clients.contains(facts.client)),
            Self::Asked(acr) => Some(facts.asked.is_some_and(|asked| asked >= *acr)),
            Self::Scope(names) => Some(names.iter().any(|name| facts.scope.contains(name))),
            Self::NotWithin(seconds) => {
                let time = Duration::from_secs(u64::from(*seconds));
                Some(facts.authenticated_at.is_none_or(|at| facts.now >= at + time))
            }
            Self::Network(networks) => {
                let from = facts.from?.to_canonical();
                Some(networks.iter().any(|network| network.contains(&from)))
            }
            Self::Person(claim, values) => {
                let known = facts.person?.claim(*claim);
                Some(known.is_some_and(|known| values.iter().any(|value| is_called(&known, value))))
            }
        }
    }

    fn is_beyond(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Asked(acr) => facts.reached.is_none_or(|reached| reached < *acr),
            // Where it is asked, that holds already.
            Self::NotWithin(_) => true,
            Self::Client(_) | Self::Scope(_) | Self::Network(_) | Self::Person(..) => false,
        }
    }
}

/// A text is what it says; anything else, what JSON calls it.
fn is_called(known: &Value, value: &str) -> bool {
    known.as_str().map_or_else(|| known.to_string().as_str() == value, |text| text == value)
}

/// What a policy comes to, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    Ask(&'a Step),
    /// Everything that had to be asked was, and something was verified.
    Done,
    Refused(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A branch of the policy ends so.
    ByPolicy,
    /// The tree ended well, but nothing on the way proved anything: a policy must not let in whoever
    /// was asked nothing.
    NothingVerified,
}

impl SignOnPolicy {
    /// Username and password, or a passkey: where nobody has decided anything.
    #[expect(clippy::expect_used, reason = "constants that are names")]
    pub fn password() -> Self {
        let step = Step {
            id: StepId::parse("password").expect("a name"),
            source: Source::Password,
            alternatives: vec![Source::Passkey],
            enrol: false,
            mfa_policy: None,
            when: Vec::new(),
            success: Branch::Done,
            failure: Branch::Fail,
        };
        Self {
            id: PolicyId::parse("password").expect("a name"),
            name: "Username and password".to_owned(),
            application: None,
            root: Branch::Step(Box::new(step)),
            created_at: Timestamp::from_millis(0),
        }
    }

    /// The one function that decides what comes next. Total: each step leads further down a tree.
    pub fn next<'a>(&'a self, notes: &Notes, facts: &Facts<'_>) -> Next<'a> {
        let mut branch = &self.root;
        loop {
            let step = match branch {
                Branch::Done if notes.has_verified() => return Next::Done,
                Branch::Done => return Next::Refused(Why::NothingVerified),
                Branch::Fail => return Next::Refused(Why::ByPolicy),
                Branch::Step(step) => step,
            };
            branch = match notes.of(&step.id) {
                _ if !step.is_asked(facts) => &step.success,
                None => return Next::Ask(step),
                Some(Note::Verified(Factor::Session)) if step.wants_anew(facts) => return Next::Ask(step),
                Some(Note::Identified | Note::Waived | Note::Verified(_)) => &step.success,
                Some(Note::Failed) => &step.failure,
            };
        }
    }

    /// What somebody who gets through may have been asked.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.steps().into_iter().flat_map(Step::sources)
    }

    /// The MFA policies that somebody may have to satisfy on the way.
    pub fn mfa_policies(&self) -> impl Iterator<Item = &MfaPolicyId> {
        self.steps().into_iter().filter_map(|step| step.mfa_policy.as_ref())
    }

    /// The MFA policy of the first step that asks for a second factor, of whoever gets through all steps before it. `None`:
    /// there is no such step, or none that is asked of them.
    pub fn second_factor<'a>(&'a self, facts: &Facts<'_>) -> Option<&'a MfaPolicyId> {
        let mut branch = &self.root;
        while let Branch::Step(step) = branch {
            if let Some(policy) = step.mfa_policy.as_ref().filter(|_| step.is_asked(facts)) {
                return Some(policy);
            }
            branch = &step.success;
        }
        None
    }

    /// The steps that somebody may be asked who comes from this relying party, which may have this scope at most.
    pub fn steps_for(&self, client: &ClientId, scope: &Scope) -> Vec<&Step> {
        fn gather<'a>(branch: &'a Branch, client: &ClientId, scope: &Scope, steps: &mut Vec<&'a Step>) {
            let Branch::Step(step) = branch else { return };
            gather(&step.success, client, scope, steps);
            // What is never asked is passed.
            if step.when.iter().all(|condition| condition.may_hold(client, scope)) {
                steps.push(step);
                gather(&step.failure, client, scope, steps);
            }
        }
        let mut steps = Vec::new();
        gather(&self.root, client, scope, &mut steps);
        steps
    }

    /// Every step, wherever it is in the tree.
    pub fn steps(&self) -> Vec<&Step> {
        fn gather<'a>(branch: &'a Branch, steps: &mut Vec<&'a Step>) {
            match branch {
                Branch::Done | Branch::Fail => {}
                Branch::Step(step) => {
                    steps.push(step);
                    gather(&step.success, steps);
                    gather(&step.failure, steps);
                }
            }
        }
        let mut steps = Vec::new();
        gather(&self.root, &mut steps);
        steps
    }
}
