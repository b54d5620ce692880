//! Facts about the installation itself.

use super::Database;
use crate::entropy::Entropy;
use crate::secret::{CannotOpen, MasterKey, Sealed};
use crate::store::ephemeral::StoreError;

/// The database was made with another master key. Starting would make what rests in it unreadable,
/// or worse, mix two keys.
#[derive(Debug, thiserror::Error)]
pub enum WrongMasterKey {
    #[error("the master key is not the one that this database was made with")]
    Wrong(#[from] CannotOpen),
    #[error(transparent)]
    Store(#[from] StoreError),
}

const NAME: &str = "master_key_check";
const PLACE: &str = "setting|value|master_key_check";

/// Compares the master key with the one at the first start, by a sealed constant.
pub struct CheckMasterKey {
    database: Database,
}

/// What a look at the database says about a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is the one that the database was made with.
    Fits,
    /// The database was made with another.
    Other,
    /// No server has been started on the database.
    Nothing,
}

impl CheckMasterKey {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// As `check`, and nothing is written.
    pub async fn look(&self, master: &MasterKey) -> Result<Found, StoreError> {
        let row = self.database.find("SELECT value FROM setting WHERE name = $1", [NAME.into()]).await?;
        let Some(row) = row else { return Ok(Found::Nothing) };
        let value: Vec<u8> = row.get(0)?;
        Ok(if master.open(PLACE, &Sealed::from_bytes(value)).is_ok() { Found::Fits } else { Found::Other })
    }

    pub async fn check(&self, master: &MasterKey, entropy: &Entropy) -> Result<(), WrongMasterKey> {
        let sealed = master.seal(PLACE, b"nod", entropy);
        let sql = "INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        self.database.execute(sql, [NAME.into(), sealed.as_bytes().into()]).await?;
        let row = self.database.find("SELECT value FROM setting WHERE name = $1", [NAME.into()]).await?;
        let value: Vec<u8> = row.ok_or(StoreError::Corrupt("the master key check"))?.get(0)?;
        master.open(PLACE, &Sealed::from_bytes(value))?;
        Ok(())
    }
}
