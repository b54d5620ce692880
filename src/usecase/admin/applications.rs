//! Authentication applications: registered, changed, deleted. They see what people type.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::audit::Action;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{ApplicationId, ClientId};
use crate::protocol::merge_patch;
use crate::protocol::origin::{AllowedOrigin, ApplicationUrl};
use crate::protocol::public_id::Kind;
use crate::store::ephemeral::StoreError;
use crate::store::sql::sign_on::Applications;
use crate::usecase::admin::client_metadata::{Problems, is_name, name};
use crate::usecase::admin::policies::BAD_ID_DETAIL;
use crate::usecase::admin::{AdminError, Administrator, Desk, Page, Position, Precondition, described, take_read_only};

/// Each is compared with what every request of a page says.
const MOST_ORIGINS: usize = 20;

pub struct ManageApplications {
    pub applications: Applications,
    pub desk: Desk,
}

/// What may be changed of an application, in `PingFederate`'s words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationWish {
    /// The identifier when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default)]
    pub additional_allowed_origins: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_for_redirectless_mode: Option<String>,
}

const BAD_ID: FieldProblem = FieldProblem::new("/id", FieldCode::Invalid, BAD_ID_DETAIL);

pub fn application_id(text: &str) -> Option<ApplicationId> {
    ApplicationId::parse(text).filter(|_| is_name(text))
}

impl ManageApplications {
    pub async fn list(&self, after: Option<&Position>, limit: u32) -> Result<Page<Application>, StoreError> {
        let found = self.applications.newest(after.and_then(Position::text), limit.saturating_add(1)).await?;
        Ok(Page::of(found, limit, |application| Position::named(application.created_at, application.id.as_str())))
    }

    pub async fn read(&self, id: &str) -> Result<Application, AdminError> {
        let id = application_id(id).ok_or(AdminErrorCode::NotFound)?;
        Ok(self.applications.find(&id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    /// Without `id`, one is made.
    pub async fn create(
        &self,
        by: &Administrator,
        id: Option<&str>,
        wish: &ApplicationWish,
    ) -> Result<Application, AdminError> {
        let wanted = id.map(application_id);
        let bad_id = (wanted == Some(None)).then_some(BAD_ID);
        let id = wanted.flatten().map_or_else(|| self.desk.fresh(Kind::Application, application_id), Ok)?;
        let application = described(wish.application(id, self.desk.now()), bad_id)?;
        let event = self.desk.event(by, Action::ApplicationCreated).of(application.id.as_str());
        if self.applications.create(&application, &event).await? {
            Ok(application)
        } else {
            Err(AdminErrorCode::ApplicationExists.into())
        }
    }

    /// Applies a merge patch [RFC 7396] to what may be changed.
    pub async fn update(
        &self,
        by: &Administrator,
        id: &str,
        patch: Value,
        unchanged: Precondition<'_, Application>,
    ) -> Result<Application, AdminError> {
        let id = application_id(id).ok_or(AdminErrorCode::NotFound)?;
        let event = self.desk.event(by, Action::ApplicationUpdated).of(id.as_str());
        let change = |application: Application| {
            if !unchanged(&application) {
                return Err(AdminErrorCode::PreconditionFailed.into());
            }
            let wish = patched(&application, patch)?;
            wish.application(application.id.clone(), application.created_at).map_err(AdminError::invalid)
        };
        self.applications.update_if(&id, &event, self.desk.now(), change).await?.ok_or(AdminErrorCode::NotFound)?
    }

    pub async fn delete(
        &self,
        by: &Administrator,
        id: &str,
        unchanged: Precondition<'_, Application>,
    ) -> Result<(), AdminError> {
        let id = application_id(id).ok_or(AdminErrorCode::NotFound)?;
        let event = self.desk.event(by, Action::ApplicationDeleted).of(id.as_str());
        let check = |application: &Application, used: bool| match () {
            () if !unchanged(application) => Err(AdminErrorCode::PreconditionFailed),
            () if used => Err(AdminErrorCode::ApplicationInUse),
            () => Ok(()),
        };
        Ok(self.applications.delete_if(&id, &event, check).await?.ok_or(AdminErrorCode::NotFound)??)
    }
}

fn patched(application: &Application, mut patch: Value) -> Result<ApplicationWish, AdminError> {
    let read_only = [("id", application.id.as_str().into()), ("created_at", application.created_at.to_string().into())];
    take_read_only(&mut patch, read_only)?;
    let before = serde_json::to_value(ApplicationWish::of(application)).unwrap_or_default();
    serde_json::from_value(merge_patch::apply(before, patch)).map_err(|_| {
        let why = "the patched application does not have the documented members";
        AdminError::because(AdminErrorCode::InvalidRequest, why)
    })
}

impl ApplicationWish {
    pub fn of(application: &Application) -> Self {
        let origins = &application.additional_allowed_origins;
        Self {
            name: Some(application.name.clone()),
            url: Some(application.url.as_str().to_owned()),
            additional_allowed_origins: origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            client_for_redirectless_mode: application.client_for_redirectless_mode.as_ref().map(ToString::to_string),
        }
    }

    /// The application that these words describe.
    pub fn application(&self, id: ApplicationId, created_at: Timestamp) -> Result<Application, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let name = name("/name", self.name.as_deref(), id.as_str(), &mut problems);
        let url = match self.url.as_deref().map(ApplicationUrl::parse) {
            Some(Ok(url)) => Some(url),
            Some(Err(why)) => {
                problems.add("/url", FieldCode::Invalid, why);
                None
            }
            None => {
                problems.add("/url", FieldCode::Required, "It cannot be left out.");
                None
            }
        };
        let additional_allowed_origins = self.origins(&mut problems);
        let client = self.client_for_redirectless_mode.as_deref().map(ClientId::parse);
        if client == Some(None) {
            problems.add("/client_for_redirectless_mode", FieldCode::Invalid, "No identifier of a client.");
        }
        match (url, problems.0.is_empty()) {
            (Some(url), true) => Ok(Application {
                id,
                name,
                url,
                additional_allowed_origins,
                client_for_redirectless_mode: client.flatten(),
                created_at,
            }),
            _ => Err(problems.0),
        }
    }

    fn origins(&self, problems: &mut Problems) -> Vec<AllowedOrigin> {
        let given = &self.additional_allowed_origins;
        if given.len() > MOST_ORIGINS {
            problems.add("/additional_allowed_origins", FieldCode::TooLong, "At most 20.");
            return Vec::new();
        }
        let mut parsed: Vec<AllowedOrigin> = Vec::new();
        for (at, text) in given.iter().enumerate() {
            let pointer = format!("/additional_allowed_origins/{at}");
            match AllowedOrigin::parse(text) {
                Ok(origin) if parsed.contains(&origin) => {
                    problems.0.push(FieldProblem::member(pointer, FieldCode::Invalid, "It is there twice."));
                }
                Ok(origin) => parsed.push(origin),
                Err(why) => problems.0.push(FieldProblem::member(pointer, FieldCode::Invalid, why)),
            }
        }
        parsed
    }
}
