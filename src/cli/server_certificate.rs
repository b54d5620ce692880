//! The certificate of `nod serve`: read at the start, and again when its files have changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::exit::Exit;
use crate::config::Config;
use crate::http::tls::ServerCertificate;
use crate::secret::sha256;

/// Between two looks at the files.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// What of them was looked at last, be it of use or not.
    seen: [u8; 32],
    pub(super) shown: Arc<ServerCertificate>,
}

impl Files {
    /// `None`: the server speaks no TLS.
    pub(super) fn read(config: &Config) -> Result<Option<Self>, Exit> {
        let (Some(certificate), Some(key)) = (&config.tls.cert, &config.tls.key) else { return Ok(None) };
        let read = |file: &PathBuf| {
            std::fs::read(file).map_err(|error| Exit::config(format!("{} cannot be read: {error}", file.display())))
        };
        let pems = (read(certificate)?, read(key)?);
        let shown = ServerCertificate::from_pem(&pems.0, &pems.1);
        let shown = shown.map_err(|error| Exit::config(format!("tls: {error}")))?;
        let (certificate, key) = (certificate.clone(), key.clone());
        Ok(Some(Self { certificate, key, seen: digest(&pems), shown }))
    }

    /// Whoever renews a certificate has nothing to restart.
    pub(super) async fn tend(mut self) {
        loop {
            tokio::time::sleep(PAUSE).await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let read = tokio::try_join!(tokio::fs::read(&self.certificate), tokio::fs::read(&self.key));
        // Files that are being replaced are there again in a moment; `nod doctor` tells of those that are gone.
        let Ok(pems) = read else { return };
        let found = digest(&pems);
        if found == self.seen {
            return;
        }
        self.seen = found;
        match self.shown.replace(&pems.0, &pems.1) {
            Ok(()) => tracing::info!("the certificate of the server was replaced"),
            // The one before goes on. Of a pair, one file is written first.
            Err(error) => tracing::warn!(%error, "the new certificate of the server cannot be used"),
        }
    }
}

/// The key is not kept a second time.
fn digest((certificate, key): &(Vec<u8>, Vec<u8>)) -> [u8; 32] {
    let both = [sha256(certificate), sha256(key)].concat();
    sha256(&both)
}
