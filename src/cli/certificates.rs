//! How client certificates get to `nod serve`, as its configuration says.

use std::path::Path;
use std::sync::Arc;

use http::HeaderName;

use crate::cli::exit::Exit;
use crate::config::{CertificateFormat, Config};
use crate::http::forwarded_certificate::{Format, ForwardedCertificate};
use crate::http::server::Edge;
use crate::http::tls::{self, ServerCertificate};
use crate::protocol::client_certificate::Authorities;
use crate::usecase::certificates::Certificates;

pub(super) fn certificates(config: &Config) -> Result<Certificates, Exit> {
    let authorities = match &config.mtls.authorities {
        None => Authorities::default(),
        Some(file) => {
            let wrong = |error| Exit::config(format!("mtls.authorities: {}: {error}", file.display()));
            Authorities::from_pem(&read(file)?).map_err(wrong)?
        }
    };
    Ok(Certificates {
        arrive: config.mtls.listen.is_some() || config.proxy.certificate_header.is_some(),
        alias: config.mtls.address.clone(),
        authorities: Arc::new(authorities),
    })
}

/// What the proxies are believed besides.
pub(super) fn forwarded(config: &Config) -> Option<ForwardedCertificate> {
    let header = HeaderName::try_from(config.proxy.certificate_header.as_deref()?).ok()?;
    let format = match config.proxy.certificate_format {
        CertificateFormat::Rfc9440 => Format::Rfc9440,
        CertificateFormat::Pem => Format::Pem,
        CertificateFormat::Xfcc => Format::Xfcc,
    };
    Some(ForwardedCertificate::new(header, format))
}

/// The edge of the second port, beside that of the first one. At this one, the handshake alone counts.
pub(super) fn second_edge(shown: Option<Arc<ServerCertificate>>, first: &Edge) -> Result<Edge, Exit> {
    let shown = shown.ok_or_else(|| Exit::config("mtls.listen needs tls.cert and tls.key"))?;
    let tls = tls::asking_config(shown).map_err(|error| Exit::config(format!("tls: {error}")))?;
    Ok(Edge { tls: Some(tls), forwarded: None, ..first.clone() })
}

fn read(file: &Path) -> Result<Vec<u8>, Exit> {
    std::fs::read(file).map_err(|error| Exit::config(format!("{} cannot be read: {error}", file.display())))
}
