//! `/admin/v1/authentication-applications`.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};

use crate::domain::application::Application;
use crate::http::Tag;
use crate::http::admin::access::{Admin, PoliciesRead, PoliciesWrite};
use crate::http::admin::members::{Members, Patch, parsed, take_id};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::applications::{ApplicationWish, ManageApplications};

pub struct ApplicationsApi {
    pub applications: ManageApplications,
    pub cursors: Cursors,
}

/// Pages of your own that show the sign-in with the authentication-flow API. They see what people type.
#[derive(Clone, Debug, Object)]
#[oai(rename = "AuthenticationApplication", skip_serializing_if_is_none)]
pub struct ApplicationBody {
    pub id: String,
    /// For operators.
    pub name: String,
    /// Where a browser is sent, with `flowId` added to the query. Its origin may call the flow API.
    pub url: String,
    /// Other origins that may.
    pub additional_allowed_origins: Vec<String>,
    /// The client whose flows without a browser it runs.
    pub client_for_redirectless_mode: Option<String>,
    pub created_at: DateTime,
}

/// An authentication application to be registered.
#[derive(Debug, Object)]
#[oai(rename = "AuthenticationApplicationCreation")]
pub struct NewApplicationBody {
    /// Made when left out: 1 to 40 of `A-Z a-z 0-9 - . _ ~`.
    pub id: Option<String>,
    /// The identifier when left out.
    pub name: Option<String>,
    /// `https`, or `http` for `localhost`, `127.0.0.1` and `[::1]`; no fragment; 400 characters at most.
    pub url: String,
    /// Each as browsers write it: scheme, host, and a port that is not the usual one. `http://localhost:*`
    /// stands for any port.
    #[oai(validator(max_items = 20))]
    pub additional_allowed_origins: Option<Vec<String>>,
    /// A `client_id`. With `restrict_access_to_redirectless_mode`, only clients that are named so may use
    /// `response_mode=pi.flow`.
    pub client_for_redirectless_mode: Option<String>,
}

/// Changes to an authentication application, as a merge patch.
#[derive(Debug, Object)]
#[oai(rename = "AuthenticationApplicationPatch")]
pub struct ApplicationPatch {
    pub name: Option<String>,
    pub url: Option<String>,
    /// All of them: a list is replaced, not added to.
    #[oai(validator(max_items = 20))]
    pub additional_allowed_origins: Option<Vec<String>>,
    pub client_for_redirectless_mode: Option<String>,
}

/// Part of a list of authentication applications.
#[derive(Object)]
#[oai(rename = "AuthenticationApplicationPage", skip_serializing_if_is_none)]
pub struct ApplicationPage {
    pub items: Vec<ApplicationBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&Application> for ApplicationBody {
    fn from(application: &Application) -> Self {
        let origins = &application.additional_allowed_origins;
        Self {
            id: application.id.to_string(),
            name: application.name.clone(),
            url: application.url.as_str().to_owned(),
            additional_allowed_origins: origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            client_for_redirectless_mode: application.client_for_redirectless_mode.as_ref().map(ToString::to_string),
            created_at: application.created_at.into(),
        }
    }
}

/// As it is named in the log of a list.
const LIST: &str = "authentication-applications";

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminSignOn")]
impl ApplicationsApi {
    /// List authentication applications
    ///
    /// Newest first.
    #[oai(path = "/authentication-applications", method = "get", operation_id = "listAuthenticationApplications")]
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
    ) -> Result<Shown<ApplicationPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(LIST, since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let page =
            self.applications.list(after.as_ref(), page::limit(limit.0)).await?.since(since, |item| item.created_at);
        Ok(Shown::of(ApplicationPage {
            next_cursor: self.cursors.next(&list, page.next.as_ref()),
            total: page::total(count.0, self.applications.count(since)).await?,
            items: page.items.iter().map(ApplicationBody::from).collect(),
        }))
    }

    /// Register an authentication application
    ///
    /// Policies name it as `application`, or it is the `default_application`. Only what you trust with
    /// passwords.
    #[oai(
        path = "/authentication-applications",
        method = "post",
        operation_id = "createAuthenticationApplication",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        body: Members<NewApplicationBody>,
    ) -> Result<Created<ApplicationBody>> {
        let mut members = body.value;
        let id = take_id(&mut members, "id")?;
        let wish: ApplicationWish = parsed(members)?;
        let made = ApplicationBody::from(&self.applications.create(&admin, id.as_deref(), &wish).await?);
        Ok(Created::at(format!("/admin/v1/authentication-applications/{}", made.id), &made.clone(), made))
    }

    /// Read an authentication application
    #[oai(
        path = "/authentication-applications/:application_id",
        method = "get",
        operation_id = "getAuthenticationApplication"
    )]
    async fn read(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        application_id: Path<String>,
    ) -> Result<Read<ApplicationBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.applications.read(&application_id).await?).into()))
    }

    /// Change an authentication application
    ///
    /// A merge patch (RFC 7396). An origin that is taken away may not call any more, in the midst of a
    /// sign-in too.
    #[oai(
        path = "/authentication-applications/:application_id",
        method = "patch",
        operation_id = "updateAuthenticationApplication"
    )]
    async fn update(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        application_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<ApplicationPatch, ApplicationBody>,
    ) -> Result<Read<ApplicationBody>> {
        let unchanged = unchanged::<Application, ApplicationBody>(if_match);
        let changed = self.applications.update(&admin, &application_id, body.value.into(), &unchanged).await?;
        Ok(Read::of((&changed).into()))
    }

    /// Delete an authentication application
    ///
    /// Refused while a policy or the settings name it.
    #[oai(
        path = "/authentication-applications/:application_id",
        method = "delete",
        operation_id = "deleteAuthenticationApplication"
    )]
    async fn delete(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        application_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<Application, ApplicationBody>(if_match);
        self.applications.delete(&admin, &application_id, &unchanged).await?;
        Ok(Done)
    }
}
