//! The parts of what operators have decided about signing in that have names: policies and applications. Each
//! is a document in a table of its own. Who signs in reads them through the [`Directory`].

use std::marker::PhantomData;
use std::sync::Arc;

use sea_orm::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::document;
use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::audit::Event;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::native_application::NativeApplication;
use crate::domain::policy::SignOnPolicy;
use crate::store::ephemeral::StoreError;
use crate::store::sql::directory::{Area, Directory};
use crate::store::sql::{Database, Row, Transaction, WriteError, bounded, fleet};

pub type Policies = Parts<SignOnPolicy>;
pub type Applications = Parts<Application>;
pub type NativeApplications = Parts<NativeApplication>;
pub type MfaPolicies = Parts<MfaPolicy>;

/// What has a name and a document.
pub trait Part: Serialize + DeserializeOwned + Send + Sync {
    type Id: Clone + Send + Sync;

    const TABLE: &str;
    /// What is wrong with a document of which nothing can be made.
    const UNREADABLE: &'static str;
    /// Whoever names one keeps it where it is.
    const USED: &str;

    fn parse(text: &str) -> Option<Self::Id>;
    fn text(id: &Self::Id) -> &str;
    fn id(&self) -> &Self::Id;
    #[must_use]
    fn with_id(self, id: Self::Id) -> Self;
    fn created_at(&self) -> Timestamp;

    /// Beside the document, for the database to keep what it names.
    fn beside(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// The same, where it names several of a kind.
    fn named(&self) -> Option<Named<'_>> {
        None
    }
}

/// What a policy names, in a table of its own.
pub struct Named<'a> {
    pub table: &'static str,
    pub column: &'static str,
    pub ids: Vec<&'a str>,
}

/// What became of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Yes,
    IdTaken,
    /// Another one has what one alone may have.
    Taken,
}

/// What became of a change.
#[derive(Debug)]
pub enum Updated<P, E> {
    Yes(P),
    Refused(E),
    Unknown,
    /// Another one has what one alone may have.
    Taken,
}

#[derive(Debug)]
pub struct Parts<P> {
    database: Database,
    directory: Arc<Directory>,
    of: PhantomData<fn() -> P>,
}

impl<P> Clone for Parts<P> {
    fn clone(&self) -> Self {
        Self { database: self.database.clone(), directory: Arc::clone(&self.directory), of: PhantomData }
    }
}

impl<P: Part> Parts<P> {
    pub const fn new(database: Database, directory: Arc<Directory>) -> Self {
        Self { database, directory, of: PhantomData }
    }

    pub async fn create(&self, part: &P, event: &Event) -> Result<Created, StoreError> {
        let created: Result<_, WriteError> = bounded(async {
            let created_at = || Value::from(part.created_at().millis());
            let mut columns = columns(part)?;
            columns.extend([
                ("id", P::text(part.id()).into()),
                ("created_at", created_at()),
                ("updated_at", created_at()),
            ]);
            let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
            let places: Vec<_> = (1..=columns.len()).map(|place| format!("${place}")).collect();
            let sql = format!("INSERT INTO {} ({}) VALUES ({})", P::TABLE, names.join(", "), places.join(", "));
            let transaction = self.database.begin().await?;
            transaction.execute(&sql, columns.into_iter().map(|(_, value)| value)).await?;
            transaction.keep_named(part).await?;
            transaction.commit_change(Area::SignOn, &[event]).await
        })
        .await;
        match created {
            Ok(change) => {
                self.directory.changed(change);
                Ok(Created::Yes)
            }
            // Which constraint is told of, where it is both, is the engine's affair.
            Err(WriteError::Taken(_)) => {
                let id_taken = self.find(part.id()).await?.is_some();
                Ok(if id_taken { Created::IdTaken } else { Created::Taken })
            }
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    /// Applies `change`, unless it refuses, while nobody else can change it. The identifier stays.
    pub async fn update_if<E: Send>(
        &self,
        id: &P::Id,
        event: &Event,
        now: Timestamp,
        change: impl FnOnce(P) -> Result<P, E> + Send,
    ) -> Result<Updated<P, E>, StoreError> {
        let updated: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(row) = transaction.find_locked(&Self::one(), [P::text(id).into()]).await? else { return Ok(None) };
            let part = match change(read::<P>(&row, 0)?) {
                Ok(part) => part.with_id(id.clone()),
                Err(refused) => return Ok(Some(Err(refused))),
            };
            let mut columns = columns(&part)?;
            columns.push(("updated_at", now.millis().into()));
            let set: Vec<_> =
                columns.iter().enumerate().map(|(at, (name, _))| format!("{name} = ${}", at + 1)).collect();
            let sql = format!("UPDATE {} SET {} WHERE id = ${}", P::TABLE, set.join(", "), columns.len() + 1);
            let values = columns.into_iter().map(|(_, value)| value).chain([P::text(id).into()]);
            transaction.execute(&sql, values).await?;
            transaction.keep_named(&part).await?;
            let change = transaction.commit_change(Area::SignOn, &[event]).await?;
            Ok(Some(Ok((part, change))))
        })
        .await;
        match updated {
            Ok(Some(Ok((part, change)))) => {
                self.directory.changed(change);
                Ok(Updated::Yes(part))
            }
            Ok(Some(Err(refused))) => Ok(Updated::Refused(refused)),
            Ok(None) => Ok(Updated::Unknown),
            Err(WriteError::Taken(_)) => Ok(Updated::Taken),
            Err(WriteError::Store(error)) => Err(error),
        }
    }

    /// Deletes it, unless `check` refuses, which is told whether anything names it.
    pub async fn delete_if<E: Send>(
        &self,
        id: &P::Id,
        event: &Event,
        check: impl FnOnce(&P, bool) -> Result<(), E> + Send,
    ) -> Result<Option<Result<(), E>>, StoreError> {
        let deleted: Result<_, WriteError> = bounded(async {
            let transaction = self.database.begin().await?;
            let Some(row) = transaction.find_locked(&Self::one(), [P::text(id).into()]).await? else { return Ok(None) };
            let used = transaction.find(P::USED, [P::text(id).into()]).await?.is_some();
            if let Err(refused) = check(&read::<P>(&row, 0)?, used) {
                return Ok(Some(Err(refused)));
            }
            transaction.execute(&format!("DELETE FROM {} WHERE id = $1", P::TABLE), [P::text(id).into()]).await?;
            let change = transaction.commit_change(Area::SignOn, &[event]).await?;
            Ok(Some(Ok(change)))
        })
        .await;
        Ok(deleted.map_err(WriteError::unexpected)?.map(|deleted| deleted.map(|change| self.directory.changed(change))))
    }

    /// As the database has it, past all that is remembered.
    pub async fn find(&self, id: &P::Id) -> Result<Option<P>, StoreError> {
        let row = self.database.find(&Self::one(), [P::text(id).into()]).await?;
        row.map(|row| read(&row, 0)).transpose()
    }

    /// At most `limit`, newest first, those after a place in that order only.
    pub async fn newest(&self, after: Option<(i64, String)>, limit: u32) -> Result<Vec<P>, StoreError> {
        let (at, id) = after.unwrap_or((i64::MAX, String::new()));
        let sql = format!(
            "SELECT document FROM {} WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT $3",
            P::TABLE
        );
        let rows = self.database.find_all(&sql, [at.into(), id.into(), i64::from(limit).into()]).await?;
        rows.iter().map(|row| read(row, 0)).collect()
    }

    /// How many there are that were not made before a time.
    pub async fn count(&self, since: Option<Timestamp>) -> Result<u64, StoreError> {
        let sql = format!("SELECT COUNT(*) FROM {} WHERE created_at >= $1", P::TABLE);
        self.database.count(&sql, [fleet::since(since)]).await
    }

    /// All of them, in the order of their identifiers.
    pub async fn all(&self) -> Result<Vec<P>, StoreError> {
        let rows = self.database.find_all(&format!("SELECT document FROM {} ORDER BY id", P::TABLE), []).await?;
        rows.iter().map(|row| read(row, 0)).collect()
    }

    fn one() -> String {
        format!("SELECT document FROM {} WHERE id = $1", P::TABLE)
    }
}

/// The columns that change with it.
fn columns<P: Part>(part: &P) -> Result<Vec<(&'static str, Value)>, StoreError> {
    let mut columns = vec![("document", document(part)?)];
    columns.extend(part.beside());
    Ok(columns)
}

impl Transaction {
    /// What a policy names from now on.
    async fn keep_named<P: Part>(&self, part: &P) -> Result<(), WriteError> {
        let Some(Named { table, column, mut ids }) = part.named() else { return Ok(()) };
        let own = || Value::from(P::text(part.id()));
        self.execute(&format!("DELETE FROM {table} WHERE policy_id = $1"), [own()]).await?;
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let sql = format!("INSERT INTO {table} (policy_id, {column}) VALUES ($1, $2)");
            self.execute(&sql, [own(), id.into()]).await?;
        }
        Ok(())
    }
}

/// The document in a column.
pub(super) fn read<P: Part>(row: &Row, at: usize) -> Result<P, StoreError> {
    let document: String = row.get(at)?;
    serde_json::from_str(&document).map_err(|_| StoreError::Corrupt(P::UNREADABLE))
}
