//! Text in, a tree with positions out: JSON5, which includes JSON with comments and trailing commas.
//!
//! A parser of our own, because no maintained crate gives the position of every key and value of real JSON5.
//! It never panics, never recurses deeper than [`DEPTH_MAX`], and its time is linear in the text.

mod cursor;
mod literal;

use cursor::Cursor;
pub(crate) use cursor::Position;

use crate::trail::Trail;

/// How deep arrays and objects may nest; real files need six, and recursion stays far from the stack's end.
pub(crate) const DEPTH_MAX: usize = 64;

/// Most values in a file; real files have hundreds, and a bound on them is a bound on memory.
pub(crate) const VALUES_MAX: usize = 200_000;

/// A value and where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub at: Position,
    pub value: Value,
}

/// One JSON5 value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Member>),
}

/// A key, where it starts, and its value; duplicates are kept, in file order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub at: Position,
    pub key: String,
    pub node: Node,
}

/// Where the text stops being JSON5, and under which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub at: Position,
    pub path: String,
    pub fault: Fault,
}

/// What is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the file ends here; expected {expected}")]
    End { expected: &'static str },
    #[error("found {found:?}; expected {expected}")]
    Character { found: char, expected: &'static str },
    // The word itself may be a key that someone forgot to quote.
    #[error("a word without quotes; expected a value")]
    Word,
    #[error("a line break inside a string")]
    LineBreak,
    #[error("this escape in a string is not one JSON5 knows")]
    Escape,
    #[error("this number is not one JSON5 knows")]
    Number,
    #[error("nested deeper than {DEPTH_MAX} levels")]
    Depth,
    #[error("more than {VALUES_MAX} values")]
    Values,
    #[error("the file holds more than one value")]
    Trailing,
}

/// Parses a whole text.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut cursor = Cursor::new(text);
    let node = value(&mut cursor, &Trail::Root, 0)?;
    blank(&mut cursor, &Trail::Root)?;
    match cursor.peek() {
        None => Ok(node),
        Some(_) => Err(error(&cursor, &Trail::Root, Fault::Trailing)),
    }
}

/// Where a text ends, counted as the parser counts.
pub(crate) fn end_of(text: &str) -> Position {
    let mut cursor = Cursor::new(text);
    while cursor.peek().is_some() {
        cursor.bump();
    }
    cursor.position()
}

fn error(cursor: &Cursor<'_>, trail: &Trail<'_>, fault: Fault) -> SyntaxError {
    SyntaxError {
        at: cursor.position(),
        path: trail.to_string(),
        fault,
    }
}

/// The fault of finding something else than `expected` at the cursor.
fn expected(cursor: &Cursor<'_>, expected: &'static str) -> Fault {
    match cursor.peek() {
        None => Fault::End { expected },
        Some(found) => Fault::Character { found, expected },
    }
}

fn value(cursor: &mut Cursor<'_>, trail: &Trail<'_>, depth: usize) -> Result<Node, SyntaxError> {
    blank(cursor, trail)?;
    let at = cursor.position();
    if !cursor.count_value() {
        return Err(error(cursor, trail, Fault::Values));
    }
    let value = match cursor.peek() {
        Some('{' | '[') if depth == DEPTH_MAX => return Err(error(cursor, trail, Fault::Depth)),
        Some('{') => object(cursor, trail, depth)?,
        Some('[') => list(cursor, trail, depth)?,
        Some('"' | '\'') => {
            Value::Text(literal::string(cursor).map_err(|fault| error(cursor, trail, fault))?)
        }
        _ => literal::scalar(cursor).map_err(|fault| SyntaxError {
            at,
            path: trail.to_string(),
            fault,
        })?,
    };
    Ok(Node { at, value })
}

fn object(cursor: &mut Cursor<'_>, trail: &Trail<'_>, depth: usize) -> Result<Value, SyntaxError> {
    cursor.bump();
    let mut members = Vec::new();
    loop {
        blank(cursor, trail)?;
        if cursor.eat('}') {
            return Ok(Value::Object(members));
        }
        let at = cursor.position();
        let key = literal::key(cursor).map_err(|fault| {
            // The key before is the nearest name there is for this place.
            let near = members.last().map(|member: &Member| trail.key(&member.key));
            error(cursor, near.as_ref().unwrap_or(trail), fault)
        })?;
        let here = trail.key(&key);
        blank(cursor, &here)?;
        if !cursor.eat(':') {
            return Err(error(cursor, &here, expected(cursor, "`:` after the key")));
        }
        let node = value(cursor, &here, depth + 1)?;
        blank(cursor, &here)?;
        let closed = match cursor.peek() {
            Some(',') => false,
            Some('}') => true,
            _ => return Err(error(cursor, &here, expected(cursor, "`,` or `}`"))),
        };
        cursor.bump();
        members.push(Member { at, key, node });
        if closed {
            return Ok(Value::Object(members));
        }
    }
}

fn list(cursor: &mut Cursor<'_>, trail: &Trail<'_>, depth: usize) -> Result<Value, SyntaxError> {
    cursor.bump();
    let mut items = Vec::new();
    loop {
        let here = trail.item(items.len());
        blank(cursor, &here)?;
        if cursor.eat(']') {
            return Ok(Value::List(items));
        }
        let node = value(cursor, &here, depth + 1)?;
        items.push(node);
        blank(cursor, &here)?;
        match cursor.peek() {
            Some(',') => cursor.bump(),
            Some(']') => {}
            _ => return Err(error(cursor, &here, expected(cursor, "`,` or `]`"))),
        }
    }
}

/// Skips white space and comments.
fn blank(cursor: &mut Cursor<'_>, trail: &Trail<'_>) -> Result<(), SyntaxError> {
    loop {
        match cursor.peek() {
            Some('/') => comment(cursor).map_err(|fault| error(cursor, trail, fault))?,
            Some(c) if c.is_whitespace() || c == '\u{feff}' => cursor.bump(),
            _ => return Ok(()),
        }
    }
}

fn comment(cursor: &mut Cursor<'_>) -> Result<(), Fault> {
    cursor.bump();
    if cursor.eat('/') {
        while let Some(c) = cursor.peek() {
            if cursor::is_line_break(c) {
                break;
            }
            cursor.bump();
        }
        return Ok(());
    }
    if !cursor.eat('*') {
        return Err(expected(cursor, "a comment (`//` or `/*`)"));
    }
    loop {
        if cursor.eat('*') {
            if cursor.eat('/') {
                return Ok(());
            }
        } else if cursor.peek().is_none() {
            return Err(Fault::End {
                expected: "`*/` that ends the comment",
            });
        } else {
            cursor.bump();
        }
    }
}

#[cfg(test)]
mod tests;
