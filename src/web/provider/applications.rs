//! `/account/applications`: what somebody lets applications have, and that they may have it no more.

use poem::http::Method;
use poem::{Request, RequestBody, Response};

use super::account::PASSKEYS;
use super::own_devices::DEVICES;
use super::trouble::Trouble;
use super::{Provider, Visit};
use crate::protocol::id::ClientId;
use crate::usecase;
use crate::usecase::account::passkeys::Signed;
use crate::usecase::sign_in::Browser;
use crate::web::sign_in::account::applications;
use crate::web::sign_in::consent::Plainly;
use crate::words::Foreign;

/// Below the issuer.
pub(super) const APPLICATIONS: &str = "/account/applications";

impl Provider {
    pub(super) async fn applications(
        &self,
        signed: &Signed,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let own = &self.account.applications;
        let user = signed.user.id;
        let asks = !matches!(*request.method(), Method::GET | Method::HEAD);
        if asks {
            let form = self.pressed((request, body), browser).await?;
            let client =
                form.get("client").and_then(ClientId::parse).filter(|_| form.get("action") == Some("withdraw"));
            let withdrawn = match client {
                Some(client) => own.withdraw(user, &client).await.map_err(usecase::Error::from)?,
                None => false,
            };
            if withdrawn {
                return Ok(self.to(APPLICATIONS));
            }
        }
        let allowed = own.of(user).await.map_err(usecase::Error::from)?;
        let listed = allowed.iter().map(|allowed| applications::Application {
            id: allowed.client.id.to_string(),
            name: Foreign::name(&allowed.client.name),
            scopes: allowed.scope.names().map(Plainly::of).collect(),
            since: allowed.since.to_string(),
        });
        let view = applications::View {
            form: self.own_form(APPLICATIONS, None, browser),
            user: Foreign::name(&signed.user.username),
            applications: listed.collect(),
            gone: asks,
            passkeys: format!("{}{PASSKEYS}", self.site.base),
            devices: format!("{}{DEVICES}", self.site.base),
        };
        let here = format!("{}{APPLICATIONS}", self.site.base);
        Ok(applications::render(&view, &self.around(visit, Some(&here))))
    }
}
