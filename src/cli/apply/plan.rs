//! What has to change for things to be as declared.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::sign_on::{self, Planned, SignOnStep};
use super::state::{Declared, DeclaredClient, DeclaredUser};
use super::written::{client_fields, user_fields};
use crate::clock::Timestamp;
use crate::domain::client::Client;
use crate::domain::user::User;
use crate::protocol::id::{ClientId, UserId};
use crate::usecase::admin::client_metadata::client_id;
use crate::usecase::admin::clients::{BAD_ID_DETAIL, OVERLAP};

pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    unchanged: usize,
    /// Clients that registered themselves: theirs to change, whatever the file has.
    left_alone: usize,
}

/// What there is.
pub(super) struct There {
    pub(super) sign_on: sign_on::There,
    pub(super) clients: Vec<Client>,
    pub(super) people: Vec<User>,
}

pub(super) enum Step {
    CreateClient(DeclaredClient),
    UpdateClient(DeclaredClient, Vec<Change>),
    DeleteClient(ClientId),
    CreateUser(DeclaredUser),
    UpdateUser(UserId, DeclaredUser, Vec<Change>),
    DeleteUser(User),
    SignOn(SignOnStep),
}

/// What becomes of something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Create,
    Update,
    Delete,
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
            "auth_alg",
            "jwks",
            "jwks_uri",
            "tls_client_auth_subject_dn",
            "tls_client_auth_san_dns",
            "tls_client_auth_san_uri",
            "tls_client_auth_san_ip",
            "tls_client_auth_san_email",
            "secret",
            "grants",
            "scope",
            "redirect_uris",
            "post_logout_redirect_uris",
            "backchannel_logout_uri",
            "frontchannel_logout_uri",
            "response_types",
            "subject_type",
            "sector_identifier_uri",
            "sign_on_policy",
            "steps",
            "application",
            "default_policy",
            "default_application",
            "url",
            "additional_allowed_origins",
            "client_for_redirectless_mode",
            "client",
            "package_name",
            "bundle_id",
            "uri_prefix",
            "min_sdk_version",
            "no_devices_mode",
            "incompatible_devices_mode",
            "request_object_signing_alg",
            "request_uris",
            "authorization_details_types",
            "resources",
            "protected_resources",
            "authorization_signed_response_alg",
            "authorization_encrypted_response_alg",
            "authorization_encrypted_response_enc",
            "userinfo_alg",
            "introspection_alg",
            "token_exchange_audiences",
            "may_act",
            "security_profile",
            "ciba_request_alg",
        ];
        let demands = [
            "disabled",
            "require_pkce",
            "require_pushed_authorization_requests",
            "require_signed_request_object",
            "backchannel_user_code_parameter",
            "require_hint_token",
            "dpop_bound_access_tokens",
            "tls_client_certificate_bound_access_tokens",
            "restrict_access_to_redirectless_mode",
            "policies_disabled",
            "flow_api_disabled",
        ];
        let permits = ["redirectless", "cookieless", "token_exchange_impersonation"];
        always.contains(&self.field)
            || (demands.contains(&self.field) && self.to == "true")
            || (permits.contains(&self.field) && self.from == "true")
            || (self.field == "applications" && self.from != "[]")
            || (self.field == "status" && self.to != "\"active\"")
    }
}

impl Step {
    pub(super) const fn deed(&self) -> Deed {
        match self {
            Self::CreateClient(_) | Self::CreateUser(_) => Deed::Create,
            Self::UpdateClient(..) | Self::UpdateUser(..) => Deed::Update,
            Self::DeleteClient(_) | Self::DeleteUser(_) => Deed::Delete,
            Self::SignOn(step) => step.deed(),
        }
    }

    pub(super) fn subject(&self) -> (&'static str, String) {
        match self {
            Self::CreateClient(declared) | Self::UpdateClient(declared, _) => ("client", declared.id.to_string()),
            Self::DeleteClient(id) => ("client", id.to_string()),
            Self::CreateUser(declared) | Self::UpdateUser(_, declared, _) => ("user", declared.username.clone()),
            Self::DeleteUser(user) => ("user", user.username.clone()),
            Self::SignOn(step) => step.subject(),
        }
    }

    pub(super) fn changes(&self) -> &[Change] {
        match self {
            Self::UpdateClient(_, changes) | Self::UpdateUser(_, _, changes) => changes,
            Self::CreateClient(_) | Self::DeleteClient(_) | Self::CreateUser(_) | Self::DeleteUser(_) => &[],
            Self::SignOn(step) => step.changes(),
        }
    }
}

impl Plan {
    /// Or everything that stands against it.
    pub(super) fn new(declared: Declared, there: &There, prune: bool, now: Timestamp) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let client = |id: &ClientId| {
            let own = declared.clients.iter().flatten().find(|client| client.id == *id).map(DeclaredClient::shape);
            let stays = |client: &&Client| declared.clients.is_none() || !prune || client.registered.is_some();
            own.or_else(|| there.clients.iter().find(|client| client.id == *id).filter(stays))
        };
        let Planned { first, middle, last, unchanged, policies } =
            Planned::new(declared.sign_on, &there.sign_on, client, prune, &mut problems);
        let mut plan = Self { steps: first.into_iter().map(Step::SignOn).collect(), unchanged, left_alone: 0 };
        let mut gone = Vec::new();
        if let Some(declared) = declared.clients {
            for client in &declared {
                if let Some(policy) = client.policy().filter(|policy| !policies.contains(policy.as_str())) {
                    problems.push(format!("client {}: there is no policy {policy}", client.id));
                }
            }
            gone = plan.clients(declared, &there.clients, now, &mut problems);
        }
        plan.steps.extend(middle.into_iter().map(Step::SignOn));
        plan.steps.extend(gone.into_iter().filter(|_| prune));
        if let Some(declared) = declared.people {
            plan.people(declared, &there.people, prune, &mut problems);
        }
        plan.steps.extend(last.into_iter().map(Step::SignOn));
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    pub(super) fn takes_away(&self) -> bool {
        self.steps.iter().any(|step| step.deed() == Deed::Delete || step.changes().iter().any(Change::takes_away))
    }

    pub(super) fn summary(&self) -> String {
        let count = |deed: Deed| self.steps.iter().filter(|step| step.deed() == deed).count();
        let mut summary = format!(
            "{} to create, {} to update, {} to delete, {} as they should be",
            count(Deed::Create),
            count(Deed::Update),
            count(Deed::Delete),
            self.unchanged
        );
        if self.left_alone > 0 {
            let _ = write!(summary, "; {} that registered themselves are left alone", self.left_alone);
        }
        summary
    }

    /// Answers those that the file does not have.
    fn clients(
        &mut self,
        declared: Vec<DeclaredClient>,
        there: &[Client],
        now: Timestamp,
        problems: &mut Vec<String>,
    ) -> Vec<Step> {
        self.left_alone = there.iter().filter(|client| client.registered.is_some()).count();
        let ours = there.iter().filter(|client| client.registered.is_none());
        let gone = ours.filter(|client| declared.iter().all(|one| one.id != client.id));
        let gone: Vec<_> = gone.map(|client| Step::DeleteClient(client.id.clone())).collect();
        for one in declared {
            let before = there.iter().find(|client| client.id == one.id);
            if before.is_some_and(|before| before.registered.is_some()) {
                problems.push(format!("client {}: it registered itself, and is not for a file to describe", one.id));
                continue;
            }
            let has_secret = before.is_some_and(|before| before.authentication.secrets().is_some());
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
        gone
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

pub(super) fn differences(before: &[(&'static str, String)], after: &[(&'static str, String)]) -> Vec<Change> {
    let value = |fields: &[(&'static str, String)], name: &str| {
        fields.iter().find(|(field, _)| *field == name).map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
    };
    let mut names: Vec<&'static str> = before.iter().map(|(name, _)| *name).collect();
    names.extend(after.iter().map(|(name, _)| *name).filter(|name| before.iter().all(|(there, _)| there != name)));
    let changes = names.into_iter().map(|field| Change { field, from: value(before, field), to: value(after, field) });
    changes.filter(|change| change.from != change.to).collect()
}
