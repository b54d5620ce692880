//! The subject of a certificate as text [RFC 4514], compared by what it says.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use x509_parser::asn1_rs::{Any, FromDer as _, Tag, ToDer as _};
use x509_parser::x509::X509Name;

/// As it was written; and what that means, in the order of the certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct DistinguishedName {
    text: String,
    parts: Vec<Part>,
}

/// Attributes that stand together, in an order of ours: theirs means nothing [RFC 4514 §2.2].
type Part = Vec<(String, Value)>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    /// Whichever of the many kinds of ASN.1 strings it is.
    Text(String),
    /// What is no string.
    Der(Vec<u8>),
}

const LONGEST: usize = 1000;

/// Attributes that have a name [RFC 4514 §3, RFC 4519], and those of openssl's names that certificates of clients have.
const NAMES: [(&str, &str); 27] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("surname", "2.5.4.4"),
    ("serialNumber", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("title", "2.5.4.12"),
    ("description", "2.5.4.13"),
    ("businessCategory", "2.5.4.15"),
    ("postalCode", "2.5.4.17"),
    ("GN", "2.5.4.42"),
    ("givenName", "2.5.4.42"),
    ("dnQualifier", "2.5.4.46"),
    ("organizationIdentifier", "2.5.4.97"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
    ("unstructuredName", "1.2.840.113549.1.9.2"),
    ("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3"),
    ("jurisdictionST", "1.3.6.1.4.1.311.60.2.1.2"),
    ("jurisdictionL", "1.3.6.1.4.1.311.60.2.1.1"),
];

impl DistinguishedName {
    /// The last part of the certificate's comes first. Spaces after a comma mean nothing, as in [RFC 2253 §4].
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut rest = text;
        let (mut parts, mut part) = (Vec::new(), Part::new());
        loop {
            let (kind, after) = rest.trim_start_matches(' ').split_once('=')?;
            let (value, end, after) = value(after)?;
            part.push((attribute(kind)?, value));
            if end != Some('+') {
                part.sort();
                parts.push(std::mem::take(&mut part));
            }
            if end.is_none() {
                break;
            }
            rest = after;
        }
        parts.reverse();
        Some(Self { text: text.to_owned(), parts })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is(&self, name: &X509Name<'_>) -> bool {
        let of = |part: &x509_parser::x509::RelativeDistinguishedName<'_>| {
            let attributes = part.iter().map(|one| Some((one.attr_type().to_id_string(), decoded(one.attr_value())?)));
            let mut attributes: Part = attributes.collect::<Option<_>>()?;
            attributes.sort();
            Some(attributes)
        };
        name.iter().map(of).collect::<Option<Vec<_>>>().is_some_and(|parts| parts == self.parts)
    }
}

/// [RFC 4514 §3] a name, whatever its case, or an identifier.
fn attribute(text: &str) -> Option<String> {
    if let Some((_, oid)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
        return Some((*oid).to_owned());
    }
    let number =
        |arc: &str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
    (text.contains('.') && text.split('.').all(number)).then(|| text.to_owned())
}

/// The value that the text begins with, what ended it, and what follows.
fn value(text: &str) -> Option<(Value, Option<char>, &str)> {
    if let Some(hex) = text.strip_prefix('#') {
        let end = hex.find([',', '+']).unwrap_or(hex.len());
        let (digits, rest) = hex.split_at_checked(end)?;
        let der = bytes(digits)?;
        let value = match Any::from_der(&der) {
            Ok(([], any)) => decoded(&any)?,
            Ok(_) | Err(_) => return None,
        };
        return Some((value, rest.chars().next(), rest.get(1..).unwrap_or_default()));
    }
    let mut octets = Vec::new();
    let mut rest = text.chars();
    // A space at the end has to be escaped.
    let mut bare_space = false;
    let end = loop {
        let Some(next) = rest.next() else { break None };
        match next {
            ',' | '+' => break Some(next),
            '\\' => {
                let first = rest.next()?;
                if first.is_ascii_hexdigit() {
                    let pair: String = [first, rest.next()?].into_iter().collect();
                    octets.extend(bytes(&pair)?);
                } else if " \"#+,;<=>\\".contains(first) {
                    octets.push(u8::try_from(first).ok()?);
                } else {
                    return None;
                }
                bare_space = false;
            }
            '"' | ';' | '<' | '>' | '\0' => return None,
            ' ' if octets.is_empty() => return None,
            other => {
                octets.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                bare_space = other == ' ';
            }
        }
    };
    let text = String::from_utf8(octets).ok().filter(|text| !text.is_empty() && !bare_space)?;
    Some((Value::Text(text), end, rest.as_str()))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.as_bytes().chunks(2);
    let octets: Option<Vec<u8>> = pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    octets.filter(|octets| !octets.is_empty())
}

fn decoded(any: &Any<'_>) -> Option<Value> {
    let data = any.data;
    let units = |octets: &[u8]| octets.iter().fold(0, |unit, octet| unit << 8 | u32::from(*octet));
    let wide = |width: usize| -> Option<String> {
        let whole = data.len().is_multiple_of(width);
        data.chunks(width).map(|unit| char::from_u32(units(unit)).filter(|_| whole)).collect()
    };
    let text = match any.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::NumericString | Tag::Ia5String => {
            Some(std::str::from_utf8(data).ok()?.to_owned())
        }
        // In practice Latin-1, where it is not ASCII.
        Tag::TeletexString => Some(data.iter().copied().map(char::from).collect()),
        Tag::BmpString => Some(wide(2)?),
        Tag::UniversalString => Some(wide(4)?),
        _ => None,
    };
    match text {
        Some(text) => Some(Value::Text(text)),
        None => any.to_der_vec().ok().map(Value::Der),
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({})", self.text)
    }
}

impl Serialize for DistinguishedName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for DistinguishedName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a distinguished name"))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};
    use x509_parser::certificate::X509Certificate;

    use super::*;

    /// Whether the text is the subject of a certificate with these attributes, in its order.
    fn is(text: &str, attributes: &[(DnType, DnValue)]) -> bool {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, certificate) = X509Certificate::from_der(certificate.der()).unwrap();
        DistinguishedName::parse(text).is_some_and(|name| name.is(certificate.subject()))
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    #[test]
    fn rfc4514_what_is_said_counts_and_not_how() {
        let shop = [
            (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
            (DnType::OrganizationName, DnValue::BmpString("Läden, Söhne".try_into().unwrap())),
            (DnType::CommonName, utf8("shop 1")),
        ];
        for same in [
            r"CN=shop 1,O=Läden\, Söhne,C=DE",
            r"cn=shop 1, o=L\C3\A4den\2c S\c3\b6hne, c=DE",
            r"2.5.4.3=shop\ 1,2.5.4.10=Läden\, Söhne,2.5.4.6=#13024445",
        ] {
            assert!(is(same, &shop), "{same}");
        }
        for other in [
            r"C=DE,O=Läden\, Söhne,CN=shop 1",
            r"CN=Shop 1,O=Läden\, Söhne,C=DE",
            r"CN=shop 1,C=DE",
            r"CN=shop 1,O=Läden\, Söhne,C=DE,DC=x",
            r"CN=shop 1+O=Läden\, Söhne,C=DE",
            r"CN=shop  1,O=Läden\, Söhne,C=DE",
        ] {
            assert!(DistinguishedName::parse(other).is_some() && !is(other, &shop), "{other}");
        }
    }

    #[test]
    fn rfc4514_3_what_is_no_name_is_not_read() {
        for bad in [
            "",
            "shop",
            "=",
            "CN=",
            "CN=a,",
            ",CN=a",
            "CN=a,,O=b",
            "CN=a;O=b",
            "X=a",
            "1.=a",
            "1..2=a",
            "01.2=a",
            "CN=\"a\"",
            "CN=a\\",
            "CN=a\\x",
            "CN=a\\4",
            "CN=\\ff",
            "CN= a",
            "CN=a ",
            "CN=a ,O=b",
            "CN=#",
            "CN=#1",
            "CN=#0c",
            "CN=#0c0161ff",
            "CN=a+",
            "CN=<a>",
        ] {
            assert!(DistinguishedName::parse(bad).is_none(), "{bad}");
        }
        assert!(DistinguishedName::parse(&format!("CN={}", "a".repeat(1000))).is_none());
        for good in ["CN=a=b", r"CN=\#a\ ", "CN=a#b", "UID=x+CN=y,DC=example,DC=com", "1.2.3.4=#0500"] {
            assert!(DistinguishedName::parse(good).is_some(), "{good}");
        }
        // [RFC 4514 §2.2] together they have no order.
        let one = DistinguishedName::parse("UID=x+CN=y").unwrap();
        assert_eq!(one.parts, DistinguishedName::parse("CN=y+UID=x").unwrap().parts);
    }

    #[test]
    fn it_is_kept_as_it_was_written() {
        let name = DistinguishedName::parse("CN=shop, O=x").unwrap();
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(json, r#""CN=shop, O=x""#);
        assert_eq!(serde_json::from_str::<DistinguishedName>(&json).unwrap(), name);
        assert!(serde_json::from_str::<DistinguishedName>(r#""shop""#).is_err());
    }
}
