//! The first administrator. While there is none, each start of a server writes a token to a file that
//! only its owner reads; whoever holds it makes the first client with all rights, once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::domain::audit::{Action, Actor};
use crate::domain::client::{Authentication, Secrets, StoredSecret};
use crate::domain::profile::Profiles;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::protocol::admin_scope::{ADMIN, Permissions};
use crate::protocol::id::BootstrapToken;
use crate::protocol::public_id::{self, Kind};
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;
use crate::store::sql::bootstrap::{BootstrapTokens, Spent};
use crate::usecase::admin::client_metadata::profile::unmet;
use crate::usecase::admin::client_metadata::{ClientMetadata, client_id};
use crate::usecase::admin::clients::WithSecret;
use crate::usecase::admin::{AdminError, Administrator, Desk};

/// A token that nobody fetches in a day is one that nobody waits for.
const LIFETIME: Duration = Duration::from_secs(86_400);

pub struct Bootstrap {
    pub tokens: BootstrapTokens,
    pub desk: Desk,
    pub profiles: Profiles,
    /// Where this node wrote its token.
    pub file: Mutex<Option<PathBuf>>,
}

#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{}: {source}", file.display())]
    File { file: PathBuf, source: std::io::Error },
}

impl Bootstrap {
    /// Writes a new token to `file`, unless there is an administrator; a file of before goes either
    /// way. Answers whether a token is there now.
    pub async fn offer(&self, file: &Path) -> Result<bool, OfferError> {
        let token = BootstrapToken::new(self.desk.entropy.token());
        let now = self.desk.now();
        let failed = |source| OfferError::File { file: file.to_owned(), source };
        if !self.tokens.offer(&token.digest(), now, now + LIFETIME).await? {
            remove(file).map_err(failed)?;
            return Ok(false);
        }
        remove(file).and_then(|()| write(file, token.expose())).map_err(failed)?;
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file.to_owned());
        Ok(true)
    }

    /// Makes the first administrator. Of all who come with a token, one does.
    pub async fn begin(
        &self,
        token: &BootstrapToken,
        id: Option<&str>,
        name: Option<&str>,
    ) -> Result<WithSecret, AdminError> {
        let now = self.desk.now();
        let made = public_id::encode(Kind::Client, self.desk.entropy.uuid());
        let id = client_id(id.unwrap_or(&made)).ok_or_else(|| {
            AdminError::invalid(vec![FieldProblem::new("/client_id", FieldCode::Invalid, "Not an identifier.")])
        })?;
        let metadata = ClientMetadata {
            client_name: Some(name.unwrap_or("First administrator").to_owned()),
            grant_types: Some(vec!["client_credentials".to_owned()]),
            scope: Some(ADMIN.to_owned()),
            ..ClientMetadata::default()
        };
        let mut client = metadata.client(id, None, None, now).map_err(AdminError::invalid)?;
        // One that nobody hears is no administrator: the command line makes one with keys.
        unmet(self.profiles, &client).map_err(AdminError::invalid)?;
        let secret = self.desk.entropy.token();
        let stored = StoredSecret { digest: Digest::of(secret.expose().as_bytes()), expires_at: None };
        client.authentication = Authentication::ClientSecretBasic(Secrets(vec![stored]));
        let by = Administrator { actor: Actor::Bootstrap, permissions: Permissions::of(&client.scope) };
        let event = self.desk.event(&by, Action::AdminBootstrapped).client(&client.id);
        match self.tokens.spend(&token.digest(), &client, &event, now).await? {
            Spent::Invalid => Err(AdminErrorCode::BootstrapTokenInvalid.into()),
            Spent::Taken => Err(AdminErrorCode::ClientExists.into()),
            Spent::Yes => {
                let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
                // The token in it is worth nothing any more.
                if let Some(Err(error)) = file.map(|file| remove(&file)) {
                    tracing::warn!(%error, "the file of the bootstrap token was not removed");
                }
                Ok(WithSecret { client, secret: Some(secret) })
            }
        }
    }
}

fn remove(file: &Path) -> std::io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A new file, never one that somebody else has put there and may read.
fn write(file: &Path, token: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut open = options.open(file)?;
    open.write_all(token.as_bytes())?;
    open.write_all(b"\n")
}
