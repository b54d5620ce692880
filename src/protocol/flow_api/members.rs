//! The body of an action.

use serde_json::Value;

use super::{Action, DetailCode, FlowErrorCode, FlowRefusal, Kind, Member};
use crate::secret::Secret;

/// The body of an action, read.
pub struct Members(Vec<(&'static str, Given)>);

enum Given {
    /// May be a password.
    Text(Secret<String>),
    Flag(bool),
}

/// The longest text of a member, in bytes: an assertion with an RSA key of 4096 bits fits.
const LONGEST: usize = 4096;
/// So many unknown members are told of.
const MOST_UNKNOWN: usize = 10;

impl Members {
    pub fn parse(action: Action, body: &Value) -> Result<Self, FlowRefusal> {
        let Value::Object(sent) = body else {
            return Err(FlowRefusal::invalid(DetailCode::UnexpectedActionModel, None, "no object"));
        };
        let known = action.members();
        let mut refusal = FlowRefusal::new(FlowErrorCode::ValidationError, "a body that is not the action's");
        let unknown = sent.keys().filter(|name| !known.iter().any(|member| member.name == name.as_str()));
        for name in unknown.take(MOST_UNKNOWN) {
            refusal = refusal.about_unknown(name);
        }
        let mut given = Vec::new();
        for Member { name, required, kind } in known.iter().copied() {
            let value = match (sent.get(name), kind.names()) {
                (Some(Value::Object(members)), Some(one)) if members.keys().all(|name| name == one) => members.get(one),
                (Some(Value::Null) | None, _) => None,
                (Some(_), Some(_)) => {
                    refusal = refusal.about(DetailCode::InvalidFieldFormat, Some(name));
                    continue;
                }
                (value @ Some(_), None) => value,
            };
            match (value, kind) {
                (None | Some(Value::Null), _) if required => {
                    refusal = refusal.about(DetailCode::FieldRequired, Some(name));
                }
                (None | Some(Value::Null), _) => {}
                (Some(Value::String(text)), Kind::Text | Kind::Reference | Kind::Method)
                    if text.is_empty() && required =>
                {
                    refusal = refusal.about(DetailCode::FieldRequired, Some(name));
                }
                (Some(Value::String(text)), Kind::Text | Kind::Reference | Kind::Method)
                    if text.len() > LONGEST || text.contains('\0') =>
                {
                    refusal = refusal.about(DetailCode::InvalidFieldValue, Some(name));
                }
                (Some(Value::String(text)), Kind::Text | Kind::Reference | Kind::Method) => {
                    given.push((name, Given::Text(Secret::new(text.clone()))));
                }
                (Some(Value::Bool(flag)), Kind::Flag) => given.push((name, Given::Flag(*flag))),
                (Some(_), Kind::Text | Kind::Flag | Kind::Reference | Kind::Method) => {
                    refusal = refusal.about(DetailCode::InvalidFieldFormat, Some(name));
                }
            }
        }
        if refusal.details.is_empty() { Ok(Self(given)) } else { Err(refusal) }
    }

    /// A text, or what the one member of an object is.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).and_then(|(_, given)| match given {
            Given::Text(text) => Some(text.expose().as_str()),
            Given::Flag(_) => None,
        })
    }

    pub fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|(given, value)| *given == name && matches!(value, Given::Flag(true)))
    }
}
