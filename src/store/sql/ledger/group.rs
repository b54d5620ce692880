//! What waits is committed together: one transaction, and one verdict for each.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sea_orm::Value;

use super::{Commit, Decided, Granted, Note, Outcome, Rests};
use crate::clock::Timestamp;
use crate::domain::audit::Event;
use crate::domain::authentication_request::Decision;
use crate::domain::decision::Record;
use crate::domain::grant::Grant;
use crate::domain::mobile_app::Stands;
use crate::domain::user::Status;
use crate::failpoint;
use crate::protocol::confirmation::Confirmation;
use crate::protocol::id::{DeviceId, RequestId, SessionId, UserId};
use crate::store::ephemeral::StoreError;
use crate::store::sql::decisions::{self, Told};
use crate::store::sql::directory::{Area, user_status_text};
use crate::store::sql::outbox::{self, Kind};
use crate::store::sql::{Database, Insert, Transaction, WriteError, bytes, bytes_if_any};
use crate::store::sql::{app_standings, consents, sessions, tokens};

/// A decision whose telling was cut off is told again after this long.
const TELL_AGAIN: Duration = Duration::from_secs(1);

const GRANTS: Insert = Insert {
    into: "token_grant (id, request_id, client_id, user_id, device_id, scope, acr, amr, auth_time, created_at, \
           revoked_at, session_id, bound_to)",
    columns: 13,
    and: "ON CONFLICT (request_id) DO NOTHING RETURNING id",
};

/// Those that give something besides scopes: a few, so all the others are written without the column.
const GRANTS_OF_AN_EXTENT: Insert = Insert {
    into: "token_grant (id, request_id, client_id, user_id, device_id, scope, acr, amr, auth_time, created_at, \
           revoked_at, session_id, bound_to, extent)",
    columns: 14,
    and: "ON CONFLICT (request_id) DO NOTHING RETURNING id",
};

/// Writes everything in one transaction. The outcomes are in the order of the commits.
pub(super) async fn group(
    database: &Database,
    commits: &mut Vec<Commit>,
    notes: &[Note],
) -> Result<Vec<Outcome>, WriteError> {
    let transaction = database.begin().await?;
    // Who gave up while another process held the database was told that nothing was done.
    commits.retain(|item| !item.is_abandoned());
    let commits: &[Commit] = commits;
    let decided = decide(&transaction, commits).await?;
    let granted = grant(&transaction, commits).await?;

    let mut events = Vec::with_capacity(commits.len() + notes.len());
    let mut to_tell = Vec::new();
    let mut refresh_tokens = Vec::new();
    let mut access_tokens = tokens::AccessRows::default();
    let mut outcomes = Vec::with_capacity(commits.len());
    let mut to_lock = Vec::new();
    let mut to_stand: Vec<&Stands> = Vec::new();
    let (mut decided, mut granted) = (decided.into_iter(), granted.into_iter());
    for item in commits {
        match item {
            Commit::Decide { record, event, also, .. } => {
                let decided = decided.next().ok_or(StoreError::Corrupt("a decision without an outcome"))?;
                if decided == Decided::First {
                    let due = record.decided_at + TELL_AGAIN;
                    let payload = Told::of(record).encode();
                    to_tell.push(outbox::row(record.request.uuid(), Kind::Decision, &payload, record.decided_at, due));
                    if let Some(ping) = &also.ping {
                        // Due at once: whoever takes it looks whether the decision has arrived.
                        let at = record.decided_at;
                        to_tell.push(outbox::row(ping.id(), Kind::Ping, &ping.encode(), at, at));
                    }
                    events.push(event);
                    to_stand.extend(also.stands.as_deref());
                    to_lock.extend(also.locked.as_ref().map(|event| (record.user, record.decided_at, event)));
                }
                outcomes.push(Outcome::Decided(decided));
            }
            Commit::Grant { refresh, access, event, .. } => {
                let granted = granted.next().ok_or(StoreError::Corrupt("a grant without an outcome"))?;
                if granted == Granted::First {
                    refresh_tokens.extend(refresh.as_ref().map(tokens::refresh_row));
                    access_tokens.extend(access.as_ref());
                    events.push(event);
                }
                outcomes.push(Outcome::Granted(granted));
            }
        }
    }
    let mut told = Vec::new();
    for note in notes {
        match note {
            Note::Event(event) => events.push(event),
            Note::Told(id) => told.push(*id),
        }
    }
    transaction.insert(&outbox::INSERT, to_tell).await?;
    transaction.insert(&tokens::INSERT_REFRESH, refresh_tokens).await?;
    access_tokens.insert(&transaction).await?;
    app_standings::write(&transaction, to_stand).await?;
    let locked = lock(&transaction, to_lock).await?;
    events.extend(&locked);
    transaction.record(&events);
    outbox::delete(&transaction, &told).await?;
    if !locked.is_empty() {
        let _ = transaction.change(Area::People).await?;
    }
    if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Granted(Granted::First))) {
        failpoint::hit("K12");
    }
    transaction.commit().await?;
    Ok(outcomes)
}

/// Locks people who are active, and answers the events of those who were.
async fn lock<'e>(
    transaction: &Transaction,
    mut people: Vec<(UserId, Timestamp, &'e Event)>,
) -> Result<Vec<&'e Event>, WriteError> {
    // In one order on all nodes, as the decisions.
    people.sort_by_key(|(user, ..)| user.uuid());
    let mut locked = Vec::new();
    for (user, now, event) in people {
        let sql = "UPDATE account SET status = $1, updated_at = $2 WHERE id = $3 AND status = $4";
        let [from, to] = [Status::Active, Status::Locked].map(user_status_text);
        let values = [to.into(), now.millis().into(), bytes(user.uuid()), from.into()];
        if transaction.execute(sql, values).await? > 0 {
            sessions::end_all(transaction, user, now).await?;
            locked.push(event);
        }
    }
    Ok(locked)
}

/// One verdict for each decision of the group, in order.
async fn decide(transaction: &Transaction, commits: &[Commit]) -> Result<Vec<Decided>, WriteError> {
    let records: Vec<&Record> = commits
        .iter()
        .filter_map(|item| match item {
            Commit::Decide { record, .. } => Some(record),
            Commit::Grant { .. } => None,
        })
        .collect();
    // Two decisions of one request in one group: only the first of them may win.
    let mut seen = HashSet::new();
    let candidates: Vec<bool> = records.iter().map(|record| seen.insert(record.request)).collect();
    let mut rows: Vec<&Record> =
        records.iter().zip(&candidates).filter(|(_, first)| **first).map(|(record, _)| *record).collect();
    // In one order on all nodes: two groups that meet wait in turn, and not for each other.
    rows.sort_by_key(|record| record.request);
    let mut won = HashSet::new();
    for row in transaction.insert(&decisions::INSERT, rows.into_iter().map(decisions::row).collect()).await? {
        won.insert(RequestId::new(row.uuid(0)?));
    }

    let mut stands: HashMap<RequestId, Decision> = HashMap::new();
    let mut verdicts = Vec::with_capacity(records.len());
    for (record, first) in records.into_iter().zip(candidates) {
        if first && won.contains(&record.request) {
            stands.insert(record.request, record.outcome.clone());
            verdicts.push(Decided::First);
            continue;
        }
        let standing = match stands.get(&record.request) {
            Some(decision) => decision.clone(),
            None => decisions::standing(transaction, record.request).await?,
        };
        stands.insert(record.request, standing.clone());
        verdicts.push(Decided::Already(standing));
    }
    Ok(verdicts)
}

/// One verdict for each grant of the group, in order.
async fn grant(transaction: &Transaction, commits: &[Commit]) -> Result<Vec<Granted>, WriteError> {
    let grants: Vec<(&Grant, &Rests)> = commits
        .iter()
        .filter_map(|item| match item {
            Commit::Grant { grant, on, .. } => Some((&**grant, on)),
            Commit::Decide { .. } => None,
        })
        .collect();
    let live = sessions::held(transaction, grants.iter().filter_map(|(_, on)| on.session)).await?;
    let agreed = grants.iter().filter(|(_, on)| on.consent.is_some()).map(|(grant, _)| (grant.user, &grant.client));
    let agreed = consents::held(transaction, agreed).await?;
    let fallen = |(grant, on): &(&Grant, &Rests)| {
        if on.session.is_some_and(|session| !live.contains(&session)) {
            return Some(Granted::SessionEnded);
        }
        let given = agreed.get(&(grant.user, &grant.client));
        let missing = on.consent.as_ref().is_some_and(|needed| !given.is_some_and(|given| given.covers(needed)));
        missing.then_some(Granted::ConsentWithdrawn)
    };
    // As decisions: in one order on all nodes.
    let standing = grants.iter().filter(|grant| fallen(grant).is_none());
    let mut rows: Vec<&Grant> = standing.map(|(grant, _)| *grant).collect();
    rows.sort_by_key(|grant| (!grant.extent.is_empty(), grant.request));
    let extended = rows.split_off(rows.partition_point(|grant| grant.extent.is_empty()));
    let mut won = HashSet::new();
    for (insert, rows) in [(&GRANTS, rows), (&GRANTS_OF_AN_EXTENT, extended)] {
        for row in transaction.insert(insert, rows.into_iter().map(grant_row).collect()).await? {
            won.insert(row.uuid(0)?);
        }
    }
    let verdict = |grant: &(&Grant, &Rests)| {
        let first = if won.contains(&grant.0.id.uuid()) { Granted::First } else { Granted::Already };
        fallen(grant).unwrap_or(first)
    };
    Ok(grants.iter().map(verdict).collect())
}

fn grant_row(grant: &Grant) -> Vec<Value> {
    let mut row = vec![
        bytes(grant.id.uuid()),
        bytes_if_any(grant.request.map(RequestId::uuid)),
        grant.client.as_str().into(),
        bytes(grant.user.uuid()),
        bytes_if_any(grant.device.map(DeviceId::uuid)),
        grant.scope.as_str().into(),
        grant.acr.as_str().into(),
        grant.amr.as_str().into(),
        grant.authenticated_at.millis().into(),
        grant.created_at.millis().into(),
        grant.revoked_at.map(Timestamp::millis).into(),
        bytes_if_any(grant.session.map(SessionId::uuid)),
        grant.bound_to.map(Confirmation::text).into(),
    ];
    row.extend(tokens::extent_text(&grant.extent));
    row
}
