//! `/docs/start`: the first call from one's own code, in several languages, with this server's address
//! filled in. The programs are files of their own, which run against dev mode as they are.

use askama::Template;

use super::Frame;

/// What the programs have in their files.
const ISSUER: &str = "http://localhost:8080";
const CLIENT: &str = "shop";
const SECRET: &str = "shop-secret";
const PERSON: &str = "alice";

const PROGRAMS: [(&str, &str, &str, &str, &str); 5] = [
    ("curl", "curl and a shell", "ask.sh", "sh ask.sh", include_str!("start/ask.sh")),
    ("javascript", "JavaScript", "ask.mjs", "node ask.mjs", include_str!("start/ask.mjs")),
    ("python", "Python", "ask.py", "python3 ask.py", include_str!("start/ask.py")),
    ("go", "Go", "ask.go", "go run ask.go", include_str!("start/ask.go")),
    ("rust", "Rust", "src/main.rs", "cargo run", include_str!("start/ask.rs")),
];

#[derive(Template)]
#[template(path = "docs/start.html")]
pub(super) struct StartPage<'p> {
    frame: &'p Frame,
    issuer: &'p str,
    programs: Vec<Program>,
}

struct Program {
    id: &'static str,
    title: &'static str,
    file: &'static str,
    run: &'static str,
    text: String,
}

pub(super) fn page<'p>(frame: &'p Frame, issuer: &'p str) -> StartPage<'p> {
    let programs = PROGRAMS.map(|(id, title, file, run, text)| {
        let mut text = text.replace(ISSUER, issuer);
        if !frame.dev_mode {
            // The ones in the files are dev mode's, which everybody knows.
            for (known, placeholder) in [(SECRET, "CLIENT_SECRET"), (CLIENT, "CLIENT_ID"), (PERSON, "USERNAME")] {
                text = text.replace(&format!("'{known}'"), &format!("'{placeholder}'"));
                text = text.replace(&format!("\"{known}\""), &format!("\"{placeholder}\""));
            }
        }
        Program { id, title, file, run, text }
    });
    StartPage { frame, issuer, programs: programs.into() }
}
