//! Servers that access tokens are for [RFC 8707]: those that a client may reach, and those that it is.

use super::{ClientMetadata, Problems};
use crate::protocol::admin_error::FieldCode;
use crate::protocol::resource;

impl ClientMetadata {
    /// Those that it may reach, and those that it is.
    pub(super) fn servers(&self, problems: &mut Problems) -> (Vec<String>, Vec<String>) {
        let reached = servers("/resources", self.resources.as_deref(), problems);
        (reached, servers("/protected_resources", self.protected_resources.as_deref(), problems))
    }
}

/// `pointer`: where they stand.
fn servers(pointer: &'static str, given: Option<&[String]>, problems: &mut Problems) -> Vec<String> {
    let given = given.unwrap_or_default();
    if given.len() > resource::MOST {
        problems.add(pointer, FieldCode::TooLong, "At most 20.");
        return Vec::new();
    }
    for (at, text) in given.iter().enumerate() {
        if !resource::is_one(text) {
            let detail = "An absolute URI of at most 400 characters, without a fragment.";
            problems.add_to(format!("{pointer}/{at}"), FieldCode::Invalid, detail);
        }
    }
    given.to_vec()
}
