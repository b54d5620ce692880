//! Which operations there are where, and what they take beside a body.

use poem::http::{HeaderValue, Method};
use poem_openapi::types::ParseFromParameter as _;
use serde_json::Value;

use crate::http::admin::time::DateTime;

#[derive(Debug)]
pub(super) struct Methods(Vec<Template>);

/// One path.
#[derive(Debug)]
struct Template {
    path: String,
    /// What `Allow` says here.
    allow: HeaderValue,
    operations: Vec<(String, Declared)>,
}

/// What an operation takes beside its body.
#[derive(Debug)]
pub struct Declared {
    pub query: Vec<QueryParameter>,
    pub if_match: bool,
    /// It is there to change something.
    pub changes: bool,
}

#[derive(Debug)]
pub struct QueryParameter {
    pub name: String,
    pub takes: Takes,
}

/// What a parameter may be.
#[derive(Debug)]
pub enum Takes {
    Text,
    Flag,
    Number { least: f64, most: f64 },
    Time,
    OneOf(Vec<String>),
}

impl Takes {
    fn of(schema: &Value, document: &Value) -> Self {
        let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref")).and_then(Value::as_str);
        let named = reference.and_then(|reference| document.pointer(reference.trim_start_matches('#')));
        let schema = named.unwrap_or(schema);
        let text = |name: &str| schema.get(name).and_then(Value::as_str);
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return Self::OneOf(words.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        }
        match text("type") {
            Some("boolean") => Self::Flag,
            Some("integer") => Self::Number {
                least: bound("minimum").unwrap_or_default(),
                most: bound("maximum").unwrap_or(u32::MAX.into()),
            },
            _ if text("format") == Some("date-time") => Self::Time,
            _ => Self::Text,
        }
    }

    pub fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Flag => matches!(value, "true" | "false"),
            Self::Number { least, most } => {
                value.parse::<u32>().is_ok_and(|number| (*least..=*most).contains(&number.into()))
            }
            Self::Time => DateTime::parse_from_parameter(value).is_ok(),
            Self::OneOf(words) => words.iter().any(|word| word == value),
        }
    }

    /// What it has to be, for whoever sent something else.
    pub fn told(&self) -> String {
        match self {
            Self::Text => "A text.".to_owned(),
            Self::Flag => "true or false.".to_owned(),
            Self::Number { least, most } => format!("A whole number from {least} to {most}."),
            Self::Time => "A time as in RFC 3339: 2027-01-15T08:00:00Z.".to_owned(),
            Self::OneOf(words) => format!("One of {}.", words.join(", ")),
        }
    }
}

impl Methods {
    pub(super) fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        let templates = paths.filter_map(|(path, operations)| {
            let operations = operations.as_object()?;
            let names: Vec<String> = operations.keys().map(|name| name.to_uppercase()).collect();
            let operations = operations
                .iter()
                .map(|(method, operation)| (method.to_uppercase(), declared(method, operation, &document)));
            let allow = HeaderValue::from_str(&names.join(", ")).ok()?;
            Some(Template { path: path.clone(), allow, operations: operations.collect() })
        });
        Self(templates.collect())
    }

    pub(super) fn allow(&self, path: &str) -> Option<HeaderValue> {
        self.find(path).map(|template| template.allow.clone())
    }

    pub(super) fn declared(&self, method: &Method, path: &str) -> Option<&Declared> {
        let mut operations = self.find(path)?.operations.iter();
        operations.find(|(own, _)| own == method.as_str()).map(|(_, declared)| declared)
    }

    fn find(&self, path: &str) -> Option<&Template> {
        let fits = |template: &str| {
            let (mut wanted, mut given) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), given.next()) {
                    (None, None) => return true,
                    (Some(wanted), Some(given)) if wanted == given || wanted.starts_with('{') => {}
                    _ => return false,
                }
            }
        };
        self.0.iter().find(|template| fits(&template.path))
    }
}

fn declared(method: &str, operation: &Value, document: &Value) -> Declared {
    let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let mut declared = Declared { query: Vec::new(), if_match: false, changes: method != "get" };
    for parameter in parameters {
        let text = |name: &str| parameter.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("in") {
            "query" => declared.query.push(QueryParameter {
                name: text("name").to_owned(),
                takes: Takes::of(parameter.get("schema").unwrap_or(&Value::Null), document),
            }),
            "header" if text("name").eq_ignore_ascii_case("If-Match") => declared.if_match = true,
            _ => {}
        }
    }
    declared
}
