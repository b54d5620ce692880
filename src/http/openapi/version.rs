//! The same document in version 3.1, whose schemas are those of JSON Schema 2020-12.

use serde_json::{Map, Value, json};

use super::{device_authentications, each_object, operations, put, sign_in};
use crate::http::signed;

pub(super) fn to_3_1(mut document: Value) -> Value {
    put(&mut document, "openapi", json!("3.1.0"));
    if let Some(license) = document.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        license.remove("url");
        license.insert("identifier".to_owned(), json!("MIT OR Apache-2.0"));
    }
    for part in ["paths", "components"] {
        if let Some(part) = document.get_mut(part) {
            each_object(part, &mut |members| {
                nullable(members);
                bound(members, "exclusiveMinimum", "minimum");
                bound(members, "exclusiveMaximum", "maximum");
            });
        }
    }
    merge_patches(&mut document);
    sign_in::typed_actions(&mut document);
    device_authentications::typed_actions(&mut document);
    signed::described(&mut document);
    document
}

/// Beside `application/json`, the type of its own that [RFC 7396] has. Not in 3.0: generators that read
/// no other version take one media type for each body.
fn merge_patches(document: &mut Value) {
    for (_, method, operation) in operations(document) {
        let content = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
        if let (Some(content), "patch") = (content, method.as_str())
            && let Some(body) = content.get("application/json").cloned()
        {
            content.insert("application/merge-patch+json".to_owned(), body);
        }
    }
}

/// `nullable` became one of the types.
fn nullable(members: &mut Map<String, Value>) {
    if members.get("nullable").is_some_and(Value::is_boolean) && members.remove("nullable") == Some(Value::Bool(true)) {
        if let Some(Value::Array(mut wrapped)) = members.remove("allOf") {
            members.remove("type");
            wrapped.push(json!({"type": "null"}));
            members.insert("anyOf".to_owned(), wrapped.into());
        } else if let Some(kind) = members.remove("type") {
            members.insert("type".to_owned(), json!([kind, "null"]));
        }
    }
}

/// A flag beside a bound became the bound itself.
fn bound(members: &mut Map<String, Value>, exclusive: &str, inclusive: &str) {
    match members.get(exclusive) {
        Some(Value::Bool(true)) => {
            if let Some(limit) = members.remove(inclusive) {
                members.insert(exclusive.to_owned(), limit);
            }
        }
        Some(Value::Bool(false)) => drop(members.remove(exclusive)),
        Some(_) | None => {}
    }
}
