//! Examples: exchanges that a test captured, and replays at every run (`tests/suite/openapi_examples.rs`).

use serde_json::{Map, Value};

use super::{operations, put};

const CAPTURED: &str = include_str!("../../../openapi/examples.json");

pub(super) fn add(document: &mut Value) {
    let captured: Map<String, Value> = serde_json::from_str(CAPTURED).unwrap_or_default();
    for (_, _, operation) in operations(document) {
        let name = operation.get("operationId").and_then(Value::as_str);
        let Some(exchange) = name.and_then(|name| captured.get(name)) else { continue };
        let status = exchange.get("status").map(ToString::to_string).unwrap_or_default();
        show(operation.get_mut("requestBody"), exchange.get("request"));
        show(operation.pointer_mut(&format!("/responses/{status}")), exchange.get("response"));
    }
}

/// There is one media type.
fn show(holder: Option<&mut Value>, example: Option<&Value>) {
    let content = holder.and_then(|holder| holder.get_mut("content")?.as_object_mut()?.values_mut().next());
    if let (Some(content), Some(example)) = (content, example) {
        put(content, "example", example.clone());
    }
}
