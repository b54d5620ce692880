//! JSON that has one meaning.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::{MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{BodyError, DEVICE_LIMIT, content_type, media_type, read, request_meta};

/// How deep arrays and objects may nest.
const MAX_DEPTH: usize = 16;

/// A JSON body of at most `LIMIT` bytes: no member twice, no deep nesting. `T` reads it, and `S`,
/// usually the same type, describes it in the `OpenAPI` document. It is read by serde, because the
/// document's own reader takes the number 5 for the string "5"; validators of the document are not
/// applied.
pub struct BoundedJson<T, S = T, const LIMIT: usize = DEVICE_LIMIT> {
    pub value: T,
    raw: Bytes,
    described_by: PhantomData<fn() -> S>,
}

impl<T, S, const LIMIT: usize> BoundedJson<T, S, LIMIT> {
    /// The body as it was sent: what a signature over the body covers.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }
}

impl<T: fmt::Debug, S, const LIMIT: usize> fmt::Debug for BoundedJson<T, S, LIMIT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoundedJson").field(&self.value).finish()
    }
}

impl<T: DeserializeOwned + Send, S: Type, const LIMIT: usize> Payload for BoundedJson<T, S, LIMIT> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        is_json(content_type)
    }

    fn schema_ref() -> MetaSchemaRef {
        S::schema_ref()
    }

    fn register(registry: &mut Registry) {
        S::register(registry);
    }
}

impl<T: DeserializeOwned + Send, S: Type, const LIMIT: usize> ParsePayload for BoundedJson<T, S, LIMIT> {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        if !content_type(request).is_some_and(is_json) {
            return Err(BodyError::NotJson.into());
        }
        let raw = read(request, body, LIMIT).await?;
        let value =
            serde_json::from_value(strict_json(&raw)?).map_err(|refused| BodyError::Shape(nameless(&refused)))?;
        Ok(Self { value, raw, described_by: PhantomData })
    }
}

impl<'a, T: DeserializeOwned + Send, S: Type, const LIMIT: usize> ApiExtractor<'a> for BoundedJson<T, S, LIMIT> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        <Self as Payload>::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(request_meta::<Self>())
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        <Self as ParsePayload>::from_request(request, body).await
    }
}

/// What serde found wrong, without what was sent: its messages quote values and unknown names, and
/// say our own names only when a member is missing and after "expected".
fn nameless(refused: &serde_json::Error) -> Cow<'static, str> {
    let message = refused.to_string();
    if message.starts_with("missing field") {
        return message.into();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}").into(),
        None => "a member is not acceptable".into(),
    }
}

/// Whether the request says that its body is JSON.
pub fn is_json_request(request: &Request) -> bool {
    content_type(request).is_some_and(is_json)
}

fn is_json(content_type: &str) -> bool {
    let is_json = |essence: &str| {
        let essence = essence.to_ascii_lowercase();
        let subtype = essence.strip_prefix("application/");
        subtype.is_some_and(|subtype| {
            subtype == "json" || subtype.strip_suffix("+json").is_some_and(|prefix| !prefix.is_empty())
        })
    };
    media_type(content_type).is_some_and(is_json)
}

/// Reads JSON that has one meaning: [RFC 8259 §4] leaves open which of two equal names counts, so
/// two are refused, at any level and however they are escaped.
pub fn strict_json(json: &[u8]) -> Result<Value, BodyError> {
    let fault = Cell::new(BodyError::Syntax);
    let mut reader = serde_json::Deserializer::from_slice(json);
    Strict { depth: 0, fault: &fault }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|_| fault.into_inner())
}

/// Builds one value. `fault` says what was wrong when it was not the syntax.
struct Strict<'f> {
    depth: usize,
    fault: &'f Cell<BodyError>,
}

impl Strict<'_> {
    /// The seed for what is inside of this value.
    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(BodyError::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, fault: self.fault })
    }

    fn fail<E: serde::de::Error>(&self, fault: BodyError) -> E {
        self.fault.set(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner()?)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.inner()?)?;
            if object.insert(name, value).is_some() {
                return Err(self.fail(BodyError::RepeatedMember));
            }
        }
        Ok(object.into())
    }
}
