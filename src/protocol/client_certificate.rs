//! The certificate that a client shows in a TLS handshake [RFC 8705]: to us, or to a proxy of ours.
//!
//! The handshake has proved that whoever shows it has its key, and nothing else. Who that is, is asked where a
//! client authenticates.

mod distinguished_name;
mod subject;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

pub use self::distinguished_name::DistinguishedName;
pub use self::subject::CertificateSubject;
use super::jwt::Thumbprint;
use crate::clock::Timestamp;
use crate::secret::sha256;

/// Cheap to clone: every request of a connection has it.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Shown>);

struct Shown {
    leaf: CertificateDer<'static>,
    /// As they came, to find the way to an authority.
    intermediates: Vec<CertificateDer<'static>>,
    thumbprint: Thumbprint,
}

/// Why a certificate is good for nothing here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate cannot be read")]
    Malformed,
    #[error("the certificate is not valid yet")]
    NotYetValid,
    #[error("the certificate has expired")]
    Expired,
    #[error("the certificate leads to none of our authorities: {0}")]
    Untrusted(webpki::Error),
    #[error("the certificate is another subject's")]
    OtherSubject,
}

impl ClientCertificate {
    /// The leaf first. `None`: there is none.
    pub fn new(chain: impl IntoIterator<Item = CertificateDer<'static>>) -> Option<Self> {
        let mut chain = chain.into_iter();
        let leaf = chain.next()?;
        let thumbprint = Thumbprint::from_bytes(sha256(&leaf));
        Some(Self(Arc::new(Shown { leaf, intermediates: chain.collect(), thumbprint })))
    }

    /// `x5t#S256` [RFC 8705 §3.1].
    pub fn thumbprint(&self) -> Thumbprint {
        self.0.thumbprint
    }

    /// Whether it is good for anything now.
    pub fn is_current(&self, now: Timestamp) -> Result<(), CertificateError> {
        self.read(|certificate| current(certificate, now))
    }

    /// [RFC 8705 §2.1] one of our authorities says that it is this subject's.
    pub fn proves(
        &self,
        subject: &CertificateSubject,
        authorities: &Authorities,
        now: Timestamp,
    ) -> Result<(), CertificateError> {
        let leaf = EndEntityCert::try_from(&self.0.leaf).map_err(|_| CertificateError::Malformed)?;
        self.is_current(now)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.seconds()).unwrap_or_default()));
        let (usage, between) = (KeyUsage::client_auth(), &self.0.intermediates);
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &authorities.0, between, time, usage, None, None)
            .map_err(CertificateError::Untrusted)?;
        self.read(|certificate| if subject.is_of(certificate) { Ok(()) } else { Err(CertificateError::OtherSubject) })
    }

    fn read<T>(
        &self,
        look: impl FnOnce(&X509Certificate<'_>) -> Result<T, CertificateError>,
    ) -> Result<T, CertificateError> {
        match X509Certificate::from_der(&self.0.leaf) {
            Ok(([], certificate)) => look(&certificate),
            Ok(_) | Err(_) => Err(CertificateError::Malformed),
        }
    }
}

fn current(certificate: &X509Certificate<'_>, now: Timestamp) -> Result<(), CertificateError> {
    let validity = certificate.validity();
    if now.seconds() < validity.not_before.timestamp() {
        Err(CertificateError::NotYetValid)
    } else if now.seconds() > validity.not_after.timestamp() {
        // [RFC 5280 §4.1.2.5] the last second is part of it.
        Err(CertificateError::Expired)
    } else {
        Ok(())
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({})", self.0.thumbprint)
    }
}

/// Who says what certificates with `tls_client_auth` are worth.
#[derive(Clone, Default)]
pub struct Authorities(Vec<TrustAnchor<'static>>);

/// Why no certificate could be verified.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    #[error("the certificate authorities are not PEM: {0}")]
    Pem(rustls_pki_types::pem::Error),
    #[error("there is no certificate authority")]
    None,
    #[error("a certificate authority cannot be read: {0}")]
    Unusable(webpki::Error),
}

impl Authorities {
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(AuthoritiesError::Pem)?;
            let anchor = anchor_from_trusted_cert(&certificate).map_err(AuthoritiesError::Unusable)?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() { Err(AuthoritiesError::None) } else { Ok(Self(anchors)) }
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

    use super::*;

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    }

    fn at(year: i32) -> Timestamp {
        Timestamp::from_seconds(date_time_ymd(year, 6, 1).unix_timestamp())
    }

    fn shop() -> CertificateParams {
        let mut params = CertificateParams::new(vec!["shop.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 12, 31);
        params
    }

    fn trusts(issuers: &[&CertifiedIssuer<'static, KeyPair>]) -> Authorities {
        Authorities::from_pem(issuers.iter().map(|one| one.pem()).collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn rfc8705_2_1_an_authority_says_whose_it_is() {
        let (ours, theirs) = (authority("Ours"), authority("Ours"));
        let subject = CertificateSubject::dns("shop.example").unwrap();
        let of = |issuer: &CertifiedIssuer<'static, KeyPair>| {
            let issued = shop().signed_by(&KeyPair::generate().unwrap(), issuer).unwrap();
            ClientCertificate::new([issued.der().clone()]).unwrap()
        };
        let good = of(&ours);
        assert_eq!(good.proves(&subject, &trusts(&[&theirs, &ours]), at(2026)), Ok(()));
        let other = CertificateSubject::dns("bank.example").unwrap();
        assert_eq!(good.proves(&other, &trusts(&[&ours]), at(2026)), Err(CertificateError::OtherSubject));
        // [security.md case 42] the same name is another authority's to give.
        let forged = of(&theirs).proves(&subject, &trusts(&[&ours]), at(2026));
        assert!(matches!(forged, Err(CertificateError::Untrusted(_))), "{forged:?}");
        let own = shop().self_signed(&KeyPair::generate().unwrap()).unwrap();
        let own = ClientCertificate::new([own.der().clone()]).unwrap();
        assert!(matches!(own.proves(&subject, &trusts(&[&ours]), at(2026)), Err(CertificateError::Untrusted(_))));
        assert!(matches!(
            good.proves(&subject, &Authorities::default(), at(2026)),
            Err(CertificateError::Untrusted(_))
        ));
    }

    #[test]
    fn a_certificate_is_good_between_its_dates() {
        let ours = authority("Ours");
        let issued = shop().signed_by(&KeyPair::generate().unwrap(), &ours).unwrap();
        let certificate = ClientCertificate::new([issued.der().clone()]).unwrap();
        let subject = CertificateSubject::dns("shop.example").unwrap();
        for (year, expected) in
            [(2025, Err(CertificateError::NotYetValid)), (2027, Ok(())), (2028, Err(CertificateError::Expired))]
        {
            assert_eq!(certificate.is_current(at(year)), expected);
            assert_eq!(certificate.proves(&subject, &trusts(&[&ours]), at(year)), expected);
        }
        let rubbish = ClientCertificate::new([CertificateDer::from(vec![0x30, 0])]).unwrap();
        assert_eq!(rubbish.is_current(at(2026)), Err(CertificateError::Malformed));
        assert_eq!(rubbish.proves(&subject, &trusts(&[&ours]), at(2026)), Err(CertificateError::Malformed));
    }

    #[test]
    fn authorities_are_certificates() {
        assert!(matches!(Authorities::from_pem(b""), Err(AuthoritiesError::None)));
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Authorities::from_pem(broken.as_bytes()), Err(AuthoritiesError::Unusable(_))));
        assert!(Authorities::default().is_empty() && !trusts(&[&authority("Ours")]).is_empty());
    }
}
