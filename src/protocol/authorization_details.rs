//! `authorization_details` [RFC 9396]: what exactly is asked for, in types that an operator has registered.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{ErrorCode, Refusal};
use super::jwt::is_strict_object;
use super::words::words;

/// The most that one request has.
const MOST: usize = 10;
const TYPE: &str = "type";

/// A type that the server knows, and the members of its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetailType {
    pub name: String,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: String,
    /// `None`: whatever there is in JSON.
    kind: Option<Kind>,
    required: bool,
}

words! {
    /// What the value of a member is.
    Kind {
        Text = "text",
        Number = "number",
        Boolean = "boolean",
        Object = "object",
        Array = "array",
    }
}

impl Kind {
    const fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(_) => Some(Self::Number),
            Value::String(_) => Some(Self::Text),
            Value::Array(_) => Some(Self::Array),
            Value::Object(_) => Some(Self::Object),
        }
    }
}

impl DetailType {
    /// As it is configured: `payment: amount:object*, creditor:text*, note`. A star: it has to be there.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, fields) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        let mut read: Vec<Field> = Vec::new();
        for field in fields.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            let (field, required) = field.strip_suffix('*').map_or((field, false), |field| (field.trim_end(), true));
            let (name, kind) = match field.split_once(':') {
                Some((name, kind)) => (name.trim_end(), Some(Kind::parse(kind.trim_start())?)),
                None => (field, None),
            };
            if !is_word(name) || name == TYPE || read.iter().any(|own| own.name == name) {
                return None;
            }
            read.push(Field { name: name.to_owned(), kind, required });
        }
        is_word(name).then(|| Self { name: name.to_owned(), fields: read })
    }

    fn admits(&self, object: &Map<String, Value>) -> Result<(), Refusal> {
        for field in &self.fields {
            // What it is called is the operator's word, not the client's.
            let wrong = |what: String| refused("").saying(format!("authorization_details of {}: {what}.", self.name));
            match (object.get(&field.name), field.kind) {
                (None | Some(Value::Null), _) if field.required => {
                    return Err(wrong(format!("{} is missing", field.name)));
                }
                (Some(value), Some(kind)) if Kind::of(value) != Some(kind) => {
                    return Err(wrong(format!("{} has to be of type {kind}", field.name)));
                }
                (_, _) => {}
            }
        }
        if object.keys().any(|name| name != TYPE && !self.fields.iter().any(|field| field.name == *name)) {
            return Err(refused("a member that the type does not have"));
        }
        Ok(())
    }
}

/// What a type or a member may be called: without what parts a line of the configuration.
pub fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'))
}

/// Objects of known types, each as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorizationDetails(Vec<String>);

fn refused(detail: &'static str) -> Refusal {
    let told = "authorization_details are malformed, unknown or not permitted.";
    Refusal::new(ErrorCode::InvalidAuthorizationDetails, told).because(detail)
}

impl AuthorizationDetails {
    /// `permitted`: the types that the client may use.
    pub fn parse(text: &str, known: &[DetailType], permitted: &[String]) -> Result<Self, Refusal> {
        let mut details = Vec::new();
        for object in objects(text)? {
            let name = object.get(TYPE).and_then(Value::as_str).ok_or_else(|| refused("an object without type"))?;
            let known = known.iter().find(|known| known.name == name).ok_or_else(|| refused("an unknown type"))?;
            if !permitted.iter().any(|permitted| permitted == name) {
                return Err(refused("a type that the client may not use"));
            }
            known.admits(&object)?;
            details.push(Value::Object(object).to_string());
        }
        Ok(Self(details))
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of types that `keep` wants.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&str) -> bool) -> Self {
        let kind = |text: &str| serde_json::from_str::<Value>(text).ok()?.get(TYPE)?.as_str().map(str::to_owned);
        self.0.retain(|text| kind(text).is_some_and(|kind| keep(&kind)));
        self
    }

    /// The objects, as they are told on.
    pub fn values(&self) -> Vec<Value> {
        // What was written is read back.
        self.0.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
    }

    /// [RFC 9396 §6] those that a token request names: each is one of these, as it is. There is no order
    /// among them in which one would be less than another.
    pub fn narrowed(&self, text: &str) -> Result<Self, Refusal> {
        let granted = self.values();
        let mut narrowed = Vec::new();
        for object in objects(text)? {
            let object = Value::Object(object);
            if !granted.contains(&object) {
                return Err(refused("more than was granted"));
            }
            narrowed.push(object.to_string());
        }
        Ok(Self(narrowed))
    }
}

fn objects(text: &str) -> Result<Vec<Map<String, Value>>, Refusal> {
    // The reader that is strict about members and depth reads objects.
    let wrapped = format!(r#"{{"all":{text}}}"#);
    if !is_strict_object(wrapped.as_bytes()) {
        return Err(refused("no JSON without repeated members"));
    }
    let objects: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| refused("no list of objects"))?;
    if (1..=MOST).contains(&objects.len()) { Ok(objects) } else { Err(refused("none, or too many")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known() -> [DetailType; 2] {
        ["payment: amount*, creditor *, note", "account"].map(|text| DetailType::parse(text).unwrap())
    }

    fn read(value: &Value) -> Result<AuthorizationDetails, Refusal> {
        AuthorizationDetails::parse(&value.to_string(), &known(), &["payment".to_owned()])
    }

    #[test]
    fn rfc9396_2_objects_have_a_known_type_and_its_members() {
        let payment = json!([{"type": "payment", "amount": {"value": "12.00", "currency": "EUR"}, "creditor": "Shop"}]);
        assert_eq!(json!(read(&payment).unwrap().values()), payment);
        for bad in [
            json!([]),
            json!({"type": "payment"}),
            json!(["payment"]),
            json!([{"amount": 1, "creditor": "x"}]),
            json!([{"type": "loan"}]),
            json!([{"type": "account"}]),
            json!([{"type": "payment", "amount": 1}]),
            json!([{"type": "payment", "amount": null, "creditor": "x"}]),
            json!([{"type": "payment", "amount": 1, "creditor": "x", "more": 1}]),
            json!(vec![json!({"type": "payment", "amount": 1, "creditor": "x"}); 11]),
        ] {
            assert_eq!(read(&bad).unwrap_err().code, ErrorCode::InvalidAuthorizationDetails, "{bad}");
        }
        for bad in ["", "[", "[]}, {\"x\":[]", r#"[{"type":"payment","type":"payment","amount":1,"creditor":"x"}]"#] {
            assert!(AuthorizationDetails::parse(bad, &known(), &["payment".to_owned()]).is_err(), "{bad}");
        }
        let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
        let deep = format!(r#"[{{"type":"payment","amount":{deep},"creditor":"x"}}]"#);
        assert!(AuthorizationDetails::parse(&deep, &known(), &["payment".to_owned()]).is_err());
    }

    #[test]
    fn rfc9396_2_a_member_has_the_type_that_is_registered() {
        let known =
            DetailType::parse("all: text:text*, number: number, boolean:boolean, object :object,array:array, any");
        let known = [known.unwrap()];
        let values = [
            ("text", json!("x")),
            ("number", json!(1.5)),
            ("boolean", json!(false)),
            ("object", json!({"a": [1]})),
            ("array", json!([{}])),
        ];
        let read = |name: &str, value: &Value| {
            let mut object = json!({"type": "all", "text": "x"});
            object[name] = value.clone();
            AuthorizationDetails::parse(&json!([object]).to_string(), &known, &["all".to_owned()])
        };
        for (name, _) in &values {
            for (of, value) in values.iter().chain([&("null", Value::Null)]) {
                let verdict = read(name, value);
                assert_eq!(verdict.is_ok(), name == of, "{name}: {value}");
                if let Err(refusal) = verdict {
                    assert_eq!(refusal.code, ErrorCode::InvalidAuthorizationDetails);
                    assert!(refusal.description.contains(&format!("all: {name} ")), "{}", refusal.description);
                }
                assert!(read("any", value).is_ok(), "{value}");
            }
        }
    }

    #[test]
    fn rfc9396_6_a_token_is_for_less_and_never_for_more() {
        let (one, other) = (
            json!({"type": "payment", "amount": 1, "creditor": "a"}),
            json!({"type": "payment", "amount": 2, "creditor": "b"}),
        );
        let granted = read(&json!([one, other])).unwrap();
        assert_eq!(granted.narrowed(&json!([other]).to_string()).unwrap().values(), [other]);
        // The same in another order of members.
        assert!(granted.narrowed(r#"[{"creditor":"a","type":"payment","amount":1}]"#).is_ok());
        for more in [
            json!({"type": "payment", "amount": 3, "creditor": "a"}),
            json!({"type": "payment", "amount": 1, "creditor": "b"}),
        ] {
            assert!(granted.narrowed(&json!([more]).to_string()).is_err(), "{more}");
        }
    }

    #[test]
    fn a_type_is_a_name_and_its_fields() {
        for bad in
            ["", ":", "a b", "a: b, b", "a: type", "a: b c", "a: *", "a: b:", "a: b:string", "a: b*:text", "a: :text"]
        {
            assert_eq!(DetailType::parse(bad), None, "{bad}");
        }
        assert_eq!(DetailType::parse("a: b : text *"), DetailType::parse("a:b:text*"));
    }
}
