//! Everything that there is to say, and what goes into it.

use std::time::Duration;

/// What a message has in it. Fluent knows it by the name that the list below gives it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(u64),
    /// In words, such as "3 minutes".
    Span(Duration),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<Duration> for Value<'_> {
    fn from(span: Duration) -> Self {
        Self::Span(span)
    }
}

/// The enum, and each message's identifier in the files: one line is all that a message needs here.
macro_rules! messages {
    ($($name:ident $(($value:ident: $kind:ty))? = $id:literal,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Message<'a> { $($name $(($kind))?,)+ }

        impl<'a> Message<'a> {
            /// What the files call it.
            pub const fn id(&self) -> &'static str {
                match self { $(Self::$name { .. } => $id,)+ }
            }

            pub(super) fn value(self) -> Option<(&'static str, Value<'a>)> {
                match self { $(Self::$name $(($value))? => messages!(@value $($value)?),)+ }
            }

            /// Each message once.
            #[cfg(test)]
            pub(super) fn all(text: &'a str, number: u64) -> Vec<Self> {
                use super::tests::Sample as _;
                vec![$(Self::$name $((<$kind>::sample(text, number)))?,)+]
            }
        }
    };
    (@value) => { None };
    (@value $value:ident) => { Some((stringify!($value), $value.into())) };
}

messages! {
    // Around every page
    Title(page: &'a str) = "title",
    ErrorTitle(page: &'a str) = "error-title",
    Skip = "skip",
    Languages = "languages",
    Help = "help",
    Privacy = "privacy",
    Terms = "terms",
    Problem = "problem",
    Problems = "problems",
    Expires(span: Duration) = "expires",
    Seconds(n: u64) = "seconds",
    Minutes(n: u64) = "minutes",
    Hours(n: u64) = "hours",
    Days(n: u64) = "days",
    Cancel = "cancel",
    Continue = "continue",
    BackTo(client: &'a str) = "back-to",
    BackToApp = "back-to-app",
    MayClose = "may-close",
    SlowDown(span: Duration) = "slow-down",
    PageExpired = "page-expired",

    // Sign-in
    SignIn = "sign-in",
    SignInTo(client: &'a str) = "sign-in-to",
    Username = "username",
    Password = "password",
    ShowPassword = "show-password",
    UsernameMissing = "username-missing",
    PasswordMissing = "password-missing",
    ForgotPassword = "forgot-password",
    SignedInAs(name: &'a str) = "signed-in-as",
    OtherAccount = "other-account",
    AskedAgain = "asked-again",
    AskedAgainBy(client: &'a str) = "asked-again-by",
    LongAgo = "long-ago",
    StrongerNeeded = "stronger-needed",
    OtherWays = "other-ways",
    WayPasskey = "way-passkey",
    WayPassword = "way-password",
    WrongCredentials = "wrong-credentials",
    SignInGivenUp = "sign-in-given-up",
    SecondFactorDone = "second-factor-done",

    // Passkeys
    Passkey = "passkey",
    PasskeyNote = "passkey-note",
    PasskeyFailed = "passkey-failed",
    PasskeyNeedsScript = "passkey-needs-script",
    Passkeys = "passkeys",
    PasskeysNote = "passkeys-note",
    PasskeysNone = "passkeys-none",
    PasskeyName = "passkey-name",
    PasskeyBadName = "passkey-bad-name",
    PasskeyAdded(day: &'a str) = "passkey-added",
    PasskeyUsed(day: &'a str) = "passkey-used",
    PasskeyNeverUsed = "passkey-never-used",
    PasskeyRename(name: &'a str) = "passkey-rename",
    PasskeyRemove(name: &'a str) = "passkey-remove",
    PasskeyAdd = "passkey-add",
    PasskeyAddNote = "passkey-add-note",
    PasskeyMake = "passkey-make",
    PasskeyNotMade = "passkey-not-made",
    PasskeyTooMany = "passkey-too-many",
    PasskeyGone = "passkey-gone",
    Confirm = "confirm",
    ConfirmNote = "confirm-note",

    // Applications
    Applications = "applications",
    ApplicationsNote = "applications-note",
    ApplicationsNone = "applications-none",
    ApplicationSince(day: &'a str) = "application-since",
    ApplicationWithdraw(client: &'a str) = "application-withdraw",
    ApplicationGone = "application-gone",

    // Devices
    OwnDevices = "own-devices",
    OwnDevicesNote = "own-devices-note",
    OwnDevicesNone = "own-devices-none",
    OwnDeviceName = "own-device-name",
    OwnDeviceApp = "own-device-app",
    OwnDevicePrimary = "own-device-primary",
    OwnDeviceBlocked = "own-device-blocked",
    OwnDevicePushed = "own-device-pushed",
    OwnDeviceNotPushed = "own-device-not-pushed",
    OwnDeviceFirst(name: &'a str) = "own-device-first",
    OwnDeviceRemove = "own-device-remove",
    OwnDeviceGone = "own-device-gone",
    PhoneAdd = "phone-add",
    PhoneAddNote = "phone-add-note",
    PhoneAddLink = "phone-add-link",
    PhoneAddCame = "phone-add-came",
    PhoneAddNotYet = "phone-add-not-yet",
    PhoneAddOver = "phone-add-over",
    PhoneAddTooMany = "phone-add-too-many",

    // Consent
    Consent(client: &'a str) = "consent",
    ConsentAsks(client: &'a str) = "consent-asks",
    ConsentAsksMore(client: &'a str) = "consent-asks-more",
    Website = "website",
    Account = "account",
    Unverified = "unverified",
    UnverifiedNote = "unverified-note",
    Needed = "needed",
    Optional = "optional",
    ScopeOpenid = "scope-openid",
    ScopeProfile = "scope-profile",
    ScopeEmail = "scope-email",
    ScopePhone = "scope-phone",
    ScopeAddress = "scope-address",
    ScopeOffline = "scope-offline",
    ScopeOfflineNote(client: &'a str) = "scope-offline-note",
    Details = "details",
    ClientPrivacy(client: &'a str) = "client-privacy",
    ClientTerms(client: &'a str) = "client-terms",
    ConsentLasts = "consent-lasts",
    ConsentLastsBut = "consent-lasts-but",
    Allow = "allow",

    // Choose a method
    Method = "method",
    MethodPhone(device: &'a str) = "method-phone",
    MethodPasskey = "method-passkey",
    MethodPasskeyNamed(name: &'a str) = "method-passkey-named",
    MethodApp = "method-app",
    MethodSms(ending: &'a str) = "method-sms",
    MethodVoice(ending: &'a str) = "method-voice",
    MethodMail(address: &'a str) = "method-mail",
    MethodRecovery = "method-recovery",
    MethodMissing = "method-missing",
    MethodGone = "method-gone",

    // Asked on a phone
    Push = "push",
    PushAsked(device: &'a str) = "push-asked",
    PushAskedNew(device: &'a str) = "push-asked-new",
    PushNumberPick = "push-number-pick",
    PushNumberType = "push-number-type",
    PushWaiting = "push-waiting",
    PushSilent = "push-silent",
    PushSilentNote = "push-silent-note",
    PushAnswered = "push-answered",
    PushAsk = "push-ask",
    PushAskNote = "push-ask-note",
    PushOther = "push-other",
    PushAgain = "push-again",
    PushTimedOut = "push-timed-out",
    PushTimedOutNote(device: &'a str) = "push-timed-out-note",
    PushRejected = "push-rejected",
    PushRejectedNote = "push-rejected-note",
    PushTooOften = "push-too-often",
    PushPasscode(device: &'a str) = "push-passcode",
    PushPasscodeCheck = "push-passcode-check",
    NewDeviceNote = "new-device-note",

    // After a second factor
    Remember = "remember",
    RememberField(span: Duration) = "remember-field",
    RememberNote = "remember-note",
    RememberedIn(n: u64) = "remembered-in",
    RememberForget = "remember-forget",

    // A second factor that is made on the way
    SetUp = "set-up",
    SetUpNote = "set-up-note",
    SetUpOffer = "set-up-offer",
    SetUpSkip = "set-up-skip",
    SetUpChoose = "set-up-choose",
    SetUpPhone = "set-up-phone",
    SetUpTotp = "set-up-totp",
    SetUpMail = "set-up-mail",
    SetUpSms = "set-up-sms",
    SetUpVoice = "set-up-voice",
    SetUpPlaceNote = "set-up-place-note",
    SetUpAddress = "set-up-address",
    SetUpNumber = "set-up-number",
    SetUpAddressWrong = "set-up-address-wrong",
    SetUpNumberWrong = "set-up-number-wrong",
    SetUpNotMade = "set-up-not-made",
    SetUpApp = "set-up-app",
    SetUpAppNote = "set-up-app-note",
    SetUpAppLink = "set-up-app-link",
    // Codes
    Code = "code",
    CodeField = "code-field",
    CodeFromApp = "code-from-app",
    CodeBySms(ending: &'a str) = "code-by-sms",
    CodeByVoice(ending: &'a str) = "code-by-voice",
    CodeByMail(address: &'a str) = "code-by-mail",
    CodeUnderway = "code-underway",
    CodeNotSent = "code-not-sent",
    CodeMissing = "code-missing",
    CodeWrong = "code-wrong",
    CodeWrongLeft(n: u64) = "code-wrong-left",
    CodeExpired = "code-expired",
    CodeResend = "code-resend",
    CodeResendIn(span: Duration) = "code-resend-in",
    CodeResent = "code-resent",
    CodeLocked = "code-locked",
    CodeWait = "code-wait",
    CodeTooOften = "code-too-often",
    OtherWay = "other-way",
    Recovery = "recovery",
    RecoveryField = "recovery-field",
    RecoveryNote = "recovery-note",

    // A forgotten password, and a new one
    Forgot = "forgot",
    ForgotNote = "forgot-note",
    ForgotSend = "forgot-send",
    ForgotSent = "forgot-sent",
    ForgotSentNote = "forgot-sent-note",
    ForgotSentNoteCode = "forgot-sent-note-code",
    ForgotSentNoteLink = "forgot-sent-note-link",
    ForgotSentLate = "forgot-sent-late",
    ForgotCode = "forgot-code",
    ForgotExpired = "forgot-expired",
    ForgotAgain = "forgot-again",
    NewPasswordTitle = "new-password-title",
    NewPassword = "new-password",
    NewPasswordHint(n: u64) = "new-password-hint",
    NewPasswordMissing = "new-password-missing",
    PasswordShort(n: u64) = "password-short",
    PasswordLong(n: u64) = "password-long",
    PasswordCommon = "password-common",
    PasswordName = "password-name",
    PasswordSame = "password-same",
    PasswordSave = "password-save",
    PasswordSaved = "password-saved",
    PasswordSavedNote = "password-saved-note",
    PasswordSavedEverywhere = "password-saved-everywhere",
    PasswordKept = "password-kept",
    ChangePasswordFirst = "change-password-first",
    ChangePassword = "change-password",
    MustChangePassword = "must-change-password",
    CurrentPassword = "current-password",
    CurrentPasswordMissing = "current-password-missing",
    CurrentPasswordWrong = "current-password-wrong",

    // Letters
    LetterForgottenSubject(brand: &'a str) = "letter-forgotten-subject",
    LetterForgotten(username: &'a str) = "letter-forgotten",
    LetterForgottenLink = "letter-forgotten-link",
    LetterForgottenCode = "letter-forgotten-code",
    LetterForgottenOrCode = "letter-forgotten-or-code",
    LetterForgottenBoth(span: Duration) = "letter-forgotten-both",
    LetterForgottenOnce(span: Duration) = "letter-forgotten-once",
    LetterNotYou = "letter-not-you",
    LetterNotYouLink = "letter-not-you-link",
    LetterChangedSubject(brand: &'a str) = "letter-changed-subject",
    LetterChanged(username: &'a str) = "letter-changed",
    LetterChangedNotYou = "letter-changed-not-you",
    LetterDeviceAddedSubject(brand: &'a str) = "letter-device-added-subject",
    LetterDeviceAdded(username: &'a str) = "letter-device-added",
    LetterDeviceRemovedSubject(brand: &'a str) = "letter-device-removed-subject",
    LetterDeviceRemoved(username: &'a str) = "letter-device-removed",
    LetterPushLockedSubject(brand: &'a str) = "letter-push-locked-subject",
    LetterPushLocked(username: &'a str) = "letter-push-locked",
    LetterCodeSubject(brand: &'a str) = "letter-code-subject",
    LetterCode(client: &'a str) = "letter-code",
    LetterCodeNewDevice = "letter-code-new-device",
    LetterCodeNotYou = "letter-code-not-you",

    // To telephones
    TextCode(code: &'a str) = "text-code",
    CallCode(digits: &'a str) = "call-code",
    TextCodeNewDevice = "text-code-new-device",

    // A device without a keyboard [RFC 8628]
    Device = "device",
    DeviceNote = "device-note",
    DeviceCode = "device-code",
    DeviceUnknown = "device-unknown",
    DeviceExpired = "device-expired",
    DeviceConfirm(client: &'a str) = "device-confirm",
    DeviceSameCode = "device-same-code",
    DeviceWarning = "device-warning",
    DeviceConnect = "device-connect",
    DeviceConnected = "device-connected",
    DeviceConnectedNote = "device-connected-note",
    DeviceRefused = "device-refused",
    DeviceRefusedNote = "device-refused-note",

    // Accounts
    Accounts = "accounts",
    AccountSignedOut = "account-signed-out",

    // Sign-out
    SignOutQuestion = "sign-out-question",
    SignOutAsked(client: &'a str) = "sign-out-asked",
    SignOutApps = "sign-out-apps",
    SignOut = "sign-out",
    Stay = "stay",
    SignedOut = "signed-out",
    SignedOutBut = "signed-out-but",
    SignedOutButNote = "signed-out-but-note",

    // What cannot go on
    ErrorRequest = "error-request",
    ErrorRequestOf(client: &'a str) = "error-request-of",
    ErrorRequestDo = "error-request-do",
    ErrorClient = "error-client",
    ErrorClientDo = "error-client-do",
    ErrorClientOff(client: &'a str) = "error-client-off",
    ErrorClientOffDo = "error-client-off-do",
    ErrorDenied = "error-denied",
    ErrorDeniedDo = "error-denied-do",
    ErrorSignedOut = "error-signed-out",
    ErrorSignedOutDo = "error-signed-out-do",
    ErrorExpired = "error-expired",
    ErrorExpiredDo = "error-expired-do",
    ErrorCookies = "error-cookies",
    ErrorCookiesDo = "error-cookies-do",
    ErrorForeign = "error-foreign",
    ErrorForeignDo = "error-foreign-do",
    ErrorNotFound = "error-not-found",
    ErrorNotFoundDo = "error-not-found-do",
    ErrorBusy = "error-busy",
    ErrorBusyDo(span: Duration) = "error-busy-do",
    ErrorUnavailable = "error-unavailable",
    ErrorUnavailableDo = "error-unavailable-do",
    ErrorInternal = "error-internal",
    ErrorInternalDo = "error-internal-do",
    Reference = "reference",

    // On the way back to the app
    Leaving = "leaving",
    LeavingTo(client: &'a str) = "leaving-to",
    LeavingNote = "leaving-note",
}
