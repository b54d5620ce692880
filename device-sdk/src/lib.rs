//! What runs on the phone: the trusted device of a Nod server, on which a person says yes or no.
//!
//! # The idea
//!
//! A phone pairs once, with a key that it makes itself and never gives away. From then on each
//! request that it sends carries a [`proof`] by this key. When somebody asks for the person's
//! consent, the phone gets a [`Notification`], shows all of it, and sends a decision; the proof of
//! that request names what was shown ([`ContextHash`]), who decided and how. It *is* the signed
//! decision, and the server keeps it as evidence.
//!
//! The crate has two halves:
//!
//! - The **core** is data in, data out. It has no network, no clock and no randomness: the caller
//!   moves the bytes of a [`Call`] and hands in a [`proof::Freshness`]. The server uses the same
//!   types, so what a device signs is defined once. Test vectors (`vectors/*.json`) hold other
//!   implementations to it.
//! - With the feature `client` (on by default), [`DeviceClient`] does the moving, with tokio and
//!   reqwest, and [`SoftwareKey`] is a key for machines that have no better place for one.
//!
//! # A decision, without any network
//!
//! ```
//! # #[cfg(feature = "client")] {
//! use nod_device::proof::{Freshness, Statement, UnverifiedProof};
//! use nod_device::{DeviceKey as _, Issuer, Notification, SoftwareKey, Timestamp, decide};
//!
//! let issuer = Issuer::parse("https://id.example")?;
//! let key = SoftwareKey::generate()?;
//! let notification: Notification = serde_json::from_str(
//!     r#"{
//!         "notificationId": "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff",
//!         "deviceId": "11111111-2222-4333-8444-555555555555",
//!         "userId": "66666666-7777-4888-9999-aaaaaaaaaaaa",
//!         "type": "AUTHENTICATION",
//!         "title": "Sign in to Shop",
//!         "body": "Is it you?",
//!         "clientContext": {"clientId": "shop", "clientName": "Shop", "scope": "openid"},
//!         "numberMatching": {"type": "SELECT_NUMBER", "options": [12, 47, 83]},
//!         "issuedAt": "2026-03-01T12:00:00Z",
//!         "expiresAt": "2026-03-01T12:02:00Z",
//!         "timeoutDuration": 120
//!     }"#,
//! )?;
//!
//! // On the phone: alice looks, compares the number, and says yes with her finger.
//! let installation_id = "0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233".parse()?;
//! let now: Timestamp = "2026-03-01T12:00:30Z".parse()?;
//! let call = decide::approve(&notification, installation_id, Some(47), &["fpt".to_owned()], now)?;
//! let fresh = Freshness { iat: now.seconds(), jti: *b"sixteen.at.randm", nonce: None };
//! let proof = call.prove(&issuer, &key, &fresh)?;
//! assert!(call.url(&issuer).ends_with("/notifications/bbbbbbbb-cccc-4ddd-8eee-ffffffffffff/approve"));
//!
//! // At the server: the signature first, then the claims. What was shown is hashed anew.
//! let claims = UnverifiedProof::parse(&proof)?.claims(|jwk, signing_input, signature| {
//!     let public = ring::signature::UnparsedPublicKey::new(
//!         &ring::signature::ECDSA_P256_SHA256_FIXED,
//!         jwk.to_uncompressed_point(),
//!     );
//!     public.verify(signing_input, signature).is_ok()
//! })?;
//! let Statement::Approve(approval) = claims.statement else { panic!("a yes was signed") };
//! assert_eq!(approval.number_picked, Some(47));
//! assert_eq!(approval.context_hash, notification.shown().context_hash());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A phone
//!
//! Pair, listen, ask the person, answer:
//!
//! ```
//! # #[cfg(feature = "client")] mod double { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/double.rs")); }
//! # #[cfg(feature = "client")]
//! # #[tokio::main]
//! # async fn main() -> Result<(), nod_device::Error> {
//! # use double::{Answer, Double};
//! # let double = Double::start(|request, _| match request.path.as_str() {
//! #     "/device/v1/pairings" => Answer::json(201, r#"{
//! #         "deviceId": "11111111-2222-4333-8444-555555555555",
//! #         "installationId": "0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233",
//! #         "user": {"userId": "66666666-7777-4888-9999-aaaaaaaaaaaa", "username": "alice"}
//! #     }"#),
//! #     "/device/v1/events" => Answer::events(concat!("event: ready\ndata: {}\n\nevent: notification\ndata: ",
//! #         r#"{"notificationId": "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff","#,
//! #         r#""deviceId": "11111111-2222-4333-8444-555555555555","#,
//! #         r#""userId": "66666666-7777-4888-9999-aaaaaaaaaaaa","#,
//! #         r#""type": "AUTHENTICATION", "title": "Sign in to Shop", "body": "Is it you?","#,
//! #         r#""clientContext": {"clientId": "shop", "clientName": "Shop", "scope": "openid"},"#,
//! #         r#""numberMatching": {"type": "ENTER_MANUALLY"},"#,
//! #         r#""issuedAt": "2026-03-01T12:00:00Z", "expiresAt": "9999-03-01T12:02:00Z","#,
//! #         r#""timeoutDuration": 120}"#, "\n\nevent: unpaired\ndata: {}\n\n")),
//! #     _ => Answer::json(200, r#"{"status": "APPROVED"}"#),
//! # }).await;
//! # let (issuer, typed_key) = (double.issuer.as_str(), "0123 4567 8901");
//! # fn ask_the_person(notification: &nod_device::Notification) -> Option<Option<u32>> { Some(Some(47)) }
//! use nod_device::{DenyReason, DeviceClient, Event, InstallationInfo, PairingKey};
//!
//! let pairing_key = PairingKey::parse(typed_key)?; // or Scanned::parse(qr_code)
//! let info = InstallationInfo { platform: "LINUX".to_owned(), ..InstallationInfo::default() };
//! let (client, pairing) = DeviceClient::pair(issuer, &pairing_key, &info).await?;
//! println!("paired for {}", pairing.user.username);
//! let stored = client.state(); // serialize it to where secrets are kept; DeviceClient::restore(stored)
//!
//! let mut events = client.events(); // connects, and connects again
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Notification(notification) => match ask_the_person(&notification) {
//!             Some(number) => client.approve(&notification, number, &["pin".to_owned()]).await?,
//!             None => client.deny(&notification, DenyReason::None).await?,
//!         },
//!         Event::Canceled(canceled) => println!("never mind: {:?}", canceled.reason),
//!         Event::Trouble(error) => println!("offline: {}", error.code()),
//!         Event::Ready | Event::Unpaired => {}
//!     }
//! }
//! # assert_eq!(double.received().len(), 3);
//! # drop(stored);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "client"))] fn main() {}
//! ```
//!
//! # A person enrolls by signing in
//!
//! No pairing key: the sign-in of the app carries a [mobile payload](payload), and the ID token that
//! comes back may offer to make this phone a device of the person ([`enrollment`]).
//!
//! ```
//! # #[cfg(feature = "client")] mod double { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/double.rs")); }
//! # #[cfg(feature = "client")]
//! # #[tokio::main]
//! # async fn main() -> Result<(), nod_device::Error> {
//! # use base64::Engine as _;
//! # use base64::engine::general_purpose::URL_SAFE_NO_PAD;
//! # use double::{Answer, Double};
//! # use nod_device::{DeviceKey as _, SoftwareKey};
//! # let signer = SoftwareKey::generate()?;
//! # let keys = format!(r#"{{"keys": [{}]}}"#, serde_json::to_string(&signer.public_jwk()).unwrap());
//! # let ticket = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
//! # let double = Double::start(move |request, _| match request.path.split('/').next_back().unwrap() {
//! #     "openid-configuration" => {
//! #         let issuer = format!("http://{}", request.header("host").unwrap());
//! #         Answer::json(200, format!(r#"{{"issuer": "{issuer}", "jwks_uri": "{issuer}/jwks"}}"#))
//! #     }
//! #     "jwks" => Answer::json(200, keys.clone()),
//! #     "approve" => Answer::json(201, r#"{
//! #         "deviceId": "11111111-2222-4333-8444-555555555555",
//! #         "installationId": "0a1b2c3d-4e5f-4a6b-8c7d-8e9f00112233",
//! #         "user": {"userId": "66666666-7777-4888-9999-aaaaaaaaaaaa", "username": "alice"}
//! #     }"#),
//! #     _ => Answer::json(200, r#"{
//! #         "user": {"id": "66666666-7777-4888-9999-aaaaaaaaaaaa", "display": "Alice"},
//! #         "application": {"id": "shop-app", "name": "Shop"},
//! #         "expiresAt": "9999-03-01T12:05:00Z"
//! #     }"#),
//! # }).await;
//! # let issuer = double.issuer.as_str();
//! # let claims = format!(r#"{{"iss": "{issuer}", "aud": "shop-app", "iat": 1, "exp": 99999999999, "nonce": "n-0S6",
//! #     "device_enrollment": {{"offered": true, "ticket": "{ticket}", "exp": 99999999999}}}}"#);
//! # let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg": "ES256"}"#), URL_SAFE_NO_PAD.encode(claims));
//! # let id_token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signer.sign(input.as_bytes())?));
//! # let sign_in = async |payload: String| { assert!(payload.len() <= 4096); id_token.clone() };
//! # fn ask_the_person(offer: &nod_device::PairingObject) -> bool { offer.user().display == "Alice" }
//! use nod_device::{Expectations, InstallationInfo, PayloadFacts, Processed, UnpairedClient};
//!
//! let client = UnpairedClient::new(issuer)?;
//! let stored = client.state(); // before the browser opens; UnpairedClient::restore(stored)
//! let facts = PayloadFacts {
//!     application_id: "shop-app".to_owned(),
//!     platform: "android".to_owned(),
//!     package: "com.example.shop".to_owned(),
//!     ..PayloadFacts::default()
//! };
//! let payload = client.generate_mobile_payload(&facts).await?;
//! let id_token = sign_in(payload).await; // the parameter `mobilePayload` of the authorization request
//!
//! let expected = Expectations { client_id: "shop-app".to_owned(), nonce: Some("n-0S6".to_owned()) };
//! match client.process_id_token(&id_token, &expected).await? {
//!     Processed::Offer(offer) if ask_the_person(&offer) => {
//!         let info = InstallationInfo { platform: "ANDROID".to_owned(), ..InstallationInfo::default() };
//!         let (client, pairing) = offer.approve(&info, None).await?;
//!         println!("a device of {}: store {}", pairing.user.username, client.installation_id());
//!     }
//!     Processed::Offer(offer) => offer.deny().await?,
//!     Processed::NotEnrolled { reason } => println!("signed in, but: {reason}"),
//!     Processed::Nothing => {}
//! }
//! # assert_eq!(double.received().len(), 4);
//! # drop(stored);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "client"))] fn main() {}
//! ```
//!
//! # Keys in hardware
//!
//! Implement [`DeviceKey`] for a Secure Enclave or `StrongBox` key and hand it to
//! [`DeviceClient::builder`]. Signing may ask the person and block; the client lets it block on a
//! thread for that.
//!
//! # Errors
//!
//! One enum, [`Error`]: [`code`](Error::code) is stable and made for translation,
//! [`is_retryable`](Error::is_retryable) says whether "try again" makes sense. When nothing is asked at all,
//! [`DeviceClient::self_test`] says why ([`self_test`]).
//!
//! # Several people, several servers
//!
//! One installation serves several people of one server ([`DeviceClient::pair_another`]); [`Devices`] holds the
//! installations of one app at several servers.

pub mod call;
#[cfg(feature = "client")]
pub mod client;
pub mod context;
pub mod decide;
pub mod digest;
#[cfg(test)]
#[cfg(feature = "client")]
#[expect(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::format_push_string,
    reason = "the documentation includes this file as a module of its own"
)]
mod double;
#[cfg(feature = "ring")]
pub mod encryption;
pub mod enrollment;
pub mod error;
mod error_number;
pub mod event_stream;
pub mod exchange;
pub mod id;
pub mod id_token;
pub mod issuer;
pub mod jwk;
mod jws;
pub mod messages;
pub mod notification;
pub mod pairing_link;
pub mod passcode;
pub mod payload;
pub mod problem;
pub mod proof;
pub mod push;
pub mod self_test;
#[cfg(feature = "ring")]
pub mod software_key;
#[cfg(feature = "ring")]
pub mod system;
pub mod timestamp;
#[cfg(feature = "ring")]
pub mod verify;

pub use call::Call;
#[cfg(feature = "client")]
pub use client::{
    DeviceClient, DeviceClientBuilder, Devices, Events, PairedDevice, PairedState, PairingObject, RemoteNotification,
    RotatedKey, UnpairedClient, UnpairedState,
};
pub use context::{ClientContext, Shown};
pub use decide::DecisionError;
pub use digest::{BodyDigest, ContextHash, NotADigest, PayloadBinding, PushTokenHash, Thumbprint};
pub use enrollment::{DeviceEnrollment, EnrollmentTicket, NotATicket};
pub use error::Error;
pub use event_stream::Event;
pub use id::{DeviceId, InstallationId, NotAnId, NotificationId, UserId};
pub use id_token::{Expectations, IdTokenError, KeySet, Offer, Processed};
pub use issuer::{Issuer, NotAnIssuer};
pub use jwk::{NotAKey, PublicJwk};
pub use messages::{InstallationInfo, PushToken};
pub use notification::{
    CancelReason, Decision, DenyReason, Kind, NewDevice, NewDeviceChoice, Notification, NumberMatching,
};
pub use pairing_link::{PairingKey, PairingLink, PairingLinkError, Scanned};
pub use passcode::{NotAPasscodeKey, PasscodeKey};
pub use payload::{PayloadFacts, PushState, Signals};
pub use problem::{Code, Problem};
pub use proof::{DeviceKey, KeyError};
pub use push::{Acknowledgement, NotAProofValue, ProofValue, PushKind, PushMessage};
pub use self_test::{Check, Subject, Verdict};
#[cfg(feature = "ring")]
pub use software_key::{SoftwareKey, StoredKey};
pub use timestamp::{NotATime, Timestamp};
