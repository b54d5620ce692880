use super::*;
use crate::config::Kind;

#[test]
fn every_secret_can_come_from_a_file() {
    for secret in SETTINGS.iter().filter(|setting| setting.is_secret()) {
        let file = format!("{}_file", secret.key);
        assert_eq!(find(&file).map(|setting| setting.kind), Some(Kind::Path), "{file}");
        let together = ALTERNATIVES.iter().any(|keys| keys.contains(&secret.key) && keys.contains(&file.as_str()));
        assert!(together, "{} and {file} are no alternatives", secret.key);
    }
}

#[test]
fn every_default_is_a_value() {
    let mut problems = Vec::new();
    let values = Values::defaults();
    for setting in SETTINGS {
        assert!(!setting.about.is_empty() && setting.about.ends_with('.'), "{}", setting.key);
        if let Some(default) = setting.default {
            assert!(setting.kind.given(default).is_some(), "{} = {default}", setting.key);
        }
    }
    Config::read(&values, &mut problems);
    let missing: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(missing, ["issuer is missing"], "only what has no default");
}
