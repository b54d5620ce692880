//! `/account/devices`: what somebody confirms with that it is them, to be named, removed, added.

use std::time::Duration;

use poem::http::Method;
use poem::{Request, RequestBody, Response};

use super::account::{CONFIRM_DEVICES, PASSKEYS};
use super::applications::APPLICATIONS;
use super::devices::name;
use super::trouble::Trouble;
use super::{Provider, Visit};
use crate::domain::device::{Device, Installation, Status};
use crate::domain::otp::{Channel, OtpDevice};
use crate::domain::totp::TotpDevice;
use crate::protocol::id::{DeviceId, PairingKey, PairingKeyId};
use crate::protocol::parameters::Parameters;
use crate::protocol::public_id::{self, Kind};
use crate::secret::Secret;
use crate::usecase;
use crate::usecase::account::devices::{Came, Owned};
use crate::usecase::account::passkeys::{Outcome, Signed};
use crate::usecase::sign_in::Browser;
use crate::web::sign_in::account::{devices, new_phone};
use crate::words::Foreign;

/// Below the issuer.
pub(super) const DEVICES: &str = "/account/devices";

impl Provider {
    pub(super) async fn own_devices(
        &self,
        signed: &Signed,
        (request, body): (&Request, &mut RequestBody),
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let form = match *request.method() {
            Method::GET | Method::HEAD => return self.owned(signed, None, browser, visit).await,
            _ => self.pressed((request, body), browser).await?,
        };
        let own = &self.account.devices;
        let id = form.get("device").and_then(|id| public_id::decode(Kind::Device, id)).map(DeviceId::new);
        let outcome = match (form.get("action"), id) {
            (Some("cancel"), _) => return Ok(self.to(DEVICES)),
            (Some("came"), _) => return self.came(signed, &form, browser, visit).await,
            (Some("add"), _) => match own.add(signed).await.map_err(usecase::Error::from)? {
                Ok(made) => {
                    let link = own.link(&made.key).map_err(usecase::Error::from)?;
                    return Ok(self.key_shown((made.id, &made.key, &link), (made.left, false), browser, visit));
                }
                Err(outcome) => Ok(outcome),
            },
            (Some("forget"), _) => own.forget_browsers(signed.user.id).await,
            (Some("rename"), Some(id)) => own.rename(signed, id, form.get("name").unwrap_or_default()).await,
            (Some("primary"), Some(id)) => own.make_primary(signed, id).await,
            (Some("remove"), Some(id)) => own.remove(signed, id, visit.locale.tag()).await,
            (_, _) => Ok(Outcome::Unknown),
        };
        let problem = match outcome.map_err(usecase::Error::from)? {
            Outcome::Done => return Ok(self.to(DEVICES)),
            Outcome::ConfirmFirst => return Ok(self.to(CONFIRM_DEVICES)),
            Outcome::TooMany => devices::Problem::TooMany,
            Outcome::BadName => devices::Problem::BadName,
            Outcome::Unproved | Outcome::Unknown => devices::Problem::Gone,
        };
        self.owned(signed, Some(problem), browser, visit).await
    }

    /// Somebody looks whether a phone has come with the key that they were shown.
    async fn came(
        &self,
        signed: &Signed,
        form: &Parameters,
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let id = form.get("key").and_then(|id| public_id::decode(Kind::PairingKey, id)).map(PairingKeyId::new);
        let came = match id {
            Some(id) => self.account.devices.came(signed.user.id, id).await.map_err(usecase::Error::from)?,
            None => Came::Never,
        };
        match (came, id) {
            (Came::Yes, _) => return Ok(self.to(DEVICES)),
            (Came::NotYet(left), Some(id)) => {
                let key = PairingKey::presented(form.get("code").unwrap_or_default());
                // Only whoever was shown it can be shown it again: we do not have it any more.
                if let Ok(link) = self.account.devices.link(&key) {
                    return Ok(self.key_shown((id, &key, &link), (left, true), browser, visit));
                }
            }
            (Came::NotYet(_) | Came::Never, _) => {}
        }
        self.owned(signed, Some(devices::Problem::Over), browser, visit).await
    }

    fn key_shown(
        &self,
        (id, key, link): (PairingKeyId, &PairingKey, &Secret<String>),
        (left, not_yet): (Duration, bool),
        browser: &Browser,
        visit: &Visit,
    ) -> Response {
        let mut form = self.own_form(DEVICES, None, browser);
        form.expires_in = Some(left);
        form.hidden.push(("key".to_owned(), public_id::encode(Kind::PairingKey, id.uuid())));
        form.hidden.push(("code".to_owned(), key.expose().clone()));
        let view = new_phone::View { form, code: grouped(key), link: link.expose().clone(), not_yet };
        new_phone::render(&view, &self.around(visit, None))
    }

    async fn owned(
        &self,
        signed: &Signed,
        problem: Option<devices::Problem>,
        browser: &Browser,
        visit: &Visit,
    ) -> Result<Response, Trouble> {
        let Owned { phones, addresses, totps, browsers } =
            self.account.devices.of(signed.user.id).await.map_err(usecase::Error::from)?;
        let view = devices::View {
            form: self.own_form(DEVICES, None, browser),
            user: Foreign::name(&signed.user.username),
            phones: phones.iter().map(|(device, installation)| phone(device, installation)).collect(),
            others: addresses.iter().map(address).chain(totps.iter().map(app)).collect(),
            browsers,
            problem,
            passkeys: format!("{}{PASSKEYS}", self.site.base),
            applications: format!("{}{APPLICATIONS}", self.site.base),
        };
        let here = format!("{}{DEVICES}", self.site.base);
        Ok(devices::render(&view, &self.around(visit, Some(&here))))
    }
}

fn phone(device: &Device, installation: &Installation) -> devices::Phone {
    let about = &installation.about;
    let said: Vec<String> = about.model.clone().into_iter().chain(about.os()).collect();
    devices::Phone {
        id: public_id::encode(Kind::Device, device.id.uuid()),
        name: name(device, about),
        about: Foreign::name(&said.join(", ")),
        added_at: device.paired_at.to_string(),
        primary: device.is_primary(),
        blocked: device.status == Status::Blocked,
        pushed: installation.pushed_by.is_some(),
    }
}

fn address(own: &OtpDevice) -> devices::Other {
    devices::Other {
        id: public_id::encode(Kind::Device, own.id.uuid()),
        source: match own.channel {
            Channel::Email => devices::Source::Mail(own.masked()),
            Channel::Sms => devices::Source::Sms(own.ending()),
            Channel::Voice => devices::Source::Voice(own.ending()),
        },
        name: own.nickname.as_deref().map(Foreign::name),
        added_at: own.created_at.to_string(),
        last_used_at: None,
    }
}

fn app(own: &TotpDevice) -> devices::Other {
    devices::Other {
        id: public_id::encode(Kind::Device, own.id.uuid()),
        source: devices::Source::App,
        name: own.nickname.as_deref().map(Foreign::name),
        added_at: own.created_at.to_string(),
        last_used_at: own.last_used_at().map(|at| at.to_string()),
    }
}

/// In groups, which are read more easily.
fn grouped(key: &PairingKey) -> String {
    let digits: Vec<char> = key.expose().chars().collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
