//! What operators have decided about signing in: which policy is whose, and who shows it. It is little, and
//! read all together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::application::Application;
use super::client::Client;
use super::mfa_policy::MfaPolicy;
use super::native_application::NativeApplication;
use super::policy::SignOnPolicy;
use crate::protocol::id::{ApplicationId, ClientId, MfaPolicyId, NativeApplicationId, PolicyId};

/// What holds where nothing else is said.
#[expect(clippy::struct_excessive_bools, reason = "settings that are independent of each other")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// For clients that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_policy: Option<PolicyId>,
    /// For policies that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_application: Option<ApplicationId>,
    /// A client may run flows without a browser only where an application is registered for it.
    pub restrict_access_to_redirectless_mode: bool,
    /// No policy of an operator counts [flows.md F18].
    pub policies_disabled: bool,
    /// Nobody is answered by the flow API: our own pages show every sign-in [flows.md A.1 rule 15].
    pub flow_api_disabled: bool,
    /// The states of a sign-in say what was asked for, and by whom [flows.md A.1 rule 15].
    pub include_request_context: bool,
}

#[derive(Debug)]
pub struct SignOn {
    policies: BTreeMap<PolicyId, Arc<SignOnPolicy>>,
    applications: BTreeMap<ApplicationId, Arc<Application>>,
    native_applications: BTreeMap<NativeApplicationId, Arc<NativeApplication>>,
    mfa_policies: BTreeMap<MfaPolicyId, Arc<MfaPolicy>>,
    settings: Settings,
    /// Username and password: where nobody has decided anything.
    built_in: Arc<SignOnPolicy>,
}

impl SignOn {
    pub fn new(
        policies: Vec<SignOnPolicy>,
        applications: Vec<Application>,
        native_applications: Vec<NativeApplication>,
        mfa_policies: Vec<MfaPolicy>,
        settings: Settings,
    ) -> Self {
        Self {
            policies: policies.into_iter().map(|policy| (policy.id.clone(), Arc::new(policy))).collect(),
            applications: applications.into_iter().map(|one| (one.id.clone(), Arc::new(one))).collect(),
            native_applications: native_applications.into_iter().map(|one| (one.id.clone(), Arc::new(one))).collect(),
            mfa_policies: mfa_policies.into_iter().map(|policy| (policy.id.clone(), Arc::new(policy))).collect(),
            settings,
            built_in: Arc::new(SignOnPolicy::password()),
        }
    }

    /// The policy that a client names, or else the one for all others. `None`: what it names is not here, and
    /// no other one stands in for it.
    pub fn policy_of(&self, client: &Client) -> Option<&Arc<SignOnPolicy>> {
        // It names no application: the default one shows it [flows.md F18].
        if self.settings.policies_disabled { Some(&self.built_in) } else { self.assigned_to(client) }
    }

    /// The same where policies count.
    pub fn assigned_to(&self, client: &Client) -> Option<&Arc<SignOnPolicy>> {
        let named = client.sign_in.as_ref().and_then(|sign_in| sign_in.policy.as_ref());
        match named.or(self.settings.default_policy.as_ref()) {
            Some(id) => self.policies.get(id),
            None => Some(&self.built_in),
        }
    }

    pub const fn policies_disabled(&self) -> bool {
        self.settings.policies_disabled
    }

    pub fn policies(&self) -> impl Iterator<Item = &Arc<SignOnPolicy>> {
        self.policies.values()
    }

    /// The app that signs people in as this client.
    pub fn native_application_of(&self, client: &ClientId) -> Option<&Arc<NativeApplication>> {
        self.native_applications.values().find(|application| application.client == *client)
    }

    pub fn native_application(&self, id: &NativeApplicationId) -> Option<&Arc<NativeApplication>> {
        self.native_applications.get(id)
    }

    pub fn native_applications(&self) -> impl Iterator<Item = &Arc<NativeApplication>> {
        self.native_applications.values()
    }

    pub fn mfa_policy(&self, id: &MfaPolicyId) -> Option<&Arc<MfaPolicy>> {
        self.mfa_policies.get(id)
    }

    pub fn mfa_policies(&self) -> impl Iterator<Item = &Arc<MfaPolicy>> {
        self.mfa_policies.values()
    }

    /// How long a pairing key is good that is for an app: the shortest time that is said by a policy by which it signs
    /// people in as this client. `None`: none says any.
    pub fn pairing_key_lifetime(&self, application: &NativeApplicationId, client: &Client) -> Option<Duration> {
        let policies = self.assigned_to(client)?.mfa_policies().filter_map(|id| self.mfa_policy(id));
        policies.filter_map(|policy| policy.pairing_key_lifetime(application)).min()
    }

    /// [flows.md F14, F18] the application of the policy, or else the one for all others. `None`: our own pages.
    pub fn application_of(&self, policy: &SignOnPolicy) -> Option<&Arc<Application>> {
        self.application(policy.application.as_ref().or(self.settings.default_application.as_ref()))
    }

    /// [flows.md F18] who shows what belongs to no policy. `None`: our own pages.
    pub fn default_application(&self) -> Option<&Arc<Application>> {
        self.application(self.settings.default_application.as_ref())
    }

    /// Without the flow API it could show nothing.
    fn application(&self, id: Option<&ApplicationId>) -> Option<&Arc<Application>> {
        id.filter(|_| self.has_flow_api()).and_then(|id| self.applications.get(id))
    }

    /// Whether the flow API answers.
    pub const fn has_flow_api(&self) -> bool {
        !self.settings.flow_api_disabled
    }

    /// Whether states say what was asked for, and by whom.
    pub const fn includes_request_context(&self) -> bool {
        self.settings.include_request_context
    }

    /// Whether the pages of this origin are those of any application.
    pub fn admits(&self, origin: &str) -> bool {
        self.has_flow_api() && self.applications.values().any(|application| application.admits(origin))
    }

    /// Whether pages of this origin show the flows of this client: an application that was registered for
    /// some people does not get at the passwords of others.
    pub fn shows(&self, origin: &str, client: &Client, redirectless: bool) -> bool {
        let for_client = redirectless && self.redirectless(&client.id).any(|application| application.admits(origin));
        let of_policy = || self.policy_of(client).and_then(|policy| self.application_of(policy));
        for_client || of_policy().is_some_and(|application| application.admits(origin))
    }

    /// Whether a client may run flows without a browser [flows.md A.1 rules 14, 15].
    pub fn permits_redirectless(&self, client: &Client) -> bool {
        let registered = client.sign_in.as_ref().is_some_and(|sign_in| sign_in.redirectless);
        let restricted = self.settings.restrict_access_to_redirectless_mode;
        registered && self.has_flow_api() && (!restricted || self.redirectless(&client.id).next().is_some())
    }

    fn redirectless<'a>(&'a self, client: &'a ClientId) -> impl Iterator<Item = &'a Arc<Application>> {
        let names = move |application: &&Arc<Application>| {
            application.client_for_redirectless_mode.as_ref().is_some_and(|named| named == client)
        };
        self.applications.values().filter(names)
    }
}
