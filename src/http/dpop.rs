//! DPoP [RFC 9449]: what is read from a request, and what an answer says about it.

use poem::Request;
use poem::http::{HeaderMap, HeaderName, HeaderValue};

use crate::protocol::algorithm::Algorithm;
use crate::protocol::dpop::{ALGORITHMS, refused};
use crate::protocol::error::Refusal;

pub const PROOF: HeaderName = HeaderName::from_static("dpop");
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The one proof [RFC 9449 §4.3]. Two of them are none.
pub fn proof(request: &Request) -> Result<Option<&str>, Refusal> {
    let mut all = request.headers().get_all(&PROOF).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.to_str().map(Some).map_err(|_| refused("The DPoP header is not ASCII.")),
        (Some(_), Some(_)) => Err(refused("More than one DPoP header.")),
    }
}

/// [RFC 9449 §7.1] which algorithms a proof may have.
pub fn challenge(error: Option<&str>) -> HeaderValue {
    let algorithms = ALGORITHMS.map(Algorithm::as_str).join(" ");
    let text = match error {
        Some(error) => format!("DPoP error=\"{error}\", algs=\"{algorithms}\""),
        None => format!("DPoP algs=\"{algorithms}\""),
    };
    // Constant words, all of them ours.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("DPoP"))
}

/// [RFC 9449 §8.2] the nonce for the next proof, in an answer to whoever makes proofs.
pub fn offer(headers: &mut HeaderMap, nonce: &str) {
    if let Ok(nonce) = HeaderValue::from_str(nonce) {
        headers.insert(NONCE, nonce);
    }
}
