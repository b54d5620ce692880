//! By which certificate a client is known, and whether its tokens are bound to one [RFC 8705 §2, §3.4].

use super::{ClientMetadata, Problems};
use crate::domain::client::{Authentication, Client};
use crate::protocol::admin_error::FieldCode;
use crate::protocol::client_certificate::CertificateSubject;
use crate::usecase::certificates::OF_AN_AUTHORITY;

/// Reads a value, if it is one.
type Reading = fn(&str) -> Option<CertificateSubject>;

/// A name that a certificate may have, as it is registered.
struct Named<'a> {
    pointer: &'static str,
    said: Option<&'a str>,
    read: Reading,
    /// What it has to be.
    detail: &'static str,
}

/// The text of a subject that is registered, for each of the five members.
#[derive(Debug, Default)]
pub struct SubjectTexts {
    pub dn: Option<String>,
    pub dns: Option<String>,
    pub uri: Option<String>,
    pub ip: Option<String>,
    pub email: Option<String>,
}

impl SubjectTexts {
    pub fn of(client: &Client) -> Self {
        let Authentication::TlsClientAuth(subject) = &client.authentication else { return Self::default() };
        let mut texts = Self::default();
        match subject {
            CertificateSubject::SubjectDn(name) => texts.dn = Some(name.as_str().to_owned()),
            CertificateSubject::SanDns(name) => texts.dns = Some(name.clone()),
            CertificateSubject::SanUri(uri) => texts.uri = Some(uri.clone()),
            CertificateSubject::SanIp(address) => texts.ip = Some(address.to_string()),
            CertificateSubject::SanEmail(email) => texts.email = Some(email.clone()),
        }
        texts
    }
}

impl ClientMetadata {
    fn subjects(&self) -> [Named<'_>; 5] {
        [
            Named {
                pointer: "/tls_client_auth_subject_dn",
                said: self.tls_client_auth_subject_dn.as_deref(),
                read: CertificateSubject::dn,
                detail: "A distinguished name as in RFC 4514: CN=shop,O=Example,C=DE.",
            },
            Named {
                pointer: "/tls_client_auth_san_dns",
                said: self.tls_client_auth_san_dns.as_deref(),
                read: CertificateSubject::dns,
                detail: "The name of one host.",
            },
            Named {
                pointer: "/tls_client_auth_san_uri",
                said: self.tls_client_auth_san_uri.as_deref(),
                read: CertificateSubject::uri,
                detail: "A URI of at most 400 characters.",
            },
            Named {
                pointer: "/tls_client_auth_san_ip",
                said: self.tls_client_auth_san_ip.as_deref(),
                read: CertificateSubject::ip,
                detail: "An IPv4 or IPv6 address.",
            },
            Named {
                pointer: "/tls_client_auth_san_email",
                said: self.tls_client_auth_san_email.as_deref(),
                read: CertificateSubject::email,
                detail: "An e-mail address of at most 400 characters.",
            },
        ]
    }

    /// [RFC 8705 §2.1.2] exactly one.
    pub(super) fn certificate_subject(&self, problems: &mut Problems) -> Option<CertificateSubject> {
        let subjects = self.subjects();
        let mut said = subjects.iter().filter_map(|one| Some((one, one.said?)));
        let Some((first, text)) = said.next() else {
            let detail = "tls_client_auth needs one of the tls_client_auth_ members.";
            problems.add("/tls_client_auth_subject_dn", FieldCode::Required, detail);
            return None;
        };
        for (other, _) in said {
            problems.add(other.pointer, FieldCode::NotAllowed, "Only one of the tls_client_auth_ members.");
        }
        let subject = (first.read)(text);
        if subject.is_none() {
            problems.add(first.pointer, FieldCode::Invalid, first.detail);
        }
        subject
    }

    pub(super) fn no_certificate_subject(&self, method: &str, problems: &mut Problems) {
        if method == OF_AN_AUTHORITY {
            return;
        }
        for one in self.subjects().iter().filter(|one| one.said.is_some()) {
            problems.add(one.pointer, FieldCode::NotAllowed, "Only with tls_client_auth.");
        }
    }

    /// A token is bound to one thing.
    pub(super) fn certificate_bound(&self, problems: &mut Problems) -> bool {
        let bound = self.tls_client_certificate_bound_access_tokens.unwrap_or(false);
        if bound && self.dpop_bound_access_tokens == Some(true) {
            let detail = "Only without dpop_bound_access_tokens.";
            problems.add("/tls_client_certificate_bound_access_tokens", FieldCode::NotAllowed, detail);
        }
        bound
    }
}
