//! What holds for a sign-in where nothing else is said.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::sign_on::Settings;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::merge_patch;
use crate::store::ephemeral::StoreError;
use crate::store::sql::applications::Applications;
use crate::store::sql::policies::Policies;
use crate::store::sql::sign_on::SignOnSettings;
use crate::usecase::admin::client_metadata::Problems;
use crate::usecase::admin::{AdminError, Administrator, Desk, Precondition};

pub struct ManageSignOnSettings {
    pub settings: SignOnSettings,
    pub policies: Policies,
    pub applications: Applications,
    pub desk: Desk,
}

impl ManageSignOnSettings {
    pub async fn read(&self) -> Result<Settings, StoreError> {
        self.settings.find().await
    }

    /// Applies a merge patch [RFC 7396].
    pub async fn update(
        &self,
        by: &Administrator,
        patch: Value,
        unchanged: Precondition<'_, Settings>,
    ) -> Result<Settings, AdminError> {
        self.check(&patched(&Settings::default(), patch.clone())?).await?;
        let event = self.desk.event(by, Action::SignOnSettingsUpdated);
        let change = |settings: Settings| {
            if unchanged(&settings) {
                patched(&settings, patch)
            } else {
                Err(AdminErrorCode::PreconditionFailed.into())
            }
        };
        self.settings.update_if(&event, change).await?
    }

    /// What goes at the same moment is kept by the database.
    async fn check(&self, settings: &Settings) -> Result<(), AdminError> {
        let mut problems = Problems::default();
        if let Some(id) = &settings.default_policy
            && self.policies.find(id).await?.is_none()
        {
            problems.add("/default_policy", FieldCode::Unknown, "There is no such sign-on policy.");
        }
        if let Some(id) = &settings.default_application
            && self.applications.find(id).await?.is_none()
        {
            problems.add("/default_application", FieldCode::Unknown, "There is no such authentication application.");
        }
        if problems.0.is_empty() { Ok(()) } else { Err(AdminError::invalid(problems.0)) }
    }
}

fn patched(settings: &Settings, patch: Value) -> Result<Settings, AdminError> {
    let before = serde_json::to_value(settings).unwrap_or_default();
    serde_json::from_value(merge_patch::apply(before, patch)).map_err(|_| {
        AdminError::because(AdminErrorCode::InvalidRequest, "the patched settings do not have the documented members")
    })
}

/// Whoever sends back what was read sends these too.
pub(super) fn take_read_only(patch: &mut Value, id: &str, created_at: Timestamp) -> Result<(), AdminError> {
    let Some(members) = patch.as_object_mut() else { return Ok(()) };
    let read_only =
        [("id", "/id", Value::from(id)), ("created_at", "/created_at", Value::from(created_at.to_string()))];
    for (name, pointer, value) in read_only {
        if members.remove(name).is_some_and(|said| said != value) {
            let problem = FieldProblem::new(pointer, FieldCode::ReadOnly, "This cannot be changed.");
            return Err(AdminError::invalid(vec![problem]));
        }
    }
    Ok(())
}
