//! What proves who somebody is, in a form that can't be printed by mistake.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A token or a password. It is read and written as text, and its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
