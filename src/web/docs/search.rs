//! The list of everything, and the part of it that has all words that are looked for. A script in the
//! browser does the same while somebody types.

use poem::Request;
use serde::Deserialize;

use super::reference::{Group, Operation, Reference};
use crate::protocol::admin_error::AdminErrorCode;

/// Longer than any name.
const LONGEST: usize = 100;

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

/// What is looked for.
pub(super) struct Search {
    pub text: String,
    words: Vec<String>,
}

/// What was found, as it is shown.
pub(super) struct Found<'r> {
    pub parts: Vec<FoundPart<'r>>,
    /// Each with the group on whose page it is.
    pub schemas: Vec<(&'r str, &'r str)>,
    pub codes: Vec<AdminErrorCode>,
    pub count: usize,
}

pub(super) struct FoundPart<'r> {
    pub title: &'static str,
    pub name: &'static str,
    pub about: &'static str,
    pub groups: Vec<(&'r Group, Vec<&'r Operation>)>,
}

impl Search {
    pub(super) fn asked(request: &Request) -> Self {
        let asked = request.params::<Asked>().map_or_else(|_| String::new(), |asked| asked.q);
        let text: String = asked.chars().take(LONGEST).collect();
        let words = text.split_whitespace().map(str::to_lowercase).collect();
        Self { text, words }
    }

    pub(super) fn of<'r>(&self, reference: &'r Reference) -> Found<'r> {
        let parts = reference.parts.iter().map(|part| {
            let groups = part.groups.iter().map(|group| {
                let operations = group.operations.iter();
                let fits = |one: &&Operation| self.fits(&[&one.summary, &one.method, &one.path, &one.id, &group.title]);
                (group, operations.filter(fits).collect::<Vec<_>>())
            });
            let groups = groups.filter(|(_, operations)| !operations.is_empty()).collect();
            FoundPart { title: part.title, name: part.name, about: part.about, groups }
        });
        let parts: Vec<_> = parts.filter(|part| !part.groups.is_empty()).collect();
        let schemas = self.schemas(reference);
        let codes = AdminErrorCode::ALL.iter().copied();
        let codes: Vec<_> = codes.filter(|code| self.fits(&[code.as_str(), code.title()])).collect();
        let operations: usize =
            parts.iter().flat_map(|part| &part.groups).map(|(_, operations)| operations.len()).sum();
        let count = operations + schemas.len() + codes.len();
        Found { parts, schemas, codes, count }
    }

    /// By name, each once: the pages of several groups have it.
    fn schemas<'r>(&self, reference: &'r Reference) -> Vec<(&'r str, &'r str)> {
        let all = reference
            .groups()
            .flat_map(|group| group.schemas.iter().map(|schema| (schema.name.as_str(), group.slug.as_str())));
        let mut found: Vec<_> = all.filter(|(name, _)| self.fits(&[name])).collect();
        // Stable, so that the first group stays the first.
        found.sort_by_key(|(name, _)| *name);
        found.dedup_by_key(|(name, _)| *name);
        found
    }

    fn fits(&self, texts: &[&str]) -> bool {
        let text = texts.join(" ").to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}
