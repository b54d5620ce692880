//! Lists: a table for people at a terminal, one JSON object a line for everybody else.

use std::io::{self, IsTerminal as _};

use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::terminal::{Ink, Terminal, safe};

/// For every command that lists.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct Format {
    /// One JSON object a line, on a terminal too
    #[arg(long)]
    pub(super) json: bool,
}

impl Format {
    pub(super) fn is_json(self) -> bool {
        self.json || !io::stdout().is_terminal()
    }
}

/// Objects with the same members, in the order of `columns`.
pub(super) struct Listing {
    columns: &'static [&'static str],
    rows: Vec<Value>,
}

impl Listing {
    pub(super) const fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Members that are no column are told in JSON alone.
    pub(super) fn row(&mut self, object: Value) {
        self.rows.push(object);
    }

    pub(super) fn print(&self, format: Format) -> Result<(), Exit> {
        let mut terminal = Terminal::stdout();
        if format.is_json() {
            for row in &self.rows {
                terminal.line(row)?;
            }
            return Ok(());
        }
        let mut lines = self.lines().into_iter();
        if let Some(head) = lines.next() {
            let head = terminal.paint(Ink::Faint, &head);
            terminal.line(head)?;
        }
        for line in lines {
            terminal.line(line)?;
        }
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let head: Vec<String> = self.columns.iter().map(|column| column.to_uppercase()).collect();
        let rows = self.rows.iter().map(|row| self.columns.iter().map(|column| cell(row.get(column))).collect());
        aligned(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }
}

/// The columns below each other, two spaces apart.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => safe(text),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => safe(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let mut listing = Listing::new(&["id", "name", "grants"]);
        listing.row(json!({ "id": "till", "name": null, "grants": ["a", "b"] }));
        listing.row(json!({ "id": "kiosk-2", "name": "K\u{1b}[2J", "grants": [], "created": 5 }));
        assert_eq!(
            listing.lines(),
            ["ID       NAME        GRANTS", "till     -           a b", "kiosk-2  K\\u{1b}[2J"]
        );
    }
}
