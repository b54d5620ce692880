//! The `OpenAPI` document as it is served: what poem-openapi makes of the types, put right, with the
//! errors, examples and security that it cannot know, in parts and in two versions.

mod callbacks;
mod device_authentications;
mod enumerations;
mod errors;
mod examples;
mod metadata;
mod methods;
mod repair;
mod sign_in;
mod version;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method};
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Map, Value, json};

use self::methods::{Declared, Methods};
use crate::http::discovery::path;
use crate::http::{device_authentications as direct, flow};

/// Which operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    All,
    /// OAuth, OpenID Connect and CIBA: what relying parties call.
    Protocol,
    /// What authentication applications call: pages and apps that show a sign-in themselves.
    Flow,
    /// What phones call.
    Device,
    /// What administrators and their robots call.
    Admin,
}

impl Part {
    pub const ALL: [Self; 5] = [Self::All, Self::Protocol, Self::Flow, Self::Device, Self::Admin];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Protocol => "protocol",
            Self::Flow => "flow",
            Self::Device => "device",
            Self::Admin => "admin",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == text)
    }

    pub fn has(self, path: &str) -> bool {
        self == Self::All || Family::of(path).part() == self
    }
}

/// Which version of the specification the document follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// 3.0.3: what every generator reads.
    V3_0,
    /// 3.1.0: JSON Schema as it is.
    V3_1,
}

impl Version {
    pub const ALL: [Self; 2] = [Self::V3_0, Self::V3_1];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }
}

/// Operations that share their errors and their way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    /// Clients, with their credentials.
    OAuth,
    /// Whoever asks: what they read is public.
    Public,
    /// Whoever has an access token.
    Resource,
    /// Clients that register themselves, with a token for that.
    Registration,
    /// Browsers that begin to sign in: whoever asks. What they read are pages.
    Authorization,
    /// Browsers that are to be signed out: whoever asks. All they read are pages.
    SignOut,
    /// Authentication applications and our own pages, with the cookie of a flow.
    Flow,
    /// Servers that have people asked, with an access token of their own.
    DeviceAuthentications,
    /// Phones, with a proof.
    Device,
    /// Administrators, with an access token. What they may do and be told, the types say themselves.
    Admin,
}

impl Family {
    fn of(path: &str) -> Self {
        match path {
            path if path.starts_with("/device/") => Self::Device,
            path if path.starts_with("/admin/") => Self::Admin,
            path::END_SESSION => Self::SignOut,
            path if path.starts_with("/idp/") => Self::Resource,
            path if path.starts_with(path::REGISTRATION) => Self::Registration,
            path if path.starts_with(flow::PREFIX) => Self::Flow,
            path if direct::is_of(path) => Self::DeviceAuthentications,
            path::AUTHORIZATION => Self::Authorization,
            path if path.starts_with("/.well-known/") || path == path::JWKS => Self::Public,
            _ => Self::OAuth,
        }
    }

    const fn part(self) -> Part {
        match self {
            Self::OAuth
            | Self::Public
            | Self::Resource
            | Self::Registration
            | Self::Authorization
            | Self::SignOut
            | Self::DeviceAuthentications => Part::Protocol,
            Self::Flow => Part::Flow,
            Self::Device => Part::Device,
            Self::Admin => Part::Admin,
        }
    }
}

/// The operations of `T` with nobody to answer them: a document comes of types alone.
struct Described<T>(PhantomData<T>);

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The document in version 3.0.3 with all parts; the others are made from it.
struct Document(Value);

impl Document {
    fn new(generated: &str) -> Self {
        let mut document: Value = serde_json::from_str(generated).unwrap_or_default();
        metadata::add(&mut document);
        sign_in::add(&mut document);
        device_authentications::add(&mut document);
        repair::repair(&mut document);
        describe(&mut document);
        callbacks::add(&mut document);
        errors::add(&mut document);
        enumerations::add(&mut document);
        examples::add(&mut document);
        Self(document)
    }

    fn part(self, part: Part, version: Version) -> Value {
        let Self(mut document) = self;
        if part != Part::All {
            if let Some(paths) = object(&mut document, "paths") {
                paths.retain(|path, _| part.has(path));
            }
            repair::drop_unused(&mut document);
        }
        match version {
            Version::V3_0 => document,
            Version::V3_1 => version::to_3_1(document),
        }
    }

    fn text(self, part: Part, version: Version) -> String {
        let mut text = serde_json::to_string_pretty(&self.part(part, version)).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// The documents, each written when somebody first asks for it: most servers are never asked. All servers of a
/// process have the same operations, and share them.
#[derive(Clone, Debug)]
pub struct Published(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    generate: fn() -> String,
    /// By poem-openapi.
    generated: OnceLock<String>,
    written: Mutex<HashMap<(Part, Version), Bytes>>,
    methods: OnceLock<Methods>,
}

impl Published {
    /// Of what `_apis` can be asked.
    pub fn of<T: OpenApi>(_apis: &T) -> Self {
        static SHARED: OnceLock<Published> = OnceLock::new();
        let shared = || Shared {
            generate: || OpenApiService::new(Described::<T>(PhantomData), "Nod", env!("CARGO_PKG_VERSION")).spec(),
            generated: OnceLock::new(),
            written: Mutex::default(),
            methods: OnceLock::new(),
        };
        SHARED.get_or_init(|| Self(Arc::new(shared()))).clone()
    }

    /// For a query: `oas=3.1`, `part=device`. `None` for a value that there is not.
    pub fn find(&self, query: &str) -> Option<Bytes> {
        let (mut part, mut version) = (Part::All, Version::V3_0);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "part" => part = Part::parse(value)?,
                "oas" => version = Version::parse(value)?,
                _ => {}
            }
        }
        Some(self.text(part, version))
    }

    /// As it is committed and served: indented, one line feed at the end.
    pub fn text(&self, part: Part, version: Version) -> Bytes {
        let mut written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        let write = || Document::new(self.generated()).text(part, version).into();
        written.entry((part, version)).or_insert_with(write).clone()
    }

    /// What `Allow` says of a path [RFC 9110 §15.5.6]. `None`: there is no operation.
    pub fn allow(&self, path: &str) -> Option<HeaderValue> {
        self.methods().allow(path)
    }

    /// What an operation takes beside its body. `None`: there is no operation.
    pub fn declared(&self, method: &Method, path: &str) -> Option<&Declared> {
        self.methods().declared(method, path)
    }

    fn generated(&self) -> &str {
        self.0.generated.get_or_init(self.0.generate)
    }

    fn methods(&self) -> &Methods {
        self.0.methods.get_or_init(|| Methods::of(self.generated()))
    }
}

const ABOUT: &str = "Nod asks a person, and gets a yes. Relying parties ask over CIBA or have people sign in, and fetch \
tokens (`/as`, `/pf-ws`, `/idp`); servers ask for a second factor alone (`/deviceAuthentications`); phones fetch questions \
and sign answers (`/device/v1`); administrators look after clients, people and devices (`/admin/v1`).";

/// What the types cannot say: who we are, how callers authenticate.
fn describe(document: &mut Value) {
    put(
        document,
        "info",
        json!({
            "title": "Nod",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "contact": {"name": "The developers of Nod"},
            "license": {"name": "MIT OR Apache-2.0", "url": "https://spdx.org/licenses/MIT.html"},
        }),
    );
    let further = json!({"description": "How to begin, each operation with examples, each error.", "url": "/docs"});
    put(document, "externalDocs", further);
    put(document, "servers", json!([{"url": "/", "description": "The server that gave this document."}]));
    let schemes = json!({
        "clientSecretBasic": {
            "type": "http",
            "scheme": "basic",
            "description": "client_secret_basic [RFC 6749 §2.3.1]. client_secret_post and private_key_jwt work as \
                            well, with parameters in the form."
        },
        "accessToken": {"type": "http", "scheme": "bearer", "description": "An access token [RFC 6750 §2.1]."},
        "deviceProof": {
            "type": "apiKey",
            "in": "header",
            "name": "Device-Proof",
            "description": "A JWS over this very call, by the key of the installation, with the nonce of the last \
                            answer's Device-Nonce header. It is made anew for each call: docs/device-api.md."
        },
        "registrationToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "To register, an initial access token, where the server asks for one [RFC 7591 §3]; \
                            afterwards the registration access token [RFC 7592 §3]."
        },
        "bootstrapToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token for the first administrator, from the file that the server wrote."
        },
        "flowCookie": sign_in::scheme(),
        "clientNotificationToken": callbacks::scheme(),
    });
    if let (Some(all), Value::Object(schemes)) = (components(document, "securitySchemes"), schemes) {
        all.extend(schemes);
    }
    for (path, _, operation) in operations(document) {
        let security = match Family::of(&path) {
            Family::Public | Family::Authorization | Family::SignOut => {
                put(operation, "security", json!([]));
                continue;
            }
            Family::OAuth => "clientSecretBasic",
            Family::Resource => "accessToken",
            Family::Registration => "registrationToken",
            Family::Device => "deviceProof",
            Family::Flow => "flowCookie",
            // The operations name the scope.
            Family::DeviceAuthentications => continue,
            // The types name the scope.
            Family::Admin if operation.get("security").is_some() => continue,
            Family::Admin => "bootstrapToken",
        };
        put(operation, "security", json!([{ security: [] }]));
    }
}

/// Every operation, with its path and method.
fn operations(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Value)> {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    paths.into_iter().flatten().flat_map(|(path, item)| {
        let methods = item.as_object_mut();
        methods.into_iter().flatten().map(|(method, operation)| (path.clone(), method.clone(), operation))
    })
}

/// Sets a member of an object; of anything else, nothing.
fn put(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}

/// A group of operations that no type describes.
fn add_tag(document: &mut Value, name: &str, description: &str) {
    if let Some(tags) = document.get_mut("tags").and_then(Value::as_array_mut) {
        tags.push(json!({"name": name, "description": description}));
        // As poem-openapi has them.
        tags.sort_by_key(|tag| tag.get("name").and_then(Value::as_str).map(str::to_owned));
    }
}

/// The members of `/components/<name>`.
fn components<'a>(document: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    object(document.get_mut("components")?, name)
}

fn object<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(name).and_then(Value::as_object_mut)
}

/// Visits every schema, the outer ones first.
fn each_object(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            members.values_mut().for_each(|member| each_object(member, visit));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_object(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
