//! Whom we tell what happened.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::domain::pauses::Pauses;
use crate::protocol::id::{DeliveryId, WebhookId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub enabled: bool,
    pub about: About,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub url: String,
    pub description: Option<String>,
    /// Empty: all.
    pub event_types: Vec<String>,
    /// Why it is disabled, when that was not somebody's wish.
    pub disabled_because: Option<String>,
}

impl Webhook {
    /// Events about webhooks go to none: one that cannot be reached would be told so, there.
    pub fn wants(&self, action: &str) -> bool {
        let named = self.about.event_types.is_empty() || self.about.event_types.iter().any(|own| own == action);
        named && !action.starts_with("webhook.")
    }
}

/// One event on its way to one webhook, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    /// The same whenever the event is sent again: by it a receiver knows what it has seen.
    pub event: Uuid,
    pub event_type: String,
    pub body: String,
    pub state: State,
    pub attempts: u32,
    pub due_at: Timestamp,
    pub last_status: Option<u16>,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Delivered,
    /// Given up.
    Failed,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// How long after each failure the next try is made. Standard Webhooks asks for days of patience.
const PAUSES: Pauses = Pauses(&[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);

/// The pause after the `attempts`th try, a fifth longer at most: many that failed together shall not
/// come back together. `None`: that was the last one.
pub fn pause(attempts: u32, chance: u32) -> Option<Duration> {
    let pause = PAUSES.after(attempts)?;
    Some(pause + pause * (chance % JITTER) / 1000)
}

/// `chance` of [`pause`] is below this.
pub const JITTER: u32 = 201;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_and_end() {
        assert_eq!(pause(1, 0), Some(Duration::from_secs(5)));
        assert_eq!(pause(1, 200), Some(Duration::from_secs(6)));
        assert_eq!(pause(2, 0), Some(Duration::from_secs(300)));
        assert_eq!(pause(9, 0), Some(Duration::from_secs(86_400)));
        assert_eq!(pause(10, 0), None);
        assert_eq!(pause(0, 0), None);
    }

    #[test]
    fn a_webhook_is_not_told_of_webhooks() {
        let about = About { url: String::new(), description: None, event_types: vec![], disabled_because: None };
        let at = Timestamp::from_seconds(0);
        let webhook = Webhook { id: WebhookId::new(Uuid::nil()), enabled: true, about, created_at: at, updated_at: at };
        assert!(webhook.wants("request.created") && !webhook.wants("webhook.gave_up"));
        let few = Webhook {
            about: About { event_types: vec!["key.rotated".to_owned()], ..webhook.about.clone() },
            ..webhook
        };
        assert!(few.wants("key.rotated") && !few.wants("request.created"));
    }
}
