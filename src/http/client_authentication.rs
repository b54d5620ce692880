//! Client authentication at the direct endpoints: what is read from the request.

use std::net::{IpAddr, Ipv4Addr};

use poem::Request;
use poem::http::header;

use crate::http::cross_origin;
use crate::http::dpop::proof;
use crate::http::error::Failure;
use crate::http::remote::network;
use crate::protocol::access_token::Scheme;
use crate::protocol::client_certificate::ClientCertificate;
use crate::protocol::dpop;
use crate::protocol::error::Refusal;
use crate::protocol::parameters::Parameters;
use crate::usecase::authenticate_client::{AuthenticateClient, AuthenticatedClient, Presented};
use crate::usecase::prove_possession::Shown;
use crate::usecase::use_token::Presented as UsedToken;

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
    let presented =
        Presented { authorization, parameters, certificate: certificate(request), from: client_ip(request) };
    let (client, read) =
        use_case.authenticate_meanwhile(&presented, reading).await.map_err(Failure::unauthenticated)?;
    cross_origin::is_about(&client, request.headers());
    Ok((client, read))
}

/// That of the connection, as the edge found it out.
pub fn certificate(request: &Request) -> Option<&ClientCertificate> {
    request.extensions().get()
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
    Ok(access_token(request)?.filter(|(scheme, _)| *scheme == Scheme::Bearer).map(|(_, token)| token))
}

/// An access token in the header. `None` where there is none.
pub fn access_token(request: &Request) -> Result<Option<(Scheme, &str)>, Refusal> {
    let Some((scheme, token)) = authorization(request)?.and_then(|header| header.split_once(' ')) else {
        return Ok(None);
    };
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    let scheme = match (is("bearer"), is(dpop::SCHEME)) {
        (true, _) => Scheme::Bearer,
        (false, true) => Scheme::Dpop,
        (false, false) => return Ok(None),
    };
    Ok(Some((scheme, token.trim())))
}

/// An access token with what came along: a proof, or the certificate of the connection. `path`: below the issuer.
pub fn with_proof<'a>(
    request: &'a Request,
    path: &'a str,
    (scheme, token): (Scheme, &'a str),
) -> Result<UsedToken<'a>, Refusal> {
    let proof = match scheme {
        Scheme::Dpop => proof(request)?,
        Scheme::Bearer => None,
    };
    let (method, certificate) = (request.method().as_str(), certificate(request));
    Ok(UsedToken { scheme, token, shown: Shown { proof, method, path, access_token: Some(token), certificate } })
}
