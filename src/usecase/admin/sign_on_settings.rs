//! What holds for a sign-in where nothing else is said.

use serde_json::Value;

use crate::domain::audit::Action;
use crate::domain::sign_on::Settings;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode};
use crate::protocol::id::{ApplicationId, PolicyId};
use crate::protocol::merge_patch;
use crate::store::ephemeral::StoreError;
use crate::store::sql::sign_on::{Applications, Policies, SignOnSettings};
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
        names(&patch)?;
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

/// What cannot be a name is nobody's.
fn names(patch: &Value) -> Result<(), AdminError> {
    let mut problems = Problems::default();
    let text = |member: &str| patch.get(member).and_then(Value::as_str);
    if text("default_policy").is_some_and(|name| PolicyId::parse(name).is_none()) {
        problems.add("/default_policy", FieldCode::Unknown, "There is no such sign-on policy.");
    }
    if text("default_application").is_some_and(|name| ApplicationId::parse(name).is_none()) {
        problems.add("/default_application", FieldCode::Unknown, "There is no such authentication application.");
    }
    if problems.0.is_empty() { Ok(()) } else { Err(AdminError::invalid(problems.0)) }
}

fn patched(settings: &Settings, patch: Value) -> Result<Settings, AdminError> {
    let before = serde_json::to_value(settings).unwrap_or_default();
    serde_json::from_value(merge_patch::apply(before, patch)).map_err(|_| {
        AdminError::because(AdminErrorCode::InvalidRequest, "the patched settings do not have the documented members")
    })
}
