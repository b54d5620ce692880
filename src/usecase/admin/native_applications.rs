//! Native applications: registered, changed, deleted; and whether people can come to trust one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::Timestamp;
use crate::domain::audit::Action;
use crate::domain::client::Client;
use crate::domain::mfa_readiness::{Finding, findings};
use crate::domain::native_application::{NativeApplication, SdkVersion};
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::id::{ClientId, NativeApplicationId};
use crate::protocol::public_id::Kind;
use crate::protocol::redirect_uri::RedirectUri;
use crate::store::ephemeral::StoreError;
use crate::store::sql::clients::Clients;
use crate::store::sql::directory::Directory;
use crate::store::sql::push::PushCredentials;
use crate::store::sql::sign_on::NativeApplications;
use crate::usecase::admin::AdminError;
use crate::usecase::admin::client_metadata::{Problems, name};
use crate::usecase::admin::parts::{Described, ManageParts, part_id};

pub type ManageNativeApplications = ManageParts<NativeApplication>;

/// What may be changed of a native application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeApplicationWish {
    /// The identifier when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_prefix: Option<String>,
    #[serde(default)]
    pub automatic_unpairing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_sdk_version: Option<String>,
}

/// It stands in a line of a question about a device.
const LONGEST_NAME: usize = 64;
const LONGEST_PACKAGE_NAME: usize = 255;
const LONGEST_BUNDLE_ID: usize = 155;

impl Described for NativeApplication {
    type Wish = NativeApplicationWish;
    type Others = Clients;

    const KIND: Kind = Kind::NativeApplication;
    const NAME: &'static str = "native application";
    const CREATED: Action = Action::NativeApplicationCreated;
    const UPDATED: Action = Action::NativeApplicationUpdated;
    const DELETED: Action = Action::NativeApplicationDeleted;
    const EXISTS: AdminErrorCode = AdminErrorCode::NativeApplicationExists;
    const IN_USE: AdminErrorCode = AdminErrorCode::NativeApplicationInUse;
    const TAKEN: Option<FieldProblem> = Some(FieldProblem::new(
        "/client",
        FieldCode::Invalid,
        "Another native application signs people in as this client.",
    ));

    fn wish(&self) -> NativeApplicationWish {
        NativeApplicationWish {
            name: Some(self.name.clone()),
            client: Some(self.client.to_string()),
            package_name: self.package_name.clone(),
            bundle_id: self.bundle_id.clone(),
            uri_prefix: self.uri_prefix.clone(),
            automatic_unpairing: self.automatic_unpairing,
            min_sdk_version: self.min_sdk_version.map(|version| version.to_string()),
        }
    }

    fn made(
        wish: &NativeApplicationWish,
        id: NativeApplicationId,
        created_at: Timestamp,
    ) -> Result<Self, Vec<FieldProblem>> {
        wish.application(id, created_at)
    }

    async fn missing(&self, clients: &Clients) -> Result<Vec<FieldProblem>, StoreError> {
        Ok(match clients.find(&self.client).await? {
            None => vec![NO_CLIENT],
            Some(client) => unfit(&client).into_iter().collect(),
        })
    }
}

const NO_CLIENT: FieldProblem = FieldProblem::new("/client", FieldCode::Unknown, "There is no such client.");

/// Why a native application cannot sign people in as a client.
pub fn unfit(client: &Client) -> Option<FieldProblem> {
    let detail = match () {
        // It could send the answers elsewhere at any moment.
        () if client.registered.is_some() => "The client registered itself: what people trust is the operator's own.",
        () if client.sign_in.is_none() => "The client signs nobody in: it needs the authorization_code grant.",
        () => return None,
    };
    Some(FieldProblem::new("/client", FieldCode::NotAllowed, detail))
}

impl NativeApplicationWish {
    /// The application that these words describe.
    fn application(
        &self,
        id: NativeApplicationId,
        created_at: Timestamp,
    ) -> Result<NativeApplication, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let name = name("/name", self.name.as_deref(), id.as_str(), LONGEST_NAME, &mut problems);
        let client = self.client.as_deref().and_then(ClientId::parse);
        match (&client, &self.client) {
            (Some(_), _) => {}
            (None, Some(_)) => problems.0.push(NO_CLIENT),
            (None, None) => problems.add("/client", FieldCode::Required, "It cannot be left out."),
        }
        if self.package_name.as_deref().is_some_and(|name| !is_package_name(name)) {
            let detail =
                "At least two words of A-Z a-z 0-9 _ with a letter in front, joined by dots; at most 255 characters.";
            problems.add("/package_name", FieldCode::Invalid, detail);
        }
        if self.bundle_id.as_deref().is_some_and(|id| !is_bundle_id(id)) {
            let detail = "Words of A-Z a-z 0-9 - joined by dots; at most 155 characters.";
            problems.add("/bundle_id", FieldCode::Invalid, detail);
        }
        if self.uri_prefix.as_deref().is_some_and(|prefix| !is_uri_prefix(prefix)) {
            let detail = "https, or a scheme of the app's own that is a reversed domain name, without query and fragment; at \
                          most 400 characters.";
            problems.add("/uri_prefix", FieldCode::Invalid, detail);
        }
        let min_sdk_version = self.min_sdk_version.as_deref().map(SdkVersion::parse);
        if min_sdk_version == Some(None) {
            problems.add("/min_sdk_version", FieldCode::Invalid, "Three numbers, joined by dots: 1.4.0 for example.");
        }
        if self.package_name.is_none() && self.bundle_id.is_none() {
            problems.add("/package_name", FieldCode::Required, "It has a package_name or a bundle_id.");
        }
        match (client, problems.0.is_empty()) {
            (Some(client), true) => Ok(NativeApplication {
                id,
                name,
                client,
                package_name: self.package_name.clone(),
                bundle_id: self.bundle_id.clone(),
                uri_prefix: self.uri_prefix.clone(),
                automatic_unpairing: self.automatic_unpairing,
                min_sdk_version: min_sdk_version.flatten(),
                created_at,
            }),
            _ => Err(problems.0),
        }
    }
}

/// What Android takes for an application's name.
fn is_package_name(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.len() <= LONGEST_PACKAGE_NAME && text.contains('.') && text.split('.').all(word)
}

/// `CFBundleIdentifier`.
fn is_bundle_id(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    text.len() <= LONGEST_BUNDLE_ID && text.split('.').all(word)
}

/// A universal link, or a scheme of the app's own: what an app may be sent back to as well.
fn is_uri_prefix(text: &str) -> bool {
    RedirectUri::parse(text).is_ok()
        && Url::parse(text).is_ok_and(|uri| uri.scheme() != "http" && uri.query().is_none())
}

/// Whether people can come to trust an app on their phones.
pub struct ReadMfaReadiness {
    pub applications: NativeApplications,
    pub clients: Clients,
    pub directory: Arc<Directory>,
    pub push: PushCredentials,
}

impl ReadMfaReadiness {
    pub async fn read(&self, id: &str) -> Result<Vec<Finding>, AdminError> {
        let id = part_id::<NativeApplication>(id).ok_or(AdminErrorCode::NotFound)?;
        let application = self.applications.find(&id).await?.ok_or(AdminErrorCode::NotFound)?;
        let client = self.clients.find(&application.client).await?;
        let sign_on = self.directory.sign_on().await?;
        let push: Vec<_> = self.push.of(&id).await?.iter().map(|seen| seen.provider).collect();
        Ok(findings(&application, client.as_ref(), &sign_on, &push))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_apps_are_those_that_their_systems_take() {
        for good in ["com.example", "com.example.Bank_2", &format!("a.{}", "b".repeat(253))] {
            assert!(is_package_name(good), "{good}");
        }
        for bad in ["", "bank", "com.", ".com", "com..bank", "com.2bank", "com._bank", "com.ex-ample", "com.exämple"] {
            assert!(!is_package_name(bad), "{bad}");
        }
        assert!(!is_package_name(&format!("a.{}", "b".repeat(254))));
        for good in ["bank", "com.example.bank-2", "2.b", &"b".repeat(155)] {
            assert!(is_bundle_id(good), "{good}");
        }
        for bad in ["", ".", "com..bank", "com.example.", "com.ex_ample", "com.example/bank", &"b".repeat(156)] {
            assert!(!is_bundle_id(bad), "{bad}");
        }
    }

    #[test]
    fn links_that_open_an_app_begin_with_its_own_scheme_or_a_site() {
        let longest = format!("com.example.bank:/{}", "a".repeat(382));
        for good in ["https://bank.example/app", "com.example.bank:/", "com.example.bank://open", &longest] {
            assert!(is_uri_prefix(good), "{good}");
        }
        let longer = format!("{longest}a");
        for bad in [
            "",
            "/app",
            "bank://open",
            "http://bank.example/app",
            "HTTP://localhost/app",
            "http://localhost:*/app",
            "javascript:alert(1)",
            "https://bank.example/app?code=",
            "https://bank.example/app#",
            "https://alice@bank.example/app",
            "https://bank.example/a pp",
            &longer,
        ] {
            assert!(!is_uri_prefix(bad), "{bad}");
        }
    }
}
