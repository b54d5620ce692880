//! What one approval gave to one client, and the tokens that hang on it.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::protocol::acr::Acr;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::extent::Extent;
use crate::protocol::id::{ClientId, DeviceId, GrantId, OpaqueAccessToken, RefreshToken, RequestId, SessionId, UserId};
use crate::protocol::scope::Scope;
use crate::secret::{Digest, Sealed};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    /// Unique: one approval gives one grant, whatever races or crashes [reliability I1].
    pub request: Option<RequestId>,
    pub client: ClientId,
    pub user: UserId,
    pub device: Option<DeviceId>,
    /// The browser's session in which it was given: `sid`.
    pub session: Option<SessionId>,
    /// What goes along with each use of its refresh tokens [RFC 9449 §5]: of a public client, which proves
    /// itself by nothing else.
    pub bound_to: Option<Confirmation>,
    pub scope: Scope,
    pub extent: Extent,
    pub acr: Acr,
    /// Space-separated RFC 8176 names.
    pub amr: String,
    /// When the person approved: `auth_time`.
    pub authenticated_at: Timestamp,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// One refresh token. The tokens of a grant are a chain with one live end.
#[derive(Clone, Debug)]
pub struct StoredRefreshToken {
    pub digest: Digest<RefreshToken>,
    pub grant: GrantId,
    pub issued_at: Timestamp,
    /// Unused for this long, it ends.
    pub expires_at: Timestamp,
    /// No rotation goes beyond this.
    pub absolute_expires_at: Timestamp,
}

/// An access token that is looked up instead of verified.
#[derive(Clone, Debug)]
pub struct StoredAccessToken {
    pub digest: Digest<OpaqueAccessToken>,
    pub grant: GrantId,
    pub bound_to: Option<Confirmation>,
    pub scope: Scope,
    /// Its own: not more than that of the grant.
    pub extent: Extent,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A used refresh token that is shown again within this time gives the same successor: the answer
/// to the first use was lost. Later it is theft, and the grant ends (RFC 9700 §4.14).
pub const REUSE_GRACE: Duration = Duration::from_secs(10);

/// What presenting a refresh token came to.
#[derive(Clone, Debug)]
pub enum Rotation {
    /// The presented token was live; the successor is stored.
    Rotated(Grant),
    /// It was used moments ago; this is the successor that was given then.
    Again(Grant, Sealed),
    /// It was used before: the grant is revoked now.
    Reused(Grant),
    /// Unknown, expired, revoked or another client's. Nothing changed.
    Invalid,
}
