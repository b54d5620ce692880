//! Which parts there are, and what each names: the database keeps that as long as it is named.

use sea_orm::Value;

use super::parts::{Named, Part};
use crate::clock::Timestamp;
use crate::domain::application::Application;
use crate::domain::mfa_policy::MfaPolicy;
use crate::domain::native_application::NativeApplication;
use crate::domain::policy::SignOnPolicy;
use crate::protocol::id::{ApplicationId, MfaPolicyId, NativeApplicationId, PolicyId};

/// What is the same for all of them, but for the type of the identifier.
macro_rules! identified_by {
    ($id:ident) => {
        type Id = $id;

        fn parse(text: &str) -> Option<$id> {
            $id::parse(text)
        }

        fn text(id: &$id) -> &str {
            id.as_str()
        }

        fn id(&self) -> &$id {
            &self.id
        }

        fn with_id(self, id: $id) -> Self {
            Self { id, ..self }
        }

        fn created_at(&self) -> Timestamp {
            self.created_at
        }
    };
}

impl Part for SignOnPolicy {
    const TABLE: &str = "sign_on_policy";
    const UNREADABLE: &'static str = "a sign-on policy that cannot be read";
    const USED: &str = "SELECT 1 FROM client WHERE policy_id = $1 UNION ALL \
                        SELECT 1 FROM sign_on_settings WHERE policy_id = $1 LIMIT 1";

    identified_by!(PolicyId);

    fn beside(&self) -> Vec<(&'static str, Value)> {
        let shown_by = self.application.as_ref().map(|application| application.as_str().to_owned());
        vec![("application_id", shown_by.into())]
    }

    fn named(&self) -> Option<Named<'_>> {
        let ids = self.mfa_policies().map(MfaPolicyId::as_str).collect();
        Some(Named { table: "sign_on_policy_mfa", column: "mfa_policy_id", ids })
    }
}

impl Part for Application {
    const TABLE: &str = "authentication_application";
    const UNREADABLE: &'static str = "an application that cannot be read";
    const USED: &str = "SELECT 1 FROM sign_on_policy WHERE application_id = $1 UNION ALL \
                        SELECT 1 FROM sign_on_settings WHERE application_id = $1 LIMIT 1";

    identified_by!(ApplicationId);
}

impl Part for NativeApplication {
    const TABLE: &str = "native_application";
    const UNREADABLE: &'static str = "a native application that cannot be read";
    // One that is made anew under the same name would be trusted on the devices of the one before.
    const USED: &str = "SELECT 1 FROM mfa_policy_application WHERE application_id = $1 UNION ALL \
                        SELECT 1 FROM device WHERE application_id = $1 LIMIT 1";

    identified_by!(NativeApplicationId);

    fn beside(&self) -> Vec<(&'static str, Value)> {
        vec![("client_id", self.client.as_str().into())]
    }
}

impl Part for MfaPolicy {
    const TABLE: &str = "mfa_policy";
    const UNREADABLE: &'static str = "an MFA policy that cannot be read";
    const USED: &str = "SELECT 1 FROM sign_on_policy_mfa WHERE mfa_policy_id = $1 LIMIT 1";

    identified_by!(MfaPolicyId);

    fn named(&self) -> Option<Named<'_>> {
        let ids = self.applications.iter().map(|permitted| permitted.application.as_str()).collect();
        Some(Named { table: "mfa_policy_application", column: "application_id", ids })
    }
}
