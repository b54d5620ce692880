//! Grants and the tokens that hang on them.

use sea_orm::Value;

use super::{Insert, bytes, digest_bytes};
use crate::domain::grant::{StoredAccessToken, StoredRefreshToken};

pub(super) const INSERT_REFRESH: Insert = Insert {
    into: "refresh_token (digest, grant_id, issued_at, expires_at, absolute_expires_at)",
    columns: 5,
    and: "",
};

pub(super) fn refresh_row(token: &StoredRefreshToken) -> Vec<Value> {
    vec![
        digest_bytes(&token.digest),
        bytes(token.grant.uuid()),
        token.issued_at.millis().into(),
        token.expires_at.millis().into(),
        token.absolute_expires_at.millis().into(),
    ]
}

pub(super) const INSERT_ACCESS: Insert =
    Insert { into: "access_token (digest, grant_id, scope, issued_at, expires_at)", columns: 5, and: "" };

pub(super) fn access_row(token: &StoredAccessToken) -> Vec<Value> {
    vec![
        digest_bytes(&token.digest),
        bytes(token.grant.uuid()),
        token.scope.as_str().into(),
        token.issued_at.millis().into(),
        token.expires_at.millis().into(),
    ]
}
