//! `/admin/v1/requests`: authentication requests.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{Enum, Object, OpenApi};

use crate::http::Tag;
use crate::http::admin::access::{Admin, RequestsRead, RequestsWrite};
use crate::http::admin::audit::named;
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::id::UserId;
use crate::protocol::public_id::{self, Kind};
use crate::usecase::admin::requests::{Filter, ManageRequests, Overview, Status, request_id};

pub struct RequestsApi {
    pub requests: ManageRequests,
    pub cursors: Cursors,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case")]
pub enum RequestStatus {
    Pending,
    Approved,
    Denied,
    Cancelled,
    Expired,
    /// Approved, and the tokens were fetched.
    Redeemed,
}

/// An authentication request. What was asked for, and the number to carry, are nobody else's business.
#[derive(Clone, Debug, Object)]
#[oai(rename = "AuthenticationRequest", skip_serializing_if_is_none)]
pub struct RequestBody {
    pub id: String,
    pub client_id: String,
    /// Absent when nobody was behind the hint.
    pub user_id: Option<String>,
    pub status: RequestStatus,
    /// The device that decided.
    pub device_id: Option<String>,
    /// Why it was denied.
    pub reason: Option<String>,
    pub created_at: DateTime,
    /// Absent when it is not known any more.
    pub expires_at: Option<DateTime>,
    pub decided_at: Option<DateTime>,
    pub redeemed_at: Option<DateTime>,
}

/// Part of a list of requests. A part may have fewer items than were asked for and not be the last.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RequestPage {
    pub items: Vec<RequestBody>,
    /// For the next part; absent at the end.
    pub next_cursor: Option<String>,
    /// How many there are in all parts; there with `count=true` alone.
    pub total: Option<u64>,
}

impl From<&Overview> for RequestBody {
    fn from(request: &Overview) -> Self {
        Self {
            id: public_id::encode(Kind::Request, request.id.uuid()),
            client_id: request.client.to_string(),
            user_id: request.user.map(|id| public_id::encode(Kind::User, id.uuid())),
            status: match request.status {
                Status::Pending => RequestStatus::Pending,
                Status::Approved => RequestStatus::Approved,
                Status::Denied => RequestStatus::Denied,
                Status::Cancelled => RequestStatus::Cancelled,
                Status::Expired => RequestStatus::Expired,
                Status::Redeemed => RequestStatus::Redeemed,
            },
            device_id: request.device.map(|id| public_id::encode(Kind::Device, id.uuid())),
            reason: request.reason.clone(),
            created_at: request.created_at.into(),
            expires_at: request.expires_at.map(Into::into),
            decided_at: request.decided_at.map(Into::into),
            redeemed_at: request.redeemed_at.map(Into::into),
        }
    }
}

impl From<RequestStatus> for Status {
    fn from(status: RequestStatus) -> Self {
        match status {
            RequestStatus::Pending => Self::Pending,
            RequestStatus::Approved => Self::Approved,
            RequestStatus::Denied => Self::Denied,
            RequestStatus::Cancelled => Self::Cancelled,
            RequestStatus::Expired => Self::Expired,
            RequestStatus::Redeemed => Self::Redeemed,
        }
    }
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminRequests")]
impl RequestsApi {
    /// List authentication requests
    ///
    /// Newest first. With `status` `pending` or `expired`, a part may have fewer items than were asked
    /// for; go on while there is a `next_cursor`.
    #[expect(clippy::too_many_arguments, reason = "each filter is one")]
    #[oai(path = "/requests", method = "get", operation_id = "listRequests")]
    async fn list(
        &self,
        #[oai(scope = "Permission::RequestsRead")] admin: Admin<RequestsRead>,
        status: Query<Option<RequestStatus>>,
        /// Of this client only.
        client_id: Query<Option<String>>,
        /// Of this user only.
        user_id: Query<Option<String>>,
        /// Not before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<RequestPage>> {
        let Admin { .. } = admin;
        let user = named(Kind::User, "user_id", user_id.0.as_deref(), UserId::new)?;
        let filter = Filter {
            status: status.0.map(Into::into),
            client: client_id.0.filter(|id| !id.contains('\0')),
            user,
            created_after: created_after.0.map(|DateTime(at)| at),
        };
        let list = format!("requests {filter:?}");
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let found = self.requests.list(&filter, after, page::limit(limit.0)).await?;
        Ok(Shown::of(RequestPage {
            next_cursor: self.cursors.next(&list, found.next.as_ref()),
            total: page::total(count.0, self.requests.count(&filter)).await?,
            items: found.items.iter().map(RequestBody::from).collect(),
        }))
    }

    /// Read an authentication request
    #[oai(path = "/requests/:request_id", method = "get", operation_id = "getRequest")]
    async fn read(
        &self,
        #[oai(scope = "Permission::RequestsRead")] admin: Admin<RequestsRead>,
        request_id: Path<String>,
    ) -> Result<Read<RequestBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.requests.read(self::request_id(&request_id)?).await?).into()))
    }

    /// Cancel an authentication request
    ///
    /// Its client is refused, and the phone that shows it is told.
    #[oai(
        path = "/requests/:request_id/cancel",
        method = "post",
        operation_id = "cancelRequest",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn cancel(
        &self,
        #[oai(scope = "Permission::RequestsWrite")] admin: Admin<RequestsWrite>,
        request_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Read<RequestBody>> {
        let unchanged = unchanged::<Overview, RequestBody>(if_match);
        Ok(Read::of((&self.requests.cancel(&admin, self::request_id(&request_id)?, &unchanged).await?).into()))
    }
}
