//! When certificates end, in a file and on the wire.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nod_device::Issuer;
use rustls::ClientConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;
use webpki::{EndEntityCert, KeyUsage};

use super::{Findings, State};
use crate::clock::{Clock as _, SystemClock, Timestamp};

/// Whoever renews by hand wants to know now; whoever renews by machine has a machine that fails.
const SOON: Duration = Duration::from_secs(14 * 86_400);
const LIMIT: Duration = Duration::from_secs(5);

pub(super) fn file(file: &Path, findings: &mut Findings) {
    let read = std::fs::read(file).map_err(|error| error.to_string());
    let parsed = read.and_then(|pem| {
        CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())
    });
    match parsed {
        Ok(chain) => tell("tls.cert", &chain, findings),
        Err(why) => findings.wrong("tls.cert", format!("{}: {why}", file.display())),
    }
}

pub(super) async fn live(address: &Issuer, findings: &mut Findings) {
    match tokio::time::timeout(LIMIT, chain(address)).await {
        Ok(Ok(chain)) => tell("certificate", &chain, findings),
        Ok(Err(why)) => findings.wrong("certificate", why),
        Err(_) => findings.unreachable("certificate", "no TLS handshake in time"),
    }
}

async fn chain(address: &Issuer) -> Result<Vec<CertificateDer<'static>>, String> {
    let url = Url::parse(address.as_str()).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| error.to_string())?
        .with_no_client_auth();
    let name = ServerName::try_from(host.clone()).map_err(|error| error.to_string())?;
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| error.to_string())?;
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(certificates.iter().map(|certificate| certificate.clone().into_owned()).collect())
}

fn tell(name: &'static str, chain: &[CertificateDer<'_>], findings: &mut Findings) {
    let Some(end) = chain.iter().filter_map(not_after).min() else {
        return findings.wrong(name, "no certificate that can be read");
    };
    let now = SystemClock.now();
    let state = if end <= now {
        State::Wrong
    } else if end.since(now) < SOON {
        State::Odd
    } else {
        State::Good
    };
    let days = end.since(now).as_secs() / 86_400;
    let what = if end <= now { format!("ended at {end}") } else { format!("{days} days left, until {end}") };
    findings.add(name, state, what);
}

/// Asks the library that verifies chains, at the end of time: it looks at the validity first, and says
/// when that ended.
fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let end_of_time = UnixTime::since_unix_epoch(Duration::from_secs(250_000_000_000));
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let verdict = certificate.verify_for_usage(&[], &[], &[], end_of_time, KeyUsage::server_auth(), None, None);
    match verdict {
        Err(webpki::Error::CertExpired { not_after, .. }) => {
            i64::try_from(not_after.as_secs()).ok().map(Timestamp::from_seconds)
        }
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_first_end_in_a_chain_counts() {
        let certificate = |year| {
            let mut params = CertificateParams::new(vec!["id.example.com".to_owned()]).unwrap();
            params.not_after = date_time_ymd(year, 1, 2);
            params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
        };
        assert_eq!(not_after(&certificate(2030)).unwrap().to_string(), "2030-01-02T00:00:00Z");
        let mut findings = Findings::default();
        tell("tls.cert", &[certificate(4000), certificate(2020)], &mut findings);
        tell("tls.cert", &[certificate(4000)], &mut findings);
        tell("tls.cert", &[CertificateDer::from(vec![1, 2, 3])], &mut findings);
        let states: Vec<_> = findings.0.iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Wrong, State::Good, State::Wrong], "{findings:?}");
    }
}
