//! Every answer that any test gets is held against the committed `OpenAPI` document: its status is
//! listed there, its type is, and its body is what the schema says.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Value, json};

use super::Answer;

tokio::task_local! {
    /// Where a test wants it: the first success of each operation, as `openapi/examples.json` has it.
    pub(crate) static EXAMPLES: RefCell<BTreeMap<String, Value>>;
}

/// A body that was sent.
pub(super) struct Sent {
    pub(super) form: bool,
    pub(super) bytes: Vec<u8>,
}

impl Sent {
    fn value(&self) -> Value {
        if self.form {
            json!(url::form_urlencoded::parse(&self.bytes).into_owned().collect::<BTreeMap<_, _>>())
        } else {
            serde_json::from_slice(&self.bytes).unwrap()
        }
    }
}

struct Operation {
    id: String,
    method: String,
    /// `None` where any text may stand.
    segments: Vec<Option<String>>,
    responses: HashMap<u16, Response>,
}

struct Response {
    /// Media types, and the schema of what JSON of each must be, as text.
    content: Vec<(String, Option<String>)>,
    /// Header fields that are always there.
    headers: Vec<String>,
}

/// What the edge answers before it knows any operation, and what the framework says to a method that
/// has no operation.
const ANYWHERE: [u16; 3] = [408, 414, 431];

/// 3.1: its schemas are JSON Schema.
fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/nod-3.1.json");
        let mut document = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        closed(&mut document);
        document
    })
}

/// What says whether something is as a schema has it. Each is made when it is needed first, and once: to make all of
/// them takes longer than most tests wait for an answer.
fn validator(schema: &str) -> Arc<OnceLock<Validator>> {
    static VALIDATORS: Mutex<BTreeMap<String, Arc<OnceLock<Validator>>>> = Mutex::new(BTreeMap::new());
    let validator = Arc::clone(VALIDATORS.lock().unwrap().entry(schema.to_owned()).or_default());
    validator.get_or_init(|| {
        let own: Value = serde_json::from_str(schema).unwrap();
        jsonschema::draft202012::new(&json!({"components": document()["components"], "allOf": [own]})).unwrap()
    });
    validator
}

fn operations() -> &'static [Operation] {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    OPERATIONS.get_or_init(|| {
        let document = document();
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let segments = path.split('/').map(|part| (!part.starts_with('{')).then(|| part.to_owned())).collect();
                let responses = operation["responses"].as_object().unwrap().iter();
                let responses = responses.map(|(status, response)| (status.parse().unwrap(), read(response))).collect();
                let id = operation["operationId"].as_str().unwrap().to_owned();
                operations.push(Operation { id, method: method.to_uppercase(), segments, responses });
            }
        }
        operations
    })
}

fn read(response: &Value) -> Response {
    let content = response["content"].as_object().into_iter().flatten();
    let content =
        content.map(|(name, media)| (name.clone(), name.ends_with("json").then(|| media["schema"].to_string())));
    let headers = response["headers"].as_object().into_iter().flatten();
    let headers = headers.filter(|(_, header)| header["required"] == true).map(|(name, _)| name.clone()).collect();
    Response { content: content.collect(), headers }
}

/// A member that the document does not know is a mistake here, whatever clients think of it.
fn closed(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                members.entry("additionalProperties").or_insert(json!(false));
            }
            members.values_mut().for_each(closed);
        }
        Value::Array(items) => items.iter_mut().for_each(closed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn find(method: &str, path: &str) -> Option<&'static Operation> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |operation: &&Operation| {
        operation.segments.len() == parts.len()
            && operation.segments.iter().zip(&parts).all(|(segment, part)| match segment {
                Some(segment) => segment == part,
                None => !part.is_empty(),
            })
    };
    // A fixed path is meant before one with a parameter.
    let mut fitting: Vec<_> = operations().iter().filter(|operation| operation.method == method).filter(fits).collect();
    fitting.sort_by_key(|operation| operation.segments.iter().filter(|segment| segment.is_none()).count());
    fitting.first().copied()
}

/// What the examples have of a page: the rest is for people, and looks otherwise tomorrow.
fn titled(page: &str) -> String {
    let (_, rest) = page.split_once("<title>").expect("a page");
    let (title, _) = rest.split_once("</title>").unwrap();
    format!("<!doctype html> ... <title>{title}</title> ...")
}

pub(super) fn check(method: &str, path: &str, sent: Option<&Sent>, answer: &Answer) {
    let Some(operation) = find(method, path) else { return };
    if ANYWHERE.contains(&answer.status) {
        return;
    }
    let what = format!("{method} {path} {} {}", answer.status, answer.text());
    let response = operation.responses.get(&answer.status);
    let response = response.unwrap_or_else(|| panic!("not in the document: {what}"));
    for name in &response.headers {
        assert!(answer.header(name).is_some(), "without {name}: {what}");
    }
    // [RFC 9110 §15.5.2]
    let challenges = answer.status != 401 || response.headers.iter().any(|name| name == "WWW-Authenticate");
    assert!(challenges, "the document knows no challenge: {what}");
    let kind = answer.header("content-type").map(|kind| kind.split(';').next().unwrap());
    if (200..300).contains(&answer.status) {
        let example = || {
            let mut example = json!({"status": answer.status});
            if let Some(sent) = sent {
                example["request"] = sent.value();
            }
            if !answer.body.is_empty() {
                let page = kind == Some("text/html");
                example["response"] = if page { json!(titled(&answer.text())) } else { answer.json() };
            }
            example
        };
        // Nobody asked: most tests.
        let _ = EXAMPLES.try_with(|seen| {
            seen.borrow_mut().entry(operation.id.clone()).or_insert_with(example);
        });
    }
    if response.content.is_empty() {
        assert!(answer.body.is_empty(), "the document knows no body: {what}");
        return;
    }
    let described = response.content.iter().find(|(name, _)| kind == Some(name));
    let (_, schema) = described.unwrap_or_else(|| panic!("the document knows no such body: {kind:?} {what}"));
    if let Some(schema) = schema {
        let (validator, json) = (validator(schema), answer.json());
        let errors = validator.get().unwrap().iter_errors(&json);
        let errors: Vec<String> = errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "not what the document says: {what}\n{errors:#?}");
    }
}
