//! What has to change for things to be as declared.

use serde_json::{Value, json};

use super::state::{Declared, DeclaredClient, DeclaredUser};
use super::written::{client_fields, user_fields};
use crate::clock::Timestamp;
use crate::domain::client::{Authentication, Client};
use crate::domain::user::User;
use crate::protocol::id::{ClientId, UserId};
use crate::usecase::admin::client_metadata::client_id;
use crate::usecase::admin::clients::{BAD_ID_DETAIL, OVERLAP};

pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    unchanged: usize,
}

pub(super) enum Step {
    CreateClient(DeclaredClient),
    UpdateClient(DeclaredClient, Vec<Change>),
    DeleteClient(ClientId),
    CreateUser(DeclaredUser),
    UpdateUser(UserId, DeclaredUser, Vec<Change>),
    DeleteUser(User),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) field: &'static str,
    pub(super) from: String,
    pub(super) to: String,
}

impl Change {
    pub(super) fn json(&self) -> Value {
        json!({ "field": self.field, "from": self.from, "to": self.to })
    }

    /// Whether somebody can do less, or not the same any more.
    fn takes_away(&self) -> bool {
        let always = [
            "auth",
            "jwks",
            "jwks_uri",
            "secret",
            "grants",
            "scope",
            "redirect_uris",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            "frontchannel_logout_uri",
            "response_types",
            "request_object_signing_alg",
            "request_uris",
            "authorization_details_types",
            "resources",
            "authorization_signed_response_alg",
        ];
        let demands =
            ["disabled", "require_pkce", "require_pushed_authorization_requests", "require_signed_request_object"];
        always.contains(&self.field)
            || (demands.contains(&self.field) && self.to == "true")
            || (self.field == "redirectless" && self.from == "true")
            || (self.field == "status" && self.to != "\"active\"")
    }
}

impl Step {
    pub(super) fn subject(&self) -> (&'static str, String) {
        match self {
            Self::CreateClient(declared) | Self::UpdateClient(declared, _) => ("client", declared.id.to_string()),
            Self::DeleteClient(id) => ("client", id.to_string()),
            Self::CreateUser(declared) | Self::UpdateUser(_, declared, _) => ("user", declared.username.clone()),
            Self::DeleteUser(user) => ("user", user.username.clone()),
        }
    }

    pub(super) fn changes(&self) -> &[Change] {
        match self {
            Self::UpdateClient(_, changes) | Self::UpdateUser(_, _, changes) => changes,
            Self::CreateClient(_) | Self::DeleteClient(_) | Self::CreateUser(_) | Self::DeleteUser(_) => &[],
        }
    }
}

impl Plan {
    /// Or everything that stands against it.
    pub(super) fn new(
        declared: Declared,
        clients: &[Client],
        people: &[User],
        prune: bool,
        now: Timestamp,
    ) -> Result<Self, Vec<String>> {
        let mut plan = Self { steps: Vec::new(), unchanged: 0 };
        let mut problems = Vec::new();
        if let Some(declared) = declared.clients {
            plan.clients(declared, clients, prune, now, &mut problems);
        }
        if let Some(declared) = declared.people {
            plan.people(declared, people, prune, &mut problems);
        }
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    pub(super) fn takes_away(&self) -> bool {
        self.steps.iter().any(|step| {
            matches!(step, Step::DeleteClient(_) | Step::DeleteUser(_)) || step.changes().iter().any(Change::takes_away)
        })
    }

    pub(super) fn summary(&self) -> String {
        let count = |wanted: fn(&Step) -> bool| self.steps.iter().filter(|step| wanted(step)).count();
        format!(
            "{} to create, {} to update, {} to delete, {} as they should be",
            count(|step| matches!(step, Step::CreateClient(_) | Step::CreateUser(_))),
            count(|step| matches!(step, Step::UpdateClient(..) | Step::UpdateUser(..))),
            count(|step| matches!(step, Step::DeleteClient(_) | Step::DeleteUser(_))),
            self.unchanged
        )
    }

    fn clients(
        &mut self,
        declared: Vec<DeclaredClient>,
        there: &[Client],
        prune: bool,
        now: Timestamp,
        problems: &mut Vec<String>,
    ) {
        let gone = there.iter().filter(|client| declared.iter().all(|one| one.id != client.id));
        let gone: Vec<_> = gone.map(|client| Step::DeleteClient(client.id.clone())).collect();
        for one in declared {
            let before = there.iter().find(|client| client.id == one.id);
            let has_secret = before.is_some_and(|before| {
                !matches!(before.authentication, Authentication::None | Authentication::PrivateKeyJwt { .. })
            });
            if one.needs_secret() && !has_secret && one.secret.is_none() {
                problems.push(format!("client {}: it needs a secret: secret = \"env:NAME\" or \"file:PATH\"", one.id));
                continue;
            }
            let Some(before) = before else {
                if client_id(one.id.as_str()).is_none() {
                    problems.push(format!("client {}: id: {BAD_ID_DETAIL}", one.id));
                    continue;
                }
                self.steps.push(Step::CreateClient(one));
                continue;
            };
            let mut changes = differences(&client_fields(before), &one.fields());
            if one.changes_secret(before) {
                let (from, to) = ("***".to_owned(), format!("*** (the old one works until {})", now + OVERLAP));
                changes.push(Change { field: "secret", from, to });
            }
            if changes.is_empty() {
                self.unchanged += 1;
            } else {
                self.steps.push(Step::UpdateClient(one, changes));
            }
        }
        if prune {
            self.steps.extend(gone);
        }
    }

    fn people(&mut self, declared: Vec<DeclaredUser>, there: &[User], prune: bool, problems: &mut Vec<String>) {
        let gone = there.iter().filter(|user| declared.iter().all(|one| one.username != user.username));
        let gone: Vec<_> = gone.map(|user| Step::DeleteUser(user.clone())).collect();
        for one in declared {
            let Some(before) = there.iter().find(|user| user.username == one.username) else {
                self.steps.push(Step::CreateUser(one));
                continue;
            };
            if one.id.is_some_and(|id| id != before.id) {
                let what = "it is there with another id, which relying parties know: it cannot change";
                problems.push(format!("user {}: {what}", one.username));
                continue;
            }
            let changes = differences(&user_fields(before), &one.fields());
            if changes.is_empty() {
                self.unchanged += 1;
            } else {
                self.steps.push(Step::UpdateUser(before.id, one, changes));
            }
        }
        if prune {
            self.steps.extend(gone);
        }
    }
}

fn differences(before: &[(&'static str, String)], after: &[(&'static str, String)]) -> Vec<Change> {
    let value = |fields: &[(&'static str, String)], name: &str| {
        fields.iter().find(|(field, _)| *field == name).map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
    };
    let mut names: Vec<&'static str> = before.iter().map(|(name, _)| *name).collect();
    names.extend(after.iter().map(|(name, _)| *name).filter(|name| before.iter().all(|(there, _)| there != name)));
    let changes = names.into_iter().map(|field| Change { field, from: value(before, field), to: value(after, field) });
    changes.filter(|change| change.from != change.to).collect()
}
