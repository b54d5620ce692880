//! What a person is shown for a question. The same text is hashed by the device that signs and by
//! us who verify, so it is made here and nowhere else.

use nod_device::{ClientContext, ContextHash, NotificationId, Shown};

use crate::domain::authentication_request::AuthenticationRequest;
use crate::domain::client::Client;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub title: String,
    pub body: String,
    pub context: ClientContext,
    notification: NotificationId,
}

impl Prompt {
    pub fn new(request: &AuthenticationRequest, client: &Client) -> Self {
        let body = match &request.binding_message {
            Some(message) => message.as_str().to_owned(),
            None => "Approve only if you started this yourself.".to_owned(),
        };
        Self {
            title: format!("{} asks for your approval", client.name),
            body,
            context: ClientContext {
                client_id: client.id.to_string(),
                client_name: client.name.clone(),
                binding_message: request.binding_message.as_ref().map(|message| message.as_str().to_owned()),
                scope: request.scope.to_string(),
                acr: Some(request.acr.as_str().to_owned()),
            },
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
            notification_id: self.notification,
        }
    }
}
