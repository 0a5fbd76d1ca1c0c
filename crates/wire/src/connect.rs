//! The native handshake: challenge, `connect`, `hello-ok`, and which protocol version it ends with.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    PROTOCOL_MAX, PROTOCOL_MIN,
    error::ErrorShape,
    frame::StateVersion,
    limits::{BUFFERED_BYTES_MAX, FRAME_BYTES_MAX, TICK_INTERVAL_MS},
    secret::Secret,
};

/// Payload of the event `connect.challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Signed by clients that have a device identity.
    pub nonce: String,
    /// The gateway's clock in milliseconds.
    pub ts: i64,
}

/// Parameters of `connect`. Unknown keys are ignored: real clients send keys newer than any schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectParams {
    /// Oldest version the client speaks.
    pub min_protocol: u32,
    /// Newest version the client speaks.
    pub max_protocol: u32,
    /// Which program it is.
    #[serde(deserialize_with = "object")]
    pub client: Client,
    /// `operator` or `node`.
    #[serde(default = "operator")]
    pub role: String,
    /// What it wants to do.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What it can show, such as `tool-events`.
    #[serde(default)]
    pub caps: Vec<String>,
    /// How it proves who it is.
    #[serde(
        default,
        deserialize_with = "optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub auth: Option<Auth>,
    /// Its device identity.
    #[serde(
        default,
        deserialize_with = "optional_object",
        skip_serializing_if = "Option::is_none"
    )]
    pub device: Option<Device>,
    /// Its language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Its browser, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// An object and nothing else: a derived reader would take an array of its fields too.
fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: serde::de::DeserializeOwned,
    D: serde::Deserializer<'de>,
{
    use serde::de::Error as _;
    let fields = serde_json::Map::deserialize(deserializer)?;
    T::deserialize(Value::Object(fields)).map_err(D::Error::custom)
}

/// The same for one that may be absent or null.
fn optional_object<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::de::DeserializeOwned,
    D: serde::Deserializer<'de>,
{
    use serde::de::Error as _;
    let fields = Option::<serde_json::Map<String, Value>>::deserialize(deserializer)?;
    fields
        .map(|fields| T::deserialize(Value::Object(fields)).map_err(D::Error::custom))
        .transpose()
}

fn operator() -> String {
    "operator".to_owned()
}

/// The program on the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    /// Its name, such as `cli`.
    pub id: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Its operating system.
    #[serde(default)]
    pub platform: String,
    /// What it is used as, such as `backend`.
    #[serde(default)]
    pub mode: String,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The kind of device it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// This very instance of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
}

/// How a client proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// The gateway's access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// The gateway's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A token given to one device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<Secret>,
    /// A token for one pairing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_token: Option<Secret>,
}

/// A device identity: an ed25519 key and a signature over the challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// SHA-256 of the public key, in hex.
    pub id: String,
    /// The key, base64url.
    pub public_key: String,
    /// The signature, base64url.
    pub signature: String,
    /// When it was made, in milliseconds.
    pub signed_at: i64,
    /// The challenge it signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// The newest version both sides speak.
///
/// # Errors
/// `INVALID_REQUEST` with `details.expectedProtocol` where there is none; the socket is then closed with
/// [`close::PROTOCOL_MISMATCH`].
pub fn negotiate(min: u32, max: u32) -> Result<u32, ErrorShape> {
    let common = max.min(PROTOCOL_MAX);
    if min <= max && common >= min.max(PROTOCOL_MIN) {
        return Ok(common);
    }
    let details = json!({"expectedProtocol": PROTOCOL_MAX});
    Err(ErrorShape::invalid("protocol mismatch").with_details(details))
}

/// Words in `details.code` of a refused `connect`, by which a client knows what to do.
pub mod refusal {
    /// A token is needed and none was sent.
    pub const TOKEN_MISSING: &str = "AUTH_TOKEN_MISSING";
    /// The token is not the gateway's.
    pub const TOKEN_MISMATCH: &str = "AUTH_TOKEN_MISMATCH";
    /// Too many wrong tokens; wait.
    pub const RATE_LIMITED: &str = "AUTH_RATE_LIMITED";
    /// The page that opened the socket is not one of ours.
    pub const ORIGIN_NOT_ALLOWED: &str = "CONTROL_UI_ORIGIN_NOT_ALLOWED";
    /// The device is not paired, or not for these scopes.
    pub const PAIRING_REQUIRED: &str = "PAIRING_REQUIRED";
}

/// Close codes of the WebSocket, by what they say.
pub mod close {
    /// Goodbye.
    pub const NORMAL: u16 = 1000;
    /// No common protocol version.
    pub const PROTOCOL_MISMATCH: u16 = 1002;
    /// A binary frame where text is spoken.
    pub const UNSUPPORTED: u16 = 1003;
    /// Refused: handshake, token, scope, or a client that does not read.
    pub const POLICY: u16 = 1008;
    /// The frame is too large.
    pub const TOO_LARGE: u16 = 1009;
    /// The gateway restarts.
    pub const RESTART: u16 = 1012;
    /// The gateway takes no more connections.
    pub const TRY_LATER: u16 = 1013;
}

/// The word `hello-ok`, by which a client knows the payload of a `connect` response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HelloType {
    /// The only one.
    #[default]
    #[serde(rename = "hello-ok")]
    HelloOk,
}

/// The answer to `connect`, with the keys of both protocol versions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelloOk {
    /// `hello-ok`.
    pub r#type: HelloType,
    /// The version spoken from now on.
    pub protocol: u32,
    /// Who answers.
    pub server: Server,
    /// What can be called and heard.
    pub features: Features,
    /// The state at this moment.
    pub snapshot: Snapshot,
    /// What the client may do; gateways of protocol 3 leave it out for a client without a device.
    #[serde(default)]
    pub auth: Granted,
    /// Limits the client must keep.
    pub policy: Policy,
}

/// The gateway, as `hello-ok` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Our version.
    pub version: String,
    /// This connection.
    pub conn_id: String,
    /// This start of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
}

/// What can be called and heard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Features {
    /// Method names.
    pub methods: Vec<String>,
    /// Event names.
    pub events: Vec<String>,
    /// Further abilities (protocol 4).
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// The state at the moment of connecting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Who is connected.
    #[serde(default)]
    pub presence: Vec<crate::event::PresenceEntry>,
    /// How the gateway is.
    pub health: Value,
    /// Versions of the two above.
    pub state_version: StateVersion,
    /// Since the start.
    pub uptime_ms: u64,
    /// The configuration file; only told to those who may administrate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_path: Option<String>,
    /// The state directory; only told to those who may administrate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<String>,
    /// Where a message goes that names no session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_defaults: Option<SessionDefaults>,
    /// `token` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_mode: Option<String>,
}

/// Where a message goes that names no session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionDefaults {
    /// The agent.
    pub default_agent_id: String,
    /// The session id.
    pub main_key: String,
    /// The full key.
    pub main_session_key: String,
    /// How sessions are separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// What the client may do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Granted {
    /// `operator` or `node`.
    pub role: String,
    /// The scopes it holds, which may be fewer than it asked for.
    pub scopes: Vec<String>,
}

/// Limits the client must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Largest frame, in bytes.
    pub max_payload: usize,
    /// Most bytes that may wait for a client that does not read.
    pub max_buffered_bytes: usize,
    /// Interval of `tick`.
    pub tick_interval_ms: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_payload: FRAME_BYTES_MAX,
            max_buffered_bytes: BUFFERED_BYTES_MAX,
            tick_interval_ms: TICK_INTERVAL_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_no_object_wherever_one_is_wanted() {
        let good = json!({"minProtocol": 4, "maxProtocol": 4, "client": {"id": "x"}, "auth": {"token": "t"}, "device": null});
        assert!(serde_json::from_value::<ConnectParams>(good.clone()).is_ok());
        for (key, array) in [
            ("client", json!(["x", "1", "linux", "cli"])),
            ("auth", json!(["t"])),
            ("device", json!(["a", "b", "c", 1])),
        ] {
            let mut bad = good.clone();
            bad[key] = array;
            assert!(
                serde_json::from_value::<ConnectParams>(bad).is_err(),
                "{key}"
            );
        }
    }

    #[test]
    fn the_newest_common_version_wins() {
        for (min, max, want) in [
            (3, 3, Some(3)),
            (3, 4, Some(4)),
            (4, 4, Some(4)),
            (1, 3, Some(3)),
            (4, 9, Some(4)),
            (0, u32::MAX, Some(4)),
            (1, 2, None),
            (5, 9, None),
            (4, 3, None),
        ] {
            assert_eq!(negotiate(min, max).ok(), want, "{min}..{max}");
        }
        let error = negotiate(5, 9).unwrap_err();
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"code":"INVALID_REQUEST","message":"protocol mismatch","details":{"expectedProtocol":4}}"#
        );
    }

    #[test]
    fn a_printed_connect_shows_no_token() {
        let params: ConnectParams = serde_json::from_value(json!({
            "minProtocol": 3, "maxProtocol": 4, "client": {"id": "cli"},
            "auth": {"token": "secret-token"}, "modelCatalog": {"sessionKey": "main"}
        }))
        .unwrap();
        assert_eq!(params.role, "operator");
        let token = params.auth.as_ref().unwrap().token.as_ref().unwrap();
        assert_eq!(token.0, "secret-token");
        let shown = format!("{params:?} {token:?}");
        assert!(!shown.contains("secret-token"), "{shown}");
        let written = serde_json::to_value(&params.auth).unwrap();
        assert_eq!(written, json!({"token": "secret-token"}));
    }
}
