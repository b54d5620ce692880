//! Which methods there are where.

use poem::http::HeaderValue;
use serde_json::Value;

/// Templates of paths, each with what `Allow` says there.
#[derive(Debug)]
pub(super) struct Methods(Vec<(String, HeaderValue)>);

impl Methods {
    pub(super) fn of(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        let methods = paths.filter_map(|(path, operations)| {
            let names: Vec<String> = operations.as_object()?.keys().map(|name| name.to_uppercase()).collect();
            Some((path.clone(), HeaderValue::from_str(&names.join(", ")).ok()?))
        });
        Self(methods.collect())
    }

    pub(super) fn allow(&self, path: &str) -> Option<HeaderValue> {
        let fits = |template: &str| {
            let (mut wanted, mut given) = (template.split('/'), path.split('/'));
            loop {
                match (wanted.next(), given.next()) {
                    (None, None) => return true,
                    (Some(wanted), Some(given)) if wanted == given || wanted.starts_with('{') => {}
                    _ => return false,
                }
            }
        };
        self.0.iter().find(|(template, _)| fits(template)).map(|(_, allow)| allow.clone())
    }
}
