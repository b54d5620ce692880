//! What the words of closed lists mean, where the types have only the words.

use serde_json::{Map, Value, json};

use super::{components, put};
use crate::domain::mfa_readiness::FindingCode;

/// The name of a schema, and each of its words.
const MEANINGS: [(&str, &[(&str, &str)]); 40] = [
    ("AccessTokenFormat", &[("jwt", "A JWT as RFC 9068 has it."), ("opaque", "A handle, which is introspected.")]),
    ("AckStatus", &[("DONE", "It was what was pushed, in time.")]),
    (
        "AdditionalTrustedDevices",
        &[
            ("verify_with_primary", "The primary device of the person is asked about the app."),
            ("pair_individually", "The app becomes a device as the first one did; nobody is asked."),
        ],
    ),
    ("AdminDeviceRole", &[("primary", "It is asked first."), ("trusted", "It is asked as well.")]),
    (
        "AuthenticationContext",
        &[
            ("urn:nod:acr:password", "A password was right."),
            ("urn:nod:acr:otp", "A password was right, and so was a code that was sent to the person."),
            ("urn:nod:acr:trusted-device", "A password was right, and a trusted device proved that it was there."),
            ("urn:nod:acr:device", "The person approved on a device of theirs."),
            ("urn:nod:acr:device-number", "The same, with a number that the person carried to the device."),
            ("urn:nod:acr:passkey", "A passkey answered, and had verified the person."),
        ],
    ),
    (
        "ClientAuthMethod",
        &[
            ("none", "A public client: it has no secret that it could keep."),
            ("client_secret_basic", "A secret, in the Authorization header."),
            ("client_secret_post", "A secret, in the form."),
            ("private_key_jwt", "A JWT that a key of the client has signed."),
            ("tls_client_auth", "A certificate of an authority that the server trusts."),
            ("self_signed_tls_client_auth", "A certificate that is in the key set of the client."),
        ],
    ),
    (
        "ClientGrantType",
        &[
            ("authorization_code", "People sign in with a browser or an app."),
            ("implicit", "The authorization endpoint gives tokens itself."),
            ("urn:openid:params:grant-type:ciba", "People are asked on their devices."),
            ("refresh_token", "Tokens are renewed."),
            ("client_credentials", "The client for itself, without a person."),
            (
                "urn:ietf:params:oauth:grant-type:device_code",
                "A device without a keyboard is connected from elsewhere.",
            ),
            ("urn:ietf:params:oauth:grant-type:token-exchange", "A token is exchanged for another one."),
        ],
    ),
    (
        "ClientNumberMatching",
        &[("pick", "One of three numbers is picked on the device."), ("type", "The number is typed on the device.")],
    ),
    (
        "ClientResponseType",
        &[
            ("code", "A code."),
            ("id_token", "An ID token."),
            ("id_token token", "An ID token and an access token."),
            ("code id_token", "A code and an ID token."),
            ("code token", "A code and an access token."),
            ("code id_token token", "All three."),
        ],
    ),
    (
        "ClientSecurityProfile",
        &[
            ("oauth21", "OAuth 2.1."),
            ("fapi2-security", "The FAPI 2.0 Security Profile."),
            ("fapi2-message-signing", "FAPI 2.0 Message Signing, with the former."),
            ("fapi-ciba", "The FAPI profile of CIBA."),
        ],
    ),
    (
        "ClientSubjectType",
        &[
            ("public", "People have the same subject as at all others."),
            ("pairwise", "People have a subject of the client's sector alone."),
        ],
    ),
    ("DecisionStatus", &[("APPROVED", "The answer is yes."), ("DENIED", "The answer is no.")]),
    (
        "DeliveryMode",
        &[
            ("poll", "The client asks until there is an answer."),
            ("ping", "The client is told when there is one, and asks then."),
        ],
    ),
    (
        "DeliveryState",
        &[("pending", "It is tried, or tried again."), ("delivered", "The receiver took it."), ("failed", "Given up.")],
    ),
    (
        "DenyReason",
        &[
            ("NONE", "The person says no."),
            ("REPORT_FRAUD", "The person has not begun this: nothing goes on for them until somebody has looked."),
            ("BIOMETRICS_REJECTED", "The device did not recognise the person."),
        ],
    ),
    (
        "DeviceApiDeviceStatus",
        &[
            ("ACTIVE", "It is asked."),
            ("BLOCKED", "An administrator has blocked it: it is not asked, and cannot answer."),
        ],
    ),
    (
        "DeviceDeliveryState",
        &[
            ("delivered", "The push service took it. What the phone does with it, nobody says."),
            ("failed", "Given up."),
        ],
    ),
    ("DeviceRole", &[("PRIMARY", "It is asked first."), ("TRUSTED", "It is asked as well.")]),
    (
        "DeviceSelectionMode",
        &[
            ("default_to_first", "The primary device is asked, unless the person wants another."),
            ("prompt_to_select", "Where there are several, the one that the person says."),
            ("always_display_devices", "The one that the person says, be it the only one."),
        ],
    ),
    ("DeviceState", &[("active", "It is asked."), ("blocked", "It is not asked, and cannot answer.")]),
    ("EventResult", &[("done", "It was done."), ("refused", "It was refused.")]),
    (
        "ExtraVerificationFallback",
        &[("fail", "Whoever it is does not get in."), ("other_method", "They are asked for what else they have.")],
    ),
    (
        "ExtraVerificationMode",
        &[
            ("disabled", "The key of the app is enough: nothing is pushed."),
            ("permissive", "The app is asked, and believed without an answer as well: that is written down."),
            ("restrictive", "Without an answer the app is not believed."),
        ],
    ),
    (
        "IntegrityDetectionMode",
        &[
            ("disabled", "Nobody looks at what the app says of its phone."),
            ("permissive", "It is written down."),
            ("restrictive", "An app on such a phone vouches for nobody, and becomes nobody's device."),
        ],
    ),
    (
        "KeyState",
        &[
            ("next", "It is published, and signs nothing yet."),
            ("current", "It signs."),
            ("retiring", "It signs no more, and still verifies."),
            ("retired", "It is not published any more."),
        ],
    ),
    (
        "MfaFindingLevel",
        &[
            ("missing", "Without it, nobody is offered to trust the app."),
            ("warning", "It works, in a way that one should know of."),
        ],
    ),
    (
        "NumberMatchingType",
        &[
            ("SELECT_NUMBER", "One of three numbers is picked on the device."),
            ("ENTER_MANUALLY", "The number is typed on the device."),
        ],
    ),
    (
        "PolicySource",
        &[
            ("identifier", "Whom the person says to be. Proves nothing."),
            ("password", "Username and password."),
            ("passkey", "A passkey."),
            ("mfa", "A second factor, as an MFA policy has it."),
        ],
    ),
    (
        "ProblemFieldCode",
        &[
            ("required", "It is missing."),
            ("not_allowed", "It cannot be there, beside the others or at all."),
            ("invalid", "Its value is not possible."),
            ("too_long", "It is too long."),
            ("unknown", "There is no such member or parameter."),
            ("read_only", "It cannot be changed."),
        ],
    ),
    (
        "PushNumberMatching",
        &[
            ("off", "Nothing is carried from the screen to the device."),
            ("pick", "One of three numbers is picked on the device."),
            ("type", "The number is typed on the device."),
        ],
    ),
    (
        "DeviceNoticeMode",
        &[
            ("none", "Nobody is told."),
            ("email", "The person is written to, at their verified address."),
            ("email_then_sms", "The same; whoever has no such address is sent a text."),
            ("sms_then_email", "They are sent a text; whoever has no number for that is written to."),
        ],
    ),
    (
        "NewDeviceAdmission",
        &[
            ("TRUSTED", "It may become a device of the person."),
            ("ONCE", "The person is signed in there, and it stays none."),
        ],
    ),
    ("NewDeviceRefusal", &[("DENY", "It is not let in now."), ("BLOCK", "It is not let in now or later.")]),
    (
        "NotificationType",
        &[
            ("AUTHENTICATION", "The person is asked for a yes or a no."),
            ("APPROVE_NEW_DEVICE", "The person is asked what becomes of `newDevice`."),
        ],
    ),
    (
        "OtpChannel",
        &[
            ("email", "A letter to an address."),
            ("sms", "A text to a telephone number."),
            ("voice", "A call to a telephone number, in which the code is read out."),
        ],
    ),
    (
        "PushProvider",
        &[
            ("fcm", "Firebase Cloud Messaging, for Android."),
            ("apns", "Apple's push notification service."),
            ("web_push", "The push service of a browser (RFC 8030)."),
        ],
    ),
    (
        "RequestStatus",
        &[
            ("pending", "Nobody has answered yet."),
            ("approved", "The person said yes, and the tokens were not fetched yet."),
            ("denied", "The person said no, or the number was wrong."),
            ("cancelled", "The client, or an administrator, withdrew it."),
            ("expired", "Nobody has answered in time."),
            ("redeemed", "Approved, and the tokens were fetched."),
        ],
    ),
    (
        "TotpDeviceStatus",
        &[("activation_required", "Nobody has brought a code yet: it does not count."), ("active", "It counts.")],
    ),
    (
        "UserStatus",
        &[
            ("active", "Everything goes on."),
            (
                "locked",
                "Stopped by an administrator, or after a report of fraud: nothing goes on until it is unlocked.",
            ),
            ("disabled", "Switched off."),
        ],
    ),
    (
        "WithoutDevice",
        &[
            ("block", "Who has nothing to show does not get in."),
            ("bypass", "They get in without."),
            (
                "setup",
                "They make what they have not on the way: a phone, a passkey, an authenticator app, or where codes are sent, as far as `mobile`, `fido2`, `totp`, `email`, `sms` and `voice` are enabled.",
            ),
            ("offer", "They make what they have not, in the same way, or get in without: as they like."),
        ],
    ),
];

pub(super) fn add(document: &mut Value) {
    let Some(schemas) = components(document, "schemas") else { return };
    let mut describe = |name: &str, words: Map<String, Value>| {
        if let Some(schema) = schemas.get_mut(name) {
            put(schema, "x-enum-descriptions", words.into());
        }
    };
    for (name, words) in MEANINGS {
        describe(name, words.iter().map(|(word, means)| ((*word).to_owned(), json!(means))).collect());
    }
    // What they find is said where it is found.
    let findings = FindingCode::ALL.iter().map(|code| (code.as_str().to_owned(), json!(code.detail())));
    describe("MfaFindingCode", findings.collect());
}
