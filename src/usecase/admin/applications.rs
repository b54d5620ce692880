//! Authentication applications: registered, changed, deleted. They see what people type.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::audit::Action;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{ApplicationId, ClientId};
use crate::protocol::origin::{AllowedOrigin, ApplicationUrl};
use crate::protocol::public_id::Kind;
use crate::store::ephemeral::StoreError;
use crate::usecase::admin::client_metadata::{LONGEST_NAME, Problems, name};
use crate::usecase::admin::parts::{Described, ManageParts};

/// Each is compared with what every request of a page says.
const MOST_ORIGINS: usize = 20;

pub type ManageApplications = ManageParts<Application>;

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

impl Described for Application {
    type Wish = ApplicationWish;
    type Others = ();

    const KIND: Kind = Kind::Application;
    const NAME: &'static str = "application";
    const CREATED: Action = Action::ApplicationCreated;
    const UPDATED: Action = Action::ApplicationUpdated;
    const DELETED: Action = Action::ApplicationDeleted;
    const EXISTS: AdminErrorCode = AdminErrorCode::ApplicationExists;
    const IN_USE: AdminErrorCode = AdminErrorCode::ApplicationInUse;

    fn wish(&self) -> ApplicationWish {
        ApplicationWish::of(self)
    }

    fn made(wish: &ApplicationWish, id: ApplicationId, created_at: Timestamp) -> Result<Self, Vec<FieldProblem>> {
        wish.application(id, created_at)
    }

    async fn missing(&self, (): &()) -> Result<Vec<FieldProblem>, StoreError> {
        Ok(Vec::new())
    }
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
        let name = name("/name", self.name.as_deref(), id.as_str(), LONGEST_NAME, &mut problems);
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
