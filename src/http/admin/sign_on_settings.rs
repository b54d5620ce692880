//! `/admin/v1/sign-on-settings`.

use poem_openapi::param::Header;
use poem_openapi::{Object, OpenApi};

use crate::domain::sign_on::Settings;
use crate::http::Tag;
use crate::http::admin::access::{Admin, PoliciesRead, PoliciesWrite};
use crate::http::admin::members::Patch;
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Read, Result};
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::sign_on_settings::ManageSignOnSettings;

pub struct SignOnSettingsApi {
    pub settings: ManageSignOnSettings,
}

/// What holds for a sign-in where nothing else is said.
#[expect(clippy::struct_excessive_bools, reason = "settings that are independent of each other")]
#[derive(Clone, Debug, Object)]
#[oai(rename = "SignOnSettings", skip_serializing_if_is_none)]
pub struct SettingsBody {
    /// The policy of clients that name none. Without it, username and password.
    pub default_policy: Option<String>,
    /// The application that shows the policies that name none. Without it, our own pages.
    pub default_application: Option<String>,
    /// Only clients that an application names as `client_for_redirectless_mode` may use
    /// `response_mode=pi.flow`.
    pub restrict_access_to_redirectless_mode: bool,
    /// Whatever clients name and whatever is the default, people sign in with username and password, and the default
    /// application shows it. For when a policy locks people out: what it demands beyond that is asked of nobody.
    pub policies_disabled: bool,
    /// The flow API answers nobody: our own pages show every sign-in, whatever applications there are, and no client may
    /// use `response_mode=pi.flow`.
    pub flow_api_disabled: bool,
    /// The states of a sign-in have `requestContext`: what was asked for, and by whom.
    pub include_request_context: bool,
}

/// Changes to the settings, as a merge patch.
#[derive(Debug, Object)]
#[oai(rename = "SignOnSettingsPatch")]
pub struct SettingsPatch {
    pub default_policy: Option<String>,
    pub default_application: Option<String>,
    pub restrict_access_to_redirectless_mode: Option<bool>,
    pub policies_disabled: Option<bool>,
    pub flow_api_disabled: Option<bool>,
    pub include_request_context: Option<bool>,
}

impl From<&Settings> for SettingsBody {
    fn from(settings: &Settings) -> Self {
        Self {
            default_policy: settings.default_policy.as_ref().map(ToString::to_string),
            default_application: settings.default_application.as_ref().map(ToString::to_string),
            restrict_access_to_redirectless_mode: settings.restrict_access_to_redirectless_mode,
            policies_disabled: settings.policies_disabled,
            flow_api_disabled: settings.flow_api_disabled,
            include_request_context: settings.include_request_context,
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminSignOn")]
impl SignOnSettingsApi {
    /// Read the sign-on settings
    #[oai(path = "/sign-on-settings", method = "get", operation_id = "getSignOnSettings")]
    async fn read(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
    ) -> Result<Read<SettingsBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.settings.read().await?).into()))
    }

    /// Change the sign-on settings
    ///
    /// A merge patch (RFC 7396): `null` takes a default away.
    #[oai(path = "/sign-on-settings", method = "patch", operation_id = "updateSignOnSettings")]
    async fn update(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<SettingsPatch, SettingsBody>,
    ) -> Result<Read<SettingsBody>> {
        let unchanged = unchanged::<Settings, SettingsBody>(if_match);
        let settings = self.settings.update(&admin, body.value.into(), &unchanged).await?;
        Ok(Read::of((&settings).into()))
    }
}
