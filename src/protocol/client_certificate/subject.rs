//! What of a certificate names its client [RFC 8705 §2.1.2].

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::Url;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::distinguished_name::DistinguishedName;

/// Exactly one of these. Others in the certificate mean nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSubject {
    SubjectDn(DistinguishedName),
    SanDns(String),
    SanUri(String),
    SanIp(IpAddr),
    SanEmail(String),
}

const LONGEST: usize = 400;

impl CertificateSubject {
    /// One host: a wildcard would be many clients.
    pub fn dns(text: &str) -> Option<Self> {
        let label = |label: &str| {
            let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            (1..=63).contains(&label.len()) && label.bytes().all(inner)
        };
        (text.len() <= 253 && text.split('.').all(label)).then(|| Self::SanDns(text.to_owned()))
    }

    pub fn uri(text: &str) -> Option<Self> {
        let fits = text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic()) && Url::parse(text).is_ok();
        fits.then(|| Self::SanUri(text.to_owned()))
    }

    pub fn ip(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::SanIp)
    }

    pub fn email(text: &str) -> Option<Self> {
        let (local, host) = text.rsplit_once('@')?;
        let fits = text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic());
        (fits && !local.is_empty() && !host.is_empty()).then(|| Self::SanEmail(text.to_owned()))
    }

    pub fn dn(text: &str) -> Option<Self> {
        DistinguishedName::parse(text).map(Self::SubjectDn)
    }

    /// Compared as they stand, but for what names of hosts do not tell apart.
    pub(super) fn is_of(&self, certificate: &X509Certificate<'_>) -> bool {
        match self {
            Self::SubjectDn(name) => name.is(certificate.subject()),
            Self::SanDns(own) => {
                has(certificate, |name| matches!(name, GeneralName::DNSName(name) if name.eq_ignore_ascii_case(own)))
            }
            Self::SanUri(own) => has(certificate, |name| matches!(name, GeneralName::URI(uri) if uri == own)),
            Self::SanIp(own) => {
                has(certificate, |name| matches!(name, GeneralName::IPAddress(octets) if same_address(octets, own)))
            }
            Self::SanEmail(own) => {
                has(certificate, |name| matches!(name, GeneralName::RFC822Name(email) if same_mailbox(email, own)))
            }
        }
    }
}

/// None of an extension that is there twice, or that cannot be read.
fn has(certificate: &X509Certificate<'_>, fits: impl Fn(&GeneralName<'_>) -> bool) -> bool {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| names.value.general_names.iter().any(fits))
}

fn same_address(octets: &[u8], own: &IpAddr) -> bool {
    match own {
        IpAddr::V4(own) => octets == own.octets(),
        IpAddr::V6(own) => octets == own.octets(),
    }
}

/// [RFC 5280 §7.5] what stands before the @ is told apart by case.
fn same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((local, host)), Some((own, own_host))) => local == own && host.eq_ignore_ascii_case(own_host),
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};
    use x509_parser::prelude::FromDer as _;

    use super::*;

    /// Whether the name is that of a certificate with these.
    fn fits(subject: Option<CertificateSubject>, names: Vec<SanType>) -> bool {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "shop.example");
        params.subject_alt_names = names;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, certificate) = X509Certificate::from_der(certificate.der()).unwrap();
        subject.expect("a subject").is_of(&certificate)
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    #[test]
    fn rfc8705_2_1_2_one_name_of_its_kind_is_compared() {
        let shop = || CertificateSubject::dns("shop.example");
        assert!(fits(shop(), vec![dns("bank.example"), dns("SHOP.example")]));
        // [security.md case 42] no name stands for many.
        assert!(!fits(shop(), vec![dns("*.example"), dns("shop.example.evil.test")]));
        assert!(!fits(shop(), vec![]), "the common name is no name of a host");
        assert!(!fits(shop(), vec![SanType::URI("shop.example".try_into().unwrap())]));

        let uri = || CertificateSubject::uri("spiffe://example/shop");
        assert!(fits(uri(), vec![SanType::URI("spiffe://example/shop".try_into().unwrap())]));
        assert!(!fits(uri(), vec![SanType::URI("spiffe://example/Shop".try_into().unwrap())]));

        for (text, other) in [("192.0.2.7", "192.0.2.8"), ("2001:db8::7", "2001:db8::8")] {
            let with = |text: &str| vec![SanType::IpAddress(text.parse().unwrap())];
            assert!(fits(CertificateSubject::ip(text), with(text)));
            assert!(!fits(CertificateSubject::ip(text), with(other)));
        }

        let email = || CertificateSubject::email("Shop@example.com");
        let with = |text: &str| vec![SanType::Rfc822Name(text.try_into().unwrap())];
        assert!(fits(email(), with("Shop@EXAMPLE.com")));
        assert!(!fits(email(), with("shop@example.com")));
        assert!(!fits(email(), vec![dns("example.com")]));
    }

    #[test]
    fn what_names_nobody_is_not_registered() {
        for bad in ["", "*.example", "shop..example", "shop.example.", "sh op", "läden.example", &"a".repeat(64)] {
            assert_eq!(CertificateSubject::dns(bad), None, "{bad}");
        }
        for bad in ["", "shop", "spiffe://a b"] {
            assert_eq!(CertificateSubject::uri(bad), None, "{bad}");
        }
        for bad in ["", "shop.example", "192.0.2.0/24", "192.0.2"] {
            assert_eq!(CertificateSubject::ip(bad), None, "{bad}");
        }
        for bad in ["", "shop", "@example.com", "shop@", "a b@example.com"] {
            assert_eq!(CertificateSubject::email(bad), None, "{bad}");
        }
    }
}
