//! Letters by SMTP [RFC 5321]: to one server of the operator's, which carries them on. Plain text first,
//! HTML beside it. The connection is encrypted before anything is said, unless the server is on this machine.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::{Mailbox, MultiPart, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::time::timeout;

use super::courier::{Courier, Letter, Undelivered};
use crate::secret::Secret;

/// For one letter, from the connection to the answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// For one line of the server.
const LINE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<(String, Secret<String>)>,
    /// `Example <no-reply@example.com>`.
    pub from: String,
    /// Certificate authorities in PEM, trusted besides the usual ones.
    pub extra_trust_anchors: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// The connection begins in the clear and is encrypted before anything is said [RFC 3207]; a server that
    /// cannot is told nothing.
    StartTls,
    /// Encrypted from its first byte [RFC 8314 §3.3].
    Tls,
    /// Not at all.
    Nothing,
}

/// Why there is no courier.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    #[error("mail.from is no mail address")]
    From,
    #[error("TLS for mail cannot be set up: {0}")]
    Tls(String),
}

/// Why no letter would be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It may be there again in a moment.
    Unreachable(String),
    /// Somebody has to mend that.
    Wrong(String),
}

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    pub fn new(settings: &SmtpSettings) -> Result<Self, SmtpError> {
        let from: Mailbox = settings.from.parse().map_err(|_| SmtpError::From)?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .timeout(Some(LINE))
            // What this machine is called is nobody's business; some servers look whether the name exists.
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .tls(tls(settings)?);
        let builder = match &settings.login {
            Some((name, password)) => builder.credentials(Credentials::new(name.clone(), password.expose().clone())),
            None => builder,
        };
        Ok(Self { transport: builder.build(), from })
    }

    /// Connects, encrypts and logs in as for a letter, and sends none.
    pub async fn look(&self) -> Result<(), Unfit> {
        match timeout(PATIENCE, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Unfit::Unreachable("the connection ended".to_owned())),
            Ok(Err(error)) => Err(unfit(&error)),
            Err(_) => Err(Unfit::Unreachable("no answer in time".to_owned())),
        }
    }

    fn message(&self, letter: &Letter) -> Option<Message> {
        let to = letter.to.parse().ok()?;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject.replace(char::is_control, " "))
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            // [RFC 3834 §5] nobody's absence note is of use to us.
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
            .ok()
    }
}

fn tls(settings: &SmtpSettings) -> Result<Tls, SmtpError> {
    let parameters = || {
        let told = |error: lettre::transport::smtp::Error| SmtpError::Tls(error.to_string());
        let mut builder = TlsParameters::builder(settings.host.clone());
        if !settings.extra_trust_anchors.is_empty() {
            builder = builder.add_root_certificate(Certificate::from_pem(&settings.extra_trust_anchors).map_err(told)?);
        }
        builder.build().map_err(told)
    };
    Ok(match settings.security {
        Security::StartTls => Tls::Required(parameters()?),
        Security::Tls => Tls::Wrapper(parameters()?),
        Security::Nothing => Tls::None,
    })
}

#[async_trait]
impl Courier for Smtp {
    async fn deliver(&self, letter: &Letter) -> Result<(), Undelivered> {
        let message = self.message(letter).ok_or_else(|| Undelivered::Never("no mail address".to_owned()))?;
        match timeout(PATIENCE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            // Its words may have the address in them.
            Ok(Err(error)) if error.is_permanent() && !is_about_us(&error) => {
                Err(Undelivered::Never(format!("the mail server refused it ({})", said(&error))))
            }
            Ok(Err(error)) if is_about_the_letter(&error) => Err(Undelivered::NotThis(said(&error))),
            Ok(Err(error)) => Err(Undelivered::NotNow(said(&error))),
            Err(_) => Err(Undelivered::NotNow("no answer in time".to_owned())),
        }
    }
}

/// [RFC 4954 §6] the server does not let us send anything. It may, once the operator has mended that.
fn is_about_us(error: &lettre::transport::smtp::Error) -> bool {
    has_status(error, &["530", "534", "535", "538"])
}

/// [RFC 5321 §4.2.3] a mailbox that is busy, or somebody who wants to be asked twice. Others may be taken meanwhile.
fn is_about_the_letter(error: &lettre::transport::smtp::Error) -> bool {
    has_status(error, &["450", "451", "452"])
}

fn has_status(error: &lettre::transport::smtp::Error, these: &[&str]) -> bool {
    error.status().is_some_and(|code| these.contains(&code.to_string().as_str()))
}

fn unfit(error: &lettre::transport::smtp::Error) -> Unfit {
    if is_about_us(error) {
        return Unfit::Wrong(format!("our name and password are refused ({})", said(error)));
    }
    match tls_failure(error) {
        Some(failure) => Unfit::Wrong(format!("TLS failed: {failure}")),
        None if error.is_permanent() || error.is_client() || error.is_response() => Unfit::Wrong(said(error)),
        None => Unfit::Unreachable(said(error)),
    }
}

/// What is wrong with the certificate, or with what the server speaks.
fn tls_failure(error: &lettre::transport::smtp::Error) -> Option<rustls::Error> {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn std::error::Error + 'static)| (**cause).source());
    let mut io = causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.find_map(|io| io.get_ref()?.downcast_ref::<rustls::Error>()).cloned()
}

/// The kind of a failure, and the number that the server gave.
fn said(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("status {code}"),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None if error.is_tls() || tls_failure(error).is_some() => "TLS failed".to_owned(),
        None if error.is_response() => "an answer that is none".to_owned(),
        None if error.is_client() => "the server cannot do what is needed".to_owned(),
        None => "the connection failed".to_owned(),
    }
}

/// [RFC 3834 §5]
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
