//! Can this node serve now?

use std::sync::Arc;

use crate::store::ephemeral::Ephemeral;
use crate::store::sql::Database;

pub struct Readiness {
    pub database: Database,
    pub ephemeral: Arc<dyn Ephemeral>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    pub database: bool,
    pub ephemeral: bool,
}

impl Readiness {
    pub async fn check(&self) -> Ready {
        let (database, ephemeral) = tokio::join!(self.database.ping(), self.ephemeral.ping());
        Ready { database: database.is_ok(), ephemeral: ephemeral.is_ok() }
    }
}
