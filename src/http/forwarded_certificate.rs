//! The certificate of a client, as a reverse proxy of ours hands it on.
//!
//! The proxy has seen the handshake. From everybody else such a header means nothing: anybody can write it, and the
//! certificate of a client is no secret.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::protocol::client_certificate::ClientCertificate;

/// How the proxy writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A byte sequence [RFC 9440 §2.2]; what stands between it and an authority is in a header of its own.
    Rfc9440,
    /// PEM in percent-encoding, as nginx writes `$ssl_client_escaped_cert`.
    Pem,
    /// `X-Forwarded-Client-Cert`, as Envoy writes it, of one hop.
    Xfcc,
}

/// Where it is.
#[derive(Clone, Debug)]
pub struct ForwardedCertificate {
    header: HeaderName,
    /// `Client-Cert-Chain` beside `Client-Cert` [RFC 9440 §2.3].
    chain: Option<HeaderName>,
    format: Format,
}

/// No proxy that does its work writes this.
#[derive(Debug, PartialEq, Eq)]
struct Unreadable;

type Chain = Vec<CertificateDer<'static>>;

impl ForwardedCertificate {
    pub fn new(header: HeaderName, format: Format) -> Self {
        let chain = match format {
            Format::Rfc9440 => HeaderName::try_from(format!("{header}-chain")).ok(),
            Format::Pem | Format::Xfcc => None,
        };
        Self { header, chain, format }
    }

    /// Takes the headers out of a request, whoever wrote them. What they say is believed if the peer is
    /// `trusted`.
    pub fn take(&self, headers: &mut HeaderMap, trusted: bool) -> Option<ClientCertificate> {
        let read = if trusted { self.read(headers) } else { Ok(Vec::new()) };
        headers.remove(&self.header);
        if let Some(chain) = &self.chain {
            headers.remove(chain);
        }
        if read.is_err() {
            tracing::warn!(header = %self.header, "a trusted proxy hands on a client certificate that cannot be read");
        }
        ClientCertificate::new(read.unwrap_or_default())
    }

    /// Nothing: the client has shown none.
    fn read(&self, headers: &HeaderMap) -> Result<Chain, Unreadable> {
        let mut all = headers.get_all(&self.header).iter();
        let text = match (all.next(), all.next()) {
            (None, _) => return Ok(Chain::new()),
            (Some(one), None) => one.to_str().map_err(|_| Unreadable)?.trim(),
            // One of them is the client's own.
            (Some(_), Some(_)) => return Err(Unreadable),
        };
        if text.is_empty() {
            return Ok(Chain::new());
        }
        match self.format {
            Format::Rfc9440 => {
                let mut chain = vec![byte_sequence(text)?];
                for line in self.chain.iter().flat_map(|chain| headers.get_all(chain)) {
                    let items = line.to_str().map_err(|_| Unreadable)?.split(',');
                    for item in items.map(str::trim).filter(|item| !item.is_empty()) {
                        chain.push(byte_sequence(item)?);
                    }
                }
                Ok(chain)
            }
            Format::Pem => pem(text),
            Format::Xfcc => xfcc(text),
        }
    }
}

/// [RFC 8941 §3.3.5]
fn byte_sequence(text: &str) -> Result<CertificateDer<'static>, Unreadable> {
    let base64 = text.strip_prefix(':').and_then(|text| text.strip_suffix(':')).ok_or(Unreadable)?;
    let der = STANDARD.decode(base64).map_err(|_| Unreadable)?;
    if der.is_empty() { Err(Unreadable) } else { Ok(der.into()) }
}

fn pem(text: &str) -> Result<Chain, Unreadable> {
    let text: Cow<'_, [u8]> = percent_decode_str(text).into();
    let chain: Chain = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|_| Unreadable)?;
    if chain.is_empty() { Err(Unreadable) } else { Ok(chain) }
}

/// `Hash=..;Cert="..";Chain="..";Subject=".."`. Another element, after a comma, is that of another hop.
fn xfcc(text: &str) -> Result<Chain, Unreadable> {
    let (mut certificate, mut chain) = (None, None);
    for pair in pairs(text)? {
        let (key, value) = pair.split_once('=').ok_or(Unreadable)?;
        let place = match key.trim().to_ascii_lowercase().as_str() {
            "cert" => &mut certificate,
            "chain" => &mut chain,
            _ => continue,
        };
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        if place.replace(quoted.unwrap_or(value)).is_some() {
            return Err(Unreadable);
        }
    }
    match (certificate, chain) {
        (Some(text), None) | (None, Some(text)) => pem(text),
        // The chain begins with the certificate. One that does not was put there by whoever chose a name in it.
        (Some(certificate), Some(chain)) => {
            let (certificate, chain) = (pem(certificate)?, pem(chain)?);
            if chain.first() == certificate.first() { Ok(chain) } else { Err(Unreadable) }
        }
        // The proxy says by whom it was called, and not with what: it is not set up for us.
        (None, None) => Err(Unreadable),
    }
}

/// The pairs of the one element. Within quotes, nothing separates.
fn pairs(text: &str) -> Result<Vec<&str>, Unreadable> {
    let (mut pairs, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, b) in text.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Err(Unreadable),
            b';' if !quoted => {
                pairs.extend(text.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    pairs.extend(text.get(begin..).filter(|rest| !rest.is_empty()));
    if quoted { Err(Unreadable) } else { Ok(pairs) }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn certificate() -> rcgen::Certificate {
        CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap()
    }

    fn handed_on(format: Format, lines: &[(&'static str, &str)], trusted: bool) -> Option<ClientCertificate> {
        let header = match format {
            Format::Rfc9440 => "client-cert",
            Format::Pem => "x-ssl-client-cert",
            Format::Xfcc => "x-forwarded-client-cert",
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let taken = ForwardedCertificate::new(HeaderName::from_static(header), format).take(&mut headers, trusted);
        assert!(headers.is_empty(), "nobody reads it a second time");
        taken
    }

    fn thumbprint(certificate: &rcgen::Certificate) -> String {
        ClientCertificate::new([certificate.der().clone()]).unwrap().thumbprint().to_string()
    }

    fn sequence(certificate: &rcgen::Certificate) -> String {
        format!(":{}:", STANDARD.encode(certificate.der()))
    }

    fn escaped(certificate: &rcgen::Certificate) -> String {
        percent_encoding::utf8_percent_encode(&certificate.pem(), percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    #[test]
    fn rfc9440_2_the_certificate_and_its_chain_have_a_header_each() {
        let (own, issuer) = (certificate(), certificate());
        let (value, chain) = (sequence(&own), format!("{}, {}", sequence(&issuer), sequence(&issuer)));
        for lines in [&[("client-cert", value.as_str())][..], &[("client-cert", &value), ("client-cert-chain", &chain)]]
        {
            let taken = handed_on(Format::Rfc9440, lines, true).expect("a certificate");
            assert_eq!(taken.thumbprint().to_string(), thumbprint(&own));
            // Everybody else has written it.
            assert!(handed_on(Format::Rfc9440, lines, false).is_none());
        }
        for bad in
            [value.trim_matches(':'), "::", ":!:", ":AAAA", &format!("{value};a=1"), &format!("{value}, {value}")]
        {
            assert!(handed_on(Format::Rfc9440, &[("client-cert", bad)], true).is_none(), "{bad}");
        }
        let twice = [("client-cert", value.as_str()), ("client-cert", value.as_str())];
        assert!(handed_on(Format::Rfc9440, &twice, true).is_none(), "one of them is the client's own");
        let alone = [("client-cert-chain", chain.as_str())];
        assert!(handed_on(Format::Rfc9440, &alone, true).is_none());
        let broken = [("client-cert", value.as_str()), ("client-cert-chain", "x")];
        assert!(handed_on(Format::Rfc9440, &broken, true).is_none());
        assert!(handed_on(Format::Rfc9440, &[], true).is_none());
    }

    #[test]
    fn nginx_hands_on_pem() {
        let own = certificate();
        let header = "x-ssl-client-cert";
        // As AWS does it: what base64 needs is not encoded.
        let bare = own.pem().replace('\n', "%0A").replace(' ', "%20");
        for value in [escaped(&own), bare] {
            let taken = handed_on(Format::Pem, &[(header, &value)], true).expect("a certificate");
            assert_eq!(taken.thumbprint().to_string(), thumbprint(&own));
            assert!(handed_on(Format::Pem, &[(header, &value)], false).is_none());
        }
        for bad in ["", "x", "%", "-----BEGIN%20CERTIFICATE-----%0A!%0A-----END%20CERTIFICATE-----", &sequence(&own)] {
            assert!(handed_on(Format::Pem, &[(header, bad)], true).is_none(), "{bad}");
        }
    }

    #[test]
    fn envoy_hands_on_what_one_hop_has_shown() {
        let (own, other) = (certificate(), certificate());
        let header = "x-forwarded-client-cert";
        let (text, chain) = (escaped(&own), escaped(&own) + &escaped(&other));
        for value in [
            format!("Hash=00;Cert=\"{text}\";Subject=\"CN=a\\\",;Cert=x\""),
            format!("By=spiffe://x;cert={text}"),
            format!("Chain=\"{chain}\";Cert=\"{text}\";"),
        ] {
            let taken = handed_on(Format::Xfcc, &[(header, &value)], true).expect("a certificate");
            assert_eq!(taken.thumbprint().to_string(), thumbprint(&own), "{value}");
            assert!(handed_on(Format::Xfcc, &[(header, &value)], false).is_none());
        }
        for bad in [
            format!("Cert=\"{text}\",Cert=\"{text}\""),
            format!("Cert=\"{text}\";Cert=\"{text}\""),
            // Put there by a name in the certificate, which the proxy writes as it is.
            format!("Cert=\"{}\";URI=x;Chain=\"{text}\"", escaped(&other)),
            format!("Cert=\"{text}"),
            "Hash=00;Subject=\"CN=a\"".to_owned(),
            text.clone(),
        ] {
            assert!(handed_on(Format::Xfcc, &[(header, &bad)], true).is_none(), "{bad}");
        }
    }
}
