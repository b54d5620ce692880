//! Bodies of the admin API: objects whose members the document knows. What is wrong with their shape is
//! told for each member, all at once; whether what they say can be is asked by the use cases.

use std::fmt;
use std::marker::PhantomData;

use poem::http::header::CONTENT_TYPE;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::http::admin::reply::{Refused, Result};
use crate::http::body::{ADMIN_LIMIT, BodyError, is_json_request, read, strict_json};
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem};
use crate::usecase::admin::AdminError;

const JSON: &str = "application/json";

/// The members of a body, read as `R` says.
pub struct Sent<R> {
    pub value: Map<String, Value>,
    read_as: PhantomData<fn() -> R>,
}

/// What is to be made, as `S` describes it. A member that is `null` is one that was left out.
pub type Members<S> = Sent<New<S>>;

/// The same where there may be no body at all.
pub type MembersIfAny<S> = Sent<Optional<S>>;

/// A merge patch [RFC 7396] as `S` describes it, for what is read as `B`: whatever was read may be sent
/// back, and what cannot be changed then has to be what it is.
pub type Patch<S, B> = Sent<Change<S, B>>;

/// The members as a use case has them.
pub(super) fn parsed<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(members))
        .map_err(|_| BodyError::Shape("a member is not acceptable".into()))
        .map_err(Refused::body)
}

/// The identifier that is wanted for what is to be made, if one is.
pub(super) fn take_id(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(id)) => Ok(Some(id)),
        Some(_) => Err(AdminErrorCode::InvalidRequest.into()),
    }
}

pub trait Reading {
    /// Describes the body in the document.
    type Schema: Type;

    /// Whether there has to be a body.
    const REQUIRED: bool = true;

    /// What is wrong with the members; those that say nothing are taken out.
    fn judge(members: &mut Map<String, Value>) -> Vec<FieldProblem>;
}

pub struct New<S>(PhantomData<S>);
pub struct Optional<S>(PhantomData<S>);
pub struct Change<S, B>(PhantomData<(S, B)>);

impl<S: Type> Reading for New<S> {
    type Schema = S;

    fn judge(members: &mut Map<String, Value>) -> Vec<FieldProblem> {
        let shape = Shape::of::<S>();
        members.retain(|name, value| !value.is_null() || shape.requires(name) || !shape.has(name));
        let mut problems = shape.faults(members, |_| false);
        problems.extend(shape.missing(members));
        problems
    }
}

impl<S: Type> Reading for Optional<S> {
    type Schema = S;

    const REQUIRED: bool = false;

    fn judge(members: &mut Map<String, Value>) -> Vec<FieldProblem> {
        New::<S>::judge(members)
    }
}

impl<S: Type, B: Type> Reading for Change<S, B> {
    type Schema = S;

    fn judge(members: &mut Map<String, Value>) -> Vec<FieldProblem> {
        let read = Shape::of::<B>();
        Shape::of::<S>().faults(members, |name| read.has(name))
    }
}

impl<R> fmt::Debug for Sent<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sent")
    }
}

impl<'a, R: Reading> ApiExtractor<'a> for Sent<R> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        R::Schema::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: JSON, schema: R::Schema::schema_ref() }];
        Some(MetaRequest { description: None, content, required: R::REQUIRED })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let mut value = object(request, body, R::REQUIRED).await?;
        told(R::judge(&mut value))?;
        Ok(Self { value, read_as: PhantomData })
    }
}

async fn object(request: &Request, body: &mut RequestBody, required: bool) -> poem::Result<Map<String, Value>> {
    if !is_json_request(request) {
        // Of no type, and nothing: there is none.
        let may_be_none = !required && !request.headers().contains_key(CONTENT_TYPE);
        return if may_be_none && read(request, body, ADMIN_LIMIT).await?.is_empty() {
            Ok(Map::new())
        } else {
            Err(BodyError::NotJson.into())
        };
    }
    match strict_json(&read(request, body, ADMIN_LIMIT).await?)? {
        Value::Object(members) => Ok(members),
        // What generated clients send for a body that is left out.
        Value::Null if !required => Ok(Map::new()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            told(vec![FieldProblem::new("", FieldCode::Invalid, "An object.")])?;
            Ok(Map::new())
        }
    }
}

fn told(problems: Vec<FieldProblem>) -> poem::Result<()> {
    if problems.is_empty() { Ok(()) } else { Err(Refused::from(AdminError::malformed(problems)).into()) }
}

/// What the document says of a type, and of those that it names.
struct Shape {
    registry: Registry,
    name: String,
}

impl Shape {
    fn of<S: Type>() -> Self {
        let mut registry = Registry::new();
        S::register(&mut registry);
        Self { registry, name: S::name().into_owned() }
    }

    fn schema(&self) -> Option<&MetaSchema> {
        self.registry.schemas.get(&self.name)
    }

    fn member(&self, name: &str) -> Option<&MetaSchemaRef> {
        let (_, schema) = self.schema()?.properties.iter().find(|(own, _)| *own == name)?;
        Some(schema)
    }

    fn has(&self, name: &str) -> bool {
        self.member(name).is_some()
    }

    fn requires(&self, name: &str) -> bool {
        self.schema().is_some_and(|schema| schema.required.contains(&name))
    }

    /// `known`: members that are somebody else's to look at.
    fn faults(&self, members: &Map<String, Value>, known: impl Fn(&str) -> bool) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        for (name, value) in members {
            match self.member(name) {
                // In a patch it says something; elsewhere, of what is needed, it is missing.
                Some(_) if value.is_null() => {}
                Some(schema) => problems.extend(self.fault(&format!("/{name}"), schema, value)),
                None if known(name) => {}
                None => problems.push(FieldProblem::unknown_member(name)),
            }
        }
        problems
    }

    fn missing<'a>(&'a self, members: &'a Map<String, Value>) -> impl Iterator<Item = FieldProblem> {
        let required = self.schema().into_iter().flat_map(|schema| schema.required.iter());
        required
            .filter(|name| members.get(**name).is_none_or(Value::is_null))
            .map(|name| FieldProblem::member(format!("/{name}"), FieldCode::Required, "It cannot be left out."))
    }

    /// The first thing that is wrong with a value.
    fn fault(&self, pointer: &str, schema: &MetaSchemaRef, value: &Value) -> Option<FieldProblem> {
        let schema = self.resolved(schema)?;
        let (fits, wanted) = match schema.ty {
            "string" => (value.is_string(), "It has to be a string."),
            "boolean" => (value.is_boolean(), "It has to be true or false."),
            "integer" => (value.is_i64() || value.is_u64(), "It has to be a whole number."),
            "object" => (value.is_object(), "It has to be an object."),
            "array" => match (value, &schema.items) {
                (Value::Array(values), Some(items)) => {
                    let mut each = values.iter().enumerate();
                    return each.find_map(|(at, value)| self.fault(&format!("{pointer}/{at}"), items, value));
                }
                (value, _) => (value.is_array(), "It has to be a list."),
            },
            // Anything.
            _ => (true, ""),
        };
        (!fits).then(|| FieldProblem::member(pointer.to_owned(), FieldCode::Invalid, wanted))
    }

    /// A reference with words of its own is "all of" the two.
    fn resolved<'s>(&'s self, schema: &'s MetaSchemaRef) -> Option<&'s MetaSchema> {
        match schema {
            MetaSchemaRef::Reference(name) => self.registry.schemas.get(name),
            MetaSchemaRef::Inline(schema) => {
                let named = schema.all_of.iter().find(|part| matches!(part, MetaSchemaRef::Reference(_)));
                named.map_or(Some(&**schema), |named| self.resolved(named))
            }
        }
    }
}
