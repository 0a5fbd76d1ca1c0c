//! One method is one type: its name, its scope, what goes in and what comes out.

use std::collections::BTreeMap;

use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::value::RawValue;

use crate::{
    error::ErrorShape,
    limits::REASON_BYTES_MAX,
    methods,
    schema::{Field, Shape},
    scope::Scope,
};

/// A call a client can make. Client, gateway and manual all read the same line.
pub trait Method {
    /// The name on the wire.
    const NAME: &'static str;
    /// What a caller must hold. There is no default: a method without a scope does not compile.
    const SCOPE: Scope;
    /// The fields of the parameters, for the manual and for error messages.
    const PARAMS: &'static [Field];
    /// The fields of the result, for the manual.
    const RESULT: &'static [Field];
    /// What goes in.
    type Params: Serialize + DeserializeOwned + Send;
    /// What comes out.
    type Result: Serialize + DeserializeOwned + Send;
}

/// A method that answers twice: once when the work is accepted, once when it is done.
pub trait TwoPhase: Method {
    /// The first answer; the last one is [`Method::Result`].
    type Accepted: Serialize + DeserializeOwned + Send;
}

/// One row of the table of methods.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The name on the wire.
    pub name: &'static str,
    /// What a caller must hold.
    pub scope: Scope,
    /// The parameters.
    pub params: Shape,
    /// The result.
    pub result: Shape,
}

pub(crate) const fn row<M: Method>() -> Row {
    Row {
        name: M::NAME,
        scope: M::SCOPE,
        params: Shape { fields: M::PARAMS },
        result: Shape { fields: M::RESULT },
    }
}

/// Every method, in the order of the manual.
pub const METHODS: &[Row] = methods::ROWS;

/// The row of a method.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    METHODS.iter().find(|row| row.name == name)
}

/// Reads the parameters of a request; absent and null ones count as empty.
///
/// # Errors
/// `INVALID_REQUEST`, naming every required field that is absent, or else the first that is wrong.
pub fn params<M: Method>(raw: Option<&RawValue>) -> Result<M::Params, ErrorShape> {
    let text = match raw.map(RawValue::get) {
        None | Some("null") => "{}",
        Some(text) => text,
    };
    let refuse = |reason: String| {
        let name = M::NAME;
        ErrorShape::invalid(format!("invalid {name} params: {reason}"))
    };
    // A derived reader would take an array for an object too.
    if !text.starts_with('{') {
        return Err(refuse("must be object".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| {
        refuse(missing(M::PARAMS, text).unwrap_or_else(|| without_position(&error)))
    })
}

/// Upstream's words for required fields that are absent, all in one message.
fn missing(fields: &[Field], text: &str) -> Option<String> {
    let object: BTreeMap<String, IgnoredAny> = serde_json::from_str(text).ok()?;
    let absent: Vec<String> = fields
        .iter()
        .filter(|field| field.required && !object.contains_key(field.name))
        .map(|field| format!("must have required property '{}'", field.name))
        .collect();
    (!absent.is_empty()).then(|| absent.join("; "))
}

/// The parser's words without "at line 1 column 7", which means nothing to whoever wrote the object.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..text.floor_char_boundary(end.min(REASON_BYTES_MAX))].to_owned()
}
