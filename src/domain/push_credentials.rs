//! As whom the operator of an app calls a push service. Sealed: nobody reads the keys again [security.md 149].

use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroize as _;

use super::push::Provider;
use crate::protocol::id::NativeApplicationId;
use crate::protocol::jwt::{KeyError, ServiceKey};
use crate::secret::{Secret, sha256};

/// As it is sealed.
#[derive(Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "snake_case", deny_unknown_fields)]
pub enum Stored {
    /// A service account of Google's.
    Fcm {
        project_id: String,
        client_email: String,
        private_key_id: Option<String>,
        /// PEM
        private_key: String,
        token_uri: String,
    },
    /// A key of an Apple developer team.
    Apns {
        team_id: String,
        key_id: String,
        /// PEM
        private_key: String,
    },
    /// [RFC 8292] A key by which we identify ourselves.
    WebPush {
        /// A `mailto:` or `https:` URL of the operator's.
        subject: String,
        /// The uncompressed point.
        public_key: Vec<u8>,
        private_key: Vec<u8>,
    },
}

impl Drop for Stored {
    fn drop(&mut self) {
        match self {
            Self::Fcm { private_key, .. } | Self::Apns { private_key, .. } => private_key.zeroize(),
            Self::WebPush { private_key, .. } => private_key.zeroize(),
        }
    }
}

/// Without the key.
impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stored({})", self.provider())
    }
}

/// What of it may be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Facts {
    pub project_id: Option<String>,
    pub client_email: Option<String>,
    pub team_id: Option<String>,
    pub key_id: Option<String>,
    pub subject: Option<String>,
    /// In base64url: `applicationServerKey` of a subscription.
    pub public_key: Option<String>,
}

impl Stored {
    pub const fn provider(&self) -> Provider {
        match self {
            Self::Fcm { .. } => Provider::Fcm,
            Self::Apns { .. } => Provider::Apns,
            Self::WebPush { .. } => Provider::WebPush,
        }
    }

    /// Where it is sealed.
    pub fn place(application: &NativeApplicationId, provider: Provider) -> String {
        format!("push_credentials|sealed|{application}|{provider}")
    }

    pub fn plain(&self) -> Secret<Vec<u8>> {
        // Large enough from the start: a buffer that grows leaves copies behind.
        let mut plain = Vec::with_capacity(16 * 1024);
        // Texts and bytes always become JSON.
        let _ = serde_json::to_writer(&mut plain, self);
        Secret::new(plain)
    }

    pub fn read(plain: &Secret<Vec<u8>>) -> Option<Self> {
        serde_json::from_slice(plain.expose()).ok()
    }

    pub fn facts(&self) -> Facts {
        let text = |text: &String| Some(text.clone());
        match self {
            Self::Fcm { project_id, client_email, private_key_id, .. } => Facts {
                project_id: text(project_id),
                client_email: text(client_email),
                key_id: private_key_id.clone(),
                ..Facts::default()
            },
            Self::Apns { team_id, key_id, .. } => {
                Facts { team_id: text(team_id), key_id: text(key_id), ..Facts::default() }
            }
            Self::WebPush { subject, public_key, .. } => {
                Facts { subject: text(subject), public_key: Some(base64url(public_key)), ..Facts::default() }
            }
        }
    }

    /// Ready to sign.
    pub fn credentials(&self) -> Result<Credentials, KeyError> {
        let which = sha256(self.plain().expose());
        Ok(match self {
            Self::Fcm { project_id, client_email, private_key_id, private_key, token_uri } => {
                Credentials::Fcm(ServiceAccount {
                    project: project_id.clone(),
                    email: client_email.clone(),
                    key_id: private_key_id.clone(),
                    token_uri: Url::parse(token_uri).map_err(|_| KeyError::Malformed)?,
                    key: ServiceKey::rs256_pem(&Secret::new(private_key.clone()))?,
                    which,
                })
            }
            Self::Apns { team_id, key_id, private_key } => Credentials::Apns(TeamKey {
                team: team_id.clone(),
                key_id: key_id.clone(),
                key: ServiceKey::es256_pem(&Secret::new(private_key.clone()))?,
                which,
            }),
            Self::WebPush { subject, public_key, private_key } => {
                let public = public_key.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
                Credentials::WebPush(Vapid {
                    subject: subject.clone(),
                    public_key: base64url(public_key),
                    key: ServiceKey::es256_pair(&Secret::new(private_key.clone()), public)?,
                })
            }
        })
    }
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// Ready to sign.
#[derive(Clone, Debug)]
pub enum Credentials {
    Fcm(ServiceAccount),
    Apns(TeamKey),
    WebPush(Vapid),
}

/// Gets access tokens of Google's by what it signs [RFC 7523 §2.1].
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    pub project: String,
    pub email: String,
    pub key_id: Option<String>,
    pub token_uri: Url,
    pub key: ServiceKey,
    /// Tells it from others, and from itself before it was changed.
    pub which: [u8; 32],
}

/// Signs the tokens that Apple takes.
#[derive(Clone, Debug)]
pub struct TeamKey {
    pub team: String,
    pub key_id: String,
    pub key: ServiceKey,
    /// Tells it from others, and from itself before it was changed.
    pub which: [u8; 32],
}

/// [RFC 8292]
#[derive(Clone, Debug)]
pub struct Vapid {
    pub subject: String,
    /// In base64url.
    pub public_key: String,
    pub key: ServiceKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_among_what_may_be_seen() {
        let (private_key, public_key) = ServiceKey::new_es256_pair().unwrap();
        let stored = Stored::WebPush {
            subject: "mailto:ops@example.com".to_owned(),
            public_key: public_key.to_vec(),
            private_key: private_key.expose().clone(),
        };
        let plain = stored.plain();
        let again = Stored::read(&plain).unwrap();
        assert!(matches!(again.credentials().unwrap(), Credentials::WebPush(_)));
        let seen = serde_json::to_string(&stored.facts()).unwrap();
        assert!(seen.contains(&base64url(&public_key)) && !seen.contains(&base64url(private_key.expose())));
        assert_eq!(format!("{stored:?}"), "Stored(web_push)");
    }
}
