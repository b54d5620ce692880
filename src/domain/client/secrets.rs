//! What a client shows that has no keys.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::secret::Digest;

/// The digests of the secrets that work now: two while one replaces the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secrets(pub Vec<StoredSecret>);

/// Marks digests of client secrets.
#[derive(Debug)]
pub enum ClientSecret {}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSecret {
    pub digest: Digest<ClientSecret>,
    /// The end of the overlap, for a secret that was replaced.
    pub expires_at: Option<Timestamp>,
}

impl Secrets {
    /// Whether `presented` is one of the secrets now. Looks at each of them, whichever fits.
    pub fn accept(&self, presented: &[u8], now: Timestamp) -> bool {
        self.0.iter().fold(false, |accepted, secret| {
            let live = secret.expires_at.is_none_or(|end| now < end);
            accepted | (secret.digest.matches(presented) & live)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_secret_works_until_its_overlap_ends() {
        let end = Timestamp::from_seconds(100);
        let secrets = Secrets(vec![
            StoredSecret { digest: Digest::of(b"old"), expires_at: Some(end) },
            StoredSecret { digest: Digest::of(b"new"), expires_at: None },
        ]);
        assert!(secrets.accept(b"old", Timestamp::from_seconds(99)));
        assert!(!secrets.accept(b"old", end));
        assert!(secrets.accept(b"new", end));
        assert!(!secrets.accept(b"other", Timestamp::from_seconds(1)));
        assert!(!secrets.accept(b"", Timestamp::from_seconds(1)));
    }
}
