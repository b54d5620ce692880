//! The settings as a JSON Schema, for editors.

use serde_json::{Map, Value, json};

use super::setting::{Kind, Setting};
use super::table::{SECTIONS, SETTINGS};

/// Of `nod.toml`.
pub fn json_schema() -> Value {
    let mut properties = Map::new();
    for setting in SETTINGS.iter().filter(|setting| setting.split().0.is_none()) {
        properties.insert(setting.key.to_owned(), property(setting));
    }
    for (section, about) in SECTIONS {
        let own = SETTINGS.iter().filter(|setting| setting.split().0 == Some(section));
        // What belongs in the environment alone is no key of the file.
        let own = own.filter(|setting| setting.key != "keys.master_key");
        let fields: Map<_, _> = own.map(|setting| (setting.split().1.to_owned(), property(setting))).collect();
        let section_schema = json!({
            "type": "object",
            "description": about.trim(),
            "additionalProperties": false,
            "properties": fields,
        });
        properties.insert((*section).to_owned(), section_schema);
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "nod.toml",
        "description": "The configuration of Nod",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn property(setting: &Setting) -> Value {
    let mut property = match setting.kind {
        Kind::Text | Kind::Secret | Kind::Path => json!({ "type": "string" }),
        Kind::Duration => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$" }),
        Kind::Address => json!({ "type": "string", "pattern": "^(\\[[0-9a-fA-F:.]+\\]|[0-9.]+):[0-9]{1,5}$" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Networks | Kind::Countries | Kind::DetailTypes => {
            json!({ "type": "array", "items": { "type": "string" } })
        }
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
    };
    if let Some(object) = property.as_object_mut() {
        object.insert("description".to_owned(), setting.about.into());
        if let Some(default) = setting.built_in() {
            object.insert("default".to_owned(), default.json());
        }
    }
    property
}
