//! What operators have decided about signing in, as one thing; and the settings of it.

use std::sync::Arc;

use super::directory::{Area, Directory};
use super::{Database, Row, WriteError, bounded};
use crate::domain::audit::Event;
use crate::domain::native_application::NativeApplication;
use crate::domain::sign_on::{Settings, SignOn};
use crate::store::ephemeral::StoreError;

pub use parts::{Applications, Created, MfaPolicies, NativeApplications, Part, Parts, Policies, Updated};

mod kinds;
mod parts;

/// One statement, so that what it reads fits together.
pub(super) const ALL: &str = "SELECT 1, document FROM sign_on_policy UNION ALL \
                              SELECT 2, document FROM authentication_application UNION ALL \
                              SELECT 3, document FROM native_application UNION ALL \
                              SELECT 4, document FROM mfa_policy UNION ALL \
                              SELECT 5, document FROM sign_on_settings";

pub(super) fn read(rows: &[Row]) -> Result<SignOn, StoreError> {
    let (mut policies, mut applications, mut settings) = (Vec::new(), Vec::new(), None);
    let (mut native_applications, mut mfa_policies) = (Vec::new(), Vec::new());
    for row in rows {
        // PostgreSQL has a narrower type for it.
        let kind: i32 = row.get(0)?;
        match kind {
            1 => policies.push(parts::read(row, 1)?),
            2 => applications.push(parts::read(row, 1)?),
            3 => native_applications.push(parts::read(row, 1)?),
            4 => mfa_policies.push(parts::read(row, 1)?),
            _ => settings = Some(self::settings(row, 1)?),
        }
    }
    let settings = settings.ok_or(StoreError::Corrupt("no sign-on settings"))?;
    Ok(SignOn::new(policies, applications, native_applications, mfa_policies, settings))
}

/// The document of one, in a column.
pub(super) fn native_application(row: &Row, at: usize) -> Result<NativeApplication, StoreError> {
    parts::read(row, at)
}

fn settings(row: &Row, at: usize) -> Result<Settings, StoreError> {
    let document: String = row.get(at)?;
    serde_json::from_str(&document).map_err(|_| StoreError::Corrupt("sign-on settings that cannot be read"))
}

fn document(value: &impl serde::Serialize) -> Result<sea_orm::Value, StoreError> {
    let text = serde_json::to_string(value).map_err(|_| StoreError::Corrupt("what cannot be written"))?;
    Ok(text.into())
}

#[derive(Clone, Debug)]
pub struct SignOnSettings {
    database: Database,
    directory: Arc<Directory>,
}

impl SignOnSettings {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory }
    }

    pub async fn find(&self) -> Result<Settings, StoreError> {
        let row = self.database.find("SELECT document FROM sign_on_settings", []).await?;
        settings(&row.ok_or(StoreError::Corrupt("no sign-on settings"))?, 0)
    }

    /// Applies `change`, unless it refuses, while nobody else can change them.
    pub async fn update_if<E: Send>(
        &self,
        event: &Event,
        change: impl FnOnce(Settings) -> Result<Settings, E> + Send,
    ) -> Result<Result<Settings, E>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let row = transaction.find_locked("SELECT document FROM sign_on_settings", []).await?;
            let before = settings(&row.ok_or(StoreError::Corrupt("no sign-on settings"))?, 0)?;
            let after = match change(before) {
                Ok(after) => after,
                Err(refused) => return Ok(Err(refused)),
            };
            let policy = after.default_policy.as_ref().map(|id| id.as_str().to_owned());
            let application = after.default_application.as_ref().map(|id| id.as_str().to_owned());
            let sql = "UPDATE sign_on_settings SET document = $1, policy_id = $2, application_id = $3";
            transaction.execute(sql, [document(&after)?, policy.into(), application.into()]).await?;
            let change = transaction.commit_change(Area::SignOn, &[event]).await?;
            Ok(Ok((after, change)))
        })
        .await;
        Ok(updated.map_err(WriteError::unexpected)?.map(|(after, change)| {
            self.directory.changed(change);
            after
        }))
    }
}
