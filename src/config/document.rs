//! The settings as people read them: the tables of the documentation, and a first `nod.toml`.

use std::fmt::Write as _;

use super::problem::Code;
use super::setting::{Kind, Setting};
use super::table::{SECTIONS, SETTINGS};

/// The tables of `docs/configuration.md`.
pub fn markdown() -> String {
    let mut text = String::from("| key | default | what |\n|---|---|---|\n");
    for setting in SETTINGS {
        let default = match setting.default {
            _ if setting.required => "required".to_owned(),
            Some(default) => format!("`{default}`"),
            None => String::new(),
        };
        let _ = writeln!(text, "| `{}` | {default} | {} `{}` |", setting.key, setting.about, setting.environment());
    }
    text.push_str("\n| code | means |\n|---|---|\n");
    for (code, about) in Code::ALL {
        let _ = writeln!(text, "| `{}` | {about} |", code.as_str());
    }
    text
}

/// A `nod.toml` in which everything is said, and only what must be set is set.
pub fn template(issuer: &str, master_key_file: &str) -> String {
    let mut text = format!(
        "#:schema ./nod.schema.json\n\
         # The configuration of Nod. What is commented out is the default.\n\
         # Check it with `nod config check`. For completion in an editor: nod config schema > nod.schema.json\n\n\
         # {}\nissuer = {}\n",
        find_about("issuer"),
        literal(issuer)
    );
    for setting in SETTINGS.iter().filter(|setting| setting.split().0.is_none() && setting.key != "issuer") {
        let _ = writeln!(text, "\n# {}\n# {} = {}", setting.about, setting.key, default(setting));
    }
    for (section, about) in SECTIONS {
        let _ = write!(text, "\n# {}\n[{section}]\n", about.trim());
        for setting in SETTINGS.iter().filter(|setting| setting.split().0 == Some(section)) {
            if setting.key == "keys.master_key" {
                continue;
            }
            let _ = writeln!(text, "# {}", setting.about);
            let (_, field) = setting.split();
            let _ = match setting.key {
                "keys.master_key_file" => writeln!(text, "{field} = {}", literal(master_key_file)),
                "database.url" => writeln!(text, "{field} = \"sqlite:nod.db\""),
                // One of TLS and a proxy there must be. A proxy on this machine needs no file, and opens nothing.
                "listen.public" => writeln!(
                    text,
                    "# For a proxy on this machine that speaks TLS ([proxy]). For everybody, with TLS of its own: set [tls],\n\
                     # take proxy.trusted away, and make this 0.0.0.0:8443.\n{field} = \"127.0.0.1:8443\""
                ),
                "proxy.trusted" => writeln!(
                    text,
                    "# It must send X-Forwarded-Proto: https; whatever comes without is refused.\n\
                     {field} = [\"127.0.0.0/8\", \"::1/128\"]"
                ),
                _ => writeln!(text, "# {field} = {}", default(setting)),
            };
        }
    }
    text
}

fn find_about(key: &str) -> &'static str {
    super::table::find(key).map_or("", |setting| setting.about)
}

fn literal(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn default(setting: &Setting) -> String {
    match setting.built_in() {
        Some(given) => given.literal(),
        None => match setting.kind {
            Kind::Path => "\"/path\"".to_owned(),
            Kind::Text | Kind::Secret => "\"\"".to_owned(),
            Kind::Duration => "\"1s\"".to_owned(),
            Kind::Address => "\"127.0.0.1:1\"".to_owned(),
            Kind::Count => "1".to_owned(),
            Kind::Switch => "false".to_owned(),
            Kind::Networks | Kind::Countries | Kind::DetailTypes => "[]".to_owned(),
            Kind::Choice(words) => format!("\"{}\"", words.first().unwrap_or(&"")),
        },
    }
}
