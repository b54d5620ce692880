//! One type per identifier, so that no two can be mistaken for each other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::jwt::Thumbprint;
use crate::secret::{Digest, Secret};

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            /// The hyphenated form only, so that one identifier has one spelling.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let uuid = Uuid::parse_str(text)?;
                if uuid.hyphenated().to_string() == text { Ok(Self(uuid)) } else { Uuid::parse_str("").map(Self) }
            }
        }
    )*};
}

uuid_id! {
    /// A person. Also the public `sub` of that person's tokens.
    UserId;
    /// One (user, method) pair: a phone shared by two people is two devices.
    DeviceId;
    /// One installation of an app on one phone, and its key.
    InstallationId;
    /// What operators and the audit log call one authentication request.
    RequestId;
    /// What a device calls the question it was asked. Useless at the token endpoint.
    NotificationId;
    /// One grant: what one approval gave to one client.
    GrantId;
    /// Names a pairing key, and helps nobody to guess it.
    PairingKeyId;
    /// One sign-in of one browser: `sid` of its ID tokens [BCL §2.1].
    SessionId;
    /// One consent of a person to a client, as long as it lasts: withdrawn and given again, it is another one.
    ConsentId;
    /// Names a recovery of a forgotten password, and opens nothing: what does is made of it with a key.
    RecoveryId;
    /// Names an initial access token, and is none.
    InitialAccessTokenId;
    /// Names a one-time code that is sent, and is none.
    OtpId;
    /// Names a device authentication, and opens nothing: the client that asked for it shows who it is.
    DeviceAuthenticationId;
    /// Names a passkey, and is not what its authenticator calls it.
    PasskeyId;
    WebhookId;
    /// One event on its way to one webhook.
    DeliveryId;
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident: $max:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Visible ASCII and space (RFC 6749 Appendix A, VSCHAR), one character at least.
            pub fn parse(text: &str) -> Option<Self> {
                let fits = (1..=$max).contains(&text.len());
                (fits && text.bytes().all(|b| (0x20..=0x7e).contains(&b))).then(|| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )*};
}

text_id! {
    /// `client_id` (RFC 6749 §2.2).
    ClientId: 100;
    /// Names one step of a sign-on policy.
    StepId: 40;
    /// Names a sign-on policy.
    PolicyId: 40;
    /// Names an authentication application.
    ApplicationId: 40;
    /// Names a native application.
    NativeApplicationId: 40;
    /// Names an MFA policy.
    MfaPolicyId: 40;
}

macro_rules! handle {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Secret<String>);

        impl $name {
            pub const fn new(token: Secret<String>) -> Self {
                Self(token)
            }

            /// What somebody presented; any text, since only its digest is looked up.
            pub fn presented(text: &str) -> Self {
                Self(Secret::new(text.to_owned()))
            }

            pub const fn expose(&self) -> &String {
                self.0.expose()
            }
        }
    )*};
}

macro_rules! unguessable {
    ($($name:ident)*) => {$(
        impl $name {
            /// There are too many of them to try.
            pub fn digest(&self) -> Digest<Self> {
                Digest::of(self.0.expose().as_bytes())
            }
        }
    )*};
}

handle! {
    /// `auth_req_id` [CIBA §7.3]: shown once to the client, kept as a digest only.
    AuthReqId;
    RefreshToken;
    /// An access token that is not a JWT.
    OpaqueAccessToken;
    /// The key by which a phone becomes a device of a user.
    PairingKey;
    /// By which the first administrator is made.
    BootstrapToken;
    /// `flowId`: names one run of the authentication flow. It stands in addresses, so by itself it opens
    /// nothing: whoever acts must also have the key of the browser that began.
    FlowId;
    /// What a browser that signs in is recognised by, before anybody is signed in.
    BrowserKey;
    /// What a browser that is signed in has in its cookie.
    SessionToken;
    /// What a browser has in another one, in which somebody is not asked for a second factor for some time.
    RememberedKey;
    /// With which somebody may register a client [RFC 7591 §3].
    InitialToken;
    /// With which a client looks after what it registered [RFC 7592 §3].
    RegistrationToken;
    /// An authorization code [RFC 6749 §4.1.2].
    AuthorizationCode;
    /// What ends the `request_uri` of a pushed authorization request [RFC 9126 §2.2].
    PushedRequestId;
    /// `device_code` [RFC 8628 §3.2]: what a device polls with.
    DeviceCode;
    /// Names what a browser was asked to have a passkey sign, on the pages of an account.
    CeremonyId;
    /// Offers whoever signs in by an app to have it as a device [flows.md F2].
    EnrolmentTicket;
}

impl AuthReqId {
    /// One that is redeemed with a proof by `key` alone, if one is named [RFC 9449 §10]. The key stands in the identifier:
    /// whoever takes it off, or puts another one there, has an identifier that nobody gave. So nothing is kept of it.
    pub fn for_key(token: Secret<String>, key: Option<Thumbprint>) -> Self {
        match key {
            None => Self(token),
            Some(key) => Self(Secret::new(format!("{}.{key}", token.expose()))),
        }
    }

    pub fn key(&self) -> Option<Thumbprint> {
        let (_, key) = self.0.expose().split_once('.')?;
        Thumbprint::parse(key)
    }
}

// Not a pairing key: it has twelve digits, and its digest needs a key (`usecase/pairing_keys.rs`).
unguessable! {
    AuthReqId RefreshToken OpaqueAccessToken BootstrapToken FlowId BrowserKey SessionToken RememberedKey
    InitialToken RegistrationToken AuthorizationCode PushedRequestId DeviceCode CeremonyId EnrolmentTicket
}
