//! The parameters of a request: what `application/x-www-form-urlencoded` carries, read strictly.
//!
//! One reading for every endpoint, because every place where two parsers may disagree (a repeated
//! name, a half-encoded byte, a NUL) is a place where a proxy, a log and we see different requests.

use std::fmt;

use zeroize::Zeroizing;

use crate::protocol::access_token;
use crate::protocol::error::Refusal;
use crate::secret::Secret;

/// More fields than any request of ours has, few enough to compare names pairwise.
pub const MAX_FIELDS: usize = 64;
/// The longest name of a parameter, in bytes.
pub const MAX_NAME: usize = 64;
/// The longest value of a parameter that [`max_length`] does not name, in bytes.
pub const MAX_VALUE: usize = 2048;

/// How long the value of a parameter may be, in bytes. A rule about the content (the characters of
/// a `binding_message`, the entropy of a token) has its place elsewhere; this only bounds work.
pub fn max_length(name: &str) -> usize {
    match name {
        "user_code" => 32,
        "client_id" => 100,
        "auth_req_id" => 128,
        "login_hint" => 255,
        "refresh_token" => 256,
        "scope" | "acr_values" | "nonce" => 300,
        "redirect_uri" | "post_logout_redirect_uri" => 400,
        "binding_message" => 1024,
        "client_notification_token" => 1100,
        "state" => 2000,
        "id_token_hint" | "login_hint_token" | "client_assertion" => 4000,
        "token" | "subject_token" | "actor_token" => access_token::LONGEST,
        // `again`: a whole request, sealed.
        "assertion" | "attestation" | "authorization_details" | "claims" | "again" => 8192,
        "request" => 16_000,
        _ => MAX_VALUE,
    }
}

/// What may be there more than once [RFC 8707 §2].
fn may_repeat(name: &str) -> bool {
    name == "resource"
}

/// Names and values in the order in which they were sent.
///
/// Values may be secrets: they are wiped when dropped, and `Debug` shows names alone.
#[derive(Default)]
pub struct Parameters(Vec<(String, Zeroizing<String>)>);

impl Parameters {
    /// Reads the body of a form or the query of a URL.
    pub fn parse(encoded: &[u8]) -> Result<Self, Refusal> {
        let mut fields = Fields::default();
        for field in encoded.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
            let at = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
            let (name, value) = field.split_at(at);
            fields.add(decode(name)?, decode(value.strip_prefix(b"=").unwrap_or_default())?)?;
        }
        Ok(Self(fields.given))
    }

    /// The same rules for pairs that came another way, such as the claims of a request object.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.add(Zeroizing::new(name), Zeroizing::new(value))?;
        }
        Ok(Self(fields.given))
    }

    /// Every value of one that [`may_repeat`].
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A value that must not be printed from here on.
    pub fn secret(&self, name: &str) -> Option<Secret<String>> {
        self.get(name).map(|value| Secret::new(value.to_owned()))
    }

    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// The fields read so far: those that count, and the names that were sent without a value.
#[derive(Default)]
struct Fields {
    given: Vec<(String, Zeroizing<String>)>,
    valueless: Vec<String>,
}

impl Fields {
    fn add(&mut self, mut name: Zeroizing<String>, value: Zeroizing<String>) -> Result<(), Refusal> {
        if self.given.len() + self.valueless.len() >= MAX_FIELDS {
            return Err(Refusal::invalid_request("The request has too many parameters."));
        }
        if name.is_empty() {
            return Err(Refusal::invalid_request("A parameter has no name."));
        }
        if name.len() > MAX_NAME {
            return Err(Refusal::invalid_request("The name of a parameter is too long."));
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(Refusal::invalid_request("A parameter contains a NUL character."));
        }
        // [RFC 6749 §3.2] "Request and response parameters MUST NOT be included more than once."
        // Unknown names and names without a value count: nobody may choose which one we read.
        let there = self.given.iter().map(|(given, _)| given).chain(&self.valueless).any(|given| *given == *name);
        if there && !may_repeat(&name) {
            return Err(Refusal::invalid_request("A parameter is repeated."));
        }
        if value.len() > max_length(&name) {
            return Err(Refusal::invalid_request("The value of a parameter is too long."));
        }
        let name = std::mem::take(&mut *name);
        // [RFC 6749 §3.2] "Parameters sent without a value MUST be treated as if they were omitted."
        if value.is_empty() {
            self.valueless.push(name);
        } else {
            self.given.push((name, value));
        }
        Ok(())
    }
}

/// One name or value. Lenient decoders turn `%zz` into itself and `%C0%AF` into a replacement
/// character; here both are refused.
fn decode(encoded: &[u8]) -> Result<Zeroizing<String>, Refusal> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut bytes = encoded.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = (bytes.next().copied().and_then(hex), bytes.next().copied().and_then(hex));
                let (Some(high), Some(low)) = digits else {
                    return Err(Refusal::invalid_request("A parameter is not correctly percent-encoded."));
                };
                high << 4 | low
            }
            byte => byte,
        });
    }
    String::from_utf8(std::mem::take(&mut *decoded)).map(Zeroizing::new).map_err(|refused| {
        drop(Zeroizing::new(refused.into_bytes()));
        Refusal::invalid_request("A parameter is not valid UTF-8.")
    })
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::error::ErrorCode;

    fn refused(encoded: &[u8]) -> String {
        let refusal = Parameters::parse(encoded).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidRequest);
        refusal.description.into_owned()
    }

    #[test]
    fn rfc6749_3_2_a_repeated_parameter_is_refused_whether_known_or_not() {
        for body in ["scope=a&scope=b", "zz=1&zz=2", "a=&a=1", "a=1&a=", "a&a", "a=1&b=2&%61=3", "a%20b=1&a+b=2"] {
            assert_eq!(refused(body.as_bytes()), "A parameter is repeated.", "{body}");
        }
        assert!(Parameters::parse(b"Scope=a&scope=b").is_ok(), "names are case-sensitive");
    }

    #[test]
    fn rfc8707_2_a_resource_may_be_there_more_than_once() {
        let parameters = Parameters::parse(b"resource=a&scope=x&resource=b&resource=").unwrap();
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(parameters.all("scope").collect::<Vec<_>>(), ["x"]);
        assert_eq!(parameters.all("state").count(), 0);
    }

    #[test]
    fn rfc6749_3_2_a_parameter_without_a_value_counts_as_omitted() {
        let parameters = Parameters::parse(b"scope=&state&nonce=n&&").unwrap();
        assert_eq!(parameters.get("scope"), None);
        assert_eq!(parameters.get("state"), None);
        assert_eq!(parameters.names().collect::<Vec<_>>(), ["nonce"]);
        assert!(Parameters::parse(b"").unwrap().is_empty());
    }

    #[test]
    fn values_are_decoded_strictly() {
        let parameters = Parameters::parse("a=b+c%2B%20%C3%A9&d==e=&f=é".as_bytes()).unwrap();
        assert_eq!(parameters.get("a"), Some("b c+ é"));
        assert_eq!(parameters.get("d"), Some("=e="));
        assert_eq!(parameters.get("f"), Some("é"));
        for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%+1", b"%=a"] {
            assert_eq!(refused(body), "A parameter is not correctly percent-encoded.");
        }
        for body in [&b"a=%C0%AF"[..], b"a=%ff", b"a=\xff", b"%ED%A0%80=x"] {
            assert_eq!(refused(body), "A parameter is not valid UTF-8.");
        }
        assert_eq!(refused(b"a=%00"), "A parameter contains a NUL character.");
        assert_eq!(refused(b"=a"), "A parameter has no name.");
    }

    #[test]
    fn names_values_and_their_number_are_bounded() {
        let fields = |n: usize| (0..n).map(|i| format!("p{i}=v")).collect::<Vec<_>>().join("&");
        assert_eq!(Parameters::parse(fields(64).as_bytes()).unwrap().len(), 64);
        assert_eq!(refused(fields(65).as_bytes()), "The request has too many parameters.");
        assert_eq!(refused(fields(10_000).as_bytes()), "The request has too many parameters.");
        let valueless = (0..65).map(|i| format!("p{i}")).collect::<Vec<_>>().join("&");
        assert_eq!(refused(valueless.as_bytes()), "The request has too many parameters.");

        assert!(Parameters::parse(format!("{}=v", "n".repeat(64)).as_bytes()).is_ok());
        assert_eq!(refused(format!("{}=v", "n".repeat(65)).as_bytes()), "The name of a parameter is too long.");

        for (name, longest) in [("client_id", 100), ("scope", 300), ("request", 16_000), ("anything", 2048)] {
            assert!(Parameters::parse(format!("{name}={}", "v".repeat(longest)).as_bytes()).is_ok(), "{name}");
            let long = format!("{name}={}", "v".repeat(longest + 1));
            assert_eq!(refused(long.as_bytes()), "The value of a parameter is too long.", "{name}");
        }
    }

    #[test]
    fn nothing_that_was_sent_is_printed() {
        let parameters = Parameters::parse(b"client_secret=hunter2&scope=openid").unwrap();
        assert_eq!(format!("{parameters:?}"), r#"["client_secret", "scope"]"#);
        assert_eq!(parameters.secret("client_secret").unwrap().expose(), "hunter2");
        let refusal = Parameters::parse(b"hunter2=hunter2&hunter2=hunter2").unwrap_err();
        assert!(!format!("{refusal:?}").contains("hunter2"));
    }

    #[test]
    fn pairs_follow_the_same_rules() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parameters = Parameters::from_pairs([pair("scope", "openid"), pair("state", "")]).unwrap();
        assert_eq!(parameters.iter().collect::<Vec<_>>(), [("scope", "openid")]);
        assert!(Parameters::from_pairs([pair("scope", "openid"), pair("scope", "email")]).is_err());
    }

    fn encode(pairs: &[(String, String)]) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Parameters::parse(&bytes);
        }

        #[test]
        fn what_looks_like_a_form_is_read_or_refused(form in "([a-c%+=&]|%[0-9a-f]{0,2}){0,40}") {
            let _ = Parameters::parse(form.as_bytes());
        }

        #[test]
        fn what_was_encoded_is_read_back(pairs in proptest::collection::btree_map("[^\0]{1,16}", "[^\0]{1,64}", 0..20)) {
            let pairs: Vec<(String, String)> = pairs.into_iter().collect();
            prop_assume!(pairs.iter().all(|(name, value)| name.len() <= MAX_NAME && value.len() <= max_length(name)));
            let parameters = Parameters::parse(encode(&pairs).as_bytes()).unwrap();
            let read: Vec<_> = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            prop_assert_eq!(read, pairs);
        }

        #[test]
        fn one_repeated_name_spoils_any_form(
            pairs in proptest::collection::btree_map("[^\0]{1,16}", "[^\0]{0,16}", 1..20),
            repeated in any::<proptest::sample::Index>(),
            at in any::<proptest::sample::Index>(),
            value in "[^\0]{0,16}",
        ) {
            let mut pairs: Vec<(String, String)> = pairs.into_iter().collect();
            let name = pairs[repeated.index(pairs.len())].0.clone();
            pairs.insert(at.index(pairs.len() + 1), (name, value));
            prop_assert!(Parameters::parse(encode(&pairs).as_bytes()).is_err());
        }
    }
}
