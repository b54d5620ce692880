//! `/admin/v1/native-applications/{native_application_id}/push-credentials`.

use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use crate::domain::push::Provider;
use crate::domain::push_credentials::Facts;
use crate::http::Tag;
use crate::http::admin::access::{Admin, PoliciesRead, PoliciesWrite};
use crate::http::admin::closed::closed;
use crate::http::admin::members::{Members, parsed};
use crate::http::admin::reply::{Done, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::push_credentials::{ManagePushCredentials, Seen};

pub struct PushCredentialsApi {
    pub credentials: ManagePushCredentials,
}

closed! {
    #[doc = "Who carries pushes: Firebase Cloud Messaging, Apple's service, or the push services of browsers."]
    PushProvider: Provider = Provider::ALL.iter().map(|provider| provider.as_str());
}

/// As whom a push service is called. The keys nobody can read.
#[derive(Debug, Object)]
#[oai(rename = "PushCredentials", skip_serializing_if_is_none)]
pub struct PushCredentialsBody {
    pub provider: PushProvider,
    /// Of `fcm`.
    pub project_id: Option<String>,
    /// Of `fcm`.
    pub client_email: Option<String>,
    /// Of `apns`.
    pub team_id: Option<String>,
    /// Which key: of `apns`, and of `fcm` where its file says it.
    pub key_id: Option<String>,
    /// Of `web_push`.
    pub subject: Option<String>,
    /// Of `web_push`: with it, as `applicationServerKey`, a browser subscribes.
    pub public_key: Option<String>,
    pub updated_at: DateTime,
}

/// Credentials to be set, in the place of any others for the provider.
#[derive(Debug, Object)]
#[oai(rename = "PushCredentialsSetting")]
pub struct NewPushCredentials {
    /// `fcm`: the JSON of a key of a service account, as Google gives it.
    pub service_account: Option<Value>,
    /// `apns`: ten characters.
    pub team_id: Option<String>,
    /// `apns`: ten characters.
    pub key_id: Option<String>,
    /// `apns`: the content of Apple's `.p8` file. `web_push`: 32 bytes in base64url. It is not shown again.
    pub private_key: Option<String>,
    /// `web_push`: a `mailto:` or `https:` URL at which push services reach you (RFC 8292).
    pub subject: Option<String>,
    /// `web_push`: the other half of `private_key`, 65 bytes in base64url. Without the two, those that are there stay, or
    /// are made.
    pub public_key: Option<String>,
}

/// All credentials of one native application.
#[derive(Debug, Object)]
pub struct PushCredentialsList {
    pub items: Vec<PushCredentialsBody>,
}

impl From<Seen> for PushCredentialsBody {
    fn from(Seen { provider, facts, updated_at }: Seen) -> Self {
        let Facts { project_id, client_email, team_id, key_id, subject, public_key } = facts;
        Self {
            provider: provider.into(),
            project_id,
            client_email,
            team_id,
            key_id,
            subject,
            public_key,
            updated_at: updated_at.into(),
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminSignOn")]
impl PushCredentialsApi {
    /// List the push credentials of a native application
    ///
    /// By which services its phones are reached. The keys nobody can read.
    #[oai(
        path = "/native-applications/:native_application_id/push-credentials",
        method = "get",
        operation_id = "listPushCredentials"
    )]
    async fn list(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        native_application_id: Path<String>,
    ) -> Result<Shown<PushCredentialsList>> {
        let Admin { .. } = admin;
        let items = self.credentials.list(&native_application_id).await?;
        Ok(Shown::of(PushCredentialsList { items: items.into_iter().map(PushCredentialsBody::from).collect() }))
    }

    /// Set push credentials of a native application
    ///
    /// In the place of any others for the provider.
    #[oai(
        path = "/native-applications/:native_application_id/push-credentials/:provider",
        method = "put",
        operation_id = "setPushCredentials"
    )]
    async fn set(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        native_application_id: Path<String>,
        /// `fcm`, `apns` or `web_push`.
        provider: Path<String>,
        body: Members<NewPushCredentials>,
    ) -> Result<Shown<PushCredentialsBody>> {
        let wish = parsed(body.value)?;
        let seen = self.credentials.set(&admin, &native_application_id, &provider, wish).await?;
        Ok(Shown::of(seen.into()))
    }

    /// Remove push credentials of a native application
    ///
    /// Phones are not reached by this provider any more. They still find questions when they ask.
    #[oai(
        path = "/native-applications/:native_application_id/push-credentials/:provider",
        method = "delete",
        operation_id = "deletePushCredentials"
    )]
    async fn delete(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        native_application_id: Path<String>,
        /// `fcm`, `apns` or `web_push`.
        provider: Path<String>,
    ) -> Result<Done> {
        self.credentials.remove(&admin, &native_application_id, &provider).await?;
        Ok(Done)
    }
}
