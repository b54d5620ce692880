//! What the command line says of itself.

use super::*;

fn says(arguments: &[&str]) -> String {
    Nod::start(arguments).ends_with(0)
}

/// Every command with subcommands and without, as words.
fn commands() -> Vec<Vec<String>> {
    let root = says(&["completions", "fish"]);
    // Hidden ones are not completed. The words of the top stand after `__fish_nod_needs_command`.
    let mut open: Vec<Vec<String>> = root
        .lines()
        .filter(|line| line.contains("__fish_nod_needs_command\" -f -a \""))
        .filter_map(|line| Some(vec![line.split(" -a \"").nth(1)?.split('"').next()?.to_owned()]))
        .filter(|words| words[0] != "help")
        .collect();
    assert!(open.len() > 20, "{open:?}");
    let mut found = Vec::new();
    while let Some(words) = open.pop() {
        let path: Vec<&str> = words.iter().map(String::as_str).chain(["-h"]).collect();
        let text = says(&path);
        let below = text.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        for line in below.filter(|line| !line.starts_with("   ")) {
            let word = line.split_whitespace().next().unwrap();
            if word != "help" {
                open.push([&words[..], &[word.to_owned()]].concat());
            }
        }
        found.push(words);
    }
    found
}

#[test]
fn every_help_fits_the_screen_and_has_examples() {
    let root = says(&["--help"]);
    let mut problems = Vec::new();
    for words in commands() {
        let name = words.join(" ");
        assert!(root.contains(&words[0]), "{name} is not in\n{root}");
        let path: Vec<&str> = words.iter().map(String::as_str).collect();
        let short = says(&[&path[..], &["--help"]].concat());
        assert_eq!(short, says(&[&path[..], &["-h"]].concat()));
        if short.lines().count() > 24 || short.lines().any(|line| line.chars().count() > 80) {
            problems.push(format!("nod {name} --help is larger than 80 by 24:\n{short}"));
        }
        let long = says(&[&["help"], &path[..]].concat());
        let examples = long.lines().skip_while(|line| *line != "Examples:").skip(1);
        if examples.take_while(|line| line.starts_with("  ")).count() < 2 && !long.contains("\nCommands:") {
            problems.push(format!("nod help {name} has no two examples"));
        }
    }
    assert!(root.lines().count() <= 24 && root.lines().all(|line| line.chars().count() <= 80), "{root}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn flags_say_which_variable_they_take() {
    for (command, variable) in [
        (&["serve", "-h"][..], "NOD_CONFIG"),
        (&["user", "list", "-h"], "NOD_CONFIG"),
        (&["phone", "-h"], "NOD_SERVER"),
        (&["test", "ciba", "-h"], "NOD_ISSUER"),
    ] {
        assert!(says(command).contains(&format!("[env: {variable}]")), "{command:?}");
    }
}

#[test]
fn shells_and_man_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = says(&["completions", shell]);
        assert!(script.contains("healthcheck") && script.contains("offline"), "{shell}");
    }
    Nod::start(&["completions", "cmd"]).ends_with(2);
    let page = says(&["man"]);
    assert!(page.contains(".TH nod 1") && page.contains("denied by the person"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let text = says(&["man", folder.path().join("man1").to_str().unwrap()]);
    assert!(text.contains("pages written"), "{text}");
    for words in commands() {
        let page = folder.path().join(format!("man1/nod-{}.1", words.join("-")));
        assert!(page.exists(), "{}", page.display());
    }
}

#[test]
fn a_build_says_which_it_is() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(says(&["version"]).starts_with(&format!("nod {version} (")));
    let json: Value = serde_json::from_str(&says(&["version", "--json"])).unwrap();
    assert_eq!((json["name"].as_str(), json["version"].as_str()), (Some("nod"), Some(version)));
    assert!(says(&["--version"]).contains(version));
}

#[test]
fn every_exit_code_is_documented() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md")).unwrap();
    let page = says(&["man"]);
    for code in 0..=9 {
        assert!(document.contains(&format!("| {code} | ")), "{code}");
        assert!(page.lines().any(|line| line.trim_start().starts_with(&format!("{code}  "))), "{code}:\n{page}");
    }
    for words in commands() {
        assert!(document.contains(&format!("nod {}", words[0])), "docs/cli.md lacks nod {}", words[0]);
    }
}

#[test]
fn colours_are_as_asked() {
    let site = config::Site::new();
    site.run(&["migrate", "-c", "nod.toml"]).ends_with(0);
    let checks = |more: &[&str]| site.run(&[&["doctor", "--offline"], more].concat()).end().1;
    let plain = checks(&[]);
    assert!(plain.contains('✓') && !plain.contains('\x1b'), "no terminal, no colours: {plain}");
    assert!(checks(&["--color", "always"]).contains("\x1b[32m✓"));
    assert!(!checks(&["--color", "never"]).contains('\x1b'));
    site.run(&["--color", "mauve", "version"]).ends_with(2);
}

#[test]
fn servers_log_as_much_as_asked_and_in_that_form() {
    let site = config::Site::new();
    site.run(&["migrate", "-c", "nod.toml"]).ends_with(0);
    let logs = |more: &[&str], last: &str| {
        let server = site.run(&[&["serve"], more].concat());
        server.says(last);
        while site.run(&["healthcheck"]).end().0 != 0 {}
        server.output.text()
    };
    assert!(logs(&["--log", "json"], "\"message\":\"ready\"").lines().all(|line| line.starts_with('{')));
    assert!(!logs(&["--log", "text"], "ready").contains("\"message\""));
    // The first administrator is missing, and that is a warning.
    let quiet = logs(&["--quiet"], "no administrator yet");
    assert!(!quiet.contains("ready"), "{quiet}");
    site.run(&["serve", "-q", "-v"]).ends_with(2);
}

#[test]
fn wrong_usage_suggests_what_was_meant() {
    assert!(Nod::start(&["confgi"]).ends_with(2).contains("config"));
    assert!(Nod::start(&["serve", "--sett", "a=b"]).ends_with(2).contains("--set"));
}
