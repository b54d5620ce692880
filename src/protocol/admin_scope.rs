//! The scopes of the admin API: `nod:<resource>:read`, `nod:<resource>:write`, and `nod:admin` for all
//! of them. To write implies to read.

use std::collections::BTreeSet;
use std::fmt;

use crate::protocol::scope::Scope;

/// How every scope of ours begins. No token that a person approved ever has one.
pub const PREFIX: &str = "nod:";

/// Everything.
pub const ADMIN: &str = "nod:admin";

macro_rules! permissions {
    ($($name:ident = $scope:literal, $is:literal;)*) => {
        /// What a call of the admin API needs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $(#[doc = $is] $name,)* }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its scope.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $scope,)* }
            }

            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $is,)* }
            }
        }
    };
}

permissions! {
    ClientsRead = "nod:clients:read", "List and read clients.";
    ClientsWrite = "nod:clients:write", "Register, change and delete clients.";
    UsersRead = "nod:users:read", "List and read users.";
    UsersWrite = "nod:users:write", "Create, change, lock and delete users.";
    DevicesRead = "nod:devices:read", "List and read devices and pairing keys.";
    DevicesWrite = "nod:devices:write", "Block, change and unpair devices; create and revoke pairing keys.";
    RequestsRead = "nod:requests:read", "List and read authentication requests.";
    RequestsWrite = "nod:requests:write", "Cancel authentication requests.";
    PoliciesRead = "nod:policies:read", "List sign-on policies, MFA policies and applications.";
    PoliciesWrite = "nod:policies:write", "Create, change and delete sign-on policies, MFA policies and applications.";
    KeysRead = "nod:keys:read", "List signing keys.";
    KeysWrite = "nod:keys:write", "Rotate and retire signing keys.";
    AuditRead = "nod:audit:read", "Read the audit trail.";
    EventsRead = "nod:events:read", "Listen to events.";
    WebhooksRead = "nod:webhooks:read", "List webhooks and their deliveries.";
    WebhooksWrite = "nod:webhooks:write", "Register, change, test and delete webhooks.";
    DeviceAuthentications = "nod:device-authentications", "Have people asked on their devices: `/deviceAuthentications`.";
}

impl Permission {
    fn parse(scope: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|permission| permission.as_str() == scope)
    }

    /// The right to read that comes with this right to write.
    fn implied(self) -> Option<Self> {
        let resource = self.as_str().strip_suffix(":write")?;
        Self::ALL.iter().copied().find(|other| other.as_str().strip_suffix(":read") == Some(resource))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a scope permits in the admin API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    all: bool,
    own: BTreeSet<Permission>,
}

impl Permissions {
    pub fn of(scope: &Scope) -> Self {
        let all = scope.contains(ADMIN);
        let named = scope.names().filter_map(Permission::parse);
        let own = named.flat_map(|permission| [Some(permission), permission.implied()]).flatten().collect();
        Self { all, own }
    }

    pub fn allow(&self, permission: Permission) -> bool {
        self.all || self.own.contains(&permission)
    }

    /// Whether these go at least as far as `others`: nobody gives, or takes into hand, more than that.
    pub fn cover(&self, others: &Self) -> bool {
        // All of them by name is not all: what is added later belongs to `nod:admin` alone.
        self.all || (!others.all && others.own.is_subset(&self.own))
    }

    /// What both permit.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        match (self.all, other.all) {
            (true, _) => other.clone(),
            (false, true) => self.clone(),
            (false, false) => Self { all: false, own: &self.own & &other.own },
        }
    }

    /// The same text for the same rights.
    pub fn text(&self) -> String {
        if self.all {
            return ADMIN.to_owned();
        }
        self.own.iter().map(|permission| permission.as_str()).collect::<Vec<_>>().join(" ")
    }

    pub fn is_empty(&self) -> bool {
        !self.all && self.own.is_empty()
    }
}

/// Whether a name in a scope is ours.
pub fn is_administrative(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// A name that begins like ours and means nothing.
pub fn is_unknown(name: &str) -> bool {
    is_administrative(name) && name != ADMIN && Permission::parse(name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scope: &str) -> Permissions {
        Permissions::of(&Scope::parse(scope).unwrap())
    }

    #[test]
    fn to_write_implies_to_read_and_admin_all() {
        assert!(of("nod:clients:write").allow(Permission::ClientsRead));
        assert!(!of("nod:clients:read").allow(Permission::ClientsWrite));
        assert!(!of("nod:clients:write").allow(Permission::UsersRead));
        assert!(Permission::ALL.iter().all(|permission| of("nod:admin").allow(*permission)));
        assert!(of("openid profile nod:client:write nod:clients").is_empty());
    }

    #[test]
    fn nobody_covers_more_than_is_theirs() {
        assert!(of("nod:users:write").cover(&of("nod:users:read")));
        assert!(!of("nod:users:read").cover(&of("nod:users:write")));
        assert!(of("nod:admin").cover(&of("nod:admin")));
        let every: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
        assert!(!of(&every.join(" ")).cover(&of("nod:admin")));
        assert!(of("openid").cover(&of("openid")));
    }

    #[test]
    fn a_name_that_begins_like_ours_is_known_or_refused() {
        assert!(is_unknown("nod:clients:delete") && is_unknown("nod:") && is_unknown("nod:admin:read"));
        assert!(!is_unknown("nod:admin") && !is_unknown("nod:keys:write") && !is_unknown("openid"));
    }
}
