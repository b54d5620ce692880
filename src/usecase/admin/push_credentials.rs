//! As whom an app's operator calls the push services: set and removed. The keys nobody reads again [security.md 149].

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::domain::audit::Action;
use crate::domain::native_application::NativeApplication;
use crate::domain::push::Provider;
use crate::domain::push_credentials::Stored;
use crate::outbound::egress::Egress;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode};
use crate::protocol::id::NativeApplicationId;
use crate::protocol::jwt::ServiceKey;
use crate::secret::{MasterKey, Secret};
use crate::store::sql::push::PushCredentials;
pub use crate::store::sql::push::Seen;
use crate::store::sql::sign_on::NativeApplications;
use crate::usecase::admin::client_metadata::Problems;
use crate::usecase::admin::parts::part_id;
use crate::usecase::admin::{AdminError, Administrator, Desk};

pub struct ManagePushCredentials {
    pub credentials: PushCredentials,
    pub applications: NativeApplications,
    pub master: Arc<MasterKey>,
    pub egress: Egress,
    pub desk: Desk,
}

/// What is to be set. Which members there are, the provider says.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushCredentialsWish {
    service_account: Option<Value>,
    team_id: Option<String>,
    key_id: Option<String>,
    private_key: Option<String>,
    subject: Option<String>,
    public_key: Option<String>,
}

/// What of Google's file is of use. What else is in it is left where it is.
#[derive(Deserialize)]
struct ServiceAccountFile {
    #[serde(rename = "type")]
    kind: String,
    project_id: String,
    client_email: String,
    private_key_id: Option<String>,
    private_key: String,
    token_uri: String,
}

impl ManagePushCredentials {
    /// What may be seen of them.
    pub async fn list(&self, application: &str) -> Result<Vec<Seen>, AdminError> {
        let application = self.application(application).await?;
        Ok(self.credentials.of(&application.id).await?)
    }

    /// In the place of any others for this provider.
    pub async fn set(
        &self,
        by: &Administrator,
        application: &str,
        provider: &str,
        wish: PushCredentialsWish,
    ) -> Result<Seen, AdminError> {
        let application = self.application(application).await?;
        let provider = Provider::parse(provider).ok_or(AdminErrorCode::NotFound)?;
        let mut problems = Problems::default();
        wish.only_for(provider, &mut problems);
        let stored = match provider {
            Provider::Fcm => self.fcm(&wish, &mut problems),
            Provider::Apns => apns(&wish, &mut problems),
            Provider::WebPush => self.web_push(&application.id, &wish, &mut problems).await?,
        };
        let Some(stored) = stored.filter(|_| problems.0.is_empty()) else {
            return Err(AdminError::invalid(problems.0));
        };
        let sealed =
            self.master.seal(&Stored::place(&application.id, provider), stored.plain().expose(), &self.desk.entropy);
        let seen = Seen { provider, facts: stored.facts(), updated_at: self.desk.now() };
        let event = self.desk.event(by, Action::PushCredentialsSet).of(&name(&application.id, provider));
        if self.credentials.put(&application.id, (&seen, &sealed), &event).await? {
            Ok(seen)
        } else {
            Err(AdminErrorCode::NotFound.into())
        }
    }

    /// From now on nobody is reached by this provider.
    pub async fn remove(&self, by: &Administrator, application: &str, provider: &str) -> Result<(), AdminError> {
        let application = part_id::<NativeApplication>(application).ok_or(AdminErrorCode::NotFound)?;
        let provider = Provider::parse(provider).ok_or(AdminErrorCode::NotFound)?;
        let event = self.desk.event(by, Action::PushCredentialsRemoved).of(&name(&application, provider));
        if self.credentials.remove(&application, provider, &event).await? {
            Ok(())
        } else {
            Err(AdminErrorCode::NotFound.into())
        }
    }

    async fn application(&self, id: &str) -> Result<NativeApplication, AdminError> {
        let id = part_id::<NativeApplication>(id).ok_or(AdminErrorCode::NotFound)?;
        Ok(self.applications.find(&id).await?.ok_or(AdminErrorCode::NotFound)?)
    }

    fn fcm(&self, wish: &PushCredentialsWish, problems: &mut Problems) -> Option<Stored> {
        let Some(file) = &wish.service_account else {
            problems.add("/service_account", FieldCode::Required, "It cannot be left out.");
            return None;
        };
        let file = serde_json::from_value::<ServiceAccountFile>(file.clone()).ok();
        let Some(file) = file.filter(|file| file.kind == "service_account") else {
            problems.add("/service_account", FieldCode::Invalid, "Not the JSON of a service account's key.");
            return None;
        };
        let ServiceAccountFile { project_id, client_email, private_key_id, private_key, token_uri, .. } = file;
        let private_key = Secret::new(private_key);
        let project = |byte: u8| byte.is_ascii_alphanumeric() || b"-:.".contains(&byte);
        let detail = match () {
            () if project_id.is_empty() || project_id.len() > 100 || !project_id.bytes().all(project) => {
                "project_id is not one."
            }
            () if !is_word(&client_email, 320) => "client_email is not an address.",
            () if private_key_id.as_deref().is_some_and(|id| !is_word(id, 200)) => "private_key_id is not one.",
            // It is called as all others are: not inside, and not without TLS [security.md 81].
            () if !Url::parse(&token_uri).is_ok_and(|url| self.egress.check_url(&url).is_ok()) => {
                "token_uri may not be called: it is no https URL, or leads inside."
            }
            () if ServiceKey::rs256_pem(&private_key).is_err() => "private_key is not an RSA key in PEM.",
            () => {
                let private_key = private_key.expose().clone();
                return Some(Stored::Fcm { project_id, client_email, private_key_id, private_key, token_uri });
            }
        };
        problems.add("/service_account", FieldCode::Invalid, detail);
        None
    }

    /// Without keys, those that are there stay: browsers have subscribed with them.
    async fn web_push(
        &self,
        application: &NativeApplicationId,
        wish: &PushCredentialsWish,
        problems: &mut Problems,
    ) -> Result<Option<Stored>, AdminError> {
        let subject = match &wish.subject {
            Some(subject) if is_subject(subject) => subject.clone(),
            Some(_) => {
                let detail = "A mailto: or https: URL at which push services reach you, not one of this machine.";
                problems.add("/subject", FieldCode::Invalid, detail);
                return Ok(None);
            }
            None => {
                problems.add("/subject", FieldCode::Required, "It cannot be left out.");
                return Ok(None);
            }
        };
        let (private, public) = match (&wish.private_key, &wish.public_key) {
            (Some(private), Some(public)) => {
                let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
                let private = decode(private).map(Secret::new);
                let public = decode(public).and_then(|bytes| <[u8; 65]>::try_from(bytes).ok());
                let pair = private.zip(public);
                let Some(pair) = pair.filter(|(private, public)| ServiceKey::es256_pair(private, public).is_ok())
                else {
                    let detail = "Not the two halves of a key on P-256 in base64url.";
                    problems.add("/private_key", FieldCode::Invalid, detail);
                    return Ok(None);
                };
                pair
            }
            (None, None) => match self.present(application).await? {
                Some(pair) => pair,
                None => ServiceKey::new_es256_pair()
                    .map_err(|error| AdminError::because(AdminErrorCode::InternalError, error.to_string()))?,
            },
            (Some(_), None) | (None, Some(_)) => {
                let detail = "It comes with its other half, or both are left out.";
                let missing = if wish.public_key.is_none() { "/public_key" } else { "/private_key" };
                problems.add(missing, FieldCode::Required, detail);
                return Ok(None);
            }
        };
        let private_key = private.expose().clone();
        Ok(Some(Stored::WebPush { subject, public_key: public.to_vec(), private_key }))
    }

    async fn present(
        &self,
        application: &NativeApplicationId,
    ) -> Result<Option<(Secret<Vec<u8>>, [u8; 65])>, AdminError> {
        let place = Stored::place(application, Provider::WebPush);
        let Some((sealed, _)) = self.credentials.find(application, Provider::WebPush).await? else { return Ok(None) };
        let stored = self.master.open(&place, &sealed).ok().and_then(|plain| Stored::read(&plain));
        Ok(stored.and_then(|stored| match &stored {
            Stored::WebPush { public_key, private_key, .. } => {
                Some((Secret::new(private_key.clone()), public_key.as_slice().try_into().ok()?))
            }
            Stored::Fcm { .. } | Stored::Apns { .. } => None,
        }))
    }
}

impl PushCredentialsWish {
    /// What is said for another provider is a mistake.
    fn only_for(&self, provider: Provider, problems: &mut Problems) {
        let said = [
            ("/service_account", self.service_account.is_some(), &[Provider::Fcm][..]),
            ("/team_id", self.team_id.is_some(), &[Provider::Apns]),
            ("/key_id", self.key_id.is_some(), &[Provider::Apns]),
            ("/private_key", self.private_key.is_some(), &[Provider::Apns, Provider::WebPush]),
            ("/subject", self.subject.is_some(), &[Provider::WebPush]),
            ("/public_key", self.public_key.is_some(), &[Provider::WebPush]),
        ];
        for (member, is_said, of) in said {
            if is_said && !of.contains(&provider) {
                problems.add(member, FieldCode::NotAllowed, "Not for this provider.");
            }
        }
    }
}

fn apns(wish: &PushCredentialsWish, problems: &mut Problems) -> Option<Stored> {
    let mut id = |member: &'static str, said: &Option<String>| match said {
        Some(id) if id.len() == 10 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Some(id.clone()),
        Some(_) => {
            problems.add(member, FieldCode::Invalid, "Ten of A-Z a-z 0-9.");
            None
        }
        None => {
            problems.add(member, FieldCode::Required, "It cannot be left out.");
            None
        }
    };
    let (team_id, key_id) = (id("/team_id", &wish.team_id), id("/key_id", &wish.key_id));
    let private_key = wish.private_key.clone().map(Secret::new);
    match &private_key {
        Some(pem) if ServiceKey::es256_pem(pem).is_ok() => {}
        Some(_) => problems.add("/private_key", FieldCode::Invalid, "Not a key on P-256 in PEM."),
        None => problems.add("/private_key", FieldCode::Required, "It cannot be left out."),
    }
    Some(Stored::Apns { team_id: team_id?, key_id: key_id?, private_key: private_key?.expose().clone() })
}

/// [RFC 8292 §2.1] Some push services refuse addresses of this machine.
fn is_subject(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let host = match url.scheme() {
        "https" => url.host_str(),
        "mailto" => url.path().split_once('@').map(|(_, host)| host),
        _ => None,
    };
    text.len() <= 320 && host.is_some_and(|host| host.contains('.') && !host.ends_with(".localhost"))
}

fn is_word(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// In the trail.
fn name(application: &NativeApplicationId, provider: Provider) -> String {
    format!("{application} {provider}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_that_push_services_take() {
        for good in ["mailto:ops@example.com", "https://id.example.com", "https://id.example.com/contact"] {
            assert!(is_subject(good), "{good}");
        }
        for bad in ["", "ops@example.com", "mailto:ops@localhost", "mailto:", "https://localhost", "http://a.example"] {
            assert!(!is_subject(bad), "{bad}");
        }
    }
}
