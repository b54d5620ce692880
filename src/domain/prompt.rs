//! What a person is shown for a question. The same text is hashed by the device that signs and by
//! us who verify, so it is made here and nowhere else.

use nod_device::{ClientContext, ContextHash, NewDevice, NotificationId, Shown};

use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::client::Client;
use crate::domain::mobile_app::Newcomer;
use crate::protocol::notification::Said;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub title: String,
    pub body: String,
    pub context: ClientContext,
    /// What wants to be a device of theirs.
    pub new_device: Option<NewDevice>,
    notification: NotificationId,
}

impl Prompt {
    pub fn new(request: &AuthenticationRequest, client: &Client) -> Self {
        let (said, newcomer) = (request.said(), request.newcomer());
        let body = match (&request.binding_message, said, newcomer) {
            (Some(message), ..) => message.as_str(),
            (None, Some(said), _) => said.message(),
            (None, None, Some(_)) => "Somebody signs in as you with a device that is none of yours. Is it you?",
            (None, None, None) => "Approve only if you started this yourself.",
        };
        Self {
            title: match (said.and_then(Said::title), newcomer) {
                (Some(title), _) => title.to_owned(),
                (None, Some(_)) => format!("A new device for {}", client.name),
                (None, None) => format!("{} asks for your approval", client.name),
            },
            body: body.to_owned(),
            context: ClientContext {
                client_id: client.id.to_string(),
                client_name: client.name.clone(),
                binding_message: request.binding_message.as_ref().map(|message| message.as_str().to_owned()),
                scope: request.scope.to_string(),
                acr: Some(request.acr.as_str().to_owned()),
            },
            new_device: newcomer.map(new_device),
            notification: NotificationId::new(request.notification.uuid()),
        }
    }

    /// What a decision names, and the text that it is the hash of.
    pub fn hashed(&self) -> (ContextHash, String) {
        self.shown().hashed()
    }

    fn shown(&self) -> Shown<'_> {
        Shown {
            title: &self.title,
            body: &self.body,
            client_context: &self.context,
            new_device: self.new_device.as_ref(),
            notification_id: self.notification,
        }
    }
}

/// What an app says of itself.
fn new_device(Newcomer { app, .. }: &Newcomer) -> NewDevice {
    NewDevice { model: app.about.model.clone(), os: app.about.os(), application: app.about.application.clone() }
}
