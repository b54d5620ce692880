//! The error codes of the admin API: a closed list, told as `code` of a problem document [RFC 9457].
//! What each means is written here once; the pages under `docs/errors/` and the ones that the server
//! shows are made from it.

use std::borrow::Cow;

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, cause: $cause:literal, fix: $fix:literal, example: $example:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AdminErrorCode { $(#[doc = $title] $name,)* }

        impl AdminErrorCode {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The same at every occurrence [RFC 9457 §3.1.4].
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            pub const fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)* }
            }

            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)* }
            }

            /// How to get it.
            pub const fn example(self) -> &'static str {
                match self { $(Self::$name => $example,)* }
            }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", "The request is malformed.",
        cause: "A parameter or the body cannot be read: broken JSON, a member or parameter that there is not, that is repeated, of the wrong type or out of its range.",
        fix: "`detail` and `errors` say what it is; compare the request with the operation in the OpenAPI document.",
        example: "GET /admin/v1/clients?limit=0";
    ValidationFailed = "validation_failed", "Some members of the body are not acceptable.",
        cause: "The body is JSON of the right shape, but what it asks for cannot be. `errors` says for each member why.",
        fix: "Change the members that `errors` points at.",
        example: "POST /admin/v1/clients with an empty `scope`";
    InvalidCursor = "invalid_cursor", "The cursor is not one of this list.",
        cause: "`cursor` was changed, made by another server, or belongs to a list with other filters.",
        fix: "Pass `next_cursor` on as it came, with the same filters; or begin again without a cursor.",
        example: "GET /admin/v1/users?cursor=abc";
    TokenRequired = "token_required", "An access token is required.",
        cause: "The request has no `Authorization` header with `Bearer` or `DPoP`.",
        fix: "Fetch an access token at the token endpoint with the client_credentials grant, and send it.",
        example: "GET /admin/v1/clients without a header";
    TokenInvalid = "token_invalid", "The access token is not valid, or no longer.",
        cause: "It has expired or was revoked, its client is disabled or gone, it is a person's and not a client's, or it is bound to a key or a certificate and came without it.",
        fix: "Fetch another one with the client_credentials grant.",
        example: "GET /admin/v1/clients with a token of yesterday";
    InvalidDpopProof = "invalid_dpop_proof", "The DPoP proof is not acceptable.",
        cause: "The access token is bound to a key, and the proof in the header `DPoP` is missing, was made for another call, by another key or for another token, or was used before [RFC 9449 §4.3].",
        fix: "Make a proof for each call: with its method and address, a `jti` of its own, the time, the hash of the token and the last `DPoP-Nonce`.",
        example: "GET /admin/v1/clients with `Authorization: DPoP` and the proof of the call before";
    UseDpopNonce = "use_dpop_nonce", "The DPoP proof needs the nonce of this answer.",
        cause: "The proof has no `nonce`, or one that is too old.",
        fix: "Make another proof with the `DPoP-Nonce` of this answer, and send the request again.",
        example: "GET /admin/v1/clients with `Authorization: DPoP`, an hour after the call before";
    InsufficientScope = "insufficient_scope", "The access token does not reach this far.",
        cause: "The operation needs a scope that the token, or the registration of its client, does not have. `WWW-Authenticate` names it.",
        fix: "Ask for the scope when fetching the token. If the client may not have it, somebody who has it must register it.",
        example: "DELETE /admin/v1/clients/shop with `nod:clients:read`";
    ScopeNotGrantable = "scope_not_grantable", "Nobody gives more than they have.",
        cause: "The change would give a client administrative scopes that the caller lacks, or touches a client that has such scopes.",
        fix: "Let a client with those scopes do it.",
        example: "POST /admin/v1/clients with `nod:admin` in `scope`, by a client with `nod:clients:write`";
    BootstrapTokenInvalid = "bootstrap_token_invalid", "The bootstrap token is not valid, or no longer.",
        cause: "It was used, has expired, or there is an administrator already.",
        fix: "If there is no administrator, start the server again: it writes a new token. Otherwise use an administrator's access token.",
        example: "POST /admin/v1/bootstrap a second time";
    NotFound = "not_found", "There is nothing of this name.",
        cause: "The path is none of this API, or the identifier leads to nothing.",
        fix: "List the resource to see what is there.",
        example: "GET /admin/v1/clients/nobody";
    MethodNotAllowed = "method_not_allowed", "The method is not allowed here.",
        cause: "The path exists, but not with this method.",
        fix: "`Allow` lists the methods.",
        example: "PUT /admin/v1/clients";
    RequestTimeout = "request_timeout", "The request did not arrive in time.",
        cause: "The body came too slowly.",
        fix: "Try again.",
        example: "a body that drips";
    ClientExists = "client_exists", "A client of this identifier exists.",
        cause: "`client_id` is taken.",
        fix: "Choose another one, or leave it out and get one made.",
        example: "POST /admin/v1/clients with the `client_id` of another client";
    ClientInUse = "client_in_use", "The client is in use.",
        cause: "A native application signs people in as this client.",
        fix: "Delete the native application, or give it another client.",
        example: "DELETE /admin/v1/clients/bank-app while a native application names it";
    ClientHasNoSecret = "client_has_no_secret", "The client has no secret.",
        cause: "Its `token_endpoint_auth_method` is one without a secret: `private_key_jwt`, `tls_client_auth`, `self_signed_tls_client_auth` or `none`.",
        fix: "Change its `jwks`, what is behind its `jwks_uri`, or its certificate; a public client has nothing to change.",
        example: "POST /admin/v1/clients/robot/rotate-secret for a client with keys";
    UsernameTaken = "username_taken", "A user of this name exists.",
        cause: "`username` is another user's.",
        fix: "Choose another one.",
        example: "POST /admin/v1/users with `alice` twice";
    TooManyPairingKeys = "too_many_pairing_keys", "The user has as many pairing keys as one may have.",
        cause: "Twenty of the user's pairing keys are neither used nor expired.",
        fix: "Revoke some, or wait until they expire.",
        example: "POST /admin/v1/users/{id}/pairing-keys for the 21st time";
    TooManyWebhooks = "too_many_webhooks", "There are as many webhooks as there may be.",
        cause: "Twenty webhooks are registered.",
        fix: "Delete one that is no longer needed.",
        example: "POST /admin/v1/webhooks for the 21st time";
    PolicyExists = "policy_exists", "A sign-on policy of this identifier exists.",
        cause: "`id` is taken.",
        fix: "Choose another one, or leave it out and get one made.",
        example: "POST /admin/v1/policies with the `id` of another policy";
    PolicyInUse = "policy_in_use", "The sign-on policy is in use.",
        cause: "A client names it as its `sign_on_policy`, or it is the `default_policy`.",
        fix: "Change those first.",
        example: "DELETE /admin/v1/policies/staff while a client names it";
    ApplicationExists = "application_exists", "An authentication application of this identifier exists.",
        cause: "`id` is taken.",
        fix: "Choose another one, or leave it out and get one made.",
        example: "POST /admin/v1/authentication-applications with the `id` of another one";
    ApplicationInUse = "application_in_use", "The authentication application is in use.",
        cause: "A sign-on policy names it, or it is the `default_application`.",
        fix: "Change those first.",
        example: "DELETE /admin/v1/authentication-applications/login while a policy names it";
    NativeApplicationExists = "native_application_exists", "A native application of this identifier exists.",
        cause: "`id` is taken.",
        fix: "Choose another one, or leave it out and get one made.",
        example: "POST /admin/v1/native-applications with the `id` of another one";
    NativeApplicationInUse = "native_application_in_use", "The native application is in use.",
        cause: "An MFA policy names it.",
        fix: "Take it out of that policy first.",
        example: "DELETE /admin/v1/native-applications/bank while an MFA policy names it";
    MfaPolicyExists = "mfa_policy_exists", "An MFA policy of this identifier exists.",
        cause: "`id` is taken.",
        fix: "Choose another one, or leave it out and get one made.",
        example: "POST /admin/v1/mfa-policies with the `id` of another one";
    MfaPolicyInUse = "mfa_policy_in_use", "The MFA policy is in use.",
        cause: "A step of a sign-on policy names it.",
        fix: "Change that step first.",
        example: "DELETE /admin/v1/mfa-policies/trusted while a sign-on policy has a step with it";
    AlreadyDecided = "already_decided", "The request is decided or over.",
        cause: "Somebody approved, denied or cancelled it, or it has expired.",
        fix: "Read the request to see what became of it.",
        example: "POST /admin/v1/requests/{id}/cancel twice";
    KeyNotRetiring = "key_not_retiring", "Only a key that is being replaced can be retired.",
        cause: "The key signs, will sign, or is retired already.",
        fix: "Rotate first.",
        example: "POST /admin/v1/keys/{kid}/retire for the current key";
    KeyNotKnownYet = "key_not_known_yet", "Relying parties may not know the next keys yet, and would refuse what those sign.",
        cause: "The next keys were published less than `keys.announce_before` ago, and copies of the JWKS may be older.",
        fix: "Wait as long as `Retry-After` says; in an emergency, rotate with `emergency=true`.",
        example: "POST /admin/v1/keys/rotate soon after the last rotation";
    PreconditionFailed = "precondition_failed", "It was changed meanwhile.",
        cause: "The representation is not the one that `If-Match` names.",
        fix: "Read it again, look at what changed, and repeat the change with the new `ETag`.",
        example: "PATCH /admin/v1/clients/shop with an old `If-Match`";
    IdempotencyKeyReused = "idempotency_key_reused", "The idempotency key was used for another request.",
        cause: "Within 24 hours, a request with this `Idempotency-Key` had another path or body.",
        fix: "Use a new key for each request, and the same only to repeat one.",
        example: "two different POSTs with one key";
    RequestInProgress = "request_in_progress", "The same request is being worked on.",
        cause: "A request with this `Idempotency-Key` has not been answered yet.",
        fix: "Try again after `Retry-After`.",
        example: "the same POST twice at once";
    OutcomeUnknown = "outcome_unknown", "Nobody knows what became of the request.",
        cause: "An earlier request with this `Idempotency-Key` was cut off. It may have had its effect or not.",
        fix: "Look whether it had. If not, repeat it with a new key.",
        example: "a server that died while it worked on a POST";
    BodyTooLarge = "body_too_large", "The body is too large.",
        cause: "It has more than 256 KiB.",
        fix: "Send less.",
        example: "a `jwks` with thousands of keys";
    UnsupportedMediaType = "unsupported_media_type", "The body is not JSON.",
        cause: "`Content-Type` is neither `application/json` nor ends in `+json`, or the body is compressed.",
        fix: "Send plain JSON and say so.",
        example: "POST /admin/v1/users with a form";
    TooManyRequests = "too_many_requests", "Too many at once.",
        cause: "A limit was reached, for event streams: those that are open.",
        fix: "Try again after `Retry-After`, with fewer at a time.",
        example: "GET /admin/v1/events for the ninth time at once";
    InternalError = "internal_error", "Something went wrong on the server.",
        cause: "A mistake of ours.",
        fix: "Tell us, with the `X-Request-Id` of the answer.",
        example: "none that we know";
    TemporarilyUnavailable = "temporarily_unavailable", "The server cannot answer now.",
        cause: "The database or the store gives no answer. Nothing is known of what became of the request.",
        fix: "Try again after `Retry-After`; a POST with the same `Idempotency-Key`.",
        example: "any request while the database is away";
}

impl AdminErrorCode {
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|own| own.as_str() == code)
    }
}

/// What is wrong with one part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    pub place: Place,
    pub code: FieldCode,
    pub detail: Cow<'static, str>,
}

/// Which part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A member of the body, as JSON pointer [RFC 6901].
    Member(Cow<'static, str>),
    /// A parameter of the query, or a header.
    Parameter(Cow<'static, str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldCode {
    Required,
    NotAllowed,
    Invalid,
    TooLong,
    Unknown,
    ReadOnly,
}

impl FieldCode {
    pub const ALL: [Self; 6] =
        [Self::Required, Self::NotAllowed, Self::Invalid, Self::TooLong, Self::Unknown, Self::ReadOnly];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::NotAllowed => "not_allowed",
            Self::Invalid => "invalid",
            Self::TooLong => "too_long",
            Self::Unknown => "unknown",
            Self::ReadOnly => "read_only",
        }
    }
}

impl FieldProblem {
    pub const fn new(pointer: &'static str, code: FieldCode, detail: &'static str) -> Self {
        Self { place: Place::Member(Cow::Borrowed(pointer)), code, detail: Cow::Borrowed(detail) }
    }

    pub fn member(pointer: String, code: FieldCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { place: Place::Member(pointer.into()), code, detail: detail.into() }
    }

    pub fn parameter(
        name: impl Into<Cow<'static, str>>,
        code: FieldCode,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { place: Place::Parameter(name.into()), code, detail: detail.into() }
    }

    pub fn unknown_member(name: &str) -> Self {
        match harmless(name) {
            Some(name) => Self::member(format!("/{name}"), FieldCode::Unknown, "There is no such member."),
            None => Self::new("", FieldCode::Unknown, "There is a member of a name that no member has."),
        }
    }

    pub fn unknown_parameter(name: &str) -> Self {
        match harmless(name) {
            Some(name) => Self::parameter(name.to_owned(), FieldCode::Unknown, "There is no such parameter."),
            None => Self::parameter("", FieldCode::Unknown, "There is a parameter of a name that no parameter has."),
        }
    }

    /// What is wrong, in one text.
    pub fn sentence(&self) -> String {
        let Self { detail, .. } = self;
        match self.name() {
            "" => detail.clone().into_owned(),
            name => format!("{name}: {detail}"),
        }
    }

    pub fn name(&self) -> &str {
        match &self.place {
            Place::Member(pointer) => pointer.trim_start_matches('/'),
            Place::Parameter(name) => name,
        }
    }
}

/// A name that somebody made up, if it may be repeated: nothing that reads as text, markup or a secret
/// of some length.
fn harmless(name: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    ((1..=64).contains(&name.len()) && name.bytes().all(plain)).then_some(name)
}
