//! The stories of signing in: somebody at the shop's app, on a phone that may be their device.

use std::time::Duration;

use nod_device::{
    DeviceClient, Expectations, InstallationInfo, NotificationId, PayloadFacts, Processed, UnpairedClient,
};
use serde_json::{Value, json};

use crate::protocol::id::{DeviceId, FlowId, RequestId};
use crate::usecase::dev::stories::{APP, PACKAGE};
use crate::web::dev::scenario::At;
use crate::web::dev::shop::{Flow, Paid, Trouble};
use crate::web::dev::stage::{PATIENCE, Stage, USER};

/// Between two looks into the inbox.
const LOOK: Duration = Duration::from_millis(50);

/// What is going on at the app.
#[derive(Default)]
pub(super) struct SignIn {
    flow: Option<Flow>,
    handset: Option<Handset>,
    /// As it came, for the SDK.
    id_token: Option<String>,
    /// Where alice gets codes, for this story.
    number: Option<DeviceId>,
    /// The text that was the last one before hers.
    before: Option<Value>,
}

/// The phone that the app is on.
enum Handset {
    Strange(UnpairedClient),
    Paired(DeviceClient),
}

/// What the stage is told of a step.
pub(super) enum News {
    /// What operators call the sign-in, and what it asks on a device.
    Begun(Option<RequestId>, Option<NotificationId>),
    SignedIn(Box<Paid>),
    None,
}

impl SignIn {
    pub(super) async fn carry_out(&mut self, stage: &Stage, at: At) -> Result<News, Trouble> {
        match at {
            At::Password(person) => {
                stage.dev.have_app().await.map_err(|error| Trouble(error.to_string()))?;
                let flow = stage.shop.sign_in().await?;
                flow.is_at("USERNAME_PASSWORD_REQUIRED")?;
                // In dev mode, people's names are their passwords.
                let said = json!({ "username": person, "password": person });
                self.step(stage, flow, "checkUsernamePassword", &said, "AUTHENTICATION_REQUIRED").await
            }
            At::Asked => {
                self.number = stage.dev.give_number(USER).await.map_err(|error| Trouble(error.to_string()))?;
                self.act(stage, "authenticate", &json!({}), "PUSH_CONFIRMATION_WAITING").await
            }
            At::TimedOut => self.act(stage, "poll", &json!({}), "PUSH_CONFIRMATION_TIMED_OUT").await,
            At::ChoosesSms => {
                self.before = stage.shop.last_text().await?;
                let devices = self.flow()?.shown.get("devices").and_then(Value::as_array).cloned().unwrap_or_default();
                let sms = devices.iter().find(|device| device.get("type").is_some_and(|kind| kind == "SMS"));
                let id = sms.and_then(|device| device.get("id")).cloned().unwrap_or_default();
                self.act(stage, "selectDevice", &json!({ "deviceRef": { "id": id } }), "OTP_REQUIRED").await
            }
            At::EntersCode => {
                let otp = self.code(stage).await?;
                self.act(stage, "checkOtp", &json!({ "otp": otp }), "MFA_COMPLETED").await
            }
            At::ShowsStranger => self.shows(stage, "MOBILE_PAIRING_REQUIRED").await,
            At::ShowsTrusted => self.shows(stage, "MFA_COMPLETED").await,
            At::Tokens => {
                self.act(stage, "continueAuthentication", &json!({}), "COMPLETED").await?;
                let (paid, id_token) = stage.shop.tokens(self.flow()?).await?;
                self.id_token = Some(id_token);
                Ok(News::SignedIn(Box::new(paid)))
            }
            At::Enrols => self.enrols().await.map(|()| News::None),
        }
    }

    fn flow(&self) -> Result<&Flow, Trouble> {
        self.flow.as_ref().ok_or_else(|| Trouble("nobody signs in".to_owned()))
    }

    async fn act(&mut self, stage: &Stage, action: &str, body: &Value, status: &str) -> Result<News, Trouble> {
        let flow = self.flow()?.clone();
        self.step(stage, flow, action, body, status).await
    }

    async fn step(
        &mut self,
        stage: &Stage,
        flow: Flow,
        action: &str,
        body: &Value,
        status: &str,
    ) -> Result<News, Trouble> {
        let next = stage.shop.act(&flow, action, body).await?;
        next.is_at(status)?;
        // Without the store, only the link to the page is missing.
        let known = stage.dev.sign_in_of(&FlowId::presented(&next.id)).await.unwrap_or_default();
        self.flow = Some(next);
        let question = known.and_then(|known| known.question).map(|(_, id)| NotificationId::new(id.uuid()));
        Ok(News::Begun(known.map(|known| known.transaction), question))
    }

    /// As somebody reads it in the inbox.
    async fn code(&self, stage: &Stage) -> Result<String, Trouble> {
        let arrives = async {
            loop {
                match stage.shop.last_text().await? {
                    Some(text) if Some(&text) != self.before.as_ref() => return Ok::<Value, Trouble>(text),
                    Some(_) | None => tokio::time::sleep(LOOK).await,
                }
            }
        };
        let arrived = tokio::time::timeout(PATIENCE, arrives).await;
        let text = arrived.map_err(|_| Trouble("no code arrived".to_owned()))??;
        let says = text.get("text").and_then(Value::as_str).unwrap_or_default();
        // [origin-bound one-time codes] the last line ends with it.
        Ok(says.rsplit_once('#').map(|(_, code)| code.trim().to_owned()).unwrap_or_default())
    }

    /// The SDK on the phone says which one it is, for this sign-in.
    async fn shows(&mut self, stage: &Stage, status: &str) -> Result<News, Trouble> {
        let handset = match self.handset.take() {
            Some(handset) => handset,
            None => Handset::Strange(stage.phone.strange(&stage.issuer)?),
        };
        let facts = PayloadFacts {
            application_id: APP.to_owned(),
            platform: "android".to_owned(),
            package: PACKAGE.to_owned(),
            bound_to: Some(self.flow()?.id.clone()),
            ..PayloadFacts::default()
        };
        let payload = match &handset {
            Handset::Strange(client) => client.generate_mobile_payload(&facts).await,
            Handset::Paired(client) => client.generate_mobile_payload(&facts).await,
        };
        self.handset = Some(handset);
        let payload = payload?;
        self.act(stage, "authenticate", &json!({ "mobilePayload": payload }), status).await
    }

    /// The ID token offers the phone to the person, and the SDK has it made theirs.
    async fn enrols(&mut self) -> Result<(), Trouble> {
        let Some(Handset::Strange(client)) = &self.handset else {
            return Err(Trouble("the phone is somebody’s device".to_owned()));
        };
        let id_token = self.id_token.take().unwrap_or_default();
        let expected = Expectations { client_id: APP.to_owned(), nonce: None };
        let Processed::Offer(offer) = client.process_id_token(&id_token, &expected).await? else {
            return Err(Trouble("the phone is not offered as a device".to_owned()));
        };
        let info = InstallationInfo {
            platform: "ANDROID".to_owned(),
            name: Some("Bob's phone".to_owned()),
            ..InstallationInfo::default()
        };
        let (client, _) = offer.approve(&info, None).await?;
        self.handset = Some(Handset::Paired(client));
        Ok(())
    }

    /// Nothing of it stays: neither the device nor the number.
    pub(super) async fn tidy(self, stage: &Stage) {
        if let Some(Handset::Paired(client)) = self.handset
            && let Err(error) = client.unpair().await
        {
            tracing::warn!(%error, "the phone of a story could not be unpaired");
        }
        if let Some(number) = self.number
            && let Err(error) = stage.dev.take_number(USER, number).await
        {
            tracing::warn!(%error, "the number of a story could not be taken back");
        }
    }
}

impl From<nod_device::Error> for Trouble {
    fn from(error: nod_device::Error) -> Self {
        Self(error.to_string())
    }
}
