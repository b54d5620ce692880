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
    const MOST: usize = 64;

    /// Up to here, each number of rows has a statement of its own.
    const EXACTLY: usize = 16;

    pub(super) fn answers(&self) -> bool {
        self.and.contains("RETURNING")
    }

    /// How many rows go into the next statement. A statement costs a way to the database and back, so
    /// there is one wherever it can be; of more rows, a handful of lengths that stay prepared.
    pub(super) fn next_of(left: usize) -> usize {
        match left.min(Self::MOST) {
            few @ 0..=Self::EXACTLY => few,
            many => 1 << many.ilog2(),
        }
    }

    pub(super) fn statements(&self, engine: Engine, rows: Vec<Vec<Value>>) -> impl Iterator<Item = Statement> {
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        std::iter::from_fn(move || {
            let count = Self::next_of(left);
            left -= count;
            (count > 0).then(|| self.statement(engine, rows.by_ref().take(count).collect()))
        })
    }

    fn statement(&self, engine: Engine, rows: Vec<Vec<Value>>) -> Statement {
        let mut sql = self.begun(engine, rows.len());
        sql.push_str("VALUES ");
        Placeholders::new(engine).rows(&mut sql, rows.len(), self.columns);
        sql.push(' ');
        sql.push_str(self.and);
        engine.statement(&sql, rows.into_iter().flatten())
    }

    /// One statement that inserts nothing unless a condition holds. For SQLite, which knows the type of a
    /// value without the column that it goes to.
    pub(super) fn statement_if(&self, rows: Vec<Vec<Value>>, condition: &str, of: [Value; 2]) -> Statement {
        let engine = Engine::Sqlite;
        let mut sql = self.begun(engine, rows.len());
        sql.push_str("SELECT * FROM (VALUES ");
        Placeholders::new(engine).rows(&mut sql, rows.len(), self.columns);
        for part in [") WHERE ", condition, " ", self.and] {
            sql.push_str(part);
        }
        engine.statement(&sql, rows.into_iter().flatten().chain(of))
    }

    fn begun(&self, engine: Engine, count: usize) -> String {
        let mut sql = String::with_capacity(512 + count * self.columns * 5);
        sql.push_str(match engine {
            // A statement that fails takes its transaction with it. So SQLite need not copy each page that it
            // changes, to be able to take back the first rows when a later one is refused.
            Engine::Sqlite => "INSERT OR FAIL INTO ",
            Engine::Postgres => "INSERT INTO ",
        });
        sql.push_str(self.into);
        sql.push(' ');
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
