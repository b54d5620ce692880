//! How the messages of the device API look in the `OpenAPI` document. `nod_device::messages` is what
//! reads and writes them; a test holds every answer against these.

use poem_openapi::{Enum, Object, Union};

/// Pairs the phone: the key that the person was given, and what the app says of itself.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct PairingRequest {
    /// As shown to the person or read from the pairing link.
    pairing_key: String,
    installation: InstallationInfo,
}

/// What the app says of itself and the phone: shown to people, believed by nobody.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct InstallationInfo {
    /// For example `ANDROID`, `IOS`, `WEB`.
    platform: String,
    name: Option<String>,
    model: Option<String>,
    os_version: Option<String>,
    app_version: Option<String>,
    sdk_version: Option<String>,
    application: Option<String>,
}

/// The new device.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Pairing {
    device_id: String,
    installation_id: String,
    user: PairedUser,
    authenticators: Vec<Authenticator>,
    /// 20 bytes in base64url: what one-time passcodes (RFC 6238: SHA-1, six digits, 30 seconds) are made of.
    one_time_passcode_key: Option<String>,
}

/// Whom the device now serves.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct PairedUser {
    user_id: String,
    username: String,
    name: Option<String>,
}

/// One way in which the device can serve, and whether it works yet.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Authenticator {
    /// `push` or `one_time_passcode`
    #[oai(rename = "type")]
    kind: String,
    /// `completed` or `failed`
    status: String,
    /// `MissingDeviceToken`: no push until the app hands one in. `Unavailable`: there are no passcodes.
    error_code: Option<String>,
}

/// What is offered, for the app to show.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Enrollment {
    user: EnrollmentUser,
    application: EnrollmentApplication,
    /// RFC 3339.
    expires_at: String,
}

/// Whose device it would be.
#[derive(Object)]
pub struct EnrollmentUser {
    id: String,
    /// A name to show.
    display: String,
}

/// The app by which the person has signed in.
#[derive(Object)]
pub struct EnrollmentApplication {
    id: String,
    name: String,
}

/// Yes, and what the app says of itself.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct ApproveEnrollment {
    installation: InstallationInfo,
    push_token: Option<PushToken>,
}

/// Where a push reaches the app.
#[derive(Object)]
pub struct PushToken {
    /// `FCM`, `APNS`, `WEB_PUSH`.
    provider: String,
    /// `production` or `sandbox`.
    environment: String,
    /// As the platform gave it; of a browser, the subscription as JSON.
    token: String,
}

/// Whether the phone rings.
#[derive(Object)]
pub struct PushEnabled {
    enabled: bool,
}

/// Nothing to say.
#[derive(Object)]
pub struct TestPushRequest {}

/// Whether a test is on its way.
#[derive(Object)]
pub struct TestPushAnswer {
    /// `false`: no push service reaches the phone, or it is not to ring.
    sent: bool,
}

/// What the app has noted down.
#[derive(Object)]
pub struct LogsRequest {
    /// 16384 bytes at most, of lines of text.
    log: String,
}

/// Under which name it is found.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct LogsAnswer {
    /// Eight letters and digits, to be shown to the person.
    support_id: String,
}

/// No. The proof says it.
#[derive(Object)]
pub struct DenyEnrollment {}

/// The questions that wait for an answer, oldest first.
#[derive(Object)]
pub struct PendingNotifications {
    notifications: Vec<Notification>,
}

/// One question to one device.
#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Notification {
    notification_id: String,
    device_id: String,
    user_id: String,
    #[oai(rename = "type")]
    kind: NotificationType,
    title: String,
    body: String,
    client_context: ClientContext,
    /// What wants to be a device of the person: with `APPROVE_NEW_DEVICE`.
    new_device: Option<NewDevice>,
    number_matching: Option<NumberMatching>,
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339.
    expires_at: String,
    /// Seconds that were left when the server sent this.
    timeout_duration: u64,
}

/// What a question is about. Newer servers may know more; an app can deny what it does not know.
#[derive(Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotificationType {
    Authentication,
    /// What becomes of `newDevice`?
    ApproveNewDevice,
}

/// Who asks, and for what.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct ClientContext {
    client_id: String,
    client_name: String,
    /// What the person compares with the other screen [CIBA §7.1].
    binding_message: Option<String>,
    /// Space-separated.
    scope: String,
    acr: Option<String>,
}

/// An app by which somebody signs in as the person. It says all of this of itself, and proves nothing of it.
#[derive(Object)]
#[oai(rename = "NewDeviceFacts", skip_serializing_if_is_none)]
pub struct NewDevice {
    model: Option<String>,
    /// For example `android 16`.
    os: Option<String>,
    /// What the app is called.
    application: Option<String>,
}

/// How the number on the other screen is carried over.
#[derive(Union)]
#[oai(one_of = true, discriminator_name = "type")]
pub enum NumberMatching {
    #[oai(mapping = "SELECT_NUMBER")]
    Select(SelectNumber),
    #[oai(mapping = "ENTER_MANUALLY")]
    Enter(EnterNumber),
}

/// Pick the number that the other screen shows.
#[derive(Object)]
pub struct SelectNumber {
    /// Three numbers of two digits.
    options: Vec<u32>,
}

/// Type the number that the other screen shows.
#[derive(Object)]
pub struct EnterNumber {}

/// A yes. It repeats what the proof signs; where they differ, nothing happens.
#[derive(Object)]
#[oai(rename = "ApproveRequest", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Approve {
    device_id: String,
    user_id: String,
    /// How the phone knew its owner [RFC 8176], for example `["face"]`.
    amr: Vec<String>,
    /// For a question with number matching.
    number_picked: Option<u32>,
    /// For a question about a new device.
    choice: Option<Admission>,
    /// base64url(SHA-256(JCS(what was shown))).
    context_hash: String,
}

/// A no.
#[derive(Object)]
#[oai(rename = "DenyRequest", rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct Deny {
    device_id: String,
    user_id: String,
    reason: DenyReason,
    /// For a question about a new device; `DENY` when left out.
    choice: Option<Refusal>,
}

/// What a new device may be that is let in.
#[derive(Enum)]
#[oai(rename = "NewDeviceAdmission", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Admission {
    /// A device of the person.
    Trusted,
    /// None: the person is signed in there, and that is all.
    Once,
}

/// How long a new device is not let in.
#[derive(Enum)]
#[oai(rename = "NewDeviceRefusal", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Refusal {
    /// Not now,
    Deny,
    /// nor later.
    Block,
}

#[derive(Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DenyReason {
    None,
    /// "It was not me."
    ReportFraud,
    /// The phone did not recognise its owner.
    BiometricsRejected,
}

/// What was in a push that nobody sees.
#[derive(Object)]
#[oai(rename = "AckRequest")]
pub struct Ack {
    /// 22 characters of base64url.
    pv: String,
}

/// It was heard.
#[derive(Object)]
pub struct AckAnswer {
    status: AckStatus,
}

#[derive(Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AckStatus {
    /// It was what was pushed, in time.
    Done,
}

/// What the server wrote down.
#[derive(Object)]
pub struct DecisionAnswer {
    status: DecisionStatus,
}

#[derive(Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DecisionStatus {
    Approved,
    Denied,
}

/// The installation, and whom it serves.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct Me {
    installation_id: String,
    issuer: String,
    users: Vec<MyUser>,
    /// The server's clock, RFC 3339.
    time: String,
}

/// One person on this installation.
#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub struct MyUser {
    user_id: String,
    username: String,
    name: Option<String>,
    device_id: String,
    nickname: Option<String>,
    role: DeviceRole,
    status: DeviceStatus,
}

#[derive(Enum)]
#[oai(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceRole {
    /// The device that is asked first.
    Primary,
    Trusted,
}

#[derive(Enum)]
#[oai(rename = "DeviceApiDeviceStatus", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeviceStatus {
    Active,
    Blocked,
}

/// A new key, and a signature by it.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct RotateRequest {
    new_jwk: PublicJwk,
    /// A compact JWS by the new key.
    proof_by_new: String,
}

/// A public key on P-256 [RFC 7517]: these four members and no other.
#[derive(Object)]
pub struct PublicJwk {
    /// `EC`
    kty: String,
    /// `P-256`
    crv: String,
    x: String,
    y: String,
}

/// The installation that the key now stands for.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub struct RotateAnswer {
    installation_id: String,
}
