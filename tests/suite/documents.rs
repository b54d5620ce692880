//! The documents name what the code has: every setting, every error code of the device API, every
//! decision; and the bytes of their example are those of the test vectors.

use std::path::Path;

use nod::metrics::{Decided, Delivered, Endpoint, EphemeralCall, Limit, Outcome, PollAnswer, SqlCall};
use nod::protocol::flow_api::{Action, FlowErrorCode, Status};
use serde_json::Value;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The table of settings is written once (`src/config/table.rs`); the document repeats its rows.
#[test]
fn every_setting_and_every_code_is_documented_as_it_is() {
    let document = read("docs/configuration.md");
    let mut rows = Vec::new();
    for row in nod::config::markdown().lines().filter(|line| line.starts_with("| `")) {
        assert!(document.lines().any(|line| line == row), "docs/configuration.md lacks, or has otherwise:\n{row}");
        rows.push(row.to_owned());
    }
    let is_ours = |line: &&str| {
        line.starts_with("| `NOD-CFG-")
            || line.split('`').nth(1).is_some_and(|key| key == "issuer" || key.contains('.'))
    };
    for line in document.lines().filter(|line| line.starts_with("| `")).filter(is_ours) {
        assert!(rows.iter().any(|row| row == line), "there is no such setting or code:\n{line}");
    }
}

#[test]
fn the_schema_has_every_setting() {
    let schema = nod::config::json_schema();
    for setting in nod::config::SETTINGS {
        let (section, field) = setting.split();
        let properties = match section {
            Some(section) => &schema["properties"][section]["properties"],
            None => &schema["properties"],
        };
        // It comes from the environment alone.
        assert_eq!(properties[field].is_object(), setting.key != "keys.master_key", "{}", setting.key);
    }
}

#[test]
fn every_code_of_the_device_api_is_documented() {
    let (source, document) = (read("src/protocol/device_error.rs"), read("docs/device-api.md"));
    let codes: Vec<&str> = source.lines().filter_map(|line| line.split_once(" = \"")?.1.split('"').next()).collect();
    assert!(codes.len() > 20, "{codes:?}");
    for code in &codes {
        assert!(document.contains(&format!("| `{code}` |")), "{code}");
    }
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for code in rows.filter(|name| name.len() > 6 && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')) {
        assert!(codes.contains(&code), "there is no {code}");
    }
}

#[test]
fn the_worked_example_has_the_bytes_of_the_vectors() {
    let document = read("docs/device-api.md");
    let vectors: Value = serde_json::from_str(&read("device-sdk/vectors/proof.json")).expect("vectors");
    let contexts: Value = serde_json::from_str(&read("device-sdk/vectors/context.json")).expect("vectors");
    let named = |name: &str| vectors["vectors"].as_array().expect("a list").iter().find(|one| one["name"] == name);
    let approval = named("approve with the number picked").expect("an approval");
    let pairing = named("pairing, before any nonce is known").expect("a pairing");
    let texts = [
        &vectors["key"]["pkcs8"],
        &vectors["header"],
        &approval["body"],
        &approval["claims"],
        &pairing["claims"],
        &contexts["vectors"][0]["canonicalJson"],
        &contexts["vectors"][0]["contextHash"],
    ];
    let texts = texts.map(|text| text.as_str().expect("a text"));
    let proof = approval["proof"].as_str().expect("a proof").split('.');
    for text in texts.into_iter().chain(proof) {
        assert!(document.contains(text), "{text}");
    }
}

#[test]
fn the_flow_api_is_described_with_all_its_words() {
    let document = read("docs/flow-api.md");
    let states = Status::ALL.iter().map(|status| status.as_str());
    let actions = Action::ALL.iter().map(|action| action.as_str());
    let members = Action::ALL.iter().flat_map(|action| action.members()).filter(|member| member.required);
    let codes = FlowErrorCode::ALL.iter().map(|code| code.as_str());
    for word in states.chain(actions).chain(members.map(|member| member.name)).chain(codes) {
        assert!(document.contains(&format!("`{word}`")), "{word}");
    }
}

/// What is between backticks in the row of a label.
fn words<'d>(document: &'d str, label: &str) -> Vec<&'d str> {
    let begin = format!("| {label} | ");
    let row = document.lines().find_map(|line| line.strip_prefix(begin.as_str()));
    row.unwrap_or_else(|| panic!("no row {label}")).split('`').skip(1).step_by(2).collect()
}

/// The words of a label: its row has all of them, and those of endpoints and limits have no others.
#[test]
fn every_word_of_a_label_is_documented() {
    let document = read("docs/operations.md");
    let has_all = |label: &str, known: Vec<&str>| {
        let documented = words(&document, label);
        for word in known {
            assert!(documented.contains(&word), "docs/operations.md lacks {word} of {label}");
        }
    };
    let endpoints: Vec<&str> = Endpoint::ALL.iter().map(|word| word.as_str()).collect();
    let limits: Vec<&str> = Limit::ALL.iter().map(|word| word.as_str()).collect();
    for (label, known) in [("`endpoint`", &endpoints), ("`limit`", &limits)] {
        for word in words(&document, label) {
            assert!(known.contains(&word), "there is no {word} of {label}");
        }
    }
    has_all("`endpoint`", endpoints);
    has_all("`limit`", limits);
    has_all("`outcome` of requests", Outcome::ALL.iter().map(|word| word.as_str()).collect());
    has_all("`outcome` of decisions", Decided::ALL.iter().map(|word| word.as_str()).collect());
    has_all("`outcome` of deliveries", Delivered::ALL.iter().map(|word| word.as_str()).collect());
    has_all("`outcome` of pings", Delivered::ALL.iter().map(|word| word.as_str()).collect());
    has_all("`answer`", PollAnswer::ALL.iter().map(|word| word.as_str()).collect());
    has_all("`call` of the ephemeral store", EphemeralCall::ALL.iter().map(|word| word.as_str()).collect());
    has_all("`call` of SQL", SqlCall::ALL.iter().map(|word| word.as_str()).collect());
}

/// What is planned with is what was measured.
#[test]
fn the_sizes_are_those_that_were_measured() {
    let measured = read("docs/performance.md");
    let row = measured.lines().find_map(|line| line.strip_prefix("| idle memory, with Redis |")).expect("a row");
    let megabytes = row.split('|').nth(1).and_then(|cell| cell.trim().strip_suffix(" MB")).expect("megabytes");
    let idle = format!("| memory | {:.0} MB idle", megabytes.parse::<f64>().expect("a number"));
    let sizing = read("docs/sizing.md");
    assert!(sizing.lines().any(|line| line.starts_with(&idle)), "docs/sizing.md does not say {idle}");
}

#[test]
fn every_decision_is_listed() {
    let (list, folder) = (read("docs/adr/README.md"), Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adr"));
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(name == "README.md" || list.contains(&format!("]({name})")), "{name}");
        if let Some((number, _)) = name.split_once('-') {
            assert!(read(&format!("docs/adr/{name}")).starts_with(&format!("# {number}. ")), "{name}");
        }
    }
}

/// The pictures of the README are of the pages as they are. `just screenshots` takes them anew.
#[test]
fn the_pictures_are_of_these_pages() {
    let taken = read("docs/images/taken-of.sha256");
    let (digest, files) = taken.trim_end().split_once("  ").expect("a digest and its files");
    let pictured: String = files.split(' ').map(|file| read(&format!("src/web/{file}"))).collect();
    let now: String = nod::secret::sha256(pictured.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, now, "docs/images was taken of other pages: just screenshots");
}
