//! `docs/spec.md` names what is there: each file and each test in its tables exists, and a row that
//! claims something names its test. What is not there has a section of its own.

use std::path::{Path, PathBuf};

const COLUMNS: [&str; 6] = ["no.", "clause", "rule", "status", "file", "test"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What is between backticks.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn first_that_exists(candidates: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    candidates.into_iter().map(|path| root().join(path)).find(|path| path.is_file())
}

/// A path below `src/`, or from the root.
fn file(name: &str) -> Option<PathBuf> {
    first_that_exists([Path::new("src").join(name), PathBuf::from(name)])
}

/// The source of a test: a file, or a module of the suite.
fn source(module: &str) -> Option<PathBuf> {
    let path = format!("tests/suite/{}", module.replace("::", "/"));
    file(module).or_else(|| first_that_exists([format!("{path}.rs").into(), format!("{path}/mod.rs").into()]))
}

/// A function, or a line in the list of a macro that makes one.
fn has(text: &str, test: &str) -> bool {
    text.lines().map(|line| line.trim().trim_start_matches("async ")).any(|line| match line.strip_prefix("fn ") {
        Some(function) => function.strip_prefix(test).is_some_and(|rest| rest.starts_with('(')),
        None => line.strip_prefix(test).is_some_and(|rest| rest.is_empty() || rest.starts_with(": ")),
    })
}

fn is_test(name: &str) -> bool {
    let Some((module, test)) = name.rsplit_once("::") else { return false };
    source(module).is_some_and(|path| has(&std::fs::read_to_string(path).expect("a source file"), test))
}

#[test]
fn each_row_names_what_exists() {
    let text = std::fs::read_to_string(root().join("docs/spec.md")).expect("docs/spec.md");
    let (mut problems, mut rows, mut absent) = (Vec::new(), 0, false);
    for (line, number) in text.lines().zip(1..) {
        if let Some(title) = line.strip_prefix("## ") {
            absent = title == "Not there yet";
        }
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, _, status, files, tests] = cells[..] else { continue };
        if cells == COLUMNS || status.starts_with("--") {
            continue;
        }
        rows += 1;
        let word = status.split([':', ';', ' ']).next().unwrap_or_default();
        if !["yes", "stricter", "partly", "not", "no"].contains(&word) {
            problems.push(format!("line {number}: what is the status {status:?}?"));
        }
        if ["not", "no"].contains(&word) != absent {
            let place = if absent { "among what is" } else { "among what is not" };
            problems.push(format!("line {number}: {status:?} belongs {place} there"));
        }
        if ["yes", "stricter", "partly"].contains(&word) && (files.is_empty() || tests.is_empty()) {
            problems.push(format!("line {number}: {word} without a file and a test"));
        }
        let missing =
            names(files).filter(|name| file(name).is_none()).chain(names(tests).filter(|name| !is_test(name)));
        problems.extend(missing.map(|name| format!("line {number}: there is no {name}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(rows > 200, "{rows} rows were read");
}
