//! `/admin/v1/native-applications`.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Object, OpenApi};

use crate::domain::mfa_readiness::{Finding, FindingCode, Level, is_ready};
use crate::domain::native_application::NativeApplication;
use crate::http::Tag;
use crate::http::admin::access::{Admin, PoliciesRead, PoliciesWrite};
use crate::http::admin::closed::closed;
use crate::http::admin::members::{Members, Patch, parsed, take_id};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::usecase::admin::native_applications::{ManageNativeApplications, ReadMfaReadiness};

pub struct NativeApplicationsApi {
    pub applications: ManageNativeApplications,
    pub readiness: ReadMfaReadiness,
    pub cursors: Cursors,
}

/// An app with our SDK, which people trust on their phones.
#[derive(Clone, Debug, Object)]
#[oai(rename = "NativeApplication", skip_serializing_if_is_none)]
pub struct NativeApplicationBody {
    pub id: String,
    /// People see it when they are asked about a device.
    pub name: String,
    /// The `client_id` as which the app signs people in.
    pub client: String,
    /// What it is called on Android.
    pub package_name: Option<String>,
    /// What it is called on Apple's systems.
    pub bundle_id: Option<String>,
    /// With what the links begin that open the app.
    pub uri_prefix: Option<String>,
    /// Whether a phone is nobody's device any more when its push service says that the app was taken off it.
    pub automatic_unpairing: bool,
    /// The oldest SDK that is believed: three numbers, joined by dots.
    pub min_sdk_version: Option<String>,
    pub created_at: DateTime,
}

/// A native application to be registered. It has a `package_name`, a `bundle_id`, or both.
#[derive(Debug, Object)]
#[oai(rename = "NativeApplicationCreation")]
pub struct NewNativeApplicationBody {
    /// Made when left out: 1 to 40 of `A-Z a-z 0-9 - . _ ~`.
    pub id: Option<String>,
    /// The identifier when left out; 64 characters at most.
    pub name: Option<String>,
    /// A client with the `authorization_code` or the `implicit` grant, that did not register itself, and that no other
    /// native application has.
    pub client: String,
    /// As Android takes it: at least two words of `A-Z a-z 0-9 _` with a letter in front, joined by dots; 255
    /// characters at most.
    pub package_name: Option<String>,
    /// As Apple takes it: words of `A-Z a-z 0-9 -` joined by dots; 155 characters at most.
    pub bundle_id: Option<String>,
    /// With what the links begin that open the app: `https`, or a scheme of its own that is a reversed domain name,
    /// without query and fragment; 400 characters at most.
    pub uri_prefix: Option<String>,
    /// Whether a phone is nobody's device any more when its push service says that the app was taken off it; `false` when
    /// left out. Its push token is dropped either way.
    pub automatic_unpairing: Option<bool>,
    /// The oldest SDK that is believed, as its apps say it in their payloads: three numbers, joined by dots. Any when left
    /// out.
    pub min_sdk_version: Option<String>,
}

/// Changes to a native application, as a merge patch.
#[derive(Debug, Object)]
#[oai(rename = "NativeApplicationPatch")]
pub struct NativeApplicationPatch {
    pub name: Option<String>,
    pub client: Option<String>,
    pub package_name: Option<String>,
    pub bundle_id: Option<String>,
    pub uri_prefix: Option<String>,
    pub automatic_unpairing: Option<bool>,
    pub min_sdk_version: Option<String>,
}

/// Part of a list of native applications.
#[derive(Object)]
#[oai(rename = "NativeApplicationPage", skip_serializing_if_is_none)]
pub struct NativeApplicationPage {
    pub items: Vec<NativeApplicationBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

closed! {
    #[doc = "What is missing for an app to become a trusted device, or should be known."]
    MfaFindingCode: FindingCode = FindingCode::ALL.iter().map(|code| code.as_str());
    #[doc = "`missing`: without it, nobody is offered to trust the app. `warning`: it works, in a way that you should know of."]
    MfaFindingLevel: Level = Level::ALL.iter().map(|level| level.as_str());
}

/// Whether people can come to trust the app on their phones.
#[derive(Debug, Object)]
pub struct MfaReadiness {
    /// Whether nothing is missing. There may be warnings all the same.
    pub ready: bool,
    pub findings: Vec<MfaFinding>,
}

/// Something that is missing, or should be known.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct MfaFinding {
    pub code: MfaFindingCode,
    pub level: MfaFindingLevel,
    /// For people.
    pub detail: String,
    /// The MFA policy of which it is said, where it is said of one.
    pub mfa_policy: Option<String>,
}

impl From<&NativeApplication> for NativeApplicationBody {
    fn from(application: &NativeApplication) -> Self {
        Self {
            id: application.id.to_string(),
            name: application.name.clone(),
            client: application.client.to_string(),
            package_name: application.package_name.clone(),
            bundle_id: application.bundle_id.clone(),
            uri_prefix: application.uri_prefix.clone(),
            automatic_unpairing: application.automatic_unpairing,
            min_sdk_version: application.min_sdk_version.map(|version| version.to_string()),
            created_at: application.created_at.into(),
        }
    }
}

impl From<Finding> for MfaFinding {
    fn from(Finding { code, mfa_policy }: Finding) -> Self {
        Self {
            code: code.into(),
            level: code.level().into(),
            detail: code.detail().to_owned(),
            mfa_policy: mfa_policy.map(|id| id.to_string()),
        }
    }
}

/// As it is named in the log of a list.
const LIST: &str = "native-applications";

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminSignOn")]
impl NativeApplicationsApi {
    /// List native applications
    ///
    /// Newest first.
    #[oai(path = "/native-applications", method = "get", operation_id = "listNativeApplications")]
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
    ) -> Result<Shown<NativeApplicationPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(LIST, since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let page =
            self.applications.list(after.as_ref(), page::limit(limit.0)).await?.since(since, |item| item.created_at);
        Ok(Shown::of(NativeApplicationPage {
            next_cursor: self.cursors.next(&list, page.next.as_ref()),
            total: page::total(count.0, self.applications.count(since)).await?,
            items: page.items.iter().map(NativeApplicationBody::from).collect(),
        }))
    }

    /// Register a native application
    ///
    /// MFA policies name it, and say what it may do.
    #[oai(
        path = "/native-applications",
        method = "post",
        operation_id = "createNativeApplication",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        body: Members<NewNativeApplicationBody>,
    ) -> Result<Created<NativeApplicationBody>> {
        let mut members = body.value;
        let id = take_id(&mut members, "id")?;
        let made = self.applications.create(&admin, id.as_deref(), &parsed(members)?).await?;
        let made = NativeApplicationBody::from(&made);
        Ok(Created::at(format!("/admin/v1/native-applications/{}", made.id), &made.clone(), made))
    }

    /// Read a native application
    #[oai(path = "/native-applications/:native_application_id", method = "get", operation_id = "getNativeApplication")]
    async fn read(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        native_application_id: Path<String>,
    ) -> Result<Read<NativeApplicationBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.applications.read(&native_application_id).await?).into()))
    }

    /// Change a native application
    ///
    /// A merge patch (RFC 7396).
    #[oai(
        path = "/native-applications/:native_application_id",
        method = "patch",
        operation_id = "updateNativeApplication"
    )]
    async fn update(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        native_application_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<NativeApplicationPatch, NativeApplicationBody>,
    ) -> Result<Read<NativeApplicationBody>> {
        let unchanged = unchanged::<NativeApplication, NativeApplicationBody>(if_match);
        let changed = self.applications.update(&admin, &native_application_id, body.value.into(), &unchanged).await?;
        Ok(Read::of((&changed).into()))
    }

    /// Delete a native application
    ///
    /// Refused while an MFA policy or a device names it: one of the same name would be trusted on those devices.
    #[oai(
        path = "/native-applications/:native_application_id",
        method = "delete",
        operation_id = "deleteNativeApplication"
    )]
    async fn delete(
        &self,
        #[oai(scope = "Permission::PoliciesWrite")] admin: Admin<PoliciesWrite>,
        native_application_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<NativeApplication, NativeApplicationBody>(if_match);
        self.applications.delete(&admin, &native_application_id, &unchanged).await?;
        Ok(Done)
    }

    /// What a native application lacks to be trusted
    ///
    /// Everything that is missing for people to trust the app on their phones, and what should be known of it.
    #[oai(
        path = "/native-applications/:native_application_id/mfa-readiness",
        method = "get",
        operation_id = "getMfaReadiness"
    )]
    async fn readiness(
        &self,
        #[oai(scope = "Permission::PoliciesRead")] admin: Admin<PoliciesRead>,
        native_application_id: Path<String>,
    ) -> Result<Shown<MfaReadiness>> {
        let Admin { .. } = admin;
        let findings = self.readiness.read(&native_application_id).await?;
        let ready = is_ready(&findings);
        Ok(Shown::of(MfaReadiness { ready, findings: findings.into_iter().map(MfaFinding::from).collect() }))
    }
}
