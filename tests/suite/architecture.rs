//! Who may name whom. The layers are read off the source as it stands: a name that points upwards
//! would compile, so a test has to say no.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of the house, each with those it may name. Leaves may be named by everybody.
const LEAVES: [&str; 4] = ["clock", "entropy", "failpoint", "secret"];
const MAY_NAME: [(&str, &[&str]); 16] = [
    ("clock", &[]),
    ("entropy", &["secret"]),
    ("failpoint", &[]),
    ("secret", &["entropy"]),
    ("protocol", &[]),
    ("domain", &["protocol"]),
    ("store", &["domain", "protocol"]),
    ("outbound", &["domain", "protocol"]),
    ("usecase", &["store", "outbound", "domain", "protocol"]),
    ("http", &["usecase", "domain", "protocol"]),
    ("web", &["usecase", "domain", "protocol"]),
    ("worker", &["usecase", "store", "domain", "protocol"]),
    ("config", &["domain", "protocol"]),
    ("telemetry", &[]),
    ("app", &["http", "web", "worker", "usecase", "store", "outbound", "domain", "protocol", "config", "telemetry"]),
    (
        "cli",
        &["app", "http", "web", "worker", "usecase", "store", "outbound", "domain", "protocol", "config", "telemetry"],
    ),
];

/// What only some may name: a crate, and the places that may.
const ONLY: [(&str, &[&str]); 8] = [
    ("josekit", &["src/protocol/jwt.rs", "src/protocol/jwt/"]),
    ("sea_orm", &["src/store/", "src/app.rs"]),
    ("sqlx", &["src/store/", "src/app.rs"]),
    ("redis", &["src/store/", "src/app.rs"]),
    ("reqwest", &["src/outbound/", "src/cli/"]),
    ("hyper", &["src/http/"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("rand", &["src/entropy.rs"]),
];

/// What the pure layers know nothing of.
const IMPURE: [&str; 9] =
    ["tokio", "async_trait", "futures_util", "poem", "poem_openapi", "sea_orm", "redis", "reqwest", "std::fs"];

/// Calls that have one home each.
const CALLS: [(&str, &[&str]); 7] = [
    ("SystemTime::now", &["src/clock.rs"]),
    ("OffsetDateTime::now_utc", &["src/clock.rs"]),
    ("SystemRandom::new", &["src/entropy.rs"]),
    ("Uuid::new_v4", &[]),
    ("env::var", &["src/config.rs", "src/failpoint.rs"]),
    ("tokio::spawn", &["src/worker.rs"]),
    ("StatusCode::", &["src/http/", "src/web/", "src/outbound/", "src/cli/"]),
];

/// A source file without its tests, comments and texts: what a rule about names may look at.
struct Source {
    path: String,
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    gather(&root().join("src"), &mut files);
    files.sort();
    let sources = files.into_iter().filter(|file| !file.ends_with("tests.rs")).map(|file| {
        let path = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let code = code_of(&fs::read_to_string(&file).unwrap());
        Source { path, code }
    });
    sources.collect()
}

fn gather(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Up to the unit tests, without comments.
fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

impl Source {
    /// The room that a file belongs to.
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap();
        inside.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// The rooms that a file names, by `crate::x`, also within `use crate::{x, y::z}`.
    fn named(&self) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        for (at, found) in self.code.match_indices("crate::") {
            if self.code[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_') {
                continue;
            }
            let rest = &self.code[at + found.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                named.extend(heads(group));
            } else {
                named.insert(head(rest));
            }
        }
        named
    }

    /// Whether the name stands there as a path or a whole word before `::`, or is imported.
    fn names(&self, krate: &str) -> bool {
        self.code.match_indices(krate).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            let after = &self.code[at + krate.len()..];
            let whole = before.is_none_or(|before| !before.is_alphanumeric() && !"_.\"/:".contains(before));
            let imported = self.code[..at].trim_end().ends_with("use");
            whole && (after.starts_with("::") || (imported && after.starts_with([';', ' '])))
        })
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }
}

fn head(path: &str) -> String {
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first segments of a group, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut begins) = (0_u32, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                heads.push(head(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    heads
}

#[track_caller]
fn none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn names_point_downwards() {
    let mut violations = Vec::new();
    for source in sources() {
        if ["lib", "main"].contains(&source.room()) {
            continue;
        }
        let Some((_, may)) = MAY_NAME.iter().find(|(room, _)| *room == source.room()) else {
            violations.push(format!("{}: a room that nobody described here", source.path));
            continue;
        };
        for named in source.named() {
            let known = MAY_NAME.iter().any(|(room, _)| *room == named);
            let allowed = named == source.room() || LEAVES.contains(&named.as_str()) || may.contains(&named.as_str());
            if known && !allowed {
                violations.push(format!("{} names crate::{named}", source.path));
            }
        }
    }
    none(&violations);
}

#[test]
fn each_library_has_its_place() {
    let mut violations = Vec::new();
    for source in sources() {
        for (krate, places) in ONLY {
            if source.names(krate) && !source.is_in(places) {
                violations.push(format!("{} names {krate}", source.path));
            }
        }
    }
    none(&violations);
}

#[test]
fn rules_are_pure() {
    let mut violations = Vec::new();
    for source in sources().into_iter().filter(|source| source.is_in(&["src/protocol/", "src/domain/"])) {
        for krate in IMPURE {
            if source.names(krate) {
                violations.push(format!("{} names {krate}", source.path));
            }
        }
        if source.code.contains("async fn") || source.code.contains(".await") {
            violations.push(format!("{} is async", source.path));
        }
        if source.names("Clock") || source.code.contains("dyn Clock") {
            violations.push(format!("{} asks the clock", source.path));
        }
    }
    none(&violations);
}

#[test]
fn time_chance_settings_and_tasks_have_one_home_each() {
    let mut violations = Vec::new();
    for source in sources() {
        for (call, places) in CALLS {
            if source.code.contains(call) && !source.is_in(places) {
                violations.push(format!("{} has {call}", source.path));
            }
        }
    }
    none(&violations);
}

#[test]
fn there_are_no_drawers() {
    let drawers = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "service", "types"];
    let mut violations = Vec::new();
    for source in sources() {
        let parts = source.path.trim_end_matches(".rs").split('/');
        if parts.into_iter().any(|part| drawers.contains(&part)) {
            violations.push(source.path);
        }
    }
    none(&violations);
}

#[test]
fn the_migrations_and_the_device_core_know_nothing_of_the_server() {
    let mut violations = Vec::new();
    for (directory, forbidden) in [
        ("migrations/src", &["nod", "nod_device"][..]),
        ("device-sdk/src", &["nod", "poem", "sea_orm", "redis", "josekit"]),
    ] {
        let mut files = Vec::new();
        gather(&root().join(directory), &mut files);
        for file in files {
            let code = code_of(&fs::read_to_string(&file).unwrap());
            let source = Source { path: file.display().to_string(), code };
            for krate in forbidden {
                if source.names(krate) {
                    violations.push(format!("{} names {krate}", source.path));
                }
            }
        }
    }
    none(&violations);
}

/// The scanner sees what it is meant to see.
#[test]
fn a_broken_rule_is_seen() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), code: code_of(text) };
    let named = |text: &str| source("src/domain/x.rs", text).named().into_iter().collect::<Vec<_>>();
    assert_eq!(named("use crate::http::error::Failure;"), ["http"]);
    assert_eq!(named("use crate::{clock::Clock, http::{self, error}, store};"), ["clock", "http", "store"]);
    assert_eq!(named("fn f() { crate::store::redis::x() }"), ["store"]);
    assert_eq!(named("// use crate::http;\nuse poem_crate::store;\n"), Vec::<String>::new());
    let in_tests = "use crate::clock;\n#[cfg(test)]\nmod tests {\n    use crate::app;\n}\n";
    assert_eq!(named(in_tests), ["clock"]);

    let names = |text: &str, krate: &str| source("src/x.rs", text).names(krate);
    assert!(names("use josekit::jws::ES256;", "josekit"));
    assert!(names("let x = josekit::jwt::decode();", "josekit"));
    assert!(names("use redis;", "redis"));
    assert!(!names("use crate::store::redis::RedisStore;", "redis"));
    assert!(!names("// josekit::jwt", "josekit"));
    assert!(!names("use my_redis::x;", "redis"));
}
