//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A source, weaker ones first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    File(Place),
    /// A variable.
    Environment(String),
    /// As it was given.
    Flag(String),
}

/// A place in a configuration file, as editors count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<PathBuf>,
    /// Which of the files; later ones are stronger.
    pub number: usize,
    pub line: usize,
    pub column: usize,
}

impl Origin {
    /// A value from a source of a higher rank replaces others.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Default => 0,
            Self::File(place) => 1 + place.number,
            Self::Environment(name) if !name.ends_with("_FILE") => usize::MAX - 2,
            Self::Environment(_) => usize::MAX - 1,
            Self::Flag(_) => usize::MAX,
        }
    }

    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Default => serde_json::json!({ "source": "default" }),
            Self::File(place) => serde_json::json!({
                "source": "file", "file": place.file.display().to_string(), "line": place.line, "column": place.column,
            }),
            Self::Environment(name) => serde_json::json!({ "source": "environment", "variable": name }),
            Self::Flag(flag) => serde_json::json!({ "source": "flag", "flag": flag }),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(place) => write!(f, "{}:{}:{}", place.file.display(), place.line, place.column),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// Line and column of a byte, both from one; columns count characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before.get(start..).unwrap_or_default().chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_editors_do() {
        let text = "a = 1\nü = 2\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 6), (2, 1));
        assert_eq!(line_and_column(text, 11), (2, 5));
        assert_eq!(line_and_column(text, 99), (3, 1));
    }
}
