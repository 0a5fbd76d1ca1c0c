//! YAML text in, a tree with positions out: the same tree that JSON5 gives.
//!
//! The parser gives events; this puts them together, follows anchors and merge keys, and bounds what comes of it:
//! depth, values, and bytes are counted after aliases have been followed, so that a short file can't grow.

mod builder;
mod scalar;

use granit_parser::{Event, Options, Parser};

use self::builder::Builder;
use crate::json5::{DEPTH_MAX, Node, Position, VALUES_MAX, Value};

/// Most bytes of all texts together, aliases followed; a real file has some ten thousand.
const BYTES_MAX: usize = 16 * 1_048_576;

/// Most characters of the parser's own words.
const MESSAGE_CHARS_MAX: usize = 200;

/// Where the text stops being YAML that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub at: Position,
    pub fault: Fault,
}

/// What is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("not YAML: {0}")]
    Syntax(String),
    #[error("nested deeper than {DEPTH_MAX} levels")]
    Depth,
    #[error("more than {VALUES_MAX} values, aliases followed")]
    Values,
    #[error("more than {BYTES_MAX} bytes of text, aliases followed")]
    Bytes,
    #[error("the file holds more than one document")]
    Documents,
    #[error("an alias inside what it stands for")]
    Cycle,
    #[error("a key that is a list or an object")]
    Key,
    #[error("`<<` merges an object, or a list of objects")]
    Merge,
    #[error("a tag that is not known here")]
    Tag,
}

/// Parses a whole text; an empty one is an empty object.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut options = Options::default();
    options.block_nesting_limit = DEPTH_MAX;
    options.flow_nesting_limit = DEPTH_MAX;
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut has_document = false;
    while let Some(next) = parser.next_event() {
        let (event, span) = next.map_err(|error| SyntaxError {
            at: position(error.marker().line(), error.marker().col()),
            fault: Fault::Syntax(shortened(&error.info())),
        })?;
        let at = position(span.start.line(), span.start.col());
        if matches!(event, Event::DocumentStart(..)) && std::mem::replace(&mut has_document, true) {
            return Err(SyntaxError {
                at,
                fault: Fault::Documents,
            });
        }
        builder
            .take(event, at)
            .map_err(|fault| SyntaxError { at, fault })?;
    }
    Ok(match builder.finish() {
        Some(node) if node.value != Value::Null => node,
        _ => Node {
            at: Position::START,
            value: Value::Object(Vec::new()),
        },
    })
}

/// The parser counts columns from 0.
fn position(line: usize, column: usize) -> Position {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Position {
        line: number(line).max(1),
        column: number(column).saturating_add(1),
    }
}

/// The parser's words without line breaks, cut where they quote too much.
fn shortened(message: &str) -> String {
    let words = message.lines().next().unwrap_or_default();
    words.chars().take(MESSAGE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
