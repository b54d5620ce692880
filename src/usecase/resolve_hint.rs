//! Whom a hint means [CIBA §7.1], and whether they want to be asked [CIBA §7.1.2].

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::subject::Subjects;
use crate::domain::user::User;
use crate::protocol::backchannel_authentication::Hint;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::id::UserId;
use crate::protocol::login_hint_token::{Named, Once};
use crate::secret::{Secret, sha256};
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::Directory;
use crate::usecase::Error;
use crate::usecase::authenticate_client::AuthenticatedClient;
use crate::usecase::check_user_code::CheckUserCode;
use crate::usecase::read_hint_token::ReadHintToken;
use crate::usecase::signing_keys::KeyRing;

pub struct ResolveHint {
    pub directory: Arc<Directory>,
    pub keys: Arc<KeyRing>,
    pub subjects: Arc<Subjects>,
    pub tokens: ReadHintToken,
    pub codes: CheckUserCode,
    /// A hint that leads to nobody is accepted, and the question expires.
    pub uniform: bool,
}

/// Whom a hint means.
pub enum Meant {
    Person(Arc<User>),
    /// Under the uniform policy: an inbox that no device ever reads, always the same one for a hint,
    /// so that limits and cancellations show no difference either.
    Nobody(UserId),
}

impl Meant {
    fn nobody(hint: &str) -> Self {
        let digest = sha256(format!("nobody\0{hint}").as_bytes());
        let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
        Self::Nobody(UserId::new(uuid::Builder::from_random_bytes(bytes).into_uuid()))
    }

    pub fn id(&self) -> UserId {
        match self {
            Self::Person(user) => user.id,
            Self::Nobody(id) => *id,
        }
    }
}

/// Who was found, and by what they were looked for.
struct Found {
    user: Option<Arc<User>>,
    text: String,
    once: Option<Once>,
}

impl ResolveHint {
    /// `code`: the one that was given, where the client has to give one.
    pub async fn resolve(
        &self,
        client: &AuthenticatedClient,
        hint: &Hint,
        code: Option<&Secret<String>>,
        now: Timestamp,
    ) -> Result<Meant, Error> {
        let Found { user, text, once } = self.find(client, hint, now).await?;
        if user.is_none() && !self.uniform {
            return Err(Refusal::new(ErrorCode::UnknownUserId, "The hint leads to no user.").into());
        }
        // Of those who do not know it, nobody learns anything of the person from here on.
        if let Some(code) = code {
            Box::pin(self.codes.check(user.as_deref(), &text, code, now)).await?;
        }
        let meant = match user {
            Some(user) if user.is_active() => Meant::Person(user),
            // [reliability I12] a locked person is not asked (CVE-2026-9798 of a peer).
            Some(user) if !self.uniform => {
                return Err(Refusal::new(ErrorCode::AccessDenied, "The request was denied.")
                    .because(format!("user {} is not active", user.id))
                    .into());
            }
            Some(_) | None => Meant::nobody(&text),
        };
        if let Some(once) = once {
            self.tokens.hear(&once, now).await?;
        }
        Ok(meant)
    }

    async fn find(&self, client: &AuthenticatedClient, hint: &Hint, now: Timestamp) -> Result<Found, Error> {
        let (person, once) = match hint {
            Hint::Login(username) => (Named::Username(username.clone()), None),
            Hint::IdToken(token) => (Named::Subject(self.keys.subject_of_hint(token, &client.id)?), None),
            // In a box: most hints are names, and each would carry the room for it.
            Hint::Token(token) => {
                let accepted = Box::pin(self.tokens.read(client, token, now)).await?;
                (accepted.person, accepted.once)
            }
        };
        let user = self.named(client, &person).await?;
        let (Named::Subject(text) | Named::Username(text) | Named::Email(text) | Named::Otherwise(text)) = person;
        Ok(Found { user, text, once })
    }

    async fn named(&self, client: &AuthenticatedClient, person: &Named) -> Result<Option<Arc<User>>, StoreError> {
        match person {
            Named::Subject(subject) => match self.subjects.user(client, subject) {
                Some(id) => self.directory.user(&id).await,
                None => Ok(None),
            },
            Named::Username(username) => self.directory.user_by_username(username).await,
            Named::Email(address) => self.directory.user_by_email(address).await,
            Named::Otherwise(_) => Ok(None),
        }
    }
}
