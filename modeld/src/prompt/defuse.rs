//! Keeps text from people from being read as the model's control tokens.
//!
//! Where a text spells a control token, a mark is put inside it. The template passes the mark through,
//! and the tokenizer is given the pieces on both sides of each mark separately, so the spelling stays
//! plain text while the template's own control tokens keep their meaning.

use serde_json::Value;

/// The mark: a code point that Unicode sets aside for use inside programs, never for text.
pub const CUT: char = '\u{FDD0}';

/// Knows how the control tokens of one model are spelled.
#[derive(Debug)]
pub struct Defuser {
    controls: Vec<String>,
}

impl Defuser {
    /// A defuser for these control tokens.
    #[must_use]
    pub const fn new(controls: Vec<String>) -> Self {
        Self { controls }
    }

    /// Marks all strings in `value`, keys too.
    pub fn defuse(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.mark(text),
            Value::Array(list) => list.iter_mut().for_each(|v| self.defuse(v)),
            Value::Object(map) => {
                for (mut key, mut inner) in std::mem::take(map) {
                    self.mark(&mut key);
                    self.defuse(&mut inner);
                    map.insert(key, inner);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn mark(&self, text: &mut String) {
        if text.contains(CUT) {
            *text = text.replace(CUT, "\u{FFFD}");
        }
        for control in &self.controls {
            let Some(first) = control.chars().next() else {
                continue;
            };
            if text.contains(control.as_str()) {
                let (head, tail) = control.split_at(first.len_utf8());
                *text = text.replace(control.as_str(), &format!("{head}{CUT}{tail}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn control_tokens_in_any_string_are_marked() {
        let defuser = Defuser::new(vec!["<|im_start|>".into(), "</s>".into()]);
        let mut value = json!({"a</s>": ["x<|im_start|>y", 1], "cut": "\u{FDD0}", "plain": "<b>"});
        defuser.defuse(&mut value);
        let expected = json!({"a<\u{FDD0}/s>": ["x<\u{FDD0}|im_start|>y", 1], "cut": "\u{FFFD}", "plain": "<b>"});
        assert_eq!(value, expected);
    }
}
