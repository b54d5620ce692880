//! The `OpenAPI` document as the pages show it. Whatever the document does not say, they do not say
//! either; whatever it has in a shape that is not known here is left out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::command;
use super::prose::{Paragraph, paragraphs};
use crate::http::openapi::Part;
use crate::protocol::admin_error::AdminErrorCode;

/// Everything, in the order in which it is shown.
pub(super) struct Reference {
    pub parts: Vec<PartView>,
}

pub(super) struct PartView {
    /// What `?part=` calls it.
    pub name: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub groups: Vec<Group>,
}

/// The operations of one tag: a page.
pub(super) struct Group {
    pub slug: String,
    pub title: String,
    pub about: Vec<Paragraph>,
    pub operations: Vec<Operation>,
    /// Every schema that they name, and those that these name.
    pub schemas: Vec<Schema>,
}

pub(super) struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub about: Vec<Paragraph>,
    pub who: Option<Caller>,
    pub parameters: Vec<Member>,
    pub body: Option<Payload>,
    pub answer: Option<Answer>,
    pub errors: Vec<Failed>,
    /// The body of one of them.
    pub error_example: Option<String>,
    /// How to make the call by hand, where that can be done.
    pub curl: Option<String>,
}

/// How a caller authenticates.
pub(super) struct Caller {
    pub scheme: String,
    pub about: Vec<Paragraph>,
    pub scopes: Vec<String>,
}

/// What is sent in one direction.
pub(super) struct Payload {
    pub media_type: String,
    pub kind: Vec<Kind>,
    pub members: Vec<Member>,
    pub example: Option<String>,
}

pub(super) struct Answer {
    pub status: String,
    pub about: Vec<Paragraph>,
    pub headers: Vec<Member>,
    pub payload: Option<Payload>,
}

pub(super) struct Failed {
    pub status: String,
    pub about: Vec<Paragraph>,
    pub code: Option<Code>,
}

/// One word of a closed list.
pub(super) struct Code {
    pub name: String,
    pub about: Vec<Paragraph>,
    /// It has a page under `/docs/errors`.
    pub page: bool,
}

/// A parameter, a header field, or a member of an object.
pub(super) struct Member {
    pub name: String,
    /// Where a parameter is.
    pub place: String,
    pub required: bool,
    pub kind: Vec<Kind>,
    /// What else is asked of its value.
    pub limits: Vec<String>,
    pub about: Vec<Paragraph>,
}

/// A stretch of a type's description.
pub(super) struct Kind {
    pub text: String,
    /// The text names a schema.
    pub schema: bool,
}

pub(super) struct Schema {
    pub name: String,
    pub about: Vec<Paragraph>,
    pub kind: Vec<Kind>,
    pub members: Vec<Member>,
    pub codes: Vec<Code>,
}

impl Reference {
    /// `issuer` is where the commands call.
    pub(super) fn of(document: &Value, issuer: &str) -> Self {
        let titles = [
            (Part::Protocol, "Protocol", "What relying parties call: ask a person, fetch tokens, look at them."),
            (Part::Flow, "Flow", "What pages and apps of your own call to show a sign-in."),
            (Part::Device, "Device", "What the app on a phone calls."),
            (Part::Admin, "Administration", "What administrators and their robots call."),
        ];
        let parts = titles.map(|(part, title, about)| {
            let mut groups: Vec<Group> = Vec::new();
            for (path, method, operation) in operations(document).filter(|(path, ..)| part.has(path)) {
                let tag = strings(operation, "tags").next().unwrap_or_default();
                let position = groups.iter().position(|group| group.title == tag).unwrap_or_else(|| {
                    groups.push(Group::empty(document, tag));
                    groups.len() - 1
                });
                if let Some(group) = groups.get_mut(position) {
                    group.operations.push(Operation::of(document, (path, method), operation, issuer));
                }
            }
            for group in &mut groups {
                group.schemas = schemas(document, group);
            }
            PartView { name: part.as_str(), title, about, groups }
        });
        Self { parts: parts.into() }
    }

    pub(super) fn group(&self, slug: &str) -> Option<&Group> {
        self.groups().find(|group| group.slug == slug)
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.parts.iter().flat_map(|part| &part.groups)
    }
}

impl Group {
    fn empty(document: &Value, tag: &str) -> Self {
        let described = list(document, "tags").find(|one| text(one, "name") == tag);
        Self {
            slug: slug(tag),
            title: tag.to_owned(),
            about: described.map(about).unwrap_or_default(),
            operations: Vec::new(),
            schemas: Vec::new(),
        }
    }

    /// Beside the title of its part.
    pub(super) fn short_title(&self) -> String {
        let (_, short) = self.title.split_once(": ").unwrap_or(("", &self.title));
        let mut letters = short.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

impl Operation {
    fn of(document: &Value, (path, method): (&str, &str), operation: &Value, issuer: &str) -> Self {
        let body = operation.get("requestBody").and_then(|body| Payload::of(document, body));
        let mut answer = None;
        let mut errors = Vec::new();
        let mut error_example = None;
        for (status, response) in members(operation, "responses") {
            if status.starts_with('2') {
                answer = Some(Answer::of(document, status, response));
            } else {
                errors.push(Failed::of(status, response));
                error_example = error_example.or_else(|| Payload::of(document, response)?.example);
            }
        }
        errors.sort_by(|one, other| one.status.cmp(&other.status));
        let caller = Caller::of(document, operation);
        Self {
            id: text(operation, "operationId").to_owned(),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary").to_owned(),
            about: about(operation),
            parameters: list(operation, "parameters").map(Member::parameter).collect(),
            curl: command::curl(issuer, (path, method), operation, caller.as_ref()),
            who: caller,
            body,
            answer,
            errors,
            error_example,
        }
    }
}

impl Caller {
    fn of(document: &Value, operation: &Value) -> Option<Self> {
        let (scheme, scopes) = list(operation, "security").find_map(Value::as_object)?.iter().next()?;
        let described = document.pointer("/components/securitySchemes").and_then(|all| all.get(scheme));
        let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Some(Self { scheme: scheme.clone(), about: described.map(about).unwrap_or_default(), scopes: scopes.collect() })
    }
}

impl Payload {
    /// Of a request body, or of a response.
    fn of(document: &Value, carrier: &Value) -> Option<Self> {
        let (media_type, media) = members(carrier, "content").next()?;
        let schema = media.get("schema")?;
        let named = reference(schema).and_then(|name| component(document, name)).unwrap_or(schema);
        Some(Self {
            media_type: media_type.to_owned(),
            kind: kind(schema),
            members: Member::all(named),
            example: media.get("example").map(|example| written(media_type, example)),
        })
    }
}

impl Answer {
    fn of(document: &Value, status: &str, response: &Value) -> Self {
        let headers = members(response, "headers").map(|(name, header)| Member::described(name, header));
        Self {
            status: status.to_owned(),
            about: about(response),
            headers: headers.collect(),
            payload: Payload::of(document, response),
        }
    }
}

impl Failed {
    fn of(status: &str, response: &Value) -> Self {
        let example = members(response, "content").next().and_then(|(_, media)| media.get("example"));
        let code = example.and_then(|example| example.get("code").or_else(|| example.get("error"))?.as_str());
        // An OAuth error of the same name is another one.
        let admin = example.is_some_and(|example| text(example, "type").contains("/docs/errors/"));
        Self {
            status: status.to_owned(),
            about: about(response),
            code: code.map(|name| Code { name: name.to_owned(), about: Vec::new(), page: admin && has_page(name) }),
        }
    }
}

impl Member {
    fn parameter(parameter: &Value) -> Self {
        Self { place: text(parameter, "in").to_owned(), ..Self::described(text(parameter, "name"), parameter) }
    }

    /// Of something that says itself whether it is required, and has its type apart.
    fn described(name: &str, value: &Value) -> Self {
        let schema = value.get("schema").unwrap_or(&Value::Null);
        let required = value.get("required").and_then(Value::as_bool).unwrap_or_default();
        let own = about(value);
        let about = if own.is_empty() { about(schema) } else { own };
        Self { about, ..Self::new(name, schema, required) }
    }

    fn new(name: &str, schema: &Value, required: bool) -> Self {
        Self {
            name: name.to_owned(),
            place: String::new(),
            required,
            kind: kind(schema),
            limits: limits(schema),
            about: about(schema),
        }
    }

    /// The members of an object.
    fn all(schema: &Value) -> Vec<Self> {
        let required: Vec<&str> = strings(schema, "required").collect();
        let all = members(schema, "properties");
        all.map(|(name, schema)| Self::new(name, schema, required.contains(&name))).collect()
    }
}

impl Schema {
    fn of(name: &str, schema: &Value) -> Self {
        let meanings = schema.get("x-enum-descriptions");
        let has_pages = name == "ProblemCode";
        let codes = strings(schema, "enum").map(|code| Code {
            name: code.to_owned(),
            about: meanings.map(|meanings| paragraphs(text(meanings, code))).unwrap_or_default(),
            page: has_pages && has_page(code),
        });
        Self {
            name: name.to_owned(),
            about: about(schema),
            kind: kind(schema),
            members: Member::all(schema),
            codes: codes.collect(),
        }
    }
}

fn has_page(code: &str) -> bool {
    AdminErrorCode::parse(code).is_some()
}

/// Path, method, operation.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    members(document, "paths").flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method.as_str(), operation))
    })
}

/// Those that a group names, directly or by way of others, by name.
fn schemas(document: &Value, group: &Group) -> Vec<Schema> {
    let mut names = BTreeSet::new();
    for (_, _, operation) in operations(document).filter(|(.., one)| strings(one, "tags").any(|tag| tag == group.title))
    {
        collect(document, operation, &mut names);
    }
    names.into_iter().filter_map(|name| Some(Schema::of(name, component(document, name)?))).collect()
}

fn collect<'d>(document: &'d Value, value: &'d Value, names: &mut BTreeSet<&'d str>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = reference(value)
                && names.insert(name)
                && let Some(schema) = component(document, name)
            {
                collect(document, schema, names);
            }
            members.values().for_each(|member| collect(document, member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(document, item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A type in words.
fn kind(schema: &Value) -> Vec<Kind> {
    let plain = |text: &str| Kind { text: text.to_owned(), schema: false };
    if let Some(name) = reference(schema) {
        return vec![Kind { text: name.to_owned(), schema: true }];
    }
    let mut words = Vec::new();
    if let Some(inner) = list(schema, "allOf").find(|one| reference(one).is_some()) {
        words.extend(kind(inner));
    } else if list(schema, "oneOf").next().is_some() {
        for (place, one) in list(schema, "oneOf").enumerate() {
            words.extend((place > 0).then(|| plain(" or ")));
            words.extend(kind(one));
        }
    } else {
        match (text(schema, "type"), text(schema, "format")) {
            ("array", _) => {
                words.push(plain("list of "));
                words.extend(kind(schema.get("items").unwrap_or(&Value::Null)));
            }
            ("", _) => words.push(plain("any JSON")),
            ("string", "date-time") => words.push(plain("time, RFC 3339")),
            (name, "" | "int32" | "int64") => words.push(plain(name)),
            (name, format) => words.push(plain(&format!("{name}, {format}"))),
        }
    }
    if schema.get("nullable").and_then(Value::as_bool) == Some(true) {
        words.push(plain(" or null"));
    }
    words
}

/// What a value must keep to besides its type.
fn limits(schema: &Value) -> Vec<String> {
    let known = [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters, at least"),
        ("maxLength", "characters, at most"),
        ("minItems", "items, at least"),
        ("maxItems", "items, at most"),
        ("pattern", "matches"),
        ("default", "when left out:"),
    ];
    let found = known.into_iter().filter_map(|(name, words)| {
        let limit = schema.get(name)?;
        let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
        // Limits of whole numbers are written as fractions.
        let limit = limit.strip_suffix(".0").unwrap_or(&limit);
        // At least nothing is true of every count, and not worth a word.
        (name != "minimum" || limit != "0").then(|| format!("{words} {limit}"))
    });
    let choice: Vec<&str> = strings(schema, "enum").collect();
    let choice = (!choice.is_empty()).then(|| format!("one of {}", choice.join(", ")));
    found.chain(choice).collect()
}

/// An example as it goes over the wire, in lines.
fn written(media_type: &str, example: &Value) -> String {
    match example {
        Value::String(text) => text.clone(),
        Value::Object(members) if media_type == command::FORM => command::form(members).join("\n&"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(example).unwrap_or_default()
        }
    }
}

fn component<'d>(document: &'d Value, name: &str) -> Option<&'d Value> {
    document.pointer("/components/schemas")?.get(name)
}

/// The schema that this stands for.
fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

fn about(value: &Value) -> Vec<Paragraph> {
    paragraphs(text(value, "description"))
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn strings<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v str> {
    list(value, name).filter_map(Value::as_str)
}

pub(super) fn members<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = (&'v str, &'v Value)> {
    let found: Option<&Map<String, Value>> = value.get(name).and_then(Value::as_object);
    found.into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

/// `Admin: pairing keys` is at `admin-pairing-keys`.
fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn in_words(schema: &Value) -> String {
        kind(schema).into_iter().map(|kind| kind.text).collect()
    }

    #[test]
    fn types_are_told_in_words() {
        let client = json!({"$ref": "#/components/schemas/Client"});
        for (schema, words) in [
            (client.clone(), "Client"),
            (json!({"type": "array", "items": client}), "list of Client"),
            (json!({"allOf": [client, {"description": "Whose it is."}], "nullable": true}), "Client or null"),
            (json!({"oneOf": [client, {"type": "string"}]}), "Client or string"),
            (json!({"type": "string", "format": "date-time"}), "time, RFC 3339"),
            (json!({"type": "integer", "format": "int64"}), "integer"),
            (json!({}), "any JSON"),
        ] {
            assert_eq!(in_words(&schema), words, "{schema}");
        }
        let limited = json!({"type": "integer", "minimum": 0, "maximum": 100.0, "default": 20});
        assert_eq!(limits(&limited), ["at most 100", "when left out: 20"]);
        assert_eq!(limits(&json!({"enum": ["a", "b"]})), ["one of a, b"]);
    }

    #[test]
    fn a_tag_has_an_address_and_a_short_name() {
        let group = Group::empty(&Value::Null, "Admin: pairing keys");
        assert_eq!((group.slug.as_str(), group.short_title().as_str()), ("admin-pairing-keys", "Pairing keys"));
    }
}
