//! The table of settings: each is written here once, and nowhere else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::problem::Problem;
use super::setting::{Setting, Value, words};
use super::values::Values;
use crate::protocol::authorization_details::DetailType;
use crate::protocol::phone_number::Country;
use crate::secret::Secret;

/// Declares the sections as types, and the rows of [`SETTINGS`] with the same words.
macro_rules! settings {
    (
        top { $($(#[doc = $top_doc:literal])+ $top:ident: $top_type:ty $(= $top_default:literal)?,)+ }
        $(
            #[doc = $about:literal]
            $section:ident: $Section:ident {
                $($(#[doc = $doc:literal])+ $field:ident: $type:ty $(= $default:literal)?,)+
            }
        )+
    ) => {
        /// All settings, complete and checked.
        #[derive(Debug)]
        pub struct Config {
            $($(#[doc = $top_doc])+ pub $top: $top_type,)+
            $(#[doc = $about] pub $section: $Section,)+
        }

        $(
            #[doc = $about]
            #[derive(Debug)]
            pub struct $Section {
                $($(#[doc = $doc])+ pub $field: $type,)+
            }
        )+

        /// Every setting, in the order of the documentation.
        pub const SETTINGS: &[Setting] = &[
            $(setting::<$top_type>(stringify!($top), concat!($($top_doc),+), settings!(@default $($top_default)?)),)+
            $($(setting::<$type>(
                concat!(stringify!($section), ".", stringify!($field)),
                concat!($($doc),+),
                settings!(@default $($default)?),
            ),)+)+
        ];

        /// The sections with what each is about.
        pub const SECTIONS: &[(&str, &str)] = &[$((stringify!($section), $about),)+];

        impl Config {
            /// `None`: a problem was added, and all others of its kind too.
            pub(super) fn read(values: &Values, problems: &mut Vec<Problem>) -> Option<Self> {
                $(let $top = values.read(stringify!($top), problems);)+
                $(let $section = $Section::read(values, problems);)+
                Some(Self { $($top: $top?,)+ $($section: $section?,)+ })
            }
        }

        $(
            impl $Section {
                fn read(values: &Values, problems: &mut Vec<Problem>) -> Option<Self> {
                    $(let $field = values.read(concat!(stringify!($section), ".", stringify!($field)), problems);)+
                    Some(Self { $($field: $field?,)+ })
                }
            }
        )+
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

const fn setting<T: Value>(key: &'static str, about: &'static str, default: Option<&'static str>) -> Setting {
    Setting { key, about: about.trim_ascii(), kind: T::KIND, default, required: T::REQUIRED && default.is_none() }
}

settings! {
    top {
        /// Public base address: https, no slash at the end, no query. Every endpoint and `iss` derive from it.
        /// A path is for a proxy that takes it off.
        issuer: String,
        /// The security profile that every client is held to: `oauth21`, `fapi2-security`, `fapi2-message-signing` or
        /// `fapi-ciba`. A client may be held to one by itself.
        profile: Option<SecurityProfile>,
    }

    /// Where the server listens.
    listen: Listen {
        /// Where everybody connects.
        public: SocketAddr = "0.0.0.0:8443",
        /// `/health/live`, `/health/ready` and `/metrics`, without TLS.
        ops: SocketAddr = "127.0.0.1:9090",
    }

    /// TLS by the server itself. Both or neither.
    tls: Tls {
        /// The certificate chain in PEM, the leaf first.
        cert: Option<PathBuf>,
        /// Its private key in PEM.
        key: Option<PathBuf>,
    }

    /// What stands in front of the server.
    proxy: Proxy {
        /// Networks of reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
        trusted: Vec<IpNet> = "[]",
        /// The header in which they hand on the certificate that a client has shown (RFC 8705). They have to take it off
        /// what clients send.
        certificate_header: Option<String>,
        /// `rfc9440`: `:base64:`, as in `Client-Cert`. `pem`: percent-encoded PEM, as nginx writes it. `xfcc`: as Envoy
        /// writes `X-Forwarded-Client-Cert`.
        certificate_format: CertificateFormat = "rfc9440",
    }

    /// Client certificates (RFC 8705).
    mtls: Mtls {
        /// A second port, where clients are asked for a certificate. It speaks TLS as `tls` says.
        listen: Option<SocketAddr>,
        /// Public base address of where certificates are asked for, as `issuer` is of the rest: the metadata have it in
        /// `mtls_endpoint_aliases`.
        address: Option<String>,
        /// A PEM file of certificate authorities: whose certificates `tls_client_auth` takes.
        authorities: Option<PathBuf>,
    }

    /// What the server says while it runs.
    log: Log {
        /// `json` for machines, `text` for people.
        format: LogFormat = "json",
    }

    /// The admin API.
    admin: Admin {
        /// Where the token for the first administrator is written, while there is none; without it,
        /// `bootstrap-token` beside the configuration.
        bootstrap_file: Option<PathBuf>,
    }

    /// What must hold for ever.
    database: Database {
        /// `sqlite:<path>`, `postgres://..` or `postgresql://..`. This or `url_file`.
        url: Option<Secret<String>>,
        /// A file that holds it.
        url_file: Option<PathBuf>,
    }

    /// Where pending requests are.
    ephemeral: Ephemeral {
        /// `embedded`: beside the database, for one node. `redis://..` or `rediss://..`: for several nodes.
        url: Option<Secret<String>> = "embedded",
        /// A file that holds it.
        url_file: Option<PathBuf>,
        /// What every Redis key and the wake-up channel begin with.
        prefix: String = "nod:",
    }

    /// The keys that sign, and the one that seals them.
    keys: Keys {
        /// The master key itself: 32 bytes as base64 or hexadecimal. From the environment only.
        master_key: Option<Secret<String>>,
        /// A file that holds it, readable by its owner only.
        master_key_file: Option<PathBuf>,
        /// The *name* of an environment variable that holds it.
        master_key_env: Option<String>,
        /// The age at which a signing key is replaced.
        rotate_after: Duration = "90d",
        /// The next key is published at least this long before it signs; `nod keys rotate` waits for it too, unless
        /// `--now` is given.
        announce_before: Duration = "14d",
        /// A replaced key is published this long: longer than ID and JWT access tokens live.
        retire_after: Duration = "2d",
    }

    /// Questions to people.
    ciba: Ciba {
        /// How long a question waits when the client does not say.
        default_expiry: Duration = "120s",
        /// What `requested_expiry` is cut to; not shorter than the default.
        max_expiry: Duration = "300s",
        /// Between polls, 1 to 60 whole seconds.
        interval: Duration = "5s",
        /// How long a poll of a client with `--long-poll` is held, 25 s at most.
        long_poll: Duration = "25s",
        /// `strict`: a hint to nobody is `unknown_user_id`. `uniform`: no client learns who exists.
        unknown_user: UnknownUser = "strict",
        /// A JSON file of those who may say in a `login_hint_token` whom to ask: each issuer with its JWK Set. Clients may
        /// for themselves, with their own keys.
        login_hint_token_issuers: Option<PathBuf>,
    }

    /// Clients that register themselves.
    registration: Registration {
        /// `off`: there is no such endpoint. `token`: with an initial access token. `open`: whoever asks, for sign-in
        /// alone.
        mode: RegistrationMode = "off",
        /// A JSON file of those whose software statements are believed (RFC 7591): each issuer with its JWK Set. Without
        /// it, no statement is.
        software_statement_issuers: Option<PathBuf>,
    }

    /// What clients ask for when they have somebody sign in.
    authorization: Authorization {
        /// Refuse every request that a browser brings: clients push them (RFC 9126). A client may be registered so by
        /// itself.
        require_pushed: bool = "false",
        /// Answers have a `session_state`, and pages of clients can ask a frame of ours whether it still holds (OpenID
        /// Connect Session Management 1.0). Of use only in browsers that let frames have their cookies.
        session_management: bool = "false",
        /// Types of `authorization_details` (RFC 9396) that clients may be registered for, each with the members of its
        /// objects: `["payment: amount:object*, creditor:text*, note:text"]`. A member is of type `text`, `number`,
        /// `boolean`, `object` or `array`, or of any if none is named; a star stands behind those that must be there.
        details: Vec<DetailType> = "[]",
    }

    /// How long tokens live.
    tokens: Tokens {
        /// Access tokens.
        access: Duration = "600s",
        /// ID tokens.
        id: Duration = "300s",
        /// A refresh token that is not used ends after this.
        refresh_idle: Duration = "14d",
        /// No chain of refresh tokens lives longer, from the approval on.
        refresh_absolute: Duration = "90d",
    }

    /// The phones of people.
    devices: Devices {
        /// Devices of one person: 1 to 15.
        max_per_user: u32 = "5",
        /// How long a pairing key works: a minute to two days.
        pairing_key_lifetime: Duration = "600s",
    }

    /// What apps show of themselves at a sign-in.
    payload: Payload {
        /// How old a mobile payload may be: 10 s to 2 minutes.
        max_age: Duration = "120s",
        /// `required`: each names the sign-in that it is for. `off`: the first that it is shown in is its own.
        binding: Binding = "off",
        /// `required-in-query`: one in a URL is encrypted for this server. `required`: each is.
        encryption: PayloadEncryption = "required-in-query",
    }

    /// The passwords of people.
    passwords: Passwords {
        /// KiB that hashing one takes: 47104 with one iteration, 19456 with two, or more. Passwords that were
        /// hashed otherwise are hashed anew at the next login.
        memory: u32 = "47104",
        /// How often it goes over that memory.
        iterations: u32 = "1",
        /// Hashes at a time, on each node; never more than it has processors.
        hashes_at_once: u32 = "2",
        /// So many logins wait for their turn, for two seconds at most; then 503.
        queue: u32 = "32",
    }

    /// Letters to people: without a server for them, nobody gets over a forgotten password.
    mail: Mail {
        /// The SMTP server that takes our letters.
        host: Option<String>,
        /// Its port: 587 unless `mail.security` is `tls` (465) or `none` (25).
        port: Option<u32>,
        /// `starttls`: encrypted before anything is said, or nothing is said. `tls`: from the first byte. `none`: not
        /// at all, for a server on this machine.
        security: MailSecurity = "starttls",
        /// The name to log in with. Without it, nobody logs in.
        username: Option<String>,
        /// The password to log in with. This or `password_file`.
        password: Option<Secret<String>>,
        /// A file that holds it.
        password_file: Option<PathBuf>,
        /// Whom the letters are from: `Example <no-reply@example.com>`.
        from: Option<String>,
        /// What a letter about a forgotten password has in it: `code`, `link` or `both`.
        recovery: RecoveryMeans = "both",
    }

    /// One-time codes by SMS: without a sender, nobody gets any.
    sms: Sms {
        /// Who sends them. `webhook`: a signed request to `sms.url`. `twilio`: Twilio, or whoever speaks as it does.
        sender: Option<TextSender>,
        /// Where the requests go, over https. Of Twilio it is known.
        url: Option<String>,
        /// Twilio's Account SID.
        account: Option<String>,
        /// `whsec_` and base64 for a webhook, the auth token for Twilio. This or `secret_file`.
        secret: Option<Secret<String>>,
        /// A file that holds it.
        secret_file: Option<PathBuf>,
        /// Whom they are from. For Twilio a number of yours, or the SID of a messaging service.
        from: Option<String>,
        /// The countries to whose numbers they go, in two letters: `["DE", "AT"]`. None: nobody gets any.
        countries: Vec<Country> = "[]",
        /// How many in a day, at most; then none goes out until the next one.
        per_day: u32 = "1000",
    }

    /// One-time codes by calls that say them: without a sender, nobody gets any.
    voice: Voice {
        /// Who calls. `webhook`: a signed request to `voice.url`. `twilio`: Twilio, or whoever speaks as it does.
        sender: Option<TextSender>,
        /// Where the requests go, over https. Of Twilio it is known.
        url: Option<String>,
        /// Twilio's Account SID.
        account: Option<String>,
        /// `whsec_` and base64 for a webhook, the auth token for Twilio. This or `secret_file`.
        secret: Option<Secret<String>>,
        /// A file that holds it.
        secret_file: Option<PathBuf>,
        /// Whom they are from. For Twilio a number of yours.
        from: Option<String>,
        /// The countries to whose numbers calls go, in two letters: `["DE", "AT"]`. None: nobody gets any.
        countries: Vec<Country> = "[]",
        /// How many in a day, at most; then none goes out until the next one.
        per_day: u32 = "200",
    }

    /// What one of them may cost the others.
    limits: Limits {
        /// Questions that may wait for one person at a time; then 429. The last place is for clients that have a
        /// grant of the person.
        requests_per_user: usize = "3",
        /// The same, from one client.
        requests_per_client_and_user: usize = "1",
        /// Failed client authentications a minute, for each client and address, on each node; then 429.
        failed_authentications: u32 = "10",
        /// Backchannel authentication requests that a client may make in a minute, on each node; then 429.
        backchannel_requests: u32 = "60",
        /// How often a person may be asked by clients in an hour, by whichever of them, on each node; then 429.
        questions_per_user: u32 = "30",
        /// Authorization requests that a client may push in a second, on each node; then 429.
        pushed_requests: u32 = "100",
        /// Tokens that a client may look behind in a second, on each node; then 429.
        introspections: u32 = "500",
        /// Tries to log in with a password a minute, from one IPv4 /24 or IPv6 /56; then 429.
        password_tries: u32 = "20",
        /// Messages about forgotten passwords an hour that may be asked for from one IPv4 /24 or IPv6 /56; then 429.
        /// About one person it is three.
        recoveries: u32 = "10",
        /// One-time codes by SMS and calls an hour that may be asked for from one IPv4 /24 or IPv6 /56, and as many by
        /// e-mail; then none is sent.
        otps: u32 = "20",
        /// Sign-ins and errands about passwords that may begin in a minute, from one address or IPv6 /64; then 429.
        flows: u32 = "60",
        /// Of those that may wait in one browser at a time. The oldest makes room for another.
        flows_per_browser: usize = "20",
        /// Flows asked for in a minute that there are not, from one address or IPv6 /64; then 429.
        flow_misses: u32 = "60",
        /// Tries of clients to register themselves an hour, from one address or IPv6 /64; then 429.
        registrations: u32 = "20",
        /// Open connections of the public listener.
        connections: usize = "10000",
        /// From one IPv4 address or IPv6 /64; loopback and trusted proxies are not counted.
        connections_per_ip: usize = "50",
    }

    /// What the server calls.
    outbound: Outbound {
        /// Private networks that a `jwks_uri` may lead to after all.
        allow: Vec<IpNet> = "[]",
        /// A PEM file of certificate authorities to trust for outbound calls besides the usual ones.
        extra_ca: Option<PathBuf>,
    }

    /// What `nod serve` refuses, permitted after all. Each is warned of at every start.
    danger: Danger {
        /// Serve a database in which dev mode's clients and people still have their well-known secrets.
        dev_data: bool = "false",
        /// Answer plain HTTP, whoever it comes from: passwords and tokens can be read on the way.
        plain_http: bool = "false",
        /// Speak to PostgreSQL on another machine without TLS.
        plain_postgres: bool = "false",
        /// Speak to Redis on another machine without TLS.
        plain_redis: bool = "false",
        /// Run several nodes with `ephemeral.url = "embedded"`.
        shared_embedded: bool = "false",
        /// Use secrets from files that every user of the machine may read.
        readable_secrets: bool = "false",
    }
}

words! {
    /// What a client learns of a hint that leads to nobody.
    UnknownUser {
        /// `unknown_user_id` [CIBA §13].
        Strict = "strict",
        /// Nothing: the request is accepted and expires.
        Uniform = "uniform",
    }
}

words! {
    /// Who may register a client.
    RegistrationMode {
        Off = "off",
        /// Whoever has an initial access token [RFC 7591 §3].
        Token = "token",
        Open = "open",
    }
}

words! {
    /// Whether a payload names its sign-in.
    Binding {
        Off = "off",
        Required = "required",
    }
}

words! {
    /// Which payloads are encrypted.
    PayloadEncryption {
        RequiredInQuery = "required-in-query",
        Required = "required",
    }
}

words! {
    /// How the connection to the mail server is encrypted.
    MailSecurity {
        StartTls = "starttls",
        Tls = "tls",
        Nothing = "none",
    }
}

words! {
    /// What is spoken with whoever sends texts, or calls.
    TextSender {
        Webhook = "webhook",
        Twilio = "twilio",
    }
}

words! {
    /// By what somebody shows that the letter has come.
    RecoveryMeans {
        Both = "both",
        /// For people who read their mail on another device than the one they sign in on.
        Code = "code",
        /// For people who shall not type a secret anywhere.
        Link = "link",
    }
}

words! {
    /// What is demanded of clients.
    SecurityProfile {
        OAuth21 = "oauth21",
        Fapi2Security = "fapi2-security",
        Fapi2MessageSigning = "fapi2-message-signing",
        FapiCiba = "fapi-ciba",
    }
}

words! {
    /// How a proxy writes a certificate.
    CertificateFormat {
        Rfc9440 = "rfc9440",
        Pem = "pem",
        Xfcc = "xfcc",
    }
}

words! {
    LogFormat {
        Text = "text",
        Json = "json",
    }
}

/// Settings that say the same in different ways. The strongest source wins; twice in one is a mistake.
pub(super) const ALTERNATIVES: &[&[&str]] = &[
    &["database.url", "database.url_file"],
    &["ephemeral.url", "ephemeral.url_file"],
    &["mail.password", "mail.password_file"],
    &["sms.secret", "sms.secret_file"],
    &["voice.secret", "voice.secret_file"],
    &["keys.master_key", "keys.master_key_file", "keys.master_key_env"],
];

pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests;
