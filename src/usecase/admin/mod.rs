//! What administrators do: over HTTP with the admin API, on the data itself with commands. The rules
//! are here, once for both.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::{Clock, Timestamp};
use crate::domain::audit::{Action, Actor, Event};
use crate::domain::client::Client;
use crate::entropy::Entropy;
use crate::protocol::admin_error::{AdminErrorCode, FieldCode, FieldProblem, Place};
use crate::protocol::admin_scope::{ADMIN, Permission, Permissions};
use crate::protocol::public_id::{self, Kind};
use crate::protocol::scope::Scope;
use crate::store::ephemeral::StoreError;

pub mod applications;
pub mod authorize;
pub mod bootstrap;
pub mod client_metadata;
pub mod clients;
pub mod deliver;
pub mod device_deliveries;
pub mod devices;
pub mod events;
pub mod idempotency;
pub mod initial_access_tokens;
pub mod keys;
pub mod mfa_policies;
pub mod native_applications;
pub mod otp_devices;
pub mod parts;
pub mod passkeys;
pub mod passwords;
pub mod policies;
pub mod push_credentials;
pub mod remembered_browsers;
pub mod requests;
pub mod sessions;
pub mod sign_on_settings;
pub mod totp_devices;
pub mod user_codes;
pub mod users;
pub mod webhooks;

/// As many as are told of at once.
const MOST_PROBLEMS: usize = 50;

/// Why an administrator got no result. `http/admin/problem.rs` makes a problem document of it.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("{}: {}", .0.code.as_str(), .0.detail)]
    Refused(Box<AdminRefusal>),
    #[error("too many; again in {} s", retry_after.as_secs())]
    TooMany { retry_after: Duration },
    #[error(transparent)]
    Unavailable(#[from] StoreError),
}

#[derive(Debug)]
pub struct AdminRefusal {
    pub code: AdminErrorCode,
    /// For log and audit: our own words.
    pub detail: Cow<'static, str>,
    /// What is wrong with the members of a body.
    pub problems: Vec<FieldProblem>,
    /// The scope that would have been enough.
    pub needs: Option<Permission>,
    pub retry_after: Option<Duration>,
}

impl AdminError {
    pub fn because(code: AdminErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(Box::new(AdminRefusal {
            code,
            detail: detail.into(),
            problems: Vec::new(),
            needs: None,
            retry_after: None,
        }))
    }

    pub fn later(code: AdminErrorCode, retry_after: Duration) -> Self {
        Self::Refused(Box::new(AdminRefusal {
            code,
            detail: code.title().into(),
            problems: Vec::new(),
            needs: None,
            retry_after: Some(retry_after),
        }))
    }

    pub fn needs(permission: Permission) -> Self {
        Self::Refused(Box::new(AdminRefusal {
            code: AdminErrorCode::InsufficientScope,
            detail: permission.as_str().into(),
            problems: Vec::new(),
            needs: Some(permission),
            retry_after: None,
        }))
    }

    pub fn invalid(problems: Vec<FieldProblem>) -> Self {
        Self::about(AdminErrorCode::ValidationFailed, problems)
    }

    /// It cannot be read, for these reasons.
    pub fn malformed(problems: Vec<FieldProblem>) -> Self {
        Self::about(AdminErrorCode::InvalidRequest, problems)
    }

    pub fn parameter(code: AdminErrorCode, name: &'static str, detail: &'static str) -> Self {
        Self::about(code, vec![FieldProblem::parameter(name, FieldCode::Invalid, detail)])
    }

    fn about(code: AdminErrorCode, mut problems: Vec<FieldProblem>) -> Self {
        // Whoever sends thousands of wrong members gets no answer of that size.
        problems.truncate(MOST_PROBLEMS);
        // Names that others made up stay out of log and trail. Those of ours that are unknown are values.
        let name = |problem: &FieldProblem| match &problem.place {
            Place::Member(Cow::Owned(_)) | Place::Parameter(Cow::Owned(_)) if problem.code == FieldCode::Unknown => {
                "(unknown)".to_owned()
            }
            Place::Member(name) | Place::Parameter(name) => name.clone().into_owned(),
        };
        let detail = problems.iter().map(name).collect::<Vec<_>>().join(" ");
        Self::Refused(Box::new(AdminRefusal { code, detail: detail.into(), problems, needs: None, retry_after: None }))
    }
}

impl From<AdminErrorCode> for AdminError {
    fn from(code: AdminErrorCode) -> Self {
        Self::because(code, code.title())
    }
}

/// Who changes something, and how far they may go.
#[derive(Clone, Debug)]
pub struct Administrator {
    pub actor: Actor,
    pub permissions: Permissions,
}

impl Administrator {
    /// Whoever can run commands on the data can do everything.
    pub fn command_line() -> Self {
        let all = Scope::parse(ADMIN).unwrap_or_default();
        Self { actor: Actor::CommandLine, permissions: Permissions::of(&all) }
    }

    /// What they may do at this moment, when `own` is their registration. It may have been cut since
    /// the token was checked.
    fn permissions_now(&self, own: Option<&Client>) -> Permissions {
        match (&self.actor, own) {
            (Actor::CommandLine | Actor::Bootstrap, _) => self.permissions.clone(),
            (Actor::Client(_), Some(client)) if !client.disabled => {
                self.permissions.within(&Permissions::of(&client.scope))
            }
            (Actor::Client(_), Some(_) | None) => Permissions::default(),
        }
    }
}

/// Time and chance, and the events of an administrator.
#[derive(Clone)]
pub struct Desk {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<Entropy>,
}

impl Desk {
    pub fn event(&self, by: &Administrator, action: Action) -> Event {
        let now = self.clock.now();
        Event::new(self.entropy.ordered_uuid(now), now, action).by(by.actor.clone())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An identifier that nobody has.
    pub fn fresh<T>(&self, kind: Kind, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(&public_id::encode(kind, self.entropy.uuid())).ok_or(StoreError::Corrupt("an identifier of ours"))
    }
}

/// Whether what is there is what the caller has seen: `If-Match`, asked under the lock.
pub type Precondition<'a, T> = &'a (dyn Fn(&T) -> bool + Send + Sync);

/// No `If-Match`.
pub fn always<T>(_: &T) -> bool {
    true
}

/// A place in a list that is ordered by a number and then by bytes, both falling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub at: i64,
    pub id: Vec<u8>,
}

impl Position {
    /// Of something whose identifier is a text.
    fn named(at: Timestamp, id: &str) -> Self {
        Self { at: at.millis(), id: id.as_bytes().to_vec() }
    }

    /// `None`: of something else.
    fn text(&self) -> Option<(i64, String)> {
        Some((self.at, String::from_utf8(self.id.clone()).ok()?))
    }
}

/// A part of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next part begins. `None` at the end.
    pub next: Option<Position>,
}

impl<T> Page<T> {
    /// `found` was asked for one item more than `limit`, to see whether there are more.
    pub fn of(mut found: Vec<T>, limit: u32, position: impl FnOnce(&T) -> Position) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let next = if more { found.last().map(position) } else { None };
        Self { items: found, next }
    }

    /// Without what is older. Newest first, that and all that would follow is at the end.
    #[must_use]
    pub fn since(mut self, since: Option<Timestamp>, made_at: impl Fn(&T) -> Timestamp) -> Self {
        let is_older = |item: &T| since.is_some_and(|since| made_at(item) < since);
        if let Some(end) = self.items.iter().position(is_older) {
            self.items.truncate(end);
            self.next = None;
        }
        self
    }

    pub fn map<U>(self, map: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(map).collect(), next: self.next }
    }
}

/// Takes out of a patch what cannot be changed: whoever sends back what was read sends it too.
fn take_read_only<const N: usize>(patch: &mut Value, members: [(&'static str, Value); N]) -> Result<(), AdminError> {
    let Some(sent) = patch.as_object_mut() else { return Ok(()) };
    for (name, value) in members {
        if sent.remove(name).is_some_and(|said| said != value) {
            let problem = FieldProblem::member(format!("/{name}"), FieldCode::ReadOnly, "This cannot be changed.");
            return Err(AdminError::invalid(vec![problem]));
        }
    }
    Ok(())
}

/// What was described, unless something is wrong with that or with the identifier that was wanted for it.
fn described<T>(described: Result<T, Vec<FieldProblem>>, bad_id: Option<FieldProblem>) -> Result<T, AdminError> {
    match (described, bad_id) {
        (Ok(described), None) => Ok(described),
        (described, bad_id) => Err(AdminError::invalid(described.err().into_iter().flatten().chain(bad_id).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_is_at_the_end_of_a_list_and_left_out() {
        let part = || {
            let made = [30, 20, 20, 10].map(Timestamp::from_seconds).to_vec();
            Page::of(made, 3, |at| Position { at: at.millis(), id: Vec::new() })
        };
        let seconds = |since: Option<i64>| {
            let page = part().since(since.map(Timestamp::from_seconds), |at| *at);
            (page.items.iter().copied().map(Timestamp::seconds).collect::<Vec<_>>(), page.next.is_some())
        };
        assert_eq!(seconds(None), (vec![30, 20, 20], true));
        assert_eq!(seconds(Some(20)), (vec![30, 20, 20], true), "the next part may have more of that moment");
        assert_eq!(seconds(Some(21)), (vec![30], false));
        assert_eq!(seconds(Some(31)), (vec![], false));
    }
}
