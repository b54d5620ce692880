//! The words that labels are made of.

/// Defines words, and what they are called outside.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $word:ident = $text:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$note])* $word,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }
    )* };
}

words! {
    /// What was asked for.
    Endpoint {
        BackchannelAuthentication = "backchannel_authentication",
        Token = "token",
        Revocation = "revocation",
        Introspection = "introspection",
        Userinfo = "userinfo",
        Authorization = "authorization",
        PushedAuthorizationRequest = "pushed_authorization_request",
        DeviceAuthorization = "device_authorization",
        /// Where the code of a device is typed.
        UserAuthorization = "user_authorization",
        Registration = "registration",
        EndSession = "end_session",
        CheckSession = "check_session",
        /// The flow API.
        Flow = "flow",
        /// The direct API, by which servers have people asked.
        DeviceAuthentications = "device_authentications",
        /// The pages of a flow, and the way back from them.
        SignIn = "sign_in",
        SignOut = "sign_out",
        /// Where passwords are changed and recovered.
        Passwords = "passwords",
        Account = "account",
        Discovery = "discovery",
        Jwks = "jwks",
        Openapi = "openapi",
        Docs = "docs",
        /// Style sheets and scripts.
        Assets = "assets",
        DevicePair = "device_pair",
        DevicePending = "device_pending",
        DeviceNotification = "device_notification",
        DeviceApprove = "device_approve",
        DeviceDeny = "device_deny",
        DeviceAck = "device_ack",
        DeviceEvents = "device_events",
        DeviceMe = "device_me",
        DevicePushToken = "device_push_token",
        DevicePushEnabled = "device_push_enabled",
        DeviceLogs = "device_logs",
        DeviceTestPush = "device_test_push",
        DeviceRotate = "device_rotate",
        DeviceUnpair = "device_unpair",
        DeviceEnrollment = "device_enrollment",
        Admin = "admin",
        Dev = "dev",
        Other = "other",
    }

    /// How a request ended.
    Outcome {
        Ok = "ok",
        /// The person has not answered yet, or the client asks too often.
        Waiting = "waiting",
        Refused = "refused",
        TooMany = "too_many",
        /// A store is away, or we are too slow.
        Unavailable = "unavailable",
        Failed = "failed",
        /// The client did not wait for the answer.
        Abandoned = "abandoned",
    }

    /// How a person, or somebody for them, has decided.
    Decided {
        Approved = "approved",
        Denied = "denied",
        WrongNumber = "wrong_number",
        BiometricsRejected = "biometrics_rejected",
        Reported = "reported",
        NoDevice = "no_device",
        Cancelled = "cancelled",
    }

    /// What a poll was told.
    PollAnswer {
        Issued = "issued",
        Pending = "pending",
        SlowDown = "slow_down",
        Expired = "expired",
        Denied = "denied",
        Invalid = "invalid",
        Unavailable = "unavailable",
    }

    /// A call of the ephemeral store.
    EphemeralCall {
        Insert = "insert",
        Get = "get",
        Swap = "swap",
        Remove = "remove",
        Count = "count",
        Wake = "wake",
        Watch = "watch",
        Ping = "ping",
    }

    /// A call of the SQL database.
    SqlCall {
        Read = "read",
        Write = "write",
        Transaction = "transaction",
    }

    /// What came of a delivery, to a webhook, a phone, or a client in ping mode.
    Delivered {
        Delivered = "delivered",
        /// An attempt that is not the last one.
        Failed = "failed",
        GaveUp = "gave_up",
    }

    /// A limit that somebody ran into.
    Limit {
        Connections = "connections",
        ConnectionsPerPeer = "connections_per_peer",
        ClientAuthentication = "client_authentication",
        BackchannelRequests = "backchannel_requests",
        QuestionsPerUser = "questions_per_user",
        PushedRequests = "pushed_requests",
        Introspections = "introspections",
        /// Wrong pairing keys.
        Pairing = "pairing",
        /// Tickets of an enrolment that are none.
        Enrolments = "enrolments",
        /// What apps send to whoever helps their people.
        DeviceLogs = "device_logs",
        TestPushes = "test_pushes",
        UserCodes = "user_codes",
        CibaUserCodes = "ciba_user_codes",
        DeviceAuthorizations = "device_authorizations",
        Registrations = "registrations",
        Passwords = "passwords",
        PasswordHashes = "password_hashes",
        Recoveries = "recoveries",
        Flows = "flows",
        FlowMisses = "flow_misses",
        Pushes = "pushes",
        /// One-time codes that are sent.
        Otps = "otps",
        DevicesPerUser = "devices_per_user",
        Questions = "questions",
        HeldPolls = "held_polls",
        LiveChannels = "live_channels",
        RequestHead = "request_head",
    }
}
