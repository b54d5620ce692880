//! What poem-openapi writes and generators stumble over.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{components, each_object, object, operations, put};

const SCHEMAS: &str = "#/components/schemas/";

pub(super) fn repair(document: &mut Value) {
    // It says 3.0.0; what it writes is valid under the last 3.0.
    put(document, "openapi", json!("3.0.3"));
    each_object(document, &mut |members| {
        plain_media_types(members);
        if members.get("default").is_some_and(Value::is_null) {
            members.remove("default");
        }
        signed_format(members);
        header_name(members);
    });
    plain_variants(document);
    each_object(document, &mut described_reference);
    key_sets(document);
    clearing_patches(document);
    closed_requests(document);
    for (_, _, operation) in operations(document) {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            idempotency_key(parameter);
        }
    }
    for (_, _, operation) in operations(document) {
        let Some(responses) = object(operation, "responses") else { continue };
        for (status, response) in responses {
            // The schema of an event is not that of the stream.
            if let Some(stream) = response.pointer_mut("/content/text~1event-stream") {
                put(stream, "schema", json!({"type": "string"}));
            }
            if response.get("description").and_then(Value::as_str) == Some("") {
                put(response, "description", json!(if status == "204" { "Done." } else { "Success." }));
            }
        }
    }
}

/// A variant of a union is written as "its discriminator, and all of that type". One object with both is
/// what generators make a type of, and what validators can close.
fn plain_variants(document: &mut Value) {
    let Some(schemas) = components(document, "schemas") else { return };
    let mut renamed = Vec::new();
    for (name, schema) in schemas.iter() {
        let parts = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice);
        let Some([discriminator, reference]) = parts else { continue };
        let variant = reference.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix(SCHEMAS));
        let Some((variant, own)) = variant.and_then(|variant| Some((variant, schemas.get(variant)?))) else { continue };
        let both = |name: &str| [discriminator, own].map(|part| part.get(name).cloned());
        let properties: Map<String, Value> = both("properties")
            .into_iter()
            .flatten()
            .filter_map(|properties| properties.as_object().cloned())
            .flatten()
            .collect();
        let required: Vec<String> = both("required").iter().flat_map(|list| names(list.as_ref())).collect();
        let mut merged = own.clone();
        put(&mut merged, "properties", properties.into());
        put(&mut merged, "required", json!(required));
        renamed.push((name.clone(), variant.to_owned(), merged));
    }
    for (name, variant, merged) in &renamed {
        schemas.remove(name);
        schemas.insert(variant.clone(), merged.clone());
    }
    each_object(document, &mut |members| {
        for member in members.values_mut() {
            let found = renamed.iter().find(|(name, _, _)| member.as_str() == Some(&format!("{SCHEMAS}{name}")));
            if let Some((_, variant, _)) = found {
                *member = json!(format!("{SCHEMAS}{variant}"));
            }
        }
    });
}

/// A reference with words of its own is written as "that type, and this description", which generators
/// take for two types.
fn described_reference(members: &mut Map<String, Value>) {
    if let Some(parts) = members.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.retain(|part| !matches!(part.as_object(), Some(own) if own.keys().all(|name| name == "description")));
    }
}

/// A JWK Set is an object, whatever is in it.
fn key_sets(document: &mut Value) {
    let schemas = components(document, "schemas").into_iter().flat_map(Map::values_mut);
    for schema in schemas {
        if let Some(jwks) = schema.pointer_mut("/properties/jwks") {
            put(jwks, "type", json!("object"));
        }
    }
}

/// The types cannot say what a header may hold.
fn idempotency_key(parameter: &mut Value) {
    if parameter.get("name").and_then(Value::as_str) == Some("Idempotency-Key") {
        put(parameter, "schema", json!({"type": "string", "pattern": "^[!-~]{1,255}$"}));
    }
}

/// The admin API refuses members that it does not know: a misspelt one would be lost in silence.
fn closed_requests(document: &mut Value) {
    let closed: BTreeSet<String> = operations(document)
        .filter(|(path, ..)| path.starts_with("/admin/"))
        .filter_map(|(_, _, operation)| {
            let body = operation.pointer("/requestBody/content/application~1json/schema/$ref")?;
            Some(body.as_str()?.strip_prefix(SCHEMAS)?.to_owned())
        })
        .collect();
    let Some(schemas) = components(document, "schemas") else { return };
    let mut seen = BTreeSet::new();
    let mut waiting: Vec<String> = closed.into_iter().collect();
    while let Some(name) = waiting.pop() {
        let Some(schema) = schemas.get_mut(&name) else { continue };
        if seen.insert(name) {
            waiting.extend(parts(schema));
            if schema.get("type") == Some(&json!("object")) {
                put(schema, "additionalProperties", json!(false));
            }
        }
    }
}

/// The schemas of the members of an object and of the items of its lists.
fn parts(schema: &Value) -> Vec<String> {
    let members = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let named = members.flat_map(|member| ["/$ref", "/allOf/0/$ref", "/items/$ref"].map(|way| member.pointer(way)));
    named.filter_map(|name| Some(name?.as_str()?.strip_prefix(SCHEMAS)?.to_owned())).collect()
}

/// In a merge patch [RFC 7396] `null` says something, so each member may be it. In 3.0 only what has a
/// type of its own can be, and a reference has not: it is wrapped.
fn clearing_patches(document: &mut Value) {
    let Some(schemas) = components(document, "schemas") else { return };
    let kinds: Vec<(String, Value)> = schemas
        .iter()
        .filter_map(|(name, schema)| Some((format!("{SCHEMAS}{name}"), schema.get("type")?.clone())))
        .collect();
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| name.ends_with("Patch")) {
        for member in object(schema, "properties").into_iter().flat_map(Map::values_mut) {
            let target = member.get("$ref").and_then(Value::as_str);
            if let Some((_, kind)) = kinds.iter().find(|(name, _)| target == Some(name)) {
                *member = json!({"type": kind, "allOf": [member.take()]});
            }
            put(member, "nullable", json!(true));
        }
    }
}

/// `application/json; charset=utf-8` would become a name in clients.
fn plain_media_types(members: &mut Map<String, Value>) {
    let Some(content) = members.get_mut("content").and_then(Value::as_object_mut) else { return };
    let plain: Map<String, Value> = std::mem::take(content)
        .into_iter()
        .map(|(name, media)| (name.split(';').next().unwrap_or_default().to_owned(), media))
        .collect();
    *content = plain;
}

/// Header parameters come in capitals.
fn header_name(members: &mut Map<String, Value>) {
    let name = match members.get("name").and_then(Value::as_str) {
        Some("IDEMPOTENCY-KEY") => "Idempotency-Key",
        Some("IF-MATCH") => "If-Match",
        Some("LAST-EVENT-ID") => "Last-Event-ID",
        Some(_) | None => return,
    };
    members.insert("name".to_owned(), json!(name));
}

/// No format of the specification is unsigned.
fn signed_format(members: &mut Map<String, Value>) {
    let signed = match members.get("format").and_then(Value::as_str) {
        Some("uint8" | "uint16" | "uint32") => "int32",
        Some("uint64") => "int64",
        Some(_) | None => return,
    };
    members.insert("format".to_owned(), json!(signed));
    members.entry("minimum").or_insert(json!(0));
}

/// Leaves the schemas, tags and security schemes that something still names.
pub(super) fn drop_unused(document: &mut Value) {
    loop {
        let mut named = BTreeSet::new();
        each_object(document, &mut |members| {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                named.extend(reference.strip_prefix(SCHEMAS).map(str::to_owned));
            }
        });
        let Some(schemas) = components(document, "schemas") else { break };
        let before = schemas.len();
        schemas.retain(|name, _| named.contains(name));
        if schemas.len() == before {
            break;
        }
    }
    let (mut tags, mut schemes) = (BTreeSet::new(), BTreeSet::new());
    for (_, _, operation) in operations(document) {
        tags.extend(names(operation.get("tags")));
        // What is called back has one of its own.
        each_object(operation, &mut |members| {
            let needs = members.get("security").and_then(Value::as_array).into_iter().flatten();
            schemes.extend(needs.filter_map(Value::as_object).flat_map(|need| need.keys().cloned()));
        });
    }
    if let Some(all) = document.get_mut("tags").and_then(Value::as_array_mut) {
        all.retain(|tag| tag.get("name").and_then(Value::as_str).is_some_and(|name| tags.contains(name)));
    }
    if let Some(all) = components(document, "securitySchemes") {
        all.retain(|name, _| schemes.contains(name));
    }
}

fn names(list: Option<&Value>) -> impl Iterator<Item = String> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned)
}
