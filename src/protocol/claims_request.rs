//! The `claims` parameter [OIDCC §5.5]: single claims, and where they are wanted.
//!
//! What nobody here knows is ignored. A claim that is wanted with a value that the person has not is left out:
//! `sub` and `acr` alone make it an error [OIDCC §5.5.1].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::Refusal;
use super::jwt::is_strict_object;
use super::scope::Scope;
use super::words::words;

words! {
    /// A claim about a person [OIDCC §5.1].
    PersonalClaim {
        Name = "name",
        PreferredUsername = "preferred_username",
        UpdatedAt = "updated_at",
        Email = "email",
        EmailVerified = "email_verified",
    }
}

impl PersonalClaim {
    /// The scope that has it among others [OIDCC §5.4]: what a person is asked about.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Name | Self::PreferredUsername | Self::UpdatedAt => "profile",
            Self::Email | Self::EmailVerified => "email",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    pub userinfo: Vec<PersonalClaim>,
    pub id_token: Vec<PersonalClaim>,
    /// Of those, the ones that are wanted with certain values alone. `default`: a grant from before there were any.
    #[serde(default)]
    particular: Vec<Particular>,
    pub acr: Option<AcrRequest>,
    /// Nobody else will do [OIDCC §5.5].
    pub sub: Option<String>,
}

/// Where a claim is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    Userinfo,
    IdToken,
}

/// [OIDCC §5.5.1] `value` or `values`, each as JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Particular {
    place: Place,
    claim: PersonalClaim,
    values: Vec<String>,
}

/// [OIDCC §5.5.1.1]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcrRequest {
    /// Without one of the values, nobody is signed in.
    pub essential: bool,
    pub values: Vec<String>,
}

/// More than any list of classes has.
const MOST_VALUES: usize = 20;

impl ClaimsRequest {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let malformed = || Refusal::invalid_request("claims is not acceptable JSON.");
        if !is_strict_object(text.as_bytes()) {
            return Err(malformed());
        }
        let whole: Map<String, Value> = serde_json::from_str(text).map_err(|_| malformed())?;
        let part = |name: &str| match whole.get(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(claims)) => Ok(claims.clone()),
            Some(_) => Err(malformed()),
        };
        let (userinfo, id_token) = (part("userinfo")?, part("id_token")?);
        if userinfo.values().chain(id_token.values()).any(|wanted| !(wanted.is_null() || wanted.is_object())) {
            return Err(malformed());
        }
        let sub = texts(id_token.get("sub")).into_iter().chain(texts(userinfo.get("sub"))).next();
        let mut particular = particular(Place::Userinfo, &userinfo);
        particular.extend(self::particular(Place::IdToken, &id_token));
        Ok(Self { userinfo: personal(&userinfo), id_token: personal(&id_token), particular, acr: acr(&id_token), sub })
    }

    pub fn is_empty(&self) -> bool {
        let Self { userinfo, id_token, particular: _, acr, sub } = self;
        userinfo.is_empty() && id_token.is_empty() && acr.is_none() && sub.is_none()
    }

    /// Without the claims of scopes that `keep` does not want.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.userinfo.retain(|claim| keep(claim.scope()));
        self.id_token.retain(|claim| keep(claim.scope()));
        self.particular.retain(|particular| keep(particular.claim.scope()));
        self
    }

    /// Whether a claim is wanted there, and with this value if with any.
    pub fn wants(&self, place: Place, claim: PersonalClaim, value: &Value) -> bool {
        let asked = match place {
            Place::Userinfo => &self.userinfo,
            Place::IdToken => &self.id_token,
        };
        let particular = self.particular.iter().find(|one| one.place == place && one.claim == claim);
        asked.contains(&claim) && particular.is_none_or(|one| one.values.contains(&value.to_string()))
    }

    /// `scope`, and those that have the claims among others: what a person agrees to.
    pub fn with(&self, scope: &Scope) -> Scope {
        let names: Vec<&str> = self.userinfo.iter().chain(&self.id_token).map(|claim| claim.scope()).collect();
        Scope::parse(&names.join(" ")).map_or_else(|| scope.clone(), |more| scope.and(&more))
    }
}

fn personal(claims: &Map<String, Value>) -> Vec<PersonalClaim> {
    PersonalClaim::ALL.iter().copied().filter(|claim| claims.contains_key(claim.as_str())).collect()
}

fn acr(claims: &Map<String, Value>) -> Option<AcrRequest> {
    let wanted = claims.get("acr")?;
    let essential = wanted.get("essential").and_then(Value::as_bool).unwrap_or(false);
    Some(AcrRequest { essential, values: texts(Some(wanted)) })
}

fn particular(place: Place, claims: &Map<String, Value>) -> Vec<Particular> {
    let of = |claim: &PersonalClaim| {
        let values = values(claims.get(claim.as_str())?)?;
        Some(Particular { place, claim: *claim, values: values.take(MOST_VALUES).map(Value::to_string).collect() })
    };
    PersonalClaim::ALL.iter().filter_map(of).collect()
}

/// `value`, or `values`. `None`: any will do.
fn values(wanted: &Value) -> Option<impl Iterator<Item = &Value>> {
    let one = wanted.get("value").filter(|value| !value.is_null());
    let many = wanted.get("values").and_then(Value::as_array);
    (one.is_some() || many.is_some()).then(|| one.into_iter().chain(many.into_iter().flatten()))
}

/// Those that are texts.
fn texts(wanted: Option<&Value>) -> Vec<String> {
    let values = wanted.and_then(values).into_iter().flatten();
    values.filter_map(Value::as_str).take(MOST_VALUES).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidcc_5_5_claims_are_wanted_where_they_are_named() {
        let read = ClaimsRequest::parse(
            r#"{"userinfo": {"email": {"essential": true}, "nickname": null, "name#ja": null},
                "id_token": {"name": null, "auth_time": {"essential": true}, "sub": {"value": "alice"},
                             "acr": {"essential": true, "values": ["a", "b"]}}, "other": [1]}"#,
        )
        .unwrap();
        assert_eq!(read.userinfo, [PersonalClaim::Email]);
        assert_eq!(read.id_token, [PersonalClaim::Name]);
        assert_eq!(read.sub.as_deref(), Some("alice"));
        assert_eq!(read.acr, Some(AcrRequest { essential: true, values: vec!["a".into(), "b".into()] }));
        assert_eq!(read.with(&Scope::parse("openid").unwrap()).as_str(), "openid email profile");
        let only = read.only(|scope| scope == "email");
        assert_eq!((only.userinfo.len(), only.id_token.len()), (1, 0));
        assert!(ClaimsRequest::parse("{}").unwrap().is_empty());
    }

    #[test]
    fn oidcc_5_5_1_a_claim_may_be_wanted_with_a_value() {
        let read = ClaimsRequest::parse(
            r#"{"userinfo": {"email": {"value": "a@example.com"}, "email_verified": {"essential": true, "value": true},
                             "name": {"value": null}},
                "id_token": {"email": {"values": ["a@example.com", "b@example.com"]}, "updated_at": {"values": []},
                             "name": {"value": ["Alice"]}}}"#,
        )
        .unwrap();
        let (email, name) = (PersonalClaim::Email, PersonalClaim::Name);
        for (place, claim, value, wanted) in [
            (Place::Userinfo, email, Value::from("a@example.com"), true),
            (Place::Userinfo, email, Value::from("b@example.com"), false),
            (Place::IdToken, email, Value::from("b@example.com"), true),
            (Place::IdToken, email, Value::from("c@example.com"), false),
            (Place::Userinfo, PersonalClaim::EmailVerified, Value::from(true), true),
            (Place::Userinfo, PersonalClaim::EmailVerified, Value::from("true"), false),
            (Place::Userinfo, name, Value::from("Alice"), true),
            (Place::IdToken, name, Value::from("Alice"), false),
            (Place::IdToken, PersonalClaim::UpdatedAt, Value::from(1), false),
            (Place::IdToken, PersonalClaim::EmailVerified, Value::from(true), false),
        ] {
            assert_eq!(read.wants(place, claim, &value), wanted, "{place:?} {claim} {value}");
        }
        // Grants keep it, and those from before there were values are read.
        let stored = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<ClaimsRequest>(&stored).unwrap(), read);
        let before = r#"{"userinfo":["email"],"id_token":[],"acr":null,"sub":null}"#;
        let before: ClaimsRequest = serde_json::from_str(before).unwrap();
        assert!(before.wants(Place::Userinfo, email, &Value::from("anything")));
    }

    #[test]
    fn oidcc_5_5_what_is_no_claims_request_is_refused() {
        for bad in [
            "",
            "x",
            "[]",
            "null",
            r#"{"userinfo": []}"#,
            r#"{"userinfo": {"email": true}}"#,
            r#"{"userinfo": {}, "userinfo": {}}"#,
            r#"{"id_token": {"acr": "a"}}"#,
        ] {
            assert!(ClaimsRequest::parse(bad).is_err(), "{bad}");
        }
    }
}
