//! What texts and calls may cost: how often somebody has one sent, and how many go out in a day. Letters cost nothing, and
//! are sent as seldom. Counted in the shared store, before anything is sent, so that it holds however many come at once, on
//! all nodes [security.md 5.6, case 118].

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::ladder::DAY;
use crate::domain::otp::{Channel, OtpDevice, RESEND_AFTER, Sent};
use crate::domain::otp_ranges::{RangeTally, WINDOW};
use crate::entropy::Entropy;
use crate::metrics::Limit;
use crate::protocol::id::UserId;
use crate::store::ephemeral::{Attempts, Shelf, StoreError};
use crate::store::sql::ledger::Ledger;
use crate::usecase::addresses::Addresses;
use crate::usecase::check_password::network;
use crate::usecase::limit::{Most, limit};

/// As what texts of a day are counted, whatever they say.
pub const SMS_A_DAY: &str = "sms, day";

const HOUR: Duration = Duration::from_secs(3600);

pub struct SpendTexts {
    pub attempts: Attempts,
    pub ranges: Shelf<RangeTally>,
    /// An hour, from one network.
    pub per_network: u32,
    pub sms_per_day: u32,
    pub calls_per_day: u32,
    pub ledger: Ledger,
    pub entropy: Arc<Entropy>,
}

/// Whether somebody may have another one sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    Yes,
    /// One went there less than [`RESEND_AFTER`] ago.
    Soon,
    No,
}

impl SpendTexts {
    /// Whether somebody may have another one sent there. From one network, letters are counted by themselves: whoever gets
    /// no more texts may have one.
    pub(super) async fn may_ask(&self, device: &OtpDevice, from: IpAddr) -> Result<May, StoreError> {
        let (there, from) = (format!("{} {}", device.channel, device.counted()), network(from).to_string());
        let by_network = match device.channel {
            Channel::Email => "otp, network, mail",
            Channel::Sms | Channel::Voice => "otp, network",
        };
        let moment = Most { what: "otp, number", times: 1, window: RESEND_AFTER, limit: Limit::Otps };
        let hour = Most { what: by_network, times: self.per_network, window: HOUR, limit: Limit::Otps };
        for (most, who, over) in [(moment, there, May::Soon), (hour, from, May::No)] {
            if limit(&self.attempts, most, who.as_bytes()).await?.is_some() {
                return Ok(over);
            }
        }
        Ok(May::Yes)
    }

    /// Whether another one is paid for: to this range of numbers, and on this day.
    pub(super) async fn spend(&self, device: &OtpDevice, now: Timestamp) -> Result<bool, StoreError> {
        let Some(number) = device.number() else { return Ok(false) };
        let range = (device.channel, number);
        if !self.ranges.upsert(&range, WINDOW, |tally| tally.send(now)).await? {
            self.refused(device, now, "too few of the codes to this range of numbers come back").await;
            return Ok(false);
        }
        let (what, times) = match device.channel {
            Channel::Email => return Ok(true),
            Channel::Sms => (SMS_A_DAY, self.sms_per_day),
            Channel::Voice => ("calls, day", self.calls_per_day),
        };
        let most = Most { what, times, window: DAY, limit: Limit::Otps };
        if limit(&self.attempts, most, &[]).await?.is_some() {
            self.refused(device, now, "as many were sent as may be in a day").await;
            return Ok(false);
        }
        Ok(true)
    }

    /// A code has come back: the numbers around are those of people.
    pub(super) async fn came_back(&self, devices: &Addresses, user: UserId, sent: &Sent) {
        match devices.find(user, sent.selected).await {
            Ok(Some(device)) => self.came_back_from(&device).await,
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "that a code has come back is not counted"),
        }
    }

    /// The same of a place that is none of the person's yet.
    pub(super) async fn came_back_from(&self, device: &OtpDevice) {
        let Some(number) = device.number() else { return };
        let counted = self.ranges.upsert(&(device.channel, number), WINDOW, |tally| (tally.verified(), ())).await;
        if let Err(error) = counted {
            tracing::warn!(%error, "that a code has come back is not counted");
        }
    }

    async fn refused(&self, device: &OtpDevice, now: Timestamp, why: &'static str) {
        tracing::warn!(user.id = %device.user, channel = %device.channel, why, "a code is not sent");
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::OtpSent);
        self.ledger.audit(event.user(device.user).device(device.id).refused(why)).await;
    }
}
