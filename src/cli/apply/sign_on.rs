//! Policies, applications and the settings beside them: what has to change for them to be as the file has them.

use std::collections::BTreeSet;

use super::parts::{Kind, settings_fields};
use super::plan::{Change, Deed, differences};
use crate::domain::application::Application;
use crate::domain::client::Client;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::native_application::NativeApplication;
use crate::domain::policy::SignOnPolicy;
use crate::domain::sign_on::Settings;
use crate::protocol::id::ClientId;
use crate::usecase::admin::native_applications::unfit;

/// `None`: the file does not mention the kind.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) policies: Option<Vec<SignOnPolicy>>,
    pub(super) applications: Option<Vec<Application>>,
    pub(super) native_applications: Option<Vec<NativeApplication>>,
    pub(super) mfa_policies: Option<Vec<MfaPolicy>>,
    pub(super) settings: Option<Settings>,
}

/// What there is.
pub(super) struct There {
    pub(super) policies: Vec<SignOnPolicy>,
    pub(super) applications: Vec<Application>,
    pub(super) native_applications: Vec<NativeApplication>,
    pub(super) mfa_policies: Vec<MfaPolicy>,
    pub(super) settings: Settings,
}

pub(super) enum SignOnStep {
    Application(Move<Application>),
    Policy(Move<SignOnPolicy>),
    NativeApplication(Move<NativeApplication>),
    MfaPolicy(Move<MfaPolicy>),
    UpdateSettings(Settings, Vec<Change>),
}

/// What becomes of a policy or an application.
pub(super) enum Move<P: Kind> {
    Create(P),
    Update(P, Vec<Change>),
    Delete(P::Id),
}

impl SignOnStep {
    pub(super) const fn deed(&self) -> Deed {
        match self {
            Self::Application(step) => step.deed(),
            Self::Policy(step) => step.deed(),
            Self::NativeApplication(step) => step.deed(),
            Self::MfaPolicy(step) => step.deed(),
            Self::UpdateSettings(..) => Deed::Update,
        }
    }

    pub(super) fn subject(&self) -> (&'static str, String) {
        match self {
            Self::Application(step) => step.subject(),
            Self::Policy(step) => step.subject(),
            Self::NativeApplication(step) => step.subject(),
            Self::MfaPolicy(step) => step.subject(),
            Self::UpdateSettings(..) => ("sign_on", "settings".to_owned()),
        }
    }

    pub(super) fn changes(&self) -> &[Change] {
        match self {
            Self::Application(step) => step.changes(),
            Self::Policy(step) => step.changes(),
            Self::NativeApplication(step) => step.changes(),
            Self::MfaPolicy(step) => step.changes(),
            Self::UpdateSettings(_, changes) => changes,
        }
    }
}

impl<P: Kind> Move<P> {
    const fn deed(&self) -> Deed {
        match self {
            Self::Create(_) => Deed::Create,
            Self::Update(..) => Deed::Update,
            Self::Delete(_) => Deed::Delete,
        }
    }

    fn subject(&self) -> (&'static str, String) {
        let id = match self {
            Self::Create(part) | Self::Update(part, _) => part.id(),
            Self::Delete(id) => id,
        };
        (P::KEY, P::text(id).to_owned())
    }

    fn changes(&self) -> &[Change] {
        match self {
            Self::Update(_, changes) => changes,
            Self::Create(_) | Self::Delete(_) => &[],
        }
    }
}

/// What has to be done about one kind.
struct Moves<P: Kind> {
    /// Made and changed.
    kept: Vec<Move<P>>,
    gone: Vec<Move<P>>,
    unchanged: usize,
}

impl<P: Kind> Moves<P> {
    fn new(declared: Option<Vec<P>>, there: &[P], prune: bool) -> Self {
        let (mut kept, mut gone, mut unchanged) = (Vec::new(), Vec::new(), 0);
        if let Some(declared) = declared {
            let surplus = there.iter().filter(|before| prune && find(&declared, name(*before)).is_none());
            gone.extend(surplus.map(|before| Move::Delete(before.id().clone())));
            for one in declared {
                match find(there, name(&one)) {
                    None => kept.push(Move::Create(one)),
                    Some(before) => match changes(before, &one) {
                        Some(changes) => kept.push(Move::Update(one, changes)),
                        None => unchanged += 1,
                    },
                }
            }
        }
        Self { kept, gone, unchanged }
    }
}

fn name<P: Kind>(part: &P) -> &str {
    P::text(part.id())
}

fn find<'p, P: Kind>(parts: &'p [P], id: &str) -> Option<&'p P> {
    parts.iter().find(|part| name(*part) == id)
}

fn changes<P: Kind>(before: &P, after: &P) -> Option<Vec<Change>> {
    Some(differences(&before.fields(), &after.fields())).filter(|changes| !changes.is_empty())
}

/// The names of those that there will be.
fn names<P: Kind>(declared: Option<&Vec<P>>, there: &[P], prune: bool) -> BTreeSet<String> {
    let stay = there.iter().filter(|_| !prune || declared.is_none());
    stay.chain(declared.into_iter().flatten()).map(|part| name(part).to_owned()).collect()
}

/// The names of all that there will be.
struct Names {
    applications: BTreeSet<String>,
    native_applications: BTreeSet<String>,
    mfa_policies: BTreeSet<String>,
    policies: BTreeSet<String>,
}

impl Names {
    fn new(declared: &Declared, there: &There, prune: bool) -> Self {
        let native = declared.native_applications.as_ref();
        Self {
            applications: names(declared.applications.as_ref(), &there.applications, prune),
            native_applications: names(native, &there.native_applications, prune),
            mfa_policies: names(declared.mfa_policies.as_ref(), &there.mfa_policies, prune),
            policies: names(declared.policies.as_ref(), &there.policies, prune),
        }
    }
}

impl Declared {
    /// What it names and there will not be.
    fn check<'c>(
        &self,
        there: &There,
        names: &Names,
        client: impl Fn(&ClientId) -> Option<&'c Client>,
        problems: &mut Vec<String>,
    ) {
        let mut is_there = |kind: &str, id: &str, names: &BTreeSet<String>, whose: String| {
            if !names.contains(id) {
                problems.push(format!("{whose}: there is no {kind} {id}"));
            }
        };
        // Of a kind that the file does not mention, all stay.
        for policy in self.policies.as_ref().unwrap_or(&there.policies) {
            if let Some(id) = &policy.application {
                is_there("application", id.as_str(), &names.applications, format!("policy {}", policy.id));
            }
            for id in policy.mfa_policies() {
                is_there("mfa_policy", id.as_str(), &names.mfa_policies, format!("policy {}", policy.id));
            }
        }
        for policy in self.mfa_policies.as_ref().unwrap_or(&there.mfa_policies) {
            for permitted in &policy.applications {
                let (id, whose) = (permitted.application.as_str(), format!("mfa_policy {}", policy.id));
                is_there("native_application", id, &names.native_applications, whose);
            }
        }
        if let Some(settings) = &self.settings {
            if let Some(id) = &settings.default_application {
                is_there("application", id.as_str(), &names.applications, "sign_on".to_owned());
            }
            if let Some(id) = &settings.default_policy {
                is_there("policy", id.as_str(), &names.policies, "sign_on".to_owned());
            }
        }
        let mut taken = BTreeSet::new();
        for one in self.native_applications.iter().flatten() {
            let problem = match client(&one.client) {
                None => format!("there is no client {}", one.client),
                Some(_) if !taken.insert(&one.client) => format!("client {} is that of another one", one.client),
                Some(client) => match unfit(client) {
                    Some(problem) => problem.sentence(),
                    None => continue,
                },
            };
            problems.push(format!("native_application {}: {problem}", one.id));
        }
    }
}

/// Each thing after those that it names, and gone before them. They name each other in a circle: a client its sign-on
/// policy, that one MFA policies, those native applications, and each of these a client. It is cut where less is
/// permitted meanwhile: an MFA policy is at first without the native applications that are still to come, and at last
/// without those that go.
pub(super) struct Planned {
    /// Before clients are made.
    pub(super) first: Vec<SignOnStep>,
    /// Between those that are made and those that go.
    pub(super) middle: Vec<SignOnStep>,
    pub(super) last: Vec<SignOnStep>,
    pub(super) unchanged: usize,
    /// The policies that there will be.
    pub(super) policies: BTreeSet<String>,
}

impl Planned {
    /// `client`: as it will be.
    pub(super) fn new<'c>(
        declared: Declared,
        there: &There,
        client: impl Fn(&ClientId) -> Option<&'c Client>,
        prune: bool,
        problems: &mut Vec<String>,
    ) -> Self {
        let names = Names::new(&declared, there, prune);
        declared.check(there, &names, client, problems);
        let applications = Moves::new(declared.applications, &there.applications, prune);
        let native = Moves::new(declared.native_applications, &there.native_applications, prune);
        let mfa = Moves::new(declared.mfa_policies, &there.mfa_policies, prune);
        let policies = Moves::new(declared.policies, &there.policies, prune);
        let unchanged = applications.unchanged + native.unchanged + mfa.unchanged + policies.unchanged;
        let (early, late) = cut(mfa.kept, there);
        let early = early.into_iter().chain(mfa.gone.iter().filter_map(|step| emptied(step, there, &names)));

        let mut first: Vec<_> = applications.kept.into_iter().map(SignOnStep::Application).collect();
        first.extend(early.map(SignOnStep::MfaPolicy));
        first.extend(policies.kept.into_iter().map(SignOnStep::Policy));
        if let Some(settings) = declared.settings {
            let changes = differences(&settings_fields(&there.settings), &settings_fields(&settings));
            first.extend((!changes.is_empty()).then_some(SignOnStep::UpdateSettings(settings, changes)));
        }
        let mut middle: Vec<_> = native.gone.into_iter().map(SignOnStep::NativeApplication).collect();
        middle.extend(native.kept.into_iter().map(SignOnStep::NativeApplication));
        middle.extend(late.into_iter().map(SignOnStep::MfaPolicy));
        let mut last: Vec<_> = policies.gone.into_iter().map(SignOnStep::Policy).collect();
        last.extend(mfa.gone.into_iter().map(SignOnStep::MfaPolicy));
        last.extend(applications.gone.into_iter().map(SignOnStep::Application));
        Self { first, middle, last, unchanged, policies: names.policies }
    }
}

/// What is done of each at first, with the native applications that are there, and what with those that are made.
fn cut(kept: Vec<Move<MfaPolicy>>, there: &There) -> (Vec<Move<MfaPolicy>>, Vec<Move<MfaPolicy>>) {
    let (mut early, mut late) = (Vec::new(), Vec::new());
    for step in kept {
        let (Move::Create(whole) | Move::Update(whole, _)) = step else { continue };
        let mut known = whole.clone();
        known.applications.retain(|one| find(&there.native_applications, one.application.as_str()).is_some());
        late.extend(changes(&known, &whole).map(|changes| Move::Update(whole, changes)));
        match find(&there.mfa_policies, name(&known)) {
            None => early.push(Move::Create(known)),
            Some(before) => early.extend(changes(before, &known).map(|changes| Move::Update(known, changes))),
        }
    }
    (early, late)
}

/// What is done at first about one that goes, and that names native applications that go before it.
fn emptied(gone: &Move<MfaPolicy>, there: &There, names: &Names) -> Option<Move<MfaPolicy>> {
    let Move::Delete(id) = gone else { return None };
    let before = find(&there.mfa_policies, id.as_str())?;
    let mut rest = before.clone();
    rest.applications.retain(|one| names.native_applications.contains(one.application.as_str()));
    changes(before, &rest).map(|changes| Move::Update(rest, changes))
}
