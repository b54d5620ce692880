//! What needs neither key nor server.

use nod_device::context::{ClientContext, Shown};
use nod_device::push::PushMessage;
use nod_device::{Error, NewDevice, NotificationId, PasscodeKey, PublicJwk, Scanned, Timestamp};

use crate::error::Result;

/// What came out of the camera or the keyboard.
#[derive(Clone, Debug, uniffi::Record)]
pub struct ScannedText {
    /// Nothing when it was the digits alone: the app has to know the server already.
    pub issuer: Option<String>,
    /// For `Device.pair`. A secret, good for one device.
    pub pairing_key: String,
}

/// A pairing link (`nod://pair?..`), or a pairing key as people write it.
#[uniffi::export]
pub fn parse_scanned(text: &str) -> Result<ScannedText> {
    let (issuer, key) = match Scanned::parse(text).map_err(Error::from)? {
        Scanned::Link(link) => (Some(link.issuer.to_string()), link.key),
        Scanned::Key(key) => (None, key),
    };
    Ok(ScannedText { issuer, pairing_key: key.expose().to_owned() })
}

/// Reads what FCM, APNs or a browser handed over, as JSON. Nothing when it is not ours.
#[uniffi::export]
pub fn read_push(json: &str) -> Option<PushMessage> {
    PushMessage::read(json.as_bytes())
}

/// The hash of what was shown: the decision vouches for it.
#[uniffi::export(default(new_device = None))]
pub fn context_hash(
    title: &str,
    body: &str,
    client_context: ClientContext,
    notification_id: NotificationId,
    new_device: Option<NewDevice>,
) -> String {
    let new_device = new_device.as_ref();
    Shown { title, body, client_context: &client_context, notification_id, new_device }.context_hash().to_string()
}

/// What the app shows where no push reaches it: six digits, others every 30 seconds.
#[uniffi::export]
pub fn one_time_passcode(key: PasscodeKey, now: Timestamp) -> String {
    key.one_time_passcode(now)
}

/// What a public key is called [RFC 7638]. `public_key` is an uncompressed point, `04 || x || y`.
#[uniffi::export]
pub fn thumbprint(public_key: Vec<u8>) -> Result<String> {
    let jwk = PublicJwk::from_uncompressed_point(&public_key).map_err(|_| nod_device::proof::KeyError::Damaged)?;
    Ok(jwk.thumbprint().to_string())
}
