//! Client authentication at the direct endpoints: what is read from the request.

use std::net::{IpAddr, Ipv4Addr};

use poem::Request;
use poem::http::header;

use crate::http::error::Failure;
use crate::http::remote::network;
use crate::protocol::error::Refusal;
use crate::protocol::parameters::Parameters;
use crate::usecase::authenticate_client::{AuthenticateClient, AuthenticatedClient, Presented};

pub async fn authenticate(
    use_case: &AuthenticateClient,
    request: &Request,
    parameters: &Parameters,
) -> poem::Result<AuthenticatedClient> {
    Ok(authenticate_meanwhile(use_case, request, parameters, std::future::ready(())).await?.0)
}

/// As [`AuthenticateClient::authenticate_meanwhile`].
pub async fn authenticate_meanwhile<T>(
    use_case: &AuthenticateClient,
    request: &Request,
    parameters: &Parameters,
    reading: impl Future<Output = T>,
) -> poem::Result<(AuthenticatedClient, T)> {
    let authorization = authorization(request).map_err(|refusal| Failure::unauthenticated(refusal.into()))?;
    let presented = Presented { authorization, parameters, from: client_ip(request) };
    use_case.authenticate_meanwhile(&presented, reading).await.map_err(Failure::unauthenticated)
}

/// Where the client is, for limits: its [`network`], as the edge found it out. Without an edge, there is
/// no network either.
pub fn client_ip(request: &Request) -> IpAddr {
    let address = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
    network(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

/// The one `Authorization` header. Two of them are two methods.
pub fn authorization(request: &Request) -> Result<Option<&str>, Refusal> {
    let mut all = request.headers().get_all(header::AUTHORIZATION).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => {
            one.to_str().map(Some).map_err(|_| Refusal::invalid_client("the Authorization header is not ASCII"))
        }
        (Some(_), Some(_)) => Err(Refusal::invalid_request("More than one Authorization header.")),
    }
}

/// The bearer token [RFC 6750 §2.1], in the header only. `None` where there is none, or another scheme.
pub fn bearer(request: &Request) -> Result<Option<&str>, Refusal> {
    let token = authorization(request)?.and_then(|header| header.split_once(' '));
    Ok(token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim()))
}
