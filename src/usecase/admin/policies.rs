//! Sign-on policies: made, changed, deleted. What makes a policy one is said in
//! [`listed`](crate::domain::policy::listed).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::policy::listed::{self, Fault, Listed, Target, Way, step_id};
use crate::domain::policy::{About, Branch, Condition, SignOnPolicy, Source};
use crate::protocol::acr::Acr;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::claims_request::PersonalClaim;
use crate::protocol::id::{ApplicationId, ClientId, MfaPolicyId, PolicyId};
use crate::protocol::public_id::Kind;
use crate::protocol::scope::Scope;
use crate::store::ephemeral::StoreError;
use crate::store::sql::sign_on::{Applications, MfaPolicies};
use crate::usecase::admin::client_metadata::{LONGEST_NAME, Problems, name};
use crate::usecase::admin::parts::{Described, ManageParts, part_id};

pub type ManagePolicies = ManageParts<SignOnPolicy>;

/// What may be changed of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyWish {
    /// The identifier when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    #[serde(default)]
    pub steps: Vec<StepWish>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepWish {
    pub id: String,
    pub source: String,
    /// What the person may take instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// Who has no passkey makes one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enrol: bool,
    /// What counts as a second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_policy: Option<String>,
    /// All of them have to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<ConditionWish>,
    /// The next step when left out; behind the last one, `done`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    /// `fail` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// One of them, or that it is not so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConditionWish {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_within: Option<u32>,
    /// Addresses, or networks as `address/bits`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<AttributeWish>,
}

/// What is known of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeWish {
    /// As the claim of it is called.
    pub name: String,
    /// One of these.
    pub values: Vec<String>,
}

pub fn policy_id(text: &str) -> Option<PolicyId> {
    part_id::<SignOnPolicy>(text)
}

impl Described for SignOnPolicy {
    type Wish = PolicyWish;
    type Others = (Applications, MfaPolicies);

    const KIND: Kind = Kind::Policy;
    const NAME: &'static str = "policy";
    const CREATED: Action = Action::PolicyCreated;
    const UPDATED: Action = Action::PolicyUpdated;
    const DELETED: Action = Action::PolicyDeleted;
    const EXISTS: AdminErrorCode = AdminErrorCode::PolicyExists;
    const IN_USE: AdminErrorCode = AdminErrorCode::PolicyInUse;

    fn wish(&self) -> PolicyWish {
        PolicyWish::of(self)
    }

    fn made(wish: &PolicyWish, id: PolicyId, created_at: Timestamp) -> Result<Self, Vec<FieldProblem>> {
        wish.policy(id, created_at)
    }

    async fn missing(&self, (applications, mfa): &Self::Others) -> Result<Vec<FieldProblem>, StoreError> {
        let mut problems = Vec::new();
        if let Some(id) = &self.application
            && applications.find(id).await?.is_none()
        {
            problems.push(NO_APPLICATION);
        }
        for step in self.steps() {
            let Some(id) = &step.mfa_policy else { continue };
            if mfa.find(id).await?.is_none() {
                let detail = format!("The step {} names an MFA policy that there is not.", step.id);
                problems.push(FieldProblem::member("/steps".to_owned(), FieldCode::Unknown, detail));
            }
        }
        Ok(problems)
    }
}

const NO_APPLICATION: FieldProblem =
    FieldProblem::new("/application", FieldCode::Unknown, "There is no such authentication application.");

impl PolicyWish {
    pub fn of(policy: &SignOnPolicy) -> Self {
        Self {
            name: Some(policy.name.clone()),
            application: policy.application.as_ref().map(ToString::to_string),
            steps: listed::list(&policy.root).iter().map(StepWish::of).collect(),
        }
    }

    /// The policy that these words describe.
    pub fn policy(&self, id: PolicyId, created_at: Timestamp) -> Result<SignOnPolicy, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let name = name("/name", self.name.as_deref(), id.as_str(), LONGEST_NAME, &mut problems);
        let application = self.application.as_deref().map(ApplicationId::parse);
        if application == Some(None) {
            problems.0.push(NO_APPLICATION);
        }
        match (self.root(&mut problems), problems.0.is_empty()) {
            (Some(root), true) => Ok(SignOnPolicy { id, name, application: application.flatten(), root, created_at }),
            _ => Err(problems.0),
        }
    }

    fn root(&self, problems: &mut Problems) -> Option<Branch> {
        let before = problems.0.len();
        let steps: Vec<Option<Listed>> = (0..self.steps.len()).map(|at| self.step(at, problems)).collect();
        let steps: Vec<Listed> = steps.into_iter().collect::<Option<_>>().filter(|_| problems.0.len() == before)?;
        listed::tree(steps).map_err(|faults| problems.0.extend(faults.into_iter().map(told))).ok()
    }

    fn step(&self, at: usize, problems: &mut Problems) -> Option<Listed> {
        let wish = self.steps.get(at)?;
        let next = self.steps.get(at + 1).map(|next| next.id.as_str());
        let mut problem = |member: &str, code, detail| {
            problems.0.push(FieldProblem::member(format!("/steps/{at}/{member}"), code, detail));
        };
        let id = step_id(&wish.id);
        if id.is_none() {
            problem("id", FieldCode::Invalid, "1 to 40 of A-Z a-z 0-9 - . _, and neither done nor fail.");
        }
        let source = Source::parse(&wish.source);
        if source.is_none() {
            problem("source", FieldCode::Unknown, "identifier, password, passkey or mfa.");
        }
        let mfa_policy = wish.mfa_policy.as_deref().map(MfaPolicyId::parse);
        if mfa_policy == Some(None) {
            problem("mfa_policy", FieldCode::Unknown, "There is no such MFA policy.");
        }
        let alternatives: Option<Vec<Source>> = wish.alternatives.iter().map(|text| Source::parse(text)).collect();
        if alternatives.is_none() {
            problem("alternatives", FieldCode::Unknown, "password or passkey.");
        }
        let target = |named: Option<&str>, default: &str| Target::parse(named.unwrap_or(default));
        let success = target(wish.success.as_deref(), next.unwrap_or("done"));
        let failure = target(wish.failure.as_deref(), "fail");
        // Of a next step without a name, that step tells.
        for (member, missing) in
            [("success", success.is_none() && wish.success.is_some()), ("failure", failure.is_none())]
        {
            if missing {
                problem(member, FieldCode::Invalid, "done, fail, or the id of a later step.");
            }
        }
        let mut when = Vec::new();
        for (nth, condition) in wish.when.iter().enumerate() {
            match condition.condition() {
                Ok(condition) => when.push(condition),
                Err((member, detail)) => problem(&format!("when/{nth}{member}"), FieldCode::Invalid, detail),
            }
        }
        let (source, alternatives) = (source?, alternatives?);
        Some(Listed {
            id: id?,
            source,
            alternatives,
            enrol: wish.enrol,
            mfa_policy: mfa_policy.flatten(),
            when,
            success: success?,
            failure: failure?,
        })
    }
}

/// A member, and what is wrong with it.
type Wrong = (&'static str, &'static str);

impl ConditionWish {
    fn condition(&self) -> Result<Condition, Wrong> {
        let asked = |acr: &str| Acr::parse(acr).map(About::Asked).ok_or(("/acr", "One that we produce."));
        let given = [
            self.clients.as_deref().map(|clients| client_ids(clients).map(About::Client)),
            self.acr.as_deref().map(asked),
            self.scopes.as_deref().map(|scopes| scope_names(scopes).map(About::Scope)),
            self.not_within.map(|seconds| Ok(About::NotWithin(seconds))),
            self.networks.as_deref().map(|networks| addresses(networks).map(About::Network)),
            self.attribute.as_ref().map(AttributeWish::about),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(about), None) => Ok(Condition { not: self.not, about: about? }),
            (Some(_) | None, _) => Err(("", "One of clients, acr, scopes, not_within, networks, attribute.")),
        }
    }

    fn of(condition: &Condition) -> Self {
        let empty = Self { not: condition.not, ..Self::default() };
        match &condition.about {
            About::Client(clients) => {
                Self { clients: Some(clients.iter().map(ToString::to_string).collect()), ..empty }
            }
            About::Asked(acr) => Self { acr: Some(acr.as_str().to_owned()), ..empty },
            About::Scope(names) => Self { scopes: Some(names.clone()), ..empty },
            About::NotWithin(seconds) => Self { not_within: Some(*seconds), ..empty },
            About::Network(networks) => {
                Self { networks: Some(networks.iter().map(ToString::to_string).collect()), ..empty }
            }
            About::Person(claim, values) => {
                let (name, values) = (claim.as_str().to_owned(), values.clone());
                Self { attribute: Some(AttributeWish { name, values }), ..empty }
            }
        }
    }
}

/// What somebody may be asked about: what changes by itself is none of it.
const ATTRIBUTES: [PersonalClaim; 4] =
    [PersonalClaim::PreferredUsername, PersonalClaim::Name, PersonalClaim::Email, PersonalClaim::EmailVerified];

impl AttributeWish {
    fn about(&self) -> Result<About, Wrong> {
        let claim = ATTRIBUTES.into_iter().find(|claim| claim.as_str() == self.name);
        let claim = claim.ok_or(("/attribute/name", "preferred_username, name, email or email_verified."))?;
        let fits = |value: &String| (1..=LONGEST_VALUE).contains(&value.len());
        if !(1..=MOST_NAMES).contains(&self.values.len()) || !self.values.iter().all(fits) {
            return Err(("/attribute/values", "1 to 100 texts of 1 to 256 bytes."));
        }
        Ok(About::Person(claim, self.values.clone()))
    }
}

/// The longest value of an attribute, in bytes.
const LONGEST_VALUE: usize = 256;

/// As many as a condition may name.
const MOST_NAMES: usize = 100;

fn client_ids(texts: &[String]) -> Result<Vec<ClientId>, Wrong> {
    let ids: Option<Vec<ClientId>> = texts.iter().map(|text| ClientId::parse(text)).collect();
    ids.filter(|ids| (1..=MOST_NAMES).contains(&ids.len())).ok_or(("/clients", "1 to 100 identifiers of clients."))
}

fn addresses(texts: &[String]) -> Result<Vec<IpNet>, Wrong> {
    let one = |text: &String| text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    // As `address/bits` says it: whatever stands behind those bits is none of the network.
    let networks: Option<Vec<IpNet>> = texts.iter().map(|text| one(text).map(|network| network.trunc())).collect();
    networks
        .filter(|networks| (1..=MOST_NAMES).contains(&networks.len()))
        .ok_or(("/networks", "1 to 100 addresses, or networks as address/bits."))
}

fn scope_names(texts: &[String]) -> Result<Vec<String>, Wrong> {
    let one = |text: &String| Scope::parse(text).is_some_and(|scope| scope.names().count() == 1);
    let fits = (1..=MOST_NAMES).contains(&texts.len()) && texts.iter().all(one);
    if fits { Ok(texts.to_vec()) } else { Err(("/scopes", "1 to 100 names of scopes.")) }
}

impl StepWish {
    fn of(step: &Listed) -> Self {
        Self {
            id: step.id.to_string(),
            source: step.source.as_str().to_owned(),
            alternatives: step.alternatives.iter().map(|source| source.as_str().to_owned()).collect(),
            enrol: step.enrol,
            mfa_policy: step.mfa_policy.as_ref().map(ToString::to_string),
            when: step.when.iter().map(ConditionWish::of).collect(),
            success: Some(step.success.as_str().to_owned()),
            failure: Some(step.failure.as_str().to_owned()),
        }
    }
}

fn told(fault: Fault) -> FieldProblem {
    let way = |at: usize, way| match way {
        Way::Success => format!("/steps/{at}/success"),
        Way::Failure => format!("/steps/{at}/failure"),
    };
    match fault {
        Fault::Empty => FieldProblem::new("/steps", FieldCode::Required, "At least one step."),
        Fault::TooMany => FieldProblem::new("/steps", FieldCode::TooLong, "At most 20 steps."),
        Fault::Repeated(at) => {
            FieldProblem::member(format!("/steps/{at}/id"), FieldCode::Invalid, "Another step has this id.")
        }
        Fault::NoStep(at, out) => {
            FieldProblem::member(way(at, out), FieldCode::Unknown, "done, fail, or the id of a later step.")
        }
        Fault::Shared(at, out) => {
            FieldProblem::member(way(at, out), FieldCode::Invalid, "Something else leads to that step already.")
        }
        Fault::Alternatives(at) => FieldProblem::member(
            format!("/steps/{at}/alternatives"),
            FieldCode::Invalid,
            "Other sources than the step's own, each once; and all of them prove something, the step's own too.",
        ),
        Fault::Enrol(at) => {
            FieldProblem::member(format!("/steps/{at}/enrol"), FieldCode::NotAllowed, "For a step with passkeys.")
        }
        Fault::MfaPolicy(at) => FieldProblem::member(
            format!("/steps/{at}/mfa_policy"),
            FieldCode::Required,
            "A step with the source mfa has one, and no other has.",
        ),
        Fault::Beforehand => FieldProblem::new(
            "/steps",
            FieldCode::NotAllowed,
            "A second factor comes after a password or a passkey that everybody is asked for.",
        ),
        Fault::Unreachable(at) => {
            FieldProblem::member(format!("/steps/{at}"), FieldCode::Invalid, "Nothing leads to this step.")
        }
        Fault::Unproved => FieldProblem::new(
            "/steps",
            FieldCode::NotAllowed,
            "Somebody of whom nothing was proved would come to done: a password or a passkey has to be right on the way.",
        ),
    }
}
