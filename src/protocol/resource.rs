//! Resource indicators [RFC 8707]: which servers an access token is for.

use url::Url;

use super::error::{ErrorCode, Refusal};
use super::parameters::Parameters;

/// The most that one request, or one client, names.
pub const MOST: usize = 20;
/// The longest, in bytes.
pub const LONGEST: usize = 400;

/// [RFC 8707 §2] an absolute URI without fragment. Compared as text.
pub fn is_one(text: &str) -> bool {
    text.len() <= LONGEST && !text.contains('#') && Url::parse(text).is_ok()
}

/// What a request names, each of it `permitted`.
pub fn asked(parameters: &Parameters, permitted: impl Fn(&str) -> bool) -> Result<Vec<String>, Refusal> {
    let mut asked: Vec<String> = Vec::new();
    for resource in parameters.all("resource") {
        if !is_one(resource) || !permitted(resource) || asked.len() >= MOST {
            return Err(Refusal::new(ErrorCode::InvalidTarget, "A resource is malformed, unknown or not permitted."));
        }
        if !asked.iter().any(|own| own == resource) {
            asked.push(resource.to_owned());
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8707_2_a_resource_is_an_absolute_uri_that_is_permitted() {
        let read = |query: &str| {
            let parameters = Parameters::parse(query.as_bytes()).unwrap();
            asked(&parameters, |uri| ["https://a.example", "urn:b"].contains(&uri))
        };
        assert_eq!(
            read("resource=https://a.example&resource=urn:b&resource=urn:b").unwrap(),
            ["https://a.example", "urn:b"]
        );
        assert_eq!(read("scope=openid").unwrap(), Vec::<String>::new());
        for bad in ["https://a.example/", "a", "https://a.example%23x", "https://c.example"] {
            let refusal = read(&format!("resource={bad}")).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidTarget, "{bad}");
        }
        assert!(!is_one("/relative") && !is_one("https://a.example#"));
    }
}
