//! Who carries texts and calls of `nod serve`, as its configuration says.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::app::{Texts, TextsBy};
use crate::cli::exit::Exit;
use crate::clock::{Clock, SystemClock};
use crate::config::{Loaded, TextSender};
use crate::outbound::breaker::Spared;
use crate::outbound::courier::{Courier, Text};
use crate::outbound::egress::Egress;
use crate::outbound::text_webhook::TextWebhook;
use crate::outbound::twilio::Twilio;
use crate::outbound::webhook::PREFIX;
use crate::protocol::phone_number::{Country, Reach};
use crate::secret::Secret;

/// For one message: a provider takes its time, and somebody waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where Twilio is, unless somebody says otherwise.
const TWILIO: &str = "https://api.twilio.com";

/// One of the two sections, which are alike.
struct Section<'a> {
    name: &'static str,
    sender: Option<TextSender>,
    url: Option<&'a str>,
    account: Option<&'a str>,
    secret: Option<&'a Secret<String>>,
    from: Option<&'a str>,
    countries: &'a [Country],
    per_day: u32,
}

/// Texts first.
pub(super) fn texts(loaded: &Loaded, egress: &Egress) -> Result<[Texts; 2], Exit> {
    let (sms, voice) = (&loaded.config.sms, &loaded.config.voice);
    let sms = Section {
        name: "sms",
        sender: sms.sender,
        url: sms.url.as_deref(),
        account: sms.account.as_deref(),
        secret: loaded.secrets.sms_secret.as_ref(),
        from: sms.from.as_deref(),
        countries: &sms.countries,
        per_day: sms.per_day,
    };
    let voice = Section {
        name: "voice",
        sender: voice.sender,
        url: voice.url.as_deref(),
        account: voice.account.as_deref(),
        secret: loaded.secrets.voice_secret.as_ref(),
        from: voice.from.as_deref(),
        countries: &voice.countries,
        per_day: voice.per_day,
    };
    Ok([sms.texts(egress)?, voice.texts(egress)?])
}

impl Section<'_> {
    fn texts(&self, egress: &Egress) -> Result<Texts, Exit> {
        let (Some(sender), Some(secret)) = (self.sender, self.secret) else { return Ok(Texts::default()) };
        let by = match sender {
            TextSender::Webhook => self.webhook(secret, egress)?,
            TextSender::Twilio => self.twilio(secret, egress)?,
        };
        let reach = Reach::Within(self.countries.to_vec());
        Ok(Texts { by: TextsBy::By(by), reach, per_day: self.per_day })
    }

    fn url(&self, usual: &str) -> Result<Url, Exit> {
        let text = self.url.unwrap_or(usual);
        Url::parse(text).map_err(|error| Exit::config(format!("{}.url: {error}", self.name)))
    }

    fn webhook(&self, secret: &Secret<String>, egress: &Egress) -> Result<Arc<dyn Courier<Text>>, Exit> {
        let bytes = secret.expose().strip_prefix(PREFIX).and_then(|secret| STANDARD.decode(secret).ok());
        // [Standard Webhooks] 24 to 64 bytes.
        let bytes = bytes.filter(|bytes| (24..=64).contains(&bytes.len())).ok_or_else(|| {
            Exit::config(format!("{}.secret is not {PREFIX} and 24 to 64 bytes as base64", self.name))
        })?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let webhook = TextWebhook {
            egress: egress.clone(),
            url: self.url("")?,
            secret: Secret::new(bytes),
            from: self.from.map(str::to_owned),
            patience: PATIENCE,
            clock: Arc::clone(&clock),
        };
        Ok(Arc::new(Spared::new(webhook, clock)))
    }

    fn twilio(&self, secret: &Secret<String>, egress: &Egress) -> Result<Arc<dyn Courier<Text>>, Exit> {
        let twilio = Twilio {
            egress: egress.clone(),
            url: self.url(TWILIO)?,
            account: self.account.unwrap_or_default().to_owned(),
            token: secret.clone(),
            from: self.from.unwrap_or_default().to_owned(),
            patience: PATIENCE,
        };
        Ok(Arc::new(Spared::new(twilio, Arc::new(SystemClock))))
    }
}
