//! A policy as operators write it: a list of steps, each saying where it leads. What is listed makes exactly
//! one tree, and a tree is listed in one way.

use std::collections::BTreeMap;

use super::{Branch, Condition, Source, Step};
use crate::protocol::id::{MfaPolicyId, StepId};

/// More steps than anybody would go through.
pub const MOST: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: StepId,
    pub source: Source,
    pub alternatives: Vec<Source>,
    pub enrol: bool,
    pub mfa_policy: Option<MfaPolicyId>,
    pub when: Vec<Condition>,
    pub success: Target,
    pub failure: Target,
}

/// Where a step leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Done,
    Fail,
    /// A step further down the list.
    Step(StepId),
}

const DONE: &str = "done";
const FAIL: &str = "fail";

impl Target {
    /// `None`: no name of a step.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            DONE => Some(Self::Done),
            FAIL => Some(Self::Fail),
            other => step_id(other).map(Self::Step),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Done => DONE,
            Self::Fail => FAIL,
            Self::Step(id) => id.as_str(),
        }
    }
}

/// A name that a step may have.
pub fn step_id(text: &str) -> Option<StepId> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = text.bytes().all(plain) && ![DONE, FAIL].contains(&text);
    StepId::parse(text).filter(|_| fits)
}

/// Which of the two ways out of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Success,
    Failure,
}

/// Why a list is no policy. The number is that of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Empty,
    TooMany,
    /// Another step has this name.
    Repeated(usize),
    /// There is no such step further down.
    NoStep(usize, Way),
    /// The step is the target of another one already: it would not be known how somebody came there.
    Shared(usize, Way),
    /// One that proves nothing, or is there twice.
    Alternatives(usize),
    /// Nothing can be made in this step.
    Enrol(usize),
    /// A second factor without a policy for it, or the other way round.
    MfaPolicy(usize),
    /// No step leads here.
    Unreachable(usize),
    /// Whoever fails every proof, or is asked for none, would be signed in.
    Unproved,
    /// A second factor is asked of somebody of whom nothing was proved.
    Beforehand,
}

/// The tree that is listed.
pub fn tree(steps: Vec<Listed>) -> Result<Branch, Vec<Fault>> {
    if steps.is_empty() || steps.len() > MOST {
        return Err(vec![if steps.is_empty() { Fault::Empty } else { Fault::TooMany }]);
    }
    let faults = faults(&steps);
    if !faults.is_empty() {
        return Err(faults);
    }
    // From the end: what a step leads to is there when the step comes.
    let first = steps.first().map(|step| step.id.clone());
    let mut branches = BTreeMap::new();
    for Listed { id, source, alternatives, enrol, mfa_policy, when, success, failure } in steps.into_iter().rev() {
        let mut take = |target: &Target| match target {
            Target::Done => Branch::Done,
            Target::Step(id) => branches.remove(id).unwrap_or(Branch::Fail),
            Target::Fail => Branch::Fail,
        };
        let (success, failure) = (take(&success), take(&failure));
        let step = Step { id: id.clone(), source, alternatives, enrol, mfa_policy, when, success, failure };
        branches.insert(id, Branch::Step(Box::new(step)));
    }
    let root = first.and_then(|first| branches.remove(&first)).unwrap_or(Branch::Fail);
    match (unproved(&root, false), beforehand(&root, false)) {
        (true, _) => Err(vec![Fault::Unproved]),
        (false, true) => Err(vec![Fault::Beforehand]),
        (false, false) => Ok(root),
    }
}

fn faults(steps: &[Listed]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut led_to = vec![false; steps.len()];
    for (at, step) in steps.iter().enumerate() {
        if steps.iter().take(at).any(|before| before.id == step.id) {
            faults.push(Fault::Repeated(at));
        }
        if !alternative(step) {
            faults.push(Fault::Alternatives(at));
        }
        if step.enrol && step.source != Source::Passkey && !step.alternatives.contains(&Source::Passkey) {
            faults.push(Fault::Enrol(at));
        }
        if step.mfa_policy.is_some() != (step.source == Source::Mfa) {
            faults.push(Fault::MfaPolicy(at));
        }
        for (way, target) in [(Way::Success, &step.success), (Way::Failure, &step.failure)] {
            let Target::Step(id) = target else { continue };
            // Only downwards, so that nobody goes round in circles.
            let found = steps.iter().enumerate().skip(at + 1).find(|(_, later)| later.id == *id);
            match found.and_then(|(found, _)| led_to.get_mut(found)) {
                None => faults.push(Fault::NoStep(at, way)),
                Some(true) => faults.push(Fault::Shared(at, way)),
                Some(led_to) => *led_to = true,
            }
        }
    }
    let alone = led_to.iter().enumerate().skip(1).filter(|(_, led_to)| !**led_to);
    faults.extend(alone.map(|(at, _)| Fault::Unreachable(at)));
    faults
}

/// Whether each alternative proves something, in place of something that does, and is another one.
fn alternative(step: &Listed) -> bool {
    let mut all = vec![step.source];
    step.alternatives.iter().all(|source| {
        let new = !all.contains(source);
        all.push(*source);
        new && source.proves() && step.source.proves()
    })
}

/// Whether somebody of whom nothing was proved comes to a good end, when every step is asked.
fn unproved(branch: &Branch, proved: bool) -> bool {
    match branch {
        Branch::Done => !proved,
        Branch::Fail => false,
        Branch::Step(step) => {
            unproved(&step.success, proved || step.source.proves()) || unproved(&step.failure, proved)
        }
    }
}

/// Whether somebody of whom nothing was proved comes to a second factor. A step that some are not asked proves
/// nothing of those.
fn beforehand(branch: &Branch, proved: bool) -> bool {
    let Branch::Step(step) = branch else { return false };
    let proves = step.source.proves() && step.when.is_empty();
    (step.source == Source::Mfa && !proved)
        || beforehand(&step.success, proved || proves)
        || beforehand(&step.failure, proved)
}

/// The steps of a tree, each before those that it leads to.
pub fn list(root: &Branch) -> Vec<Listed> {
    fn gather(branch: &Branch, listed: &mut Vec<Listed>) {
        let Branch::Step(step) = branch else { return };
        let Step { id, source, alternatives, enrol, mfa_policy, when, success, failure } = &**step;
        let (success_target, failure_target) = (target(success), target(failure));
        listed.push(Listed {
            id: id.clone(),
            source: *source,
            alternatives: alternatives.clone(),
            enrol: *enrol,
            mfa_policy: mfa_policy.clone(),
            when: when.clone(),
            success: success_target,
            failure: failure_target,
        });
        gather(success, listed);
        gather(failure, listed);
    }
    let mut listed = Vec::new();
    gather(root, &mut listed);
    listed
}

fn target(branch: &Branch) -> Target {
    match branch {
        Branch::Done => Target::Done,
        Branch::Fail => Target::Fail,
        Branch::Step(step) => Target::Step(step.id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn step(id: &str, source: Source, success: &str, failure: &str) -> Listed {
        let parsed = |text| Target::parse(text).unwrap();
        let (success, failure) = (parsed(success), parsed(failure));
        Listed {
            id: step_id(id).unwrap(),
            source,
            alternatives: Vec::new(),
            enrol: false,
            mfa_policy: None,
            when: Vec::new(),
            success,
            failure,
        }
    }

    fn refused(steps: &[Listed]) -> Vec<Fault> {
        tree(steps.to_vec()).unwrap_err()
    }

    #[test]
    fn a_list_becomes_a_tree_and_is_listed_again() {
        use Source::{Identifier, Password};
        let steps = vec![step("who", Identifier, "password", "again"), step("password", Password, "done", "fail")];
        assert_eq!(refused(&steps), [Fault::NoStep(0, Way::Failure)]);
        let steps = vec![step("who", Identifier, "password", "fail"), step("password", Password, "done", "fail")];
        assert_eq!(list(&tree(steps.clone()).unwrap()), steps);
    }

    #[test]
    fn what_is_no_policy_says_why() {
        use Source::{Identifier, Password};
        let password = |id| step(id, Password, "done", "fail");
        assert_eq!(refused(&[]), [Fault::Empty]);
        assert_eq!(refused(&vec![password("a"); MOST + 1]), [Fault::TooMany]);
        assert_eq!(
            refused(&[step("a", Identifier, "b", "fail"), step("b", Password, "a", "b")]),
            [Fault::NoStep(1, Way::Success), Fault::NoStep(1, Way::Failure)],
            "upwards, and to itself"
        );
        assert_eq!(refused(&[step("a", Identifier, "b", "b"), password("b")]), [Fault::Shared(0, Way::Failure)]);
        assert_eq!(refused(&[password("a"), password("b")]), [Fault::Unreachable(1)]);
        assert_eq!(
            refused(&[step("a", Identifier, "a", "fail"), password("a")]),
            [Fault::Repeated(1)],
            "one of two of a name"
        );
        let passkey = |alternatives| Listed { alternatives, ..password("a") };
        assert!(tree(vec![passkey(vec![Source::Passkey])]).is_ok());
        for alternatives in [vec![Password], vec![Identifier], vec![Source::Passkey, Source::Passkey]] {
            assert_eq!(refused(&[passkey(alternatives)]), [Fault::Alternatives(0)]);
        }
        assert_eq!(refused(&[Listed { enrol: true, ..password("a") }]), [Fault::Enrol(0)]);
        assert_eq!(Target::parse("a b"), None);
        assert_eq!(step_id("done"), None);
    }

    /// [flows.md H.7 I2] at registration; while somebody signs in it is looked at again.
    #[test]
    fn a_policy_that_proves_nothing_is_refused() {
        use Source::{Identifier, Password};
        for steps in [
            vec![step("a", Identifier, "done", "fail")],
            vec![step("a", Password, "done", "done")],
            vec![step("a", Identifier, "b", "done"), step("b", Password, "done", "fail")],
            vec![step("a", Password, "done", "b"), step("b", Identifier, "done", "fail")],
        ] {
            assert_eq!(refused(&steps), [Fault::Unproved], "{steps:?}");
        }
        // Nobody gets in at all, which is what an operator may want for some.
        assert!(tree(vec![step("a", Password, "fail", "fail")]).is_ok());
        assert!(tree(vec![step("a", Password, "done", "b"), step("b", Password, "done", "fail")]).is_ok());
    }

    proptest! {
        /// Whatever is listed: refused, or a tree that is listed again as the same tree.
        #[test]
        fn whatever_is_listed(
            steps in proptest::collection::vec((0..6u8, any::<bool>(), 0..8u8, 0..8u8), 0..8),
        ) {
            let name = |number: u8| match number {
                6 => Target::Done,
                7 => Target::Fail,
                other => Target::Step(step_id(&format!("s{other}")).unwrap()),
            };
            let steps: Vec<Listed> = steps
                .into_iter()
                .map(|(id, proves, success, failure)| Listed {
                    id: step_id(&format!("s{id}")).unwrap(),
                    source: if proves { Source::Password } else { Source::Identifier },
                    alternatives: Vec::new(),
                    enrol: false,
                    mfa_policy: None,
                    when: Vec::new(),
                    success: name(success),
                    failure: name(failure),
                })
                .collect();
            if let Ok(root) = tree(steps.clone()) {
                let listed = list(&root);
                prop_assert_eq!(listed.len(), steps.len());
                prop_assert!(steps.iter().all(|step| listed.contains(step)));
                prop_assert_eq!(tree(listed).unwrap(), root);
            }
        }
    }
}
