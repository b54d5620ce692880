//! Policies, authentication applications and the settings beside them: as the file has them, and what has to
//! change for them to be so.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::plan::{Change, SignOnStep, differences};
use super::written::{Fields, list, quoted};
use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::policy::SignOnPolicy;
use crate::domain::sign_on::Settings;
use crate::protocol::admin_error::FieldProblem;
use crate::protocol::id::{ApplicationId, PolicyId};
use crate::protocol::origin::AllowedOrigin;
use crate::usecase::admin::applications::{ApplicationWish, application_id};
use crate::usecase::admin::policies::{BAD_ID_DETAIL, PolicyWish, StepWish, policy_id};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyEntry {
    pub(super) id: String,
    name: Option<String>,
    application: Option<String>,
    #[serde(default)]
    steps: Vec<StepWish>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationEntry {
    pub(super) id: String,
    name: Option<String>,
    url: Option<String>,
    #[serde(default)]
    additional_allowed_origins: Vec<String>,
    client_for_redirectless_mode: Option<String>,
}

/// `None`: the file does not mention the kind.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) policies: Option<Vec<SignOnPolicy>>,
    pub(super) applications: Option<Vec<Application>>,
    pub(super) settings: Option<Settings>,
}

/// What there is.
pub(super) struct There {
    pub(super) policies: Vec<SignOnPolicy>,
    pub(super) applications: Vec<Application>,
    pub(super) settings: Settings,
}

/// Whoever makes it says when.
const UNKNOWN: Timestamp = Timestamp::from_millis(0);

impl PolicyEntry {
    pub(super) fn policy(self) -> Result<SignOnPolicy, Vec<String>> {
        let Self { id, name, application, steps } = self;
        let wish = PolicyWish { name, application, steps };
        let Some(parsed) = policy_id(&id) else { return Err(vec![format!("policy {id}: id: {BAD_ID_DETAIL}")]) };
        wish.policy(parsed, UNKNOWN).map_err(|problems| told("policy", &id, &problems))
    }
}

impl ApplicationEntry {
    pub(super) fn application(self) -> Result<Application, Vec<String>> {
        let Self { id, name, url, additional_allowed_origins, client_for_redirectless_mode } = self;
        let wish = ApplicationWish { name, url, additional_allowed_origins, client_for_redirectless_mode };
        let Some(parsed) = application_id(&id) else {
            return Err(vec![format!("application {id}: id: {BAD_ID_DETAIL}")]);
        };
        wish.application(parsed, UNKNOWN).map_err(|problems| told("application", &id, &problems))
    }
}

fn told(kind: &str, id: &str, problems: &[FieldProblem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{kind} {id}: {}", problem.sentence())).collect()
}

pub(super) fn policy_fields(policy: &SignOnPolicy) -> Fields {
    let PolicyWish { application, steps, .. } = PolicyWish::of(policy);
    let mut fields = vec![("name", quoted(&policy.name))];
    fields.extend(application.map(|application| ("application", quoted(&application))));
    // Texts, numbers and lists always become TOML.
    let steps = toml::Value::try_from(steps).map(|steps| steps.to_string()).unwrap_or_default();
    fields.push(("steps", steps));
    fields
}

pub(super) fn application_fields(application: &Application) -> Fields {
    let mut fields = vec![("name", quoted(&application.name)), ("url", quoted(application.url.as_str()))];
    let origins = application.additional_allowed_origins.iter().map(AllowedOrigin::as_str);
    fields.push(("additional_allowed_origins", list(origins)));
    let client = application.client_for_redirectless_mode.as_ref();
    fields.extend(client.map(|client| ("client_for_redirectless_mode", quoted(client.as_str()))));
    fields
}

pub(super) fn settings_fields(settings: &Settings) -> Fields {
    let Settings { default_policy, default_application, restrict_access_to_redirectless_mode } = settings;
    let mut fields = Vec::new();
    fields.extend(default_policy.as_ref().map(|id| ("default_policy", quoted(id.as_str()))));
    fields.extend(default_application.as_ref().map(|id| ("default_application", quoted(id.as_str()))));
    fields.push(("restrict_access_to_redirectless_mode", restrict_access_to_redirectless_mode.to_string()));
    fields
}

/// What comes first, so that others can name it; and what comes last, when nothing names it any more.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) first: Vec<SignOnStep>,
    pub(super) last: Vec<SignOnStep>,
    pub(super) unchanged: usize,
    /// The policies that there will be.
    pub(super) policies: BTreeSet<PolicyId>,
}

impl Planned {
    pub(super) fn new(declared: Declared, there: &There, prune: bool, problems: &mut Vec<String>) -> Self {
        let mut planned = Self::default();
        let applications = planned.applications(declared.applications, &there.applications, prune);
        let shown_by = |application: Option<&ApplicationId>, whose: &str, problems: &mut Vec<String>| {
            if let Some(id) = application.filter(|id| !applications.contains(id)) {
                problems.push(format!("{whose}: there is no application {id}"));
            }
        };
        for policy in declared.policies.iter().flatten() {
            shown_by(policy.application.as_ref(), &format!("policy {}", policy.id), problems);
        }
        planned.plan_policies(declared.policies, &there.policies, prune);
        if let Some(settings) = declared.settings {
            shown_by(settings.default_application.as_ref(), "sign_on", problems);
            if let Some(id) = settings.default_policy.as_ref().filter(|id| !planned.policies.contains(id)) {
                problems.push(format!("sign_on: there is no policy {id}"));
            }
            let changes = differences(&settings_fields(&there.settings), &settings_fields(&settings));
            if !changes.is_empty() {
                planned.first.push(SignOnStep::UpdateSettings(settings, changes));
            }
        }
        // A policy goes before the application that it names.
        planned.last.reverse();
        planned
    }

    /// Answers those that there will be.
    fn applications(
        &mut self,
        declared: Option<Vec<Application>>,
        there: &[Application],
        prune: bool,
    ) -> BTreeSet<ApplicationId> {
        let mut will_be: BTreeSet<ApplicationId> = there.iter().map(|one| one.id.clone()).collect();
        let Some(declared) = declared else { return will_be };
        for gone in there.iter().filter(|one| prune && declared.iter().all(|other| other.id != one.id)) {
            will_be.remove(&gone.id);
            self.last.push(SignOnStep::DeleteApplication(gone.id.clone()));
        }
        for one in declared {
            will_be.insert(one.id.clone());
            let before = there.iter().find(|before| before.id == one.id);
            let Some(before) = before else {
                self.first.push(SignOnStep::CreateApplication(one));
                continue;
            };
            match changes(&application_fields(before), &application_fields(&one)) {
                Some(changes) => self.first.push(SignOnStep::UpdateApplication(one, changes)),
                None => self.unchanged += 1,
            }
        }
        will_be
    }

    fn plan_policies(&mut self, declared: Option<Vec<SignOnPolicy>>, there: &[SignOnPolicy], prune: bool) {
        self.policies = there.iter().map(|one| one.id.clone()).collect();
        let Some(declared) = declared else { return };
        for gone in there.iter().filter(|one| prune && declared.iter().all(|other| other.id != one.id)) {
            self.policies.remove(&gone.id);
            self.last.push(SignOnStep::DeletePolicy(gone.id.clone()));
        }
        for one in declared {
            self.policies.insert(one.id.clone());
            let before = there.iter().find(|before| before.id == one.id);
            let Some(before) = before else {
                self.first.push(SignOnStep::CreatePolicy(one));
                continue;
            };
            match changes(&policy_fields(before), &policy_fields(&one)) {
                Some(changes) => self.first.push(SignOnStep::UpdatePolicy(one, changes)),
                None => self.unchanged += 1,
            }
        }
    }
}

fn changes(before: &Fields, after: &Fields) -> Option<Vec<Change>> {
    Some(differences(before, after)).filter(|changes| !changes.is_empty())
}
