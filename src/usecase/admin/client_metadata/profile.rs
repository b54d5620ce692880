//! What a client is held to, and whether it can be.

use super::{ClientMetadata, Problems};
use crate::domain::client::Client;
use crate::domain::profile::{Profile, Profiles, Unmet};
use crate::protocol::admin_error::{FieldCode, FieldProblem};

impl ClientMetadata {
    pub(super) fn security_profile(&self, problems: &mut Problems) -> Option<Profile> {
        let profile = Profile::parse(self.security_profile.as_deref()?);
        if profile.is_none() {
            let detail = "One of oauth21, fapi2-security, fapi2-message-signing, fapi-ciba.";
            problems.add("/security_profile", FieldCode::Invalid, detail);
        }
        profile
    }
}

/// Each demand that a client does not meet. One that is switched off may be as it is: nobody hears it.
pub fn unmet(profiles: Profiles, client: &Client) -> Result<(), Vec<FieldProblem>> {
    if client.disabled {
        return Ok(());
    }
    let problem = |unmet: Unmet| FieldProblem::new(unmet.pointer(), FieldCode::NotAllowed, unmet.detail());
    let demands = profiles.of(client);
    let problems: Vec<FieldProblem> = demands.unmet_by(client).map(problem).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
