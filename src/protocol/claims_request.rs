//! The `claims` parameter [OIDCC §5.5]: single claims, and where they are wanted.
//!
//! What nobody here knows is ignored, as is everything that a claim may be said to be but `sub` and `acr`: we
//! have one value of each other claim, or none.

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
    pub acr: Option<AcrRequest>,
    /// Nobody else will do [OIDCC §5.5].
    pub sub: Option<String>,
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
        let sub = values(id_token.get("sub")).into_iter().chain(values(userinfo.get("sub"))).next();
        Ok(Self { userinfo: personal(&userinfo), id_token: personal(&id_token), acr: acr(&id_token), sub })
    }

    pub fn is_empty(&self) -> bool {
        let Self { userinfo, id_token, acr, sub } = self;
        userinfo.is_empty() && id_token.is_empty() && acr.is_none() && sub.is_none()
    }

    /// Without the claims of scopes that `keep` does not want.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.userinfo.retain(|claim| keep(claim.scope()));
        self.id_token.retain(|claim| keep(claim.scope()));
        self
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
    Some(AcrRequest { essential, values: values(Some(wanted)) })
}

/// `value`, or `values`: those that are texts.
fn values(wanted: Option<&Value>) -> Vec<String> {
    let Some(wanted) = wanted else { return Vec::new() };
    let one = wanted.get("value").into_iter();
    let many = wanted.get("values").and_then(Value::as_array).into_iter().flatten();
    one.chain(many).filter_map(Value::as_str).take(MOST_VALUES).map(str::to_owned).collect()
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
