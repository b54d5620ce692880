//! Who carries letters of `nod serve`, as its configuration says.

use std::sync::Arc;

use crate::app::Mail;
use crate::cli::exit::Exit;
use crate::clock::SystemClock;
use crate::config::{Loaded, MailSecurity};
use crate::outbound::breaker::Spared;
use crate::outbound::smtp::{Security, Smtp, SmtpSettings};

pub(super) fn mail(loaded: &Loaded, extra_trust_anchors: &[u8]) -> Result<Mail, Exit> {
    let Some(settings) = settings(loaded, extra_trust_anchors) else { return Ok(Mail::Nobody) };
    let smtp = Smtp::new(&settings).map_err(|error| Exit::config(format!("mail: {error}")))?;
    Ok(Mail::By(Arc::new(Spared::new(smtp, Arc::new(SystemClock)))))
}

/// `None`: there is no mail server.
pub(super) fn settings(loaded: &Loaded, extra_trust_anchors: &[u8]) -> Option<SmtpSettings> {
    let (mail, password) = (&loaded.config.mail, loaded.secrets.mail_password.clone());
    let (host, from) = (mail.host.clone()?, mail.from.clone()?);
    let (security, usual) = match mail.security {
        MailSecurity::StartTls => (Security::StartTls, 587),
        MailSecurity::Tls => (Security::Tls, 465),
        MailSecurity::Nothing => (Security::Nothing, 25),
    };
    Some(SmtpSettings {
        host,
        port: mail.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual),
        security,
        login: mail.username.clone().zip(password),
        from,
        extra_trust_anchors: extra_trust_anchors.to_vec(),
    })
}
