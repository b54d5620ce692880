//! What the stories of signing in need: a client with an app of its own, and rules for the second factor of its people.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::domain::audit::{Action, Event};
use crate::domain::client::{
    AccessTokenFormat, Authentication, Client, GrantType, Logout, Pages, Requests, Secrets, SignIn, StoredSecret,
};
use crate::domain::mfa_policy::{
    AdditionalDevices, DeviceSelection, ExtraVerification, Fido2Method, IntegrityDetection, Matching, MfaPolicy,
    MobileMethod, Notification, Permitted, PushLimit, RememberMe, Unanswered, Without, let_in_for, push_timeout,
    silent_timeout,
};
use crate::domain::native_application::NativeApplication;
use crate::domain::otp::{Channel, OtpDevice, OtpMethod};
use crate::domain::policy::{Branch, SignOnPolicy, Source, Step};
use crate::domain::totp::TotpMethod;
use crate::protocol::algorithm::Algorithm;
use crate::protocol::authorization_request::ResponseType;
use crate::protocol::id::{ClientId, DeviceId, MfaPolicyId, NativeApplicationId, PolicyId, StepId};
use crate::protocol::redirect_uri::RedirectUri;
use crate::protocol::scope::Scope;
use crate::secret::Digest;
use crate::store::ephemeral::StoreError;
use crate::store::sql::Database;
use crate::store::sql::clients::Clients;
use crate::store::sql::directory::Directory;
use crate::store::sql::otp_devices::{Added, OtpDevices};
use crate::store::sql::sign_on::{MfaPolicies, NativeApplications, Policies};
use crate::usecase::dev::Dev;

/// The client, its native application, its MFA policy and its sign-on policy are all called so.
pub const APP: &str = "shop-app";
/// Published: it opens nothing but dev mode.
pub const APP_SECRET: &str = "shop-app-secret";
/// As which the app tells of itself.
pub const PACKAGE: &str = "com.example.shop";
pub const CALLBACK: &str = "http://127.0.0.1/callback";
/// One that is kept free for stories: nobody has it.
const NUMBER: &str = "+447700900123";
/// As many places for codes as somebody may have beside it.
const MOST: u32 = 20;

/// Where it is kept.
pub struct Stories {
    clients: Clients,
    native: NativeApplications,
    mfa_policies: MfaPolicies,
    policies: Policies,
    otp_devices: OtpDevices,
}

impl Stories {
    pub fn new(database: &Database, directory: &Arc<Directory>) -> Self {
        Self {
            clients: Clients::new(database.clone(), Arc::clone(directory)),
            native: NativeApplications::new(database.clone(), Arc::clone(directory)),
            mfa_policies: MfaPolicies::new(database.clone(), Arc::clone(directory)),
            policies: Policies::new(database.clone(), Arc::clone(directory)),
            otp_devices: OtpDevices::new(database.clone()),
        }
    }
}

impl Dev {
    /// The client, the app and their rules, unless they are there. They stay, and are nobody else's rules.
    pub async fn have_app(&self) -> Result<(), StoreError> {
        const BROKEN: StoreError = StoreError::Corrupt("what dev mode seeds");
        let now = self.clock.now();
        let event = |action| Event::new(self.entropy.ordered_uuid(now), now, action);
        let (client, policy) = (client(now).ok_or(BROKEN)?, policy(now).ok_or(BROKEN)?);
        let policy_id = policy.id.clone();
        // Each names the one before it; the client, which comes first, names the last one at the end.
        self.stories.clients.create(&client, &event(Action::ClientCreated).client(&client.id)).await?;
        let native = native_application(now).ok_or(BROKEN)?;
        self.stories.native.create(&native, &event(Action::NativeApplicationCreated).of(APP)).await?;
        let mfa = mfa_policy(now).ok_or(BROKEN)?;
        self.stories.mfa_policies.create(&mfa, &event(Action::MfaPolicyCreated).of(APP)).await?;
        self.stories.policies.create(&policy, &event(Action::PolicyCreated).of(APP)).await?;
        let is_whole = |client: &Client| client.sign_in.as_ref().is_some_and(|sign_in| sign_in.policy.is_some());
        if self.directory.client(&client.id).await?.is_some_and(|client| !is_whole(&client)) {
            let whole = |client: Client| Client {
                sign_in: client.sign_in.map(|sign_in| SignIn { policy: Some(policy_id), ..sign_in }),
                ..client
            };
            self.stories
                .clients
                .update(&client.id, &event(Action::ClientUpdated).client(&client.id), now, whole)
                .await?;
        }
        Ok(())
    }

    /// Gives somebody a number where codes arrive by SMS. `None`: there is no such person, or they have it already.
    pub async fn give_number(&self, username: &str) -> Result<Option<DeviceId>, StoreError> {
        let Some(user) = self.directory.user_by_username(username).await? else { return Ok(None) };
        let now = self.clock.now();
        let id = DeviceId::new(self.entropy.ordered_uuid(now));
        let target = NUMBER.to_owned();
        let device = OtpDevice { id, user: user.id, channel: Channel::Sms, target, nickname: None, created_at: now };
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::OtpDeviceAdded).user(user.id);
        let added = self.stories.otp_devices.add(&device, MOST, &event).await?;
        Ok((added == Added::Yes).then_some(id))
    }

    /// And takes it back.
    pub async fn take_number(&self, username: &str, id: DeviceId) -> Result<(), StoreError> {
        let Some(user) = self.directory.user_by_username(username).await? else { return Ok(()) };
        let now = self.clock.now();
        let event = Event::new(self.entropy.ordered_uuid(now), now, Action::OtpDeviceRemoved).user(user.id);
        self.stories.otp_devices.delete(user.id, id, &event).await.map(drop)
    }
}

fn client(now: Timestamp) -> Option<Client> {
    Some(Client {
        id: ClientId::parse(APP)?,
        name: "Demo Shop’s app".to_owned(),
        pages: Pages::default(),
        disabled: false,
        authentication: Authentication::ClientSecretBasic(Secrets(vec![StoredSecret {
            digest: Digest::of(APP_SECRET.as_bytes()),
            expires_at: None,
        }])),
        grants: [GrantType::AuthorizationCode].into(),
        scope: Scope::parse("openid profile")?,
        id_token_signed_response_alg: Algorithm::ES256,
        access_token_format: AccessTokenFormat::Jwt,
        resources: Vec::new(),
        protected_resources: Vec::new(),
        userinfo_signed_response_alg: None,
        introspection_signed_response_alg: None,
        dpop_bound_access_tokens: false,
        tls_client_certificate_bound_access_tokens: false,
        backchannel: None,
        sign_in: Some(SignIn {
            redirect_uris: vec![RedirectUri::parse(CALLBACK).ok()?],
            post_logout_redirect_uris: Vec::new(),
            response_types: vec![ResponseType::Code],
            redirectless: true,
            cookieless: true,
            policy: None,
            implied_consent: true,
            require_pkce: false,
            logout: Logout::default(),
            requests: Requests::default(),
            authorization_signed_response_alg: None,
            authorization_encrypted_response: None,
        }),
        registered: None,
        token_exchange: None,
        may_act: None,
        pairwise: None,
        security_profile: None,
        created_at: now,
    })
}

fn native_application(now: Timestamp) -> Option<NativeApplication> {
    Some(NativeApplication {
        id: NativeApplicationId::parse(APP)?,
        name: "Demo Shop".to_owned(),
        client: ClientId::parse(APP)?,
        package_name: Some(PACKAGE.to_owned()),
        bundle_id: None,
        uri_prefix: None,
        automatic_unpairing: false,
        min_sdk_version: None,
        created_at: now,
    })
}

/// Whoever has no device gets in without, and is offered the app as one; whoever has one is asked, or sent a code.
fn mfa_policy(now: Timestamp) -> Option<MfaPolicy> {
    Some(MfaPolicy {
        id: MfaPolicyId::parse(APP)?,
        name: "Stories of dev mode".to_owned(),
        no_devices_mode: Without::Bypass,
        incompatible_devices_mode: Without::Block,
        device_selection: DeviceSelection::DefaultToFirst,
        number_matching: Matching::Off,
        push_timeout: push_timeout(),
        // Stories are told again and again.
        push_limit: PushLimit { count: *PushLimit::COUNT.end(), time_period: 60, lock_duration: 60 },
        email: OtpMethod::default(),
        sms: OtpMethod { enabled: true, ..OtpMethod::default() },
        voice: OtpMethod::default(),
        totp: TotpMethod::default(),
        mobile_otp: TotpMethod::default(),
        fido2: Fido2Method::default(),
        remember_me: RememberMe::default(),
        mobile: MobileMethod::default(),
        additional_trusted_devices: AdditionalDevices::default(),
        let_in_for: let_in_for(),
        new_device_notification: Notification::default(),
        applications: vec![Permitted {
            application: NativeApplicationId::parse(APP)?,
            auto_enrollment: true,
            device_authorization: true,
            push: true,
            extra_verification: ExtraVerification::default(),
            extra_verification_timeout: silent_timeout(),
            extra_verification_fallback: Unanswered::default(),
            integrity_detection: IntegrityDetection::default(),
            pairing_key_lifetime: None,
        }],
        created_at: now,
    })
}

fn policy(now: Timestamp) -> Option<SignOnPolicy> {
    let step = |name: &str, source, mfa_policy, success| {
        Some(Branch::Step(Box::new(Step {
            id: StepId::parse(name)?,
            source,
            alternatives: Vec::new(),
            enrol: false,
            mfa_policy,
            when: Vec::new(),
            success,
            failure: Branch::Fail,
        })))
    };
    let second = step("device", Source::Mfa, Some(MfaPolicyId::parse(APP)?), Branch::Done)?;
    Some(SignOnPolicy {
        id: PolicyId::parse(APP)?,
        name: "Stories of dev mode".to_owned(),
        application: None,
        root: step("password", Source::Password, None, second)?,
        created_at: now,
    })
}
