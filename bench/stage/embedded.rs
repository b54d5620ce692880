//! Everything in one file, without Redis.

use std::path::Path;
use std::sync::Arc;

use nod::clock::SystemClock;
use nod::secret::Secret;
use nod::store::embedded::EmbeddedStore;
use nod::store::ephemeral::{Ephemeral, Shelf};
use nod::store::sql::Database;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;

use super::{Nod, Stage, beside};
use crate::Result;
use crate::phone::Source;
use crate::report::Figure;
use crate::scenario::pending_polls;
use crate::waiting::Waiting;

impl Stage<'_> {
    /// The flow, polls of more and more requests that wait, and what those take.
    pub(super) async fn embedded(&mut self) -> Result<()> {
        let (url, phones) = self.sqlite("embedded").await?;
        let nod = self.nod("embedded", (url.clone(), phones), "embedded")?;
        self.idle("embedded", &nod).await;
        let store = self.embedded_store(&url).await?;
        let source = Source::Store(Shelf::new(Arc::clone(&store)));
        let mut figure = Figure::new("whole flow, embedded store", None);
        for round in 0..=self.scale.rounds.min(2) {
            let sample = self.flow_of_nod(&nod, &source, self.flows(&self.parties), None).await?;
            if round > 0 {
                figure.nod.push(sample);
            }
        }
        self.record(figure);
        self.embedded_polls(&nod, &store).await?;
        drop(nod);
        self.bytes_in_a_file().await
    }

    /// The driver's own view of what `nod` keeps beside this database.
    async fn embedded_store(&self, url: &str) -> Result<Arc<dyn Ephemeral>> {
        let database = Database::connect(&Secret::new(url.to_owned())).await?;
        let (store, working) = EmbeddedStore::open(&database, Arc::new(SystemClock), Arc::clone(&self.entropy)).await?;
        beside(working);
        Ok(Arc::new(store))
    }

    async fn embedded_polls(&mut self, nod: &Nod, store: &Arc<dyn Ephemeral>) -> Result<()> {
        let mut waiting = Waiting::default();
        for &count in self.scale.outstanding {
            waiting.grow(&self.parties, count, store, &self.entropy).await?;
            let mut figure = Figure::new(&format!("pending poll, {count} outstanding, embedded"), None);
            for _ in 0..self.scale.rounds {
                let polls = waiting.polls(self.scale.polls, &self.parties, &self.entropy);
                figure.nod.push(pending_polls(self.stand(&nod.server), polls).await?);
            }
            self.record(figure);
        }
        Ok(())
    }

    /// What pending requests take in a file that has nothing else, and that nobody clears meanwhile.
    async fn bytes_in_a_file(&mut self) -> Result<()> {
        for &count in self.scale.outstanding {
            let database = self.home.join(format!("waiting-{count}.db"));
            let store = self.embedded_store(&format!("sqlite:{}", database.display())).await?;
            let before = bytes_beside(&database).await?;
            Waiting::default().grow(&self.parties, count, &store, &self.entropy).await?;
            let bytes = (bytes_beside(&database).await? - before) / i64::try_from(count)?;
            self.facts.insert(format!("embedded_bytes_per_request_of_{count}"), json!(bytes));
        }
        Ok(())
    }
}

/// Pages in use of the file that the embedded store keeps beside a database, whether they are in it already or in its
/// log still.
async fn bytes_beside(database: &Path) -> Result<i64> {
    const PAGES: &str = "SELECT (page_count - freelist_count) * page_size \
                         FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let connection = sea_orm::Database::connect(format!("sqlite:{}-ephemeral", database.display())).await?;
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, PAGES)).await?;
    Ok(row.ok_or("no pages")?.try_get_by_index::<i64>(0)?)
}
