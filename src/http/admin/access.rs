//! What a call needs, as a type: an operation without such an argument is open, and a test finds it.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaOAuthFlow, MetaOAuthFlows, MetaOAuthScope, MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, OAuthScopes};

use crate::http::admin::asked;
use crate::http::admin::reply::Refused;
use crate::protocol::admin_error::AdminErrorCode;
use crate::protocol::admin_scope::{ADMIN, Permission};
use crate::usecase::admin::{AdminError, Administrator};

/// Marks a permission as a type.
pub trait Needs: Send + Sync + 'static {
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident)*) => {$(
        #[derive(Debug)]
        pub enum $name {}

        impl Needs for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )*};
}

needs! {
    ClientsRead ClientsWrite UsersRead UsersWrite DevicesRead DevicesWrite RequestsRead RequestsWrite
    PoliciesRead PoliciesWrite KeysRead KeysWrite AuditRead EventsRead WebhooksRead WebhooksWrite
}

/// The caller, who may do what `N` says. The first argument of every operation: who may not call
/// it learns nothing from how its other arguments are read.
pub struct Admin<N> {
    administrator: Arc<Administrator>,
    needs: PhantomData<fn() -> N>,
}

impl<N> Deref for Admin<N> {
    type Target = Administrator;

    fn deref(&self) -> &Administrator {
        &self.administrator
    }
}

const SCHEME: &str = "admin";

impl<'a, N: Needs> ApiExtractor<'a> for Admin<N> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        registry.create_security_scheme(SCHEME, scheme());
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let administrator = request.data::<Arc<Administrator>>().cloned();
        let administrator =
            administrator.ok_or_else(|| Refused::from(AdminError::from(AdminErrorCode::TokenRequired)))?;
        if !administrator.permissions.allow(N::PERMISSION) {
            return Err(Refused::from(AdminError::needs(N::PERMISSION)).into());
        }
        asked::check(request).map_err(Refused::from)?;
        Ok(Self { administrator, needs: PhantomData })
    }
}

impl OAuthScopes for Permission {
    fn meta() -> Vec<MetaOAuthScope> {
        let all = MetaOAuthScope { name: ADMIN, description: Some("Everything.") };
        let named = Self::ALL.iter().map(|permission| MetaOAuthScope {
            name: permission.as_str(),
            description: Some(permission.description()),
        });
        std::iter::once(all).chain(named).collect()
    }

    fn name(&self) -> &'static str {
        self.as_str()
    }
}

fn scheme() -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty: "oauth2",
        description: Some("A client's own access token, from the token endpoint."),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: Some(MetaOAuthFlows {
            implicit: None,
            password: None,
            client_credentials: Some(MetaOAuthFlow {
                authorization_url: None,
                token_url: Some("/as/token.oauth2"),
                refresh_url: None,
                scopes: Permission::meta(),
            }),
            authorization_code: None,
        }),
        openid_connect_url: None,
    }
}
