//! Within `/admin/v1` and its like, what was released stays [product.md 2.3]: a client that somebody generated from the
//! document of the last release goes on working. `just release-openapi` keeps that document.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use serde_json::{Value, json};

/// What travels with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Sent,
    Received,
}

/// Two documents, and what the newer one has taken away or asks for anew.
struct Comparison<'d> {
    old: &'d Value,
    new: &'d Value,
    /// Types refer to each other in circles.
    seen: HashSet<(String, Way)>,
    broken: BTreeSet<String>,
}

fn broken(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { old, new, seen: HashSet::new(), broken: BTreeSet::new() };
    let now = operations(new);
    for (id, path, method, before) in operations(old) {
        match now.iter().find(|(known, ..)| *known == id) {
            None => comparison.says(format!("{id}: the operation is gone")),
            Some((_, at, by, _)) if (*at, *by) != (path, method) => {
                comparison.says(format!("{id}: no longer {method} {path}"));
            }
            Some((.., after)) => comparison.operation(id, before, after),
        }
    }
    comparison.broken.into_iter().collect()
}

/// Its name, path and method, and the operation.
fn operations(document: &Value) -> Vec<(&str, &str, &str, &Value)> {
    let paths = members(&document["paths"]);
    paths
        .flat_map(|(path, item)| {
            members(item).filter_map(move |(method, operation)| {
                Some((operation["operationId"].as_str()?, path.as_str(), method.as_str(), operation))
            })
        })
        .collect()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    items(value).filter_map(Value::as_str).collect()
}

impl<'d> Comparison<'d> {
    fn says(&mut self, what: String) {
        self.broken.insert(what);
    }

    fn operation(&mut self, id: &str, old: &'d Value, new: &'d Value) {
        let find = |operation: &'d Value, like: &Value| {
            items(&operation["parameters"]).find(|one| one["name"] == like["name"] && one["in"] == like["in"])
        };
        for before in items(&old["parameters"]) {
            let name = &before["name"];
            match find(new, before) {
                None => self.says(format!("{id}: takes {name} no more")),
                Some(after) => self.schema(&format!("{id} {name}"), &before["schema"], &after["schema"], Way::Sent),
            }
        }
        for after in items(&new["parameters"]).filter(|after| after["required"] == true) {
            if find(old, after).is_none_or(|before| before["required"] != true) {
                self.says(format!("{id}: needs {} now", after["name"]));
            }
        }
        self.contents(id, &old["requestBody"]["content"], &new["requestBody"]["content"], Way::Sent);
        if new["requestBody"]["required"] == true && old["requestBody"]["required"] != true {
            self.says(format!("{id}: needs a body now"));
        }
        for (status, before) in members(&old["responses"]) {
            match new["responses"].get(status) {
                None => self.says(format!("{id}: answers {status} no more")),
                Some(after) => {
                    self.contents(&format!("{id} {status}"), &before["content"], &after["content"], Way::Received);
                }
            }
        }
    }

    fn contents(&mut self, at: &str, old: &'d Value, new: &'d Value, way: Way) {
        for (media_type, before) in members(old) {
            match new.get(media_type) {
                None => self.says(format!("{at}: no {media_type} any more")),
                Some(after) => self.schema(at, &before["schema"], &after["schema"], way),
            }
        }
    }

    fn schema(&mut self, at: &str, old: &'d Value, new: &'d Value, way: Way) {
        let (Some(before), Some(after)) = (old["$ref"].as_str(), new["$ref"].as_str()) else {
            if old.get("$ref") == new.get("$ref") {
                self.inline(at, old, new, way);
            } else {
                self.says(format!("{at}: another type"));
            }
            return;
        };
        if before != after {
            self.says(format!("{at}: another type"));
        } else if self.seen.insert((before.to_owned(), way)) {
            let named = |document: &'d Value| document.pointer(before.trim_start_matches('#')).unwrap_or(&Value::Null);
            let name = before.rsplit('/').next().unwrap_or_default();
            self.inline(name, named(self.old), named(self.new), way);
        }
    }

    fn inline(&mut self, at: &str, old: &'d Value, new: &'d Value, way: Way) {
        for word in ["type", "format"] {
            if old[word] != new[word] {
                self.says(format!("{at}: another {word}"));
            }
        }
        for value in items(&old["enum"]).filter(|value| !items(&new["enum"]).any(|now| now == *value)) {
            self.says(format!("{at}: {value} is gone"));
        }
        for (name, before) in members(&old["properties"]) {
            match new["properties"].get(name) {
                None => self.says(format!("{at}.{name} is gone")),
                Some(after) => self.schema(&format!("{at}.{name}"), before, after, way),
            }
        }
        let (before, after) = (texts(&old["required"]), texts(&new["required"]));
        match way {
            // Of members that are gone, that is said already.
            Way::Received => {
                for name in before.difference(&after).filter(|name| new["properties"].get(**name).is_some()) {
                    self.broken.insert(format!("{at}.{name} may be absent now"));
                }
            }
            Way::Sent => after.difference(&before).for_each(|name| {
                self.broken.insert(format!("{at}.{name} is demanded now"));
            }),
        }
        if old.get("items").is_some() {
            self.schema(&format!("{at}[]"), &old["items"], &new["items"], way);
        }
        for word in ["oneOf", "anyOf", "allOf"] {
            for (place, before) in items(&old[word]).enumerate() {
                let same =
                    items(&new[word]).find(|after| before.get("$ref").is_some() && before["$ref"] == after["$ref"]);
                match same.or_else(|| new[word].get(place).filter(|_| before.get("$ref").is_none())) {
                    None => self.says(format!("{at}: one alternative is gone")),
                    Some(after) => self.schema(at, before, after, way),
                }
            }
        }
    }
}

/// A small API.
fn small() -> Value {
    let json = |schema: &str| {
        let reference = format!("#/components/schemas/{schema}");
        json!({ "application/json": { "schema": { "$ref": reference } } })
    };
    json!({
        "paths": { "/cups": {
            "get": {
                "operationId": "listCups",
                "parameters": [{ "name": "colour", "in": "query", "required": false, "schema": { "type": "string" } }],
                "responses": { "200": { "content": json("Cups") }, "404": {} },
            },
            "post": {
                "operationId": "createCup",
                "requestBody": { "required": true, "content": json("NewCup") },
                "responses": { "201": { "content": json("Cup") } },
            },
        } },
        "components": { "schemas": {
            "Cups": {
                "type": "object",
                "required": ["items"],
                "properties": { "items": { "type": "array", "items": { "$ref": "#/components/schemas/Cup" } } },
            },
            "Cup": {
                "type": "object",
                "required": ["id", "colour"],
                "properties": {
                    "id": { "type": "string" },
                    "colour": { "$ref": "#/components/schemas/Colour" },
                    "within": { "$ref": "#/components/schemas/Cup" },
                    "handle": { "allOf": [{ "$ref": "#/components/schemas/Colour" }] },
                },
            },
            "NewCup": {
                "type": "object",
                "required": ["colour"],
                "properties": { "colour": { "$ref": "#/components/schemas/Colour" }, "size": { "type": "integer" } },
            },
            "Colour": { "type": "string", "enum": ["red", "blue"] },
        } },
    })
}

/// The same with another value at a place; `null` takes out what is there.
fn with(place: &str, value: Value) -> Value {
    let mut document = small();
    let (parent, last) = place.rsplit_once('/').unwrap();
    let last = last.replace("~1", "/");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{place}"));
    match (parent, value) {
        (Value::Object(parent), Value::Null) => drop(parent.remove(&last).unwrap()),
        (Value::Object(parent), value) => drop(parent.insert(last, value)),
        (parent, _) => panic!("{place}: {parent}"),
    }
    document
}

#[test]
fn what_takes_something_away_is_found() {
    let schemas = "/components/schemas";
    let cups = "/paths/~1cups";
    let needed = json!([{ "name": "colour", "in": "query", "required": true, "schema": { "type": "string" } }]);
    for (document, told) in [
        (
            with("/paths/~1cups", Value::Null),
            vec!["createCup: the operation is gone", "listCups: the operation is gone"],
        ),
        (with(&format!("{cups}/post"), Value::Null), vec!["createCup: the operation is gone"]),
        (with(&format!("{cups}/get/operationId"), json!("cups")), vec!["listCups: the operation is gone"]),
        (with(&format!("{cups}/get/parameters"), json!([])), vec!["listCups: takes \"colour\" no more"]),
        (with(&format!("{cups}/get/parameters"), needed), vec!["listCups: needs \"colour\" now"]),
        (with(&format!("{cups}/get/responses/404"), Value::Null), vec!["listCups: answers 404 no more"]),
        (with(&format!("{cups}/post/requestBody/content"), json!({})), vec!["createCup: no application/json any more"]),
        (with(&format!("{schemas}/Cup/properties/id"), Value::Null), vec!["Cup.id is gone"]),
        (with(&format!("{schemas}/Cup/properties/within"), Value::Null), vec!["Cup.within is gone"]),
        (with(&format!("{schemas}/Cup/properties/id"), json!({ "type": "integer" })), vec!["Cup.id: another type"]),
        (
            with(&format!("{schemas}/Cup/properties/colour"), json!({ "type": "string" })),
            vec!["Cup.colour: another type"],
        ),
        (with(&format!("{schemas}/Cup/properties/handle"), json!({})), vec!["Cup.handle: one alternative is gone"]),
        (with(&format!("{schemas}/Cup/required"), json!(["id"])), vec!["Cup.colour may be absent now"]),
        (with(&format!("{schemas}/NewCup/required"), json!(["colour", "size"])), vec!["NewCup.size is demanded now"]),
        (with(&format!("{schemas}/NewCup/properties/size"), Value::Null), vec!["NewCup.size is gone"]),
        (with(&format!("{schemas}/Colour/enum"), json!(["red", "green"])), vec!["Colour: \"blue\" is gone"]),
    ] {
        assert_eq!(broken(&small(), &document), told);
    }
    let moved = small().to_string().replace("/cups", "/mugs");
    let told = ["createCup: no longer post /cups", "listCups: no longer get /cups"];
    assert_eq!(broken(&small(), &serde_json::from_str(&moved).unwrap()), told);
}

#[test]
fn what_is_added_or_given_way_to_breaks_nothing() {
    let schemas = "/components/schemas";
    assert_eq!(broken(&small(), &small()), Vec::<String>::new());
    let more = json!([
        { "name": "size", "in": "query", "required": false, "schema": { "type": "integer" } },
        { "name": "colour", "in": "query", "required": false, "schema": { "type": "string" } },
    ]);
    for document in [
        with("/paths/~1mugs", json!({ "get": { "operationId": "listMugs", "responses": {} } })),
        with("/paths/~1cups/get/parameters", more),
        with("/paths/~1cups/get/responses/503", json!({})),
        with(&format!("{schemas}/Cup/properties/weight"), json!({ "type": "integer" })),
        with(&format!("{schemas}/Cup/required"), json!(["id", "colour", "within"])),
        with(&format!("{schemas}/NewCup/required"), json!([])),
        with(&format!("{schemas}/Colour/enum"), json!(["red", "green", "blue"])),
        with(&format!("{schemas}/Cup/description"), json!("To drink from.")),
    ] {
        assert_eq!(broken(&small(), &document), Vec::<String>::new(), "{document}");
    }
}

/// Before the first release there is nothing to keep to; from then on there is.
#[test]
fn product_2_3_what_was_released_stays() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path));
    let document = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    let now = document(read("openapi/nod.json").unwrap());
    // The comparison has eyes for this document: without an operation, that one is missed.
    let mut without = now.clone();
    let paths = without["paths"].as_object_mut().unwrap();
    paths.remove("/admin/v1/users").expect("the users");
    assert!(broken(&now, &without).contains(&"listUsers: the operation is gone".to_owned()));
    assert_eq!(broken(&now, &now), Vec::<String>::new());

    let headings = read("CHANGELOG.md").unwrap();
    let released = headings.lines().any(|line| line.starts_with("## [") && line != "## [Unreleased]");
    let Ok(last) = read("openapi/released/nod.json") else {
        assert!(!released, "a release has a document: run `just release-openapi`");
        return;
    };
    let broken = broken(&document(last), &now);
    assert!(broken.is_empty(), "clients of the last release would break:\n{}", broken.join("\n"));
}
