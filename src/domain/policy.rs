//! Sign-on policies: which sources of authentication are asked, in which order, and what follows from
//! their answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::flow::{Facts, Note, Notes};
use crate::protocol::acr::Acr;
use crate::protocol::id::{ClientId, StepId};

/// A tree of steps. It is walked from its root for every answer: nothing remembers where in it a flow is,
/// so a policy may change while somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOnPolicy {
    pub name: String,
    pub root: Branch,
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
    /// Where this does not hold, the step counts as passed, and has proved nothing.
    #[serde(default)]
    pub when: Condition,
    pub success: Branch,
    pub failure: Branch,
}

/// Who or what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Whom the person says to be. Proves nothing.
    Identifier,
    /// Username and password.
    Password,
}

/// When a step is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    #[default]
    Always,
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// The relying party is one of these.
    Client(Vec<ClientId>),
    /// The relying party asks for this context, or a stronger one.
    Asked(Acr),
    /// The relying party asks for this scope.
    Scope(String),
    /// Nobody was authenticated in this browser within this time.
    NotWithin(Duration),
}

impl Condition {
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Not(condition) => !condition.holds(facts),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(facts)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(facts)),
            Self::Client(clients) => clients.contains(facts.client),
            Self::Asked(acr) => facts.asked.is_some_and(|asked| asked >= *acr),
            Self::Scope(name) => facts.scope.contains(name),
            Self::NotWithin(time) => facts.authenticated_at.is_none_or(|at| facts.now >= at + *time),
        }
    }
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
    /// Username and password, and nothing else.
    pub fn password() -> Self {
        let step = Step {
            #[expect(clippy::expect_used, reason = "a constant that is a step's name")]
            id: StepId::parse("password").expect("a name"),
            source: Source::Password,
            when: Condition::Always,
            success: Branch::Done,
            failure: Branch::Fail,
        };
        Self { name: "password".to_owned(), root: Branch::Step(Box::new(step)) }
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
                _ if !step.when.holds(facts) => &step.success,
                None => return Next::Ask(step),
                Some(Note::Identified | Note::Verified(_)) => &step.success,
                Some(Note::Failed) => &step.failure,
            };
        }
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
