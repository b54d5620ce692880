//! What a statement answers, and how values that are ours are stored.

use sea_orm::{QueryResult, TryGetable, Value};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;

pub(super) fn rows(rows: Vec<QueryResult>) -> Vec<Row> {
    rows.into_iter().map(Row).collect()
}

/// One row of an answer, its columns by position.
#[derive(Debug)]
pub(in crate::store) struct Row(pub(super) QueryResult);

impl Row {
    pub(in crate::store) fn get<T: TryGetable>(&self, column: usize) -> Result<T, StoreError> {
        self.0.try_get_by_index(column).map_err(|_| StoreError::Corrupt("a column of another type"))
    }

    pub(super) fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        let bytes: Vec<u8> = self.get(column)?;
        Uuid::from_slice(&bytes).map_err(|_| StoreError::Corrupt("a column that is no UUID"))
    }

    pub(super) fn uuid_if_any(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        let bytes: Option<Vec<u8>> = self.get(column)?;
        bytes
            .map(|bytes| Uuid::from_slice(&bytes).map_err(|_| StoreError::Corrupt("a column that is no UUID")))
            .transpose()
    }

    pub(super) fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_millis(self.get(column)?))
    }

    pub(super) fn time_if_any(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = self.get(column)?;
        Ok(millis.map(Timestamp::from_millis))
    }

    /// A column whose text has to be one that `parse` knows.
    pub(super) fn parsed<T>(&self, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        parse(&text).ok_or(StoreError::Corrupt("a column with an unknown word"))
    }

    pub(super) fn parsed_if_any<T>(
        &self,
        column: usize,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| parse(&text).ok_or(StoreError::Corrupt("a column with an unknown word"))).transpose()
    }

    pub(super) fn digest<T>(&self, column: usize) -> Result<Digest<T>, StoreError> {
        let bytes: Vec<u8> = self.get(column)?;
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| StoreError::Corrupt("a column that is no digest"))?;
        Ok(Digest::from_bytes(bytes))
    }
}

/// UUIDs are stored as their 16 bytes.
pub(super) fn bytes(uuid: Uuid) -> Value {
    uuid.as_bytes().as_slice().into()
}

pub(super) fn bytes_if_any(uuid: Option<Uuid>) -> Value {
    uuid.map(|uuid| uuid.as_bytes().to_vec()).into()
}

pub(super) fn digest_bytes<T>(digest: &Digest<T>) -> Value {
    digest.as_bytes().as_slice().into()
}
