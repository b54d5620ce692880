//! `/admin/v1/clients`.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};

pub use self::body::{ClientBody, ClientPage, ClientPatch, ClientWithSecret, NewClientBody};
use crate::domain::client as domain;
use crate::http::Tag;
use crate::http::admin::access::{Admin, ClientsRead, ClientsWrite};
use crate::http::admin::members::{Members, Patch, parsed, take_id};
use crate::http::admin::page::{self, Cursors};
use crate::http::admin::precondition::unchanged;
use crate::http::admin::reply::{Created, Done, Read, Result, Shown};
use crate::http::admin::time::DateTime;
use crate::protocol::admin_scope::Permission;
use crate::protocol::id::ClientId;
use crate::usecase::admin::client_metadata::ClientMetadata;
use crate::usecase::admin::clients::ManageClients;

mod body;
mod words;

pub struct ClientsApi {
    pub clients: ManageClients,
    pub cursors: Cursors,
}

/// As it is named in the log of a list.
const LIST: &str = "clients";

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminClients")]
impl ClientsApi {
    /// List clients
    ///
    /// Newest first. Follow `next_cursor` for the rest.
    #[oai(path = "/clients", method = "get", operation_id = "listClients")]
    async fn list(
        &self,
        #[oai(scope = "Permission::ClientsRead")] admin: Admin<ClientsRead>,
        /// Not made before this time.
        created_after: Query<Option<DateTime>>,
        /// How many at most.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<u32>>,
        /// `next_cursor` of the part before.
        cursor: Query<Option<String>>,
        /// Whether `total` is wanted.
        count: Query<Option<bool>>,
    ) -> Result<Shown<ClientPage>> {
        let Admin { .. } = admin;
        let since = created_after.0.map(|DateTime(at)| at);
        let list = page::since(LIST, since);
        let after = self.cursors.open(&list, cursor.0.as_deref())?;
        let page = self.clients.list(after.as_ref(), page::limit(limit.0)).await?.since(since, |item| item.created_at);
        Ok(Shown::of(ClientPage {
            next_cursor: self.cursors.next(&list, page.next.as_ref()),
            total: page::total(count.0, self.clients.count(since)).await?,
            items: page.items.iter().map(ClientBody::from).collect(),
        }))
    }

    /// Register a client
    ///
    /// The secret that is made for it is shown in the answer and never again. A scope that begins
    /// with `nod:` can only be given by somebody who has it. The names are those of RFC 7591 §2 and
    /// CIBA §4 where there are any.
    #[oai(
        path = "/clients",
        method = "post",
        operation_id = "createClient",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn create(
        &self,
        #[oai(scope = "Permission::ClientsWrite")] admin: Admin<ClientsWrite>,
        body: Members<NewClientBody>,
    ) -> Result<Created<ClientWithSecret>> {
        let mut members = body.value;
        let id = take_id(&mut members, "client_id")?;
        let metadata: ClientMetadata = parsed(members)?;
        let made = self.clients.create(&admin, id.as_deref(), &metadata, None).await?;
        let at = path(&made.client.id);
        let of = ClientBody::from(&made.client);
        Ok(Created::at(at, &of, made.into()))
    }

    /// Read a client
    #[oai(path = "/clients/:client_id", method = "get", operation_id = "getClient")]
    async fn read(
        &self,
        #[oai(scope = "Permission::ClientsRead")] admin: Admin<ClientsRead>,
        client_id: Path<String>,
    ) -> Result<Read<ClientBody>> {
        let Admin { .. } = admin;
        Ok(Read::of((&self.clients.read(&client_id).await?).into()))
    }

    /// Change a client
    ///
    /// A merge patch (RFC 7396). A member that is set to `null` gets its default. A client that is
    /// turned from keys to a secret has none until one is made with `rotate-secret`.
    #[oai(path = "/clients/:client_id", method = "patch", operation_id = "updateClient")]
    async fn update(
        &self,
        #[oai(scope = "Permission::ClientsWrite")] admin: Admin<ClientsWrite>,
        client_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Patch<ClientPatch, ClientBody>,
    ) -> Result<Read<ClientBody>> {
        let unchanged = unchanged::<domain::Client, ClientBody>(if_match);
        let client = self.clients.update(&admin, &client_id, body.value.into(), &unchanged).await?;
        Ok(Read::of((&client).into()))
    }

    /// Delete a client
    ///
    /// All that it was given ends at once.
    #[oai(path = "/clients/:client_id", method = "delete", operation_id = "deleteClient")]
    async fn delete(
        &self,
        #[oai(scope = "Permission::ClientsWrite")] admin: Admin<ClientsWrite>,
        client_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Done> {
        let unchanged = unchanged::<domain::Client, ClientBody>(if_match);
        self.clients.delete(&admin, &client_id, &unchanged).await?;
        Ok(Done)
    }

    /// Replace a client's secret
    ///
    /// The new one is shown once. The old one works for another day.
    #[oai(
        path = "/clients/:client_id/rotate-secret",
        method = "post",
        operation_id = "rotateClientSecret",
        request_header(
            name = "Idempotency-Key",
            ty = "Option<String>",
            description = "Repeats with the same key have one effect."
        )
    )]
    async fn rotate_secret(
        &self,
        #[oai(scope = "Permission::ClientsWrite")] admin: Admin<ClientsWrite>,
        client_id: Path<String>,
        /// The `ETag` that was read: refused with 412 when it was changed since.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Shown<ClientWithSecret>> {
        let unchanged = unchanged::<domain::Client, ClientBody>(if_match);
        Ok(Shown::of(self.clients.rotate_secret(&admin, &client_id, &unchanged).await?.into()))
    }
}
pub(super) fn path(id: &ClientId) -> String {
    format!("/admin/v1/clients/{id}")
}
