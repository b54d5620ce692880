//! Enumerations of lower layers in the `OpenAPI` document: closed lists with their names.

/// Makes a type of the document from a list of texts that is kept elsewhere.
macro_rules! closed {
    ($(#[doc = $doc:literal] $name:ident: $of:ty = $texts:expr;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Debug)]
        pub struct $name(pub &'static str);

        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;

            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Reference(Self::name().into_owned())
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                registry.create_schema::<Self, _>(Self::name().into_owned(), |_| {
                    let mut schema = poem_openapi::registry::MetaSchema::new("string");
                    schema.description = Some($doc);
                    schema.enum_items = $texts.map(serde_json::Value::from).collect();
                    schema
                });
            }

            fn as_raw_value(&self) -> Option<&Self::RawValueType> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                Some(self.0.into())
            }
        }

        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(value: Option<serde_json::Value>) -> poem_openapi::types::ParseResult<Self> {
                let value = value.unwrap_or_default();
                let text = value.as_str().and_then(|said| $texts.find(|text| *text == said));
                text.map(Self).ok_or_else(|| poem_openapi::types::ParseError::expected_type(value))
            }
        }

        impl poem_openapi::types::ParseFromParameter for $name {
            fn parse_from_parameter(said: &str) -> poem_openapi::types::ParseResult<Self> {
                let text = $texts.find(|text| *text == said);
                text.map(Self).ok_or_else(|| poem_openapi::types::ParseError::custom("not one of these"))
            }
        }

        impl From<$of> for $name {
            fn from(value: $of) -> Self {
                Self(value.as_str())
            }
        }
    )*};
}

pub(super) use closed;
