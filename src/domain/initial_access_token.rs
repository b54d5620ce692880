//! By which somebody may register a client [RFC 7591 §3].

use crate::clock::Timestamp;
use crate::protocol::id::InitialAccessTokenId;

/// One token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialAccessToken {
    pub id: InitialAccessTokenId,
    /// How many clients were registered with it.
    pub used: u32,
    /// How many may be.
    pub max_uses: u32,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}
