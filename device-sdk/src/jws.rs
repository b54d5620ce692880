//! Compact JWS [RFC 7515 §3.1], put together and taken apart. What header and claims may say is for
//! the modules that know what they are for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize};

use crate::messages::to_json;
use crate::proof::{DeviceKey, KeyError};

/// The one algorithm of a device: a constant, not a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    #[serde(rename = "ES256")]
    Es256,
}

/// The parts, decoded and not believed yet.
pub(crate) struct Compact {
    pub signing_input: String,
    pub header: Vec<u8>,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Compact {
    pub(crate) fn parse(text: &str, limit: usize) -> Option<Self> {
        if text.len() > limit {
            return None;
        }
        let (signing_input, signature) = text.rsplit_once('.')?;
        let (header, payload) = signing_input.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self {
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
            signing_input: signing_input.to_owned(),
        })
    }
}

pub(crate) fn sign<H: Serialize, C: Serialize>(
    header: &H,
    claims: &C,
    key: &dyn DeviceKey,
) -> Result<String, KeyError> {
    let mut jws = URL_SAFE_NO_PAD.encode(to_json(header));
    jws.push('.');
    URL_SAFE_NO_PAD.encode_string(to_json(claims), &mut jws);
    let signature = key.sign(jws.as_bytes())?;
    jws.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut jws);
    Ok(jws)
}

/// A member that is there has a value: `null` is not "absent".
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
