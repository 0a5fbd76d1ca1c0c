//! The numbered error codes of the dialect.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $word:literal,)*) => {
        /// An error code: its number and its name are both on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, by number.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The number, as `content.code` carries it.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            /// The name, as `content.error` carries it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

codes! {
    /// The gateway takes no more connections.
    ConnectionRefused = 1001 "CONNECTION_REFUSED",
    /// Nothing arrived in time.
    ConnectionTimeout = 1002 "CONNECTION_TIMEOUT",
    /// The connection broke.
    ConnectionReset = 1003 "CONNECTION_RESET",
    /// The frame breaks the transport's rules: binary, too large, or not understood here.
    ProtocolError = 1004 "PROTOCOL_ERROR",
    /// Not JSON, or JSON beyond the limits.
    InvalidJson = 2001 "INVALID_JSON",
    /// A required field is absent.
    MissingField = 2002 "MISSING_FIELD",
    /// A field has the wrong type.
    InvalidType = 2003 "INVALID_TYPE",
    /// The message type is unknown.
    UnknownType = 2004 "UNKNOWN_TYPE",
    /// The content makes no sense.
    InvalidContent = 2005 "INVALID_CONTENT",
    /// No such agent.
    AgentNotFound = 3001 "AGENT_NOT_FOUND",
    /// The agent is not running.
    AgentOffline = 3002 "AGENT_OFFLINE",
    /// The agent's queue is full.
    AgentBusy = 3003 "AGENT_BUSY",
    /// The agent could not answer.
    AgentError = 3004 "AGENT_ERROR",
    /// No such session.
    SessionNotFound = 4001 "SESSION_NOT_FOUND",
    /// The session is over.
    SessionExpired = 4002 "SESSION_EXPIRED",
    /// The session belongs to someone else.
    SessionLocked = 4003 "SESSION_LOCKED",
    /// The session's file is damaged.
    SessionCorrupt = 4004 "SESSION_CORRUPT",
    /// A token is needed.
    AuthRequired = 5001 "AUTH_REQUIRED",
    /// The token is wrong.
    AuthFailed = 5002 "AUTH_FAILED",
    /// The token is too old.
    TokenExpired = 5003 "TOKEN_EXPIRED",
    /// The token does not permit this.
    PermissionDenied = 5004 "PERMISSION_DENIED",
}
