//! MFA policies: made, changed, deleted.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::mfa_policy::{MfaPolicy, Permitted, Without};
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{MfaPolicyId, NativeApplicationId};
use crate::protocol::public_id::Kind;
use crate::store::ephemeral::StoreError;
use crate::store::sql::sign_on::NativeApplications;
use crate::usecase::admin::client_metadata::{LONGEST_NAME, Problems, name};
use crate::usecase::admin::parts::{Described, ManageParts};

pub type ManageMfaPolicies = ManageParts<MfaPolicy>;

/// Each is looked at when somebody signs in.
const MOST_APPLICATIONS: usize = 20;

/// What may be changed of an MFA policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MfaPolicyWish {
    /// The identifier when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `block` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_devices_mode: Option<String>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incompatible_devices_mode: Option<String>,
    #[serde(default)]
    pub applications: Vec<PermittedWish>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermittedWish {
    pub application: String,
    #[serde(default)]
    pub auto_enrollment: bool,
    #[serde(default)]
    pub device_authorization: bool,
}

impl Described for MfaPolicy {
    type Wish = MfaPolicyWish;
    type Others = NativeApplications;

    const KIND: Kind = Kind::MfaPolicy;
    const NAME: &'static str = "MFA policy";
    const CREATED: Action = Action::MfaPolicyCreated;
    const UPDATED: Action = Action::MfaPolicyUpdated;
    const DELETED: Action = Action::MfaPolicyDeleted;
    const EXISTS: AdminErrorCode = AdminErrorCode::MfaPolicyExists;
    const IN_USE: AdminErrorCode = AdminErrorCode::MfaPolicyInUse;

    fn wish(&self) -> MfaPolicyWish {
        MfaPolicyWish {
            name: Some(self.name.clone()),
            no_devices_mode: Some(self.no_devices_mode.to_string()),
            incompatible_devices_mode: Some(self.incompatible_devices_mode.to_string()),
            applications: self.applications.iter().map(PermittedWish::of).collect(),
        }
    }

    fn made(wish: &MfaPolicyWish, id: MfaPolicyId, created_at: Timestamp) -> Result<Self, Vec<FieldProblem>> {
        wish.policy(id, created_at)
    }

    async fn missing(&self, applications: &NativeApplications) -> Result<Vec<FieldProblem>, StoreError> {
        let mut problems = Vec::new();
        for (at, permitted) in self.applications.iter().enumerate() {
            if applications.find(&permitted.application).await?.is_none() {
                problems.push(no_application(at));
            }
        }
        Ok(problems)
    }
}

fn no_application(at: usize) -> FieldProblem {
    let pointer = format!("/applications/{at}/application");
    FieldProblem::member(pointer, FieldCode::Unknown, "There is no such native application.")
}

impl MfaPolicyWish {
    /// The policy that these words describe.
    fn policy(&self, id: MfaPolicyId, created_at: Timestamp) -> Result<MfaPolicy, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let name = name("/name", self.name.as_deref(), id.as_str(), LONGEST_NAME, &mut problems);
        let mut mode = |pointer: &'static str, wished: Option<&str>| {
            let Some(text) = wished else { return Without::default() };
            Without::parse(text).unwrap_or_else(|| {
                problems.add(pointer, FieldCode::Unknown, "block or bypass.");
                Without::default()
            })
        };
        let no_devices_mode = mode("/no_devices_mode", self.no_devices_mode.as_deref());
        let incompatible_devices_mode = mode("/incompatible_devices_mode", self.incompatible_devices_mode.as_deref());
        let applications = self.applications(&mut problems);
        if problems.0.is_empty() {
            Ok(MfaPolicy { id, name, no_devices_mode, incompatible_devices_mode, applications, created_at })
        } else {
            Err(problems.0)
        }
    }

    fn applications(&self, problems: &mut Problems) -> Vec<Permitted> {
        if self.applications.len() > MOST_APPLICATIONS {
            problems.add("/applications", FieldCode::TooLong, "At most 20.");
            return Vec::new();
        }
        let mut parsed: Vec<Permitted> = Vec::new();
        for (at, wish) in self.applications.iter().enumerate() {
            match NativeApplicationId::parse(&wish.application) {
                Some(id) if parsed.iter().any(|other| other.application == id) => {
                    problems.add_to(format!("/applications/{at}"), FieldCode::Invalid, "It is there twice.");
                }
                Some(application) => parsed.push(Permitted {
                    application,
                    auto_enrollment: wish.auto_enrollment,
                    device_authorization: wish.device_authorization,
                }),
                None => problems.0.push(no_application(at)),
            }
        }
        parsed
    }
}

impl PermittedWish {
    fn of(permitted: &Permitted) -> Self {
        Self {
            application: permitted.application.to_string(),
            auto_enrollment: permitted.auto_enrollment,
            device_authorization: permitted.device_authorization,
        }
    }
}
