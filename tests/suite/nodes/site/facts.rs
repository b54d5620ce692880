//! What is true in a site, whatever its nodes say.

use std::time::Duration;

use nod::clock::Timestamp;
use nod::domain::audit::Action;
use nod::domain::authentication_request::AuthenticationRequest;
use nod::domain::code::Code;
use nod::domain::inbox::Inbox;
use nod::protocol::id::{AuthReqId, RequestId};
use nod::store::ephemeral::Shelf;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement, Value};

use crate::nodes::until;

/// What the stores hold, asked past the server.
pub(crate) struct Facts {
    pub(super) sql: DatabaseConnection,
    pub(crate) requests: Shelf<AuthenticationRequest>,
    pub(crate) inboxes: Shelf<Inbox>,
    pub(super) codes: Shelf<Code>,
}

impl Facts {
    /// The request behind an `auth_req_id`.
    pub(crate) async fn request(&self, auth_req_id: &str) -> Option<AuthenticationRequest> {
        self.requests.get(&AuthReqId::presented(auth_req_id).digest()).await.expect("a store")
    }

    pub(crate) async fn does(&self, sql: &str) {
        self.sql.execute_unprepared(sql).await.expect("a database");
    }

    pub(crate) async fn count(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> i64 {
        let backend = self.sql.get_database_backend();
        let row = self.sql.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await;
        row.expect("a database").expect("a row").try_get_by_index(0).expect("a number")
    }

    pub(crate) async fn text(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Option<String> {
        let backend = self.sql.get_database_backend();
        let row = self.sql.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await;
        row.expect("a database").map(|row| row.try_get_by_index(0).expect("a text"))
    }

    pub(crate) async fn grants(&self, request: RequestId) -> i64 {
        self.count("SELECT COUNT(*) FROM token_grant WHERE request_id = $1", [bytes(request)]).await
    }

    /// Those of them that are worth something.
    pub(crate) async fn live_grants(&self, request: RequestId) -> i64 {
        let sql = "SELECT COUNT(*) FROM token_grant WHERE request_id = $1 AND revoked_at IS NULL";
        self.count(sql, [bytes(request)]).await
    }

    /// Refresh tokens that hang on the grants of a request.
    pub(crate) async fn refresh_tokens(&self, request: RequestId) -> i64 {
        let sql =
            "SELECT COUNT(*) FROM refresh_token r JOIN token_grant g ON g.id = r.grant_id WHERE g.request_id = $1";
        self.count(sql, [bytes(request)]).await
    }

    /// `approved`, `denied` or `cancelled`, as SQL has it.
    pub(crate) async fn decision(&self, request: RequestId) -> Option<String> {
        self.text("SELECT outcome FROM decision WHERE request_id = $1", [bytes(request)]).await
    }

    pub(crate) async fn decided_at(&self, request: RequestId) -> Timestamp {
        Timestamp::from_millis(
            self.count("SELECT decided_at FROM decision WHERE request_id = $1", [bytes(request)]).await,
        )
    }

    /// The compact JWS of whoever decided.
    pub(crate) async fn evidence(&self, request: RequestId) -> Option<String> {
        self.text("SELECT COALESCE(evidence, '') FROM decision WHERE request_id = $1", [bytes(request)]).await
    }

    /// How often the audit trail says that this happened to the request.
    pub(crate) async fn audited(&self, request: RequestId, action: Action) -> i64 {
        let sql = "SELECT COUNT(*) FROM audit WHERE request_id = $1 AND action = $2 AND result = 'done'";
        self.count(sql, [bytes(request), action.as_str().into()]).await
    }

    /// Decisions that are still to be told.
    pub(crate) async fn outbox(&self, request: RequestId) -> i64 {
        self.count("SELECT COUNT(*) FROM outbox WHERE id = $1", [bytes(request)]).await
    }

    /// Record, evidence, tokens and audit trail agree: this decision, so many token sets, and one event
    /// for each thing that happened.
    pub(crate) async fn hold(&self, request: RequestId, decision: Option<&str>, grants: i64) {
        assert_eq!(self.decision(request).await.as_deref(), decision, "decision of {request}");
        let signed = self.evidence(request).await.is_some_and(|jws| jws.split('.').count() == 3);
        assert_eq!(signed, matches!(decision, Some("approved" | "denied")), "evidence of {request}");
        assert_eq!(self.grants(request).await, grants, "grants of {request}");
        assert_eq!(self.refresh_tokens(request).await, grants, "refresh tokens of {request}");
        for (action, outcome) in [
            (Action::RequestApproved, "approved"),
            (Action::RequestDenied, "denied"),
            (Action::RequestCancelled, "cancelled"),
        ] {
            let times = i64::from(decision == Some(outcome));
            assert_eq!(self.audited(request, action).await, times, "{action:?} of {request}");
        }
        assert_eq!(self.audited(request, Action::RequestRedeemed).await, grants, "redemptions of {request}");
        assert!(self.audited(request, Action::RequestCreated).await <= 1, "creations of {request}");
    }

    /// What is written by itself, perhaps a moment later: the event of the request, and that its
    /// decision needs no more telling.
    pub(crate) async fn come_to_rest(&self, request: RequestId) {
        until("the event of the request", Duration::from_secs(5), || async {
            (self.audited(request, Action::RequestCreated).await == 1).then_some(())
        })
        .await;
        self.told(request).await;
    }

    /// The decision needs no more telling.
    pub(crate) async fn told(&self, request: RequestId) {
        // A node that was cut off while it told has the row for ten seconds.
        until("an empty outbox", Duration::from_secs(15), || async { (self.outbox(request).await == 0).then_some(()) })
            .await;
    }
}

fn bytes(request: RequestId) -> Value {
    request.uuid().as_bytes().as_slice().into()
}
