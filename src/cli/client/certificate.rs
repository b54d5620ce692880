//! By which certificate a client is known, in `nod client`.

use clap::Args;

use crate::cli::terminal::{safe, say};
use crate::domain::client::{Authentication, Client};
use crate::protocol::client_certificate::CertificateSubject;

/// One of the five, with `tls_client_auth` [RFC 8705 §2.1.2].
#[derive(Args)]
pub(super) struct Certificate {
    /// The subject of its certificate
    ///
    /// For `tls_client_auth`, this or one of the `--tls-san-..`: a distinguished name as in RFC 4514,
    /// `CN=shop,O=Example,C=DE`.
    #[arg(long = "tls-subject-dn", value_name = "DN", hide_short_help = true)]
    pub(super) dn: Option<String>,
    /// The host that its certificate names
    #[arg(long = "tls-san-dns", value_name = "HOST", hide_short_help = true)]
    pub(super) dns: Option<String>,
    /// The URI that its certificate names
    #[arg(long = "tls-san-uri", value_name = "URI", hide_short_help = true)]
    pub(super) uri: Option<String>,
    /// The address that its certificate names
    #[arg(long = "tls-san-ip", value_name = "ADDRESS", hide_short_help = true)]
    pub(super) ip: Option<String>,
    /// The mailbox that its certificate names
    #[arg(long = "tls-san-email", value_name = "MAILBOX", hide_short_help = true)]
    pub(super) email: Option<String>,
    /// Its access tokens are bound to its certificate
    ///
    /// Refuse its token requests without a TLS certificate (RFC 8705).
    #[arg(long = "tls-bound-access-tokens", value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", hide_short_help = true, hide_possible_values = true)]
    pub(super) bound: Option<bool>,
}

pub(super) fn show(client: &Client) {
    if client.tls_client_certificate_bound_access_tokens {
        say("access token  always with its certificate");
    }
    let Authentication::TlsClientAuth(subject) = &client.authentication else { return };
    let (kind, text) = match subject {
        CertificateSubject::SubjectDn(name) => ("subject", name.as_str().to_owned()),
        CertificateSubject::SanDns(name) => ("host", name.clone()),
        CertificateSubject::SanUri(uri) => ("URI", uri.clone()),
        CertificateSubject::SanIp(address) => ("address", address.to_string()),
        CertificateSubject::SanEmail(email) => ("mailbox", email.clone()),
    };
    say(&format!("certificate   {kind} {}", safe(&text)));
}
