//! Statements of any length: an `INSERT` of many rows, a list of many places.

use sea_orm::{Statement, Value};

use super::Engine;

/// An `INSERT` of any number of rows.
pub(super) struct Insert {
    /// `table (columns)`.
    pub(super) into: &'static str,
    pub(super) columns: usize,
    /// What follows the values.
    pub(super) and: &'static str,
}

impl Insert {
    pub(super) const MOST: usize = 64;

    pub(super) fn answers(&self) -> bool {
        self.and.contains("RETURNING")
    }

    /// In powers of two: a handful of statements that stay prepared, not one for each count.
    pub(super) fn statements(&self, engine: Engine, rows: Vec<Vec<Value>>) -> impl Iterator<Item = Statement> {
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        std::iter::from_fn(move || {
            let count = 1 << left.min(Self::MOST).checked_ilog2()?;
            left -= count;
            let values: Vec<Value> = rows.by_ref().take(count).flatten().collect();
            Some(engine.statement(&self.sql(engine, count), values))
        })
    }

    fn sql(&self, engine: Engine, count: usize) -> String {
        let mut places = Placeholders::new(engine);
        let mut sql = String::with_capacity(128 + count * self.columns * 5);
        sql.push_str("INSERT INTO ");
        sql.push_str(self.into);
        sql.push_str(" VALUES ");
        places.rows(&mut sql, count, self.columns);
        sql.push(' ');
        sql.push_str(self.and);
        sql
    }
}

/// Writes the places of values into a statement that has too many to count.
pub(in crate::store) struct Placeholders {
    engine: Engine,
    written: usize,
}

impl Placeholders {
    pub(in crate::store) const fn new(engine: Engine) -> Self {
        Self { engine, written: 0 }
    }

    pub(in crate::store) fn next(&mut self, sql: &mut String) {
        self.written += 1;
        match self.engine {
            // SQLite looks for the name of a numbered place among all others, for each of them.
            Engine::Sqlite => sql.push('?'),
            Engine::Postgres => {
                sql.push('$');
                sql.push_str(&self.written.to_string());
            }
        }
    }

    /// `(.., ..), (.., ..)`
    pub(in crate::store) fn rows(&mut self, sql: &mut String, count: usize, columns: usize) {
        for row in 0..count {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            self.list(sql, columns);
            sql.push(')');
        }
    }

    /// `.., ..`
    pub(in crate::store) fn list(&mut self, sql: &mut String, count: usize) {
        for n in 0..count {
            sql.push_str(if n == 0 { "" } else { ", " });
            self.next(sql);
        }
    }
}
