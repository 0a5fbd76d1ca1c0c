//! The fields of every method, as the manual and the generated reference show them.

use crate::{event, method};

/// One field of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its key.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means.
    pub summary: &'static str,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An agent id.
    Agent,
    /// A session key or id.
    Session,
    /// A run id.
    Run,
    /// A whole number.
    Number,
    /// A number that need not be whole, such as dollars.
    Amount,
    /// True or false.
    Flag,
    /// An object.
    Object,
    /// An array.
    List,
    /// Any JSON.
    Any,
}

impl Kind {
    /// The word the manual uses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Agent => "agent id",
            Self::Session => "session key",
            Self::Run => "run id",
            Self::Number => "integer",
            Self::Amount => "number",
            Self::Flag => "boolean",
            Self::Object => "object",
            Self::List => "array",
            Self::Any => "any",
        }
    }
}

/// The fields of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// In the order of the manual.
    pub fields: &'static [Field],
}

/// A field that must be there.
pub(crate) const fn need(name: &'static str, kind: Kind, summary: &'static str) -> Field {
    Field {
        name,
        kind,
        required: true,
        summary,
    }
}

/// A field that may be there.
pub(crate) const fn may(name: &'static str, kind: Kind, summary: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        summary,
    }
}

/// The reference of all methods and events, as Markdown.
#[must_use]
pub fn describe() -> String {
    let mut text = String::from("## Methods\n");
    for row in method::METHODS {
        text.push_str(&format!(
            "\n### `{}`\n\nScope: `{}`.\n",
            row.name, row.scope
        ));
        table(&mut text, "Parameters", row.params);
        table(&mut text, "Result", row.result);
    }
    text.push_str("\n## Events\n\n| event | heard by | tells |\n|---|---|---|\n");
    for row in &event::EVENTS {
        let audience = match row.audience {
            event::Audience::Target => "the one connection it is for".to_owned(),
            event::Audience::Connected => "every connected client".to_owned(),
            event::Audience::Holders(scope) => format!("holders of `{scope}`"),
            event::Audience::SessionSubscribers => "subscribers of `sessions.subscribe`".to_owned(),
            event::Audience::MessageSubscribers => {
                "subscribers of `sessions.messages.subscribe`".to_owned()
            }
        };
        text.push_str(&format!(
            "| `{}` | {audience} | {} |\n",
            row.name, row.summary
        ));
    }
    text
}

fn table(text: &mut String, title: &str, shape: Shape) {
    if shape.fields.is_empty() {
        text.push_str(&format!("\n{title}: none.\n"));
        return;
    }
    text.push_str(&format!(
        "\n{title}:\n\n| field | type | required | meaning |\n|---|---|---|---|\n"
    ));
    for field in shape.fields {
        let required = if field.required { "yes" } else { "no" };
        text.push_str(&format!(
            "| `{}` | {} | {required} | {} |\n",
            field.name,
            field.kind.word(),
            field.summary
        ));
    }
}
