//! The documents name what the code has: every setting, every error code of the device API, every
//! decision; and the bytes of their example are those of the test vectors.

use std::path::Path;

use serde_json::Value;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// `ciba.interval` and `NOD_CIBA__INTERVAL`, for each field of each section of `config.rs`.
#[test]
fn every_setting_is_documented() {
    let (source, document) = (read("src/config.rs"), read("docs/configuration.md"));
    let (mut section, mut settings) = (None, 0);
    for line in source.lines() {
        if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            section = (name != "Config").then(|| name.to_lowercase());
        } else if line == "}" {
            section = None;
        }
        let field = line.strip_prefix("    pub ").and_then(|rest| rest.split_once(": ")).map(|(name, _)| name);
        if let (Some(section), Some(field)) = (&section, field) {
            settings += 1;
            let name = format!("| `{section}.{field}` |");
            let environment = format!("`NOD_{}__{}`", section.to_uppercase(), field.to_uppercase());
            let row = document.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("{name}"));
            assert!(row.contains(&environment), "{environment} in {row}");
        }
    }
    assert!(settings > 30, "{settings} settings were found");
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
