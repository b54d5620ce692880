//! "Did you mean ...?"

use super::table::{SECTIONS, SETTINGS};

/// The setting or section that was probably meant.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let (_, field) = path.rsplit_once('.').unwrap_or(("", path));
    let keys = SETTINGS.iter().map(|setting| setting.key);
    let sections = SECTIONS.iter().map(|(name, _)| *name).filter(|_| !path.contains('.'));
    let near = keys
        .chain(sections)
        .map(|key| (strsim::damerau_levenshtein(path, key), key))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, key)| *distance <= 1.max(key.len().min(path.len()) / 3))
        .map(|(_, key)| key);
    // The right word in the wrong section, if only one section has it.
    let mut elsewhere = SETTINGS.iter().filter(|setting| setting.split().1 == field).map(|setting| setting.key);
    match (elsewhere.next(), elsewhere.next()) {
        (Some(key), None) => Some(key),
        (Some(_) | None, _) => near,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        for (wrote, meant) in [
            ("ciba.intervall", Some("ciba.interval")),
            ("ciba.max_expiery", Some("ciba.max_expiry")),
            ("databse", Some("database")),
            ("interval", Some("ciba.interval")),
            ("cbia.interval", Some("ciba.interval")),
            ("limit.connections", Some("limits.connections")),
            ("isuer", Some("issuer")),
            ("colour", None),
            ("ciba.colour", None),
        ] {
            assert_eq!(nearest(wrote), meant, "{wrote}");
        }
    }
}
