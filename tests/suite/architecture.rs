//! The layers of ARCHITECTURE.md: upper ones name lower ones, never the other way round; what a
//! library is for is known in one place.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module with what it may name besides itself, lower ones first.
const LAYERS: [(&str, &[&str]); 20] = [
    ("call", &[]),
    ("clock", &[]),
    ("entropy", &["clock", "secret"]),
    ("secret", &["entropy"]),
    ("failpoint", &[]),
    ("metrics", &[]),
    ("trace", &[]),
    ("words", &[]),
    ("letters", &["secret", "words"]),
    ("telemetry", &["call", "clock", "metrics", "trace", "outbound"]),
    ("protocol", &["clock", "secret"]),
    // Some settings are words of a specification, which `protocol` can read.
    ("config", &["secret", "protocol"]),
    ("domain", &["clock", "secret", "protocol"]),
    ("store", &["clock", "entropy", "secret", "failpoint", "metrics", "protocol", "domain"]),
    ("outbound", &["clock", "entropy", "secret", "trace", "protocol", "domain"]),
    (
        "usecase",
        &[
            "call",
            "clock",
            "entropy",
            "secret",
            "failpoint",
            "letters",
            "metrics",
            "words",
            "protocol",
            "domain",
            "store",
            "outbound",
        ],
    ),
    ("http", &["call", "clock", "entropy", "secret", "metrics", "trace", "words", "protocol", "domain", "usecase"]),
    ("web", &["clock", "entropy", "secret", "words", "protocol", "domain", "usecase", "http"]),
    ("worker", &["clock", "entropy", "secret", "protocol", "domain", "store", "usecase"]),
    (
        "app",
        &[
            "clock", "entropy", "letters", "secret", "words", "protocol", "domain", "store", "outbound", "usecase",
            "http", "web", "worker",
        ],
    ),
];

/// Above all of them.
const ABOVE: [&str; 3] = ["cli", "lib", "main"];

/// A library, and where it is known. `crate::store::redis` is no library.
const LIBRARIES: [(&str, &[&str]); 14] = [
    ("argon2::", &["domain/password"]),
    ("josekit::", &["protocol/jwt"]),
    ("sea_orm::", &["store/sql", "store/embedded"]),
    ("redis::", &["store/redis"]),
    ("poem::", &["http", "web", "app"]),
    // The shop of dev mode is no part of the server, but somebody who calls it; so is the program that
    // `/docs/start` shows.
    ("reqwest::", &["outbound", "cli", "web/dev/shop", "web/docs/start/ask"]),
    ("askama::", &["web", "letters"]),
    ("fluent_bundle::", &["words"]),
    ("rust_embed::", &["web/assets"]),
    ("clap::", &["cli"]),
    ("lettre::", &["outbound/smtp"]),
    ("x509_parser::", &["protocol/client_certificate"]),
    ("webauthn_rs::", &["protocol/webauthn"]),
    ("webpki::", &["protocol/client_certificate", "cli/doctor/certificate"]),
];

/// What has no place in pure layers.
const IMPURE: [&str; 4] = ["tokio::", "async fn", "SystemClock", "std::fs"];

/// What is read from top to bottom is no longer, in lines.
const LONGEST: usize = 500;

/// Every file below this folder, which is none that a build writes.
fn files(root: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], Vec::<PathBuf>::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if ["target", "node_modules"].iter().any(|built| path.ends_with(built)) {
                continue;
            }
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    files
}

/// Every source file: its path below `src/`, and its lines.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let below = |path: &Path| path.strip_prefix(&root).expect("a path below src").to_str().expect("UTF-8").to_owned();
    files(&root).iter().map(|path| (below(path), fs::read_to_string(path).expect("a source file"))).collect()
}

fn module(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or_default()
}

/// What follows each `word` in a line.
fn after<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(word).map(|(at, _)| &line[at + word.len()..])
}

/// Whether a path begins after this.
fn is_first(before: &str) -> bool {
    let before = before.strip_suffix("::").unwrap_or(before);
    !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[test]
fn upper_layers_name_lower_ones_and_never_the_other_way_round() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        let own = module(&path);
        if ABOVE.contains(&own) {
            continue;
        }
        let (_, may) = LAYERS.iter().find(|(name, _)| *name == own).unwrap_or_else(|| panic!("no layer for {path}"));
        for (line, number) in text.lines().zip(1..) {
            for rest in after(line, "crate::") {
                let named = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
                if named != own && !may.contains(&named) {
                    problems.push(format!("src/{path}:{number} names {named}"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn each_library_is_known_in_one_place() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim_start().starts_with("//")) {
            for (library, places) in LIBRARIES {
                let named = line.match_indices(library).any(|(at, _)| is_first(&line[..at]));
                if named && !places.iter().any(|place| path.starts_with(place)) {
                    problems.push(format!("src/{path}:{number} names {library}"));
                }
            }
            if ["protocol", "domain"].contains(&module(&path)) {
                let impure = IMPURE.iter().filter(|impure| line.contains(**impure));
                problems.extend(impure.map(|impure| format!("src/{path}:{number} has {impure}")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The feature `otel` may be left out (docs/operations.md). To build everything once more without it takes minutes, so
/// it is looked at here: what comes with the feature is named in its own modules, or right after the feature is asked for.
#[test]
fn what_comes_with_the_feature_otel_is_named_behind_it() {
    const ASKED: &str = "#[cfg(feature = \"otel\")]";
    const OWN: [&str; 2] = ["outbound/otlp.rs", "telemetry/traces.rs"];
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("a manifest");
    let feature = manifest.lines().find_map(|line| line.strip_prefix("otel = [")).expect("the feature");
    let libraries = feature.split('"').filter_map(|part| part.strip_prefix("dep:"));
    let libraries = libraries.map(|name| format!("{}::", name.replace('-', "_")));
    let modules = ["otlp", "traces", "on"];
    let modules =
        modules.iter().flat_map(|name| [format!("{name}::"), format!("mod {name};"), format!("mod {name} {{")]);
    let names: Vec<String> = libraries.chain(modules).collect();
    let begins = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let (mut behind, mut problems) = (0, Vec::new());
    for (path, text) in sources().iter().filter(|(path, _)| !OWN.contains(&path.as_str())) {
        let (mut last, mut inside) = ("", false);
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim_start().starts_with("//")) {
            let asked = last == ASKED;
            last = line.trim();
            if inside {
                inside = line != "}";
                continue;
            }
            inside = asked && line.starts_with("mod ") && line.ends_with('{');
            if names.iter().any(|name| line.match_indices(name.as_str()).any(|(at, _)| begins(&line[..at]))) {
                behind += u32::from(asked);
                problems.extend((!asked).then(|| format!("src/{path}:{number}: {last}")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(behind >= 7, "the modules of the feature are called otherwise: {behind}");
}

#[test]
fn no_file_is_longer_than_somebody_likes_to_read() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut looked_at, mut problems) = (0, Vec::new());
    for folder in ["src", "tests", "migrations/src", "device-sdk/src"] {
        for path in files(&here.join(folder)) {
            if path.extension().is_none_or(|kind| kind != "rs") {
                continue;
            }
            looked_at += 1;
            let lines = fs::read_to_string(&path).expect("a source file").lines().count();
            if lines > LONGEST {
                problems.push(format!("{} has {lines} lines", path.display()));
            }
        }
    }
    assert!(looked_at > 500, "{looked_at} files are not all of them");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What dev mode has for people who try things out is put around its server, and around no other.
#[test]
fn the_pages_of_dev_mode_are_asked_for_in_dev_mode_alone() {
    let named = |(path, text): &(String, String)| text.contains("with_dev_pages").then(|| path.clone());
    let mut places: Vec<String> = sources().iter().filter_map(named).collect();
    places.sort();
    assert_eq!(places, ["app.rs", "cli/dev.rs"]);
}

/// A password that nobody has looked at is given to the people of dev mode, and to nobody else.
#[test]
fn a_password_without_policy_is_for_dev_mode_alone() {
    let places = |what: &str| {
        let named = |(path, text): &(String, String)| text.contains(what).then(|| path.clone());
        sources().iter().filter_map(named).collect::<Vec<_>>()
    };
    assert_eq!(places("set_password.seed("), ["cli/dev.rs"]);
    assert_eq!(places(".well_known()"), ["usecase/set_password.rs"]);
}
