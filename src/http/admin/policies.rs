//! `/admin/v1/policies`.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};

use crate::domain::policy::{SignOnPolicy, Source};
use crate::http::Tag;
use crate::http::admin::access::{Admin, PoliciesRead, PoliciesWrite};
use crate::http::admin::closed::closed;
use crate::http::admin::members::{Members, Patch, parsed, take_id};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::acr::Acr;
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::policies::{AttributeWish, ConditionWish, ManagePolicies, PolicyWish, StepWish};

pub struct PoliciesApi {
    pub policies: ManagePolicies,
    pub cursors: Cursors,
}

closed! {
    #[doc = "Who or what is asked: `identifier`, whom the person says to be, which proves nothing; `password`, username and password; `passkey`, a passkey of whoever has one, or of the person who has proved to be somebody in an earlier step; `mfa`, a second factor of whoever has proved to be somebody, as `mfa_policy` has it."]
    PolicySource: Source = Source::ALL.iter().map(|source| source.as_str());
    #[doc = "How well somebody is authenticated."]
    AuthenticationContext: Acr = Acr::ALL.into_iter().map(Acr::as_str);
}

/// When a step is asked: one of `clients`, `acr`, `scopes`, `not_within`, `networks` and `attribute`, or with `not` that it
/// is otherwise.
#[derive(Clone, Debug, Object)]
#[oai(rename = "PolicyCondition", skip_serializing_if_is_none)]
pub struct ConditionBody {
    pub not: Option<bool>,
    /// The client is one of these.
    #[oai(validator(min_items = 1, max_items = 100))]
    pub clients: Option<Vec<String>>,
    /// The client asks for this context, or a stronger one.
    pub acr: Option<AuthenticationContext>,
    /// The client asks for one of these scopes.
    #[oai(validator(min_items = 1, max_items = 100))]
    pub scopes: Option<Vec<String>>,
    /// Nobody was authenticated in this browser within so many seconds.
    pub not_within: Option<u32>,
    /// Whoever signs in calls from one of these: addresses, or networks as `address/bits`.
    #[oai(validator(min_items = 1, max_items = 100))]
    pub networks: Option<Vec<String>>,
    /// What is known of the person. Of somebody of whom that is not known yet the step is asked, `not` or no `not`.
    pub attribute: Option<AttributeBody>,
}

/// Something that is known of a person.
#[derive(Clone, Debug, Object)]
#[oai(rename = "PolicyAttribute")]
pub struct AttributeBody {
    /// `preferred_username`, `name`, `email` or `email_verified`.
    pub name: String,
    /// It is one of these, compared exactly: a text; of `email_verified`, `true` or `false`.
    #[oai(validator(min_items = 1, max_items = 100))]
    pub values: Vec<String>,
}

/// One step of a policy.
#[derive(Clone, Debug, Object)]
#[oai(rename = "PolicyStep", skip_serializing_if_is_none)]
pub struct StepBody {
    /// 1 to 40 of `A-Z a-z 0-9 - . _`.
    pub id: String,
    pub source: PolicySource,
    /// What the person may take instead of `source`, where that proves something.
    #[oai(validator(min_items = 1, max_items = 5))]
    pub alternatives: Option<Vec<PolicySource>>,
    /// Who has no passkey makes the first one in this step, once something else was proved.
    pub enrol: Option<bool>,
    /// What counts as a second factor, in a step with the source `mfa`.
    pub mfa_policy: Option<String>,
    /// All of them have to hold, or the step is passed over and proves nothing.
    pub when: Option<Vec<ConditionBody>>,
    /// Where it goes from here: `done`, `fail`, or the `id` of a later step. When left out, the next step;
    /// from the last one, `done`.
    pub success: Option<String>,
    /// The same for whoever does not get through. `fail` when left out.
    pub failure: Option<String>,
}

/// How people sign in: which steps are asked in which order. At `done` they are signed in.
#[derive(Clone, Debug, Object)]
#[oai(rename = "SignOnPolicy", skip_serializing_if_is_none)]
pub struct PolicyBody {
    pub id: String,
    /// For operators.
    pub name: String,
    /// The authentication application that shows it, instead of `default_application`.
    pub application: Option<String>,
    /// Each before those that it leads to.
    pub steps: Vec<StepBody>,
    pub created_at: DateTime,
}

/// A policy to be made.
#[derive(Debug, Object)]
#[oai(rename = "SignOnPolicyCreation")]
pub struct NewPolicyBody {
    /// Made when left out: 1 to 40 of `A-Z a-z 0-9 - . _ ~`.
    pub id: Option<String>,
    /// The identifier when left out.
    pub name: Option<String>,
    pub application: Option<String>,
    /// The first one is where it begins. Each other one is led to from one place. Nobody comes to `done` without
    /// a password or a passkey that was right.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub steps: Vec<StepBody>,
}

/// Changes to a policy, as a merge patch.
#[derive(Debug, Object)]
#[oai(rename = "SignOnPolicyPatch")]
pub struct PolicyPatch {
    pub name: Option<String>,
    pub application: Option<String>,
    /// All of them: a list is replaced, not added to.
    #[oai(validator(min_items = 1, max_items = 20))]
    pub steps: Option<Vec<StepBody>>,
}

/// Part of a list of policies.
#[derive(Object)]
#[oai(rename = "SignOnPolicyPage", skip_serializing_if_is_none)]
pub struct PolicyPage {
    pub items: Vec<PolicyBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&SignOnPolicy> for PolicyBody {
    fn from(policy: &SignOnPolicy) -> Self {
        let PolicyWish { application, steps, .. } = PolicyWish::of(policy);
        Self {
            id: policy.id.to_string(),
            name: policy.name.clone(),
            application,
            steps: steps.into_iter().filter_map(step).collect(),
            created_at: policy.created_at.into(),
        }
    }
}

/// In the closed words, of which it was made.
fn step(step: StepWish) -> Option<StepBody> {
    let StepWish { id, source, alternatives, enrol, mfa_policy, when, success, failure } = step;
    let alternatives: Vec<PolicySource> =
        alternatives.iter().map(|text| Some(Source::parse(text)?.into())).collect::<Option<_>>()?;
    let when: Vec<ConditionBody> = when.into_iter().map(condition).collect();
    Some(StepBody {
        id,
        source: Source::parse(&source)?.into(),
        alternatives: (!alternatives.is_empty()).then_some(alternatives),
        enrol: enrol.then_some(true),
        mfa_policy,
        when: (!when.is_empty()).then_some(when),
        success,
        failure,
    })
}

fn condition(condition: ConditionWish) -> ConditionBody {
    let ConditionWish { not, clients, acr, scopes, not_within, networks, attribute } = condition;
    let attribute = attribute.map(|AttributeWish { name, values }| AttributeBody { name, values });
    let acr = acr.as_deref().and_then(Acr::parse).map(Into::into);
    ConditionBody { not: not.then_some(true), clients, acr, scopes, not_within, networks, attribute }
}

/// As it is named in the log of a list.
const LIST: &str = "policies";

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminSignOn")]
impl PoliciesApi {
    /// List sign-on policies
    ///
    /// Newest first. Username and password, or a passkey, which is what there is without any policy, is not among
    /// them.
    #[oai(path = "/policies", method = "get", operation_id = "listPolicies")]
    async fn list(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<PolicyPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(LIST, since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let page = self.policies.list(after.as_ref(), page::limit(limit.0)).await?.since(since, |item| item.created_at);
        Ok(Shown::of(PolicyPage {
            next_cursor: self.cursors.next(&list, page.next.as_ref()),
            total: page::total(count.0, self.policies.count(since)).await?,
            items: page.items.iter().map(PolicyBody::from).collect(),
        }))
    }

    /// Make a sign-on policy
    ///
    /// It is used by the clients that name it as `sign_on_policy`, and by all that name none when it is the
    /// `default_policy`.
    #[oai(
        path = "/policies",
        method = "post",
        operation_id = "createPolicy",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        body: Members<NewPolicyBody>,
    ) -> Result<Created<PolicyBody>> {
        let mut members = body.value;
        let id = take_id(&mut members, "id")?;
        let policy = PolicyBody::from(&self.policies.create(&admin, id.as_deref(), &parsed(members)?).await?);
        Ok(Created::at(format!("/admin/v1/policies/{}", policy.id), &policy.clone(), policy))
    }

    /// Read a sign-on policy
    #[oai(path = "/policies/:policy_id", method = "get", operation_id = "getPolicy")]
    async fn read(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        policy_id: Path<String>,
    ) -> Result<Read<PolicyBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.policies.read(&policy_id).await?).into()))
    }

    /// Change a sign-on policy
    ///
    /// A merge patch (RFC 7396). Whoever is signing in goes on by the changed policy: what was proved in a
    /// step counts for a step of the same `id`.
    #[oai(path = "/policies/:policy_id", method = "patch", operation_id = "updatePolicy")]
    async fn update(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        policy_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<PolicyPatch, PolicyBody>,
    ) -> Result<Read<PolicyBody>> {
        let unchanged = unchanged::<SignOnPolicy, PolicyBody>(if_match);
        let policy = self.policies.update(&admin, &policy_id, body.value.into(), &unchanged).await?;
        Ok(Read::of((&policy).into()))
    }

    /// Delete a sign-on policy
    ///
    /// Refused while a client or the settings name it.
    #[oai(path = "/policies/:policy_id", method = "delete", operation_id = "deletePolicy")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        policy_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<SignOnPolicy, PolicyBody>(if_match);
        self.policies.delete(&admin, &policy_id, &unchanged).await?;
        Ok(Done)
    }
}
