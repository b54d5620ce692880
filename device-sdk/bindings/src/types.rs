//! The types of `nod-device` as UniFFI has to see them. They are declared again, field by field, and exist once: a
//! difference does not compile. Some have another name there: Foundation and Android have a `Notification` each.

use nod_device::context::ClientContext;
use nod_device::id_token::Expectations;
use nod_device::messages::{
    Authenticator, Canceled, DeviceRole, DeviceStatus, EnrollmentApplication, EnrollmentUser, InstallationInfo, Me,
    MyUser, PairedUser, Pairing, PushToken,
};
use nod_device::notification::{
    CancelReason, DenyReason, Kind, NewDevice, NewDeviceChoice, Notification, NumberMatching,
};
use nod_device::passcode::{NotAPasscodeKey, PasscodeKey};
use nod_device::payload::{PayloadFacts, PushState, Signals};
use nod_device::push::{NotAProofValue, ProofValue, PushKind, PushMessage};
use nod_device::self_test::{Subject, Verdict};
use nod_device::{DeviceId, InstallationId, Issuer, NotificationId, Timestamp, UserId};

uniffi::custom_type!(DeviceId, String, { remote, try_lift: |text| Ok(text.parse()?), lower: |id| id.to_string() });
uniffi::custom_type!(InstallationId, String, { remote, try_lift: |text| Ok(text.parse()?), lower: |id| id.to_string() });
uniffi::custom_type!(NotificationId, String, { remote, try_lift: |text| Ok(text.parse()?), lower: |id| id.to_string() });
uniffi::custom_type!(UserId, String, { remote, try_lift: |text| Ok(text.parse()?), lower: |id| id.to_string() });
uniffi::custom_type!(Issuer, String, { remote, try_lift: |text| Ok(text.parse()?), lower: |issuer| issuer.to_string() });
// Bytes, which nothing prints by mistake.
uniffi::custom_type!(ProofValue, Vec<u8>, {
    remote,
    try_lift: |bytes| Ok(ProofValue::new(bytes.try_into().map_err(|_| NotAProofValue)?)),
    lower: |value| value.as_bytes().to_vec(),
});
uniffi::custom_type!(PasscodeKey, Vec<u8>, {
    remote,
    try_lift: |bytes| Ok(PasscodeKey::new(bytes.try_into().map_err(|_| NotAPasscodeKey)?)),
    lower: |key| key.as_bytes().to_vec(),
});
// Milliseconds since 1970.
uniffi::custom_type!(Timestamp, i64, { remote, try_lift: |millis| Ok(Timestamp::from_millis(millis)), lower: |at| at.millis() });

/// What the app says about itself and the phone: shown to people who manage devices, believed by nobody.
#[uniffi::remote(Record)]
pub struct InstallationInfo {
    /// For example `ANDROID`, `IOS`.
    pub platform: String,
    #[uniffi(default = None)]
    pub name: Option<String>,
    #[uniffi(default = None)]
    pub model: Option<String>,
    #[uniffi(default = None)]
    pub os_version: Option<String>,
    #[uniffi(default = None)]
    pub app_version: Option<String>,
    #[uniffi(default = None)]
    pub sdk_version: Option<String>,
    #[uniffi(default = None)]
    pub application: Option<String>,
}

/// Where a push reaches this installation.
#[uniffi::remote(Record)]
pub struct PushToken {
    /// `FCM`, `APNS`, `WEB_PUSH`.
    pub provider: String,
    /// `production` or `sandbox`.
    pub environment: String,
    pub token: String,
}

/// The push token, and whether pushes arrive at a person.
#[uniffi::remote(Record)]
pub struct PushState {
    pub token: PushToken,
    /// The person wants them, as far as the app knows.
    pub enabled: bool,
    /// The operating system lets the app show them.
    pub permitted: bool,
}

/// What the app noticed about the phone.
#[uniffi::remote(Record)]
pub struct Signals {
    /// Rooted or jailbroken.
    pub rooted: bool,
    /// A debugger is attached.
    pub debugger: bool,
    /// Something hooks into the app.
    pub hook: bool,
}

/// What the app knows and a mobile payload tells.
#[uniffi::remote(Record)]
pub struct PayloadFacts {
    /// The native application's id, as the server has registered it.
    pub application_id: String,
    /// `android`, `ios`, or another word.
    pub platform: String,
    /// Package name (Android) or bundle id (iOS).
    pub package: String,
    #[uniffi(default = None)]
    pub app_version: Option<String>,
    #[uniffi(default = None)]
    pub sdk_version: Option<String>,
    #[uniffi(default = None)]
    pub os_version: Option<String>,
    #[uniffi(default = None)]
    pub model: Option<String>,
    /// The person's language, as `de-CH`.
    #[uniffi(default = None)]
    pub locale: Option<String>,
    #[uniffi(default = None)]
    pub push: Option<PushState>,
    #[uniffi(default = None)]
    pub signals: Option<Signals>,
    /// The flow id, or the PKCE `code_challenge`, of the sign-in that the payload is for.
    #[uniffi(default = None)]
    pub bound_to: Option<String>,
}

/// Which sign-in an ID token has to be of.
#[uniffi::remote(Record)]
pub struct Expectations {
    pub client_id: String,
    /// The `nonce` of the authorization request, if it had one.
    #[uniffi(default = None)]
    pub nonce: Option<String>,
}

/// Who asks and for what: all of it is shown to the person.
#[uniffi::remote(Record)]
pub struct ClientContext {
    pub client_id: String,
    pub client_name: String,
    #[uniffi(default = None)]
    pub binding_message: Option<String>,
    pub scope: String,
    #[uniffi(default = None)]
    pub acr: Option<String>,
}

#[uniffi::remote(Enum)]
#[uniffi(name = "QuestionKind")]
pub enum Kind {
    Authentication,
    /// Another installation of the app wants to become a device of the person.
    ApproveNewDevice,
    /// From a server newer than this version: it can be denied, not approved.
    Unknown,
}

/// What is said of a new device: its own words, and no proof of anything.
#[uniffi::remote(Record)]
pub struct NewDevice {
    #[uniffi(default = None)]
    pub model: Option<String>,
    /// For example `android 16`.
    #[uniffi(default = None)]
    pub os: Option<String>,
    /// What the app is called.
    #[uniffi(default = None)]
    pub application: Option<String>,
}

/// What becomes of a new device.
#[uniffi::remote(Enum)]
pub enum NewDeviceChoice {
    /// It is the person's, and may become a device of theirs.
    Trusted,
    /// The person is signed in there, and it stays none.
    Once,
    /// It is not let in,
    Deny,
    /// now or later.
    Block,
}

/// The person proves that they look at the screen that asks.
#[uniffi::remote(Enum)]
pub enum NumberMatching {
    /// Pick the number that the other screen shows.
    SelectNumber {
        options: Vec<u32>,
    },
    /// Type the number that the other screen shows.
    EnterManually,
    Unknown,
}

/// One question to one device.
#[uniffi::remote(Record)]
#[uniffi(name = "Question")]
pub struct Notification {
    pub notification_id: NotificationId,
    pub device_id: DeviceId,
    pub user_id: UserId,
    pub kind: Kind,
    pub title: String,
    pub body: String,
    pub client_context: ClientContext,
    /// Where the question is about it.
    pub new_device: Option<NewDevice>,
    pub number_matching: Option<NumberMatching>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// Seconds that were left when the server sent this.
    pub timeout_duration: u64,
}

#[uniffi::remote(Enum)]
pub enum DenyReason {
    None,
    /// "It was not me." The person is locked, until an administrator has looked.
    ReportFraud,
    /// The phone did not recognise its owner.
    BiometricsRejected,
}

/// Why a question is no longer open.
#[uniffi::remote(Enum)]
pub enum CancelReason {
    AlreadyDecided,
    Canceled,
    Expired,
    Unknown,
}

#[uniffi::remote(Record)]
pub struct Canceled {
    pub notification_id: NotificationId,
    pub reason: CancelReason,
}

#[uniffi::remote(Record)]
pub struct PairedUser {
    pub user_id: UserId,
    pub username: String,
    pub name: Option<String>,
}

/// One way in which the new device can serve, and whether it works yet.
#[uniffi::remote(Record)]
pub struct Authenticator {
    /// `push` or `one_time_passcode`
    pub kind: String,
    /// `completed` or `failed`
    pub status: String,
    /// `MissingDeviceToken`: no push until the app hands one in.
    pub error_code: Option<String>,
}

/// A new device.
#[uniffi::remote(Record)]
pub struct Pairing {
    pub device_id: DeviceId,
    pub installation_id: InstallationId,
    pub user: PairedUser,
    pub authenticators: Vec<Authenticator>,
    /// For `oneTimePasscode`: to be kept where secrets are. Nothing: there are no passcodes.
    pub one_time_passcode_key: Option<PasscodeKey>,
}

/// Who would be asked on this phone from then on.
#[uniffi::remote(Record)]
pub struct EnrollmentUser {
    pub id: UserId,
    /// A name to show.
    pub display: String,
}

/// The app that the person signed in to.
#[uniffi::remote(Record)]
pub struct EnrollmentApplication {
    pub id: String,
    pub name: String,
}

#[uniffi::remote(Enum)]
pub enum DeviceRole {
    /// The device that is asked first.
    Primary,
    Trusted,
    Unknown,
}

#[uniffi::remote(Enum)]
pub enum DeviceStatus {
    Active,
    Blocked,
    Unknown,
}

/// One person on this installation.
#[uniffi::remote(Record)]
pub struct MyUser {
    pub user_id: UserId,
    pub username: String,
    pub name: Option<String>,
    pub device_id: DeviceId,
    pub nickname: Option<String>,
    pub role: DeviceRole,
    pub status: DeviceStatus,
}

/// What the server knows of this installation.
#[uniffi::remote(Record)]
pub struct Me {
    pub installation_id: InstallationId,
    pub issuer: Issuer,
    pub users: Vec<MyUser>,
    /// The server's clock.
    pub time: Timestamp,
}

#[uniffi::remote(Enum)]
pub enum PushKind {
    /// There is a question: fetch it.
    Authentication,
    /// It was answered elsewhere, or withdrawn: show it no more.
    AuthCanceled,
    /// Somebody signs in by this app: `Device.acknowledge`, and show nothing.
    SilentVerify,
    /// Somebody looks whether pushes get there: nothing is asked.
    Test,
    Other,
}

/// What a push says. It proves nothing: ask the server.
#[uniffi::remote(Record)]
pub struct PushMessage {
    pub kind: PushKind,
    pub notification_id: NotificationId,
    /// Of `SilentVerify` alone: what the answer has to have in it.
    #[uniffi(default = None)]
    pub pv: Option<ProofValue>,
}

/// What a self test looks at.
#[uniffi::remote(Enum)]
#[uniffi(name = "CheckSubject")]
pub enum Subject {
    Key,
    Server,
    Pairing,
    Devices,
    Clock,
    IssuerKeys,
    Events,
    Push,
}

#[uniffi::remote(Enum)]
#[uniffi(name = "CheckVerdict")]
pub enum Verdict {
    Pass,
    Warning,
    Fail,
    /// Nothing is known: something before it failed.
    Skipped,
}

/// One line of a self test.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Check {
    pub subject: Subject,
    pub verdict: Verdict,
    /// Stable, for translation. Nothing when it passed or was left out.
    pub code: Option<String>,
    /// In English. Empty when it passed.
    pub why: String,
    /// What to do about it, in English. Empty when it passed.
    pub fix: String,
}

impl From<nod_device::Check> for Check {
    fn from(check: nod_device::Check) -> Self {
        let nod_device::Check { subject, verdict, code, why, fix } = check;
        Self { subject, verdict, code, why: why.to_owned(), fix: fix.to_owned() }
    }
}
