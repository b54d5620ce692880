//! `POST /admin/v1/bootstrap`: the first administrator.

use std::sync::Arc;

use poem::Request;
use poem_openapi::{Object, OpenApi};
use serde::Deserialize;

use crate::http::Tag;
use crate::http::admin::clients::{ClientBody, ClientWithSecret};
use crate::http::admin::members::{Members, parsed};
use crate::http::admin::reply::{Created, Result};
use crate::http::admin::{asked, bearer, clients};
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::id::BootstrapToken;
use crate::usecase::admin::bootstrap::Bootstrap;

pub struct BootstrapApi {
    pub bootstrap: Arc<Bootstrap>,
}

/// The first administrator to be made.
#[derive(Debug, Object, Deserialize)]
#[oai(rename = "FirstAdministrator")]
pub struct FirstAdministrator {
    /// Made when left out.
    pub client_id: Option<String>,
    pub client_name: Option<String>,
}

#[OpenApi(prefix_path = "/admin/v1", tag = "Tag::AdminBootstrap")]
impl BootstrapApi {
    /// Make the first administrator
    ///
    /// With the token that the server wrote to a file when it started without an administrator, as
    /// bearer token. It works once. The client that is made has the scope `nod:admin`; its secret is
    /// shown in the answer and never again.
    #[oai(path = "/bootstrap", method = "post", operation_id = "bootstrapAdministrator")]
    async fn begin(&self, http: &Request, body: Members<FirstAdministrator>) -> Result<Created<ClientWithSecret>> {
        let token = bearer(http)?.ok_or(AdminErrorCode::TokenRequired)?;
        asked::check(http)?;
        let FirstAdministrator { client_id, client_name } = parsed(body.value)?;
        let token = BootstrapToken::presented(token);
        let made = self.bootstrap.begin(&token, client_id.as_deref(), client_name.as_deref()).await?;
        let at = clients::path(&made.client.id);
        let of = ClientBody::from(&made.client);
        Ok(Created::at(at, &of, made.into()))
    }
}
