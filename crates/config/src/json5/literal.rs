//! Strings, keys, numbers, and words.

use super::{
    Fault, Value,
    cursor::{Cursor, is_line_break},
    expected,
};

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '$' || c == '_'
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_alphanumeric() || matches!(c, '\u{200c}' | '\u{200d}')
}

/// A quoted string; the cursor stands on its first quote.
pub(super) fn string(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    let quote = if cursor.eat('\'') {
        '\''
    } else {
        cursor.bump();
        '"'
    };
    let mut text = String::new();
    loop {
        text.push_str(cursor.take_while(|c| c != quote && c != '\\' && !matches!(c, '\n' | '\r')));
        match cursor.peek() {
            None => {
                return Err(Fault::End {
                    expected: "the quote that ends the string",
                });
            }
            Some('\\') => {
                cursor.bump();
                escape(cursor, &mut text)?;
            }
            Some(c) if c == quote => {
                cursor.bump();
                return Ok(text);
            }
            Some(_) => return Err(Fault::LineBreak),
        }
    }
}

/// The part of an escape after its backslash.
fn escape(cursor: &mut Cursor<'_>, text: &mut String) -> Result<(), Fault> {
    let Some(c) = cursor.peek() else {
        return Err(Fault::End {
            expected: "the rest of an escape",
        });
    };
    match c {
        'u' => {
            cursor.bump();
            text.push(unicode(cursor)?);
            return Ok(());
        }
        'x' => {
            cursor.bump();
            let code = hex(cursor, 2)?;
            text.push(char::from_u32(code).ok_or(Fault::Escape)?);
            return Ok(());
        }
        '\r' => {
            cursor.bump();
            cursor.eat('\n');
            return Ok(());
        }
        '1'..='9' => return Err(Fault::Escape),
        _ => cursor.bump(),
    }
    match c {
        'b' => text.push('\u{8}'),
        'f' => text.push('\u{c}'),
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        'v' => text.push('\u{b}'),
        '0' if cursor.peek().is_some_and(|c| c.is_ascii_digit()) => return Err(Fault::Escape),
        '0' => text.push('\0'),
        _ if is_line_break(c) => {}
        _ => text.push(c),
    }
    Ok(())
}

fn hex(cursor: &mut Cursor<'_>, digits: usize) -> Result<u32, Fault> {
    let mut code = 0;
    for _ in 0..digits {
        let digit = cursor.peek().and_then(|c| c.to_digit(16));
        code = code * 16 + digit.ok_or(Fault::Escape)?;
        cursor.bump();
    }
    Ok(code)
}

/// Four hex digits, or two such escapes that make one character.
fn unicode(cursor: &mut Cursor<'_>) -> Result<char, Fault> {
    let high = hex(cursor, 4)?;
    if !(0xd800..0xdc00).contains(&high) {
        return char::from_u32(high).ok_or(Fault::Escape);
    }
    if !(cursor.eat('\\') && cursor.eat('u')) {
        return Err(Fault::Escape);
    }
    let low = hex(cursor, 4)?;
    if !(0xdc00..0xe000).contains(&low) {
        return Err(Fault::Escape);
    }
    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or(Fault::Escape)
}

/// A key: quoted, or a bare word.
pub(super) fn key(cursor: &mut Cursor<'_>) -> Result<String, Fault> {
    const EXPECTED: &str = "a key or `}`";
    let mut text = String::new();
    match cursor.peek() {
        Some('"' | '\'') => return string(cursor),
        Some(c) if is_word_start(c) || c == '\\' => {}
        _ => return Err(expected(cursor, EXPECTED)),
    }
    loop {
        text.push_str(cursor.take_while(is_word));
        if !cursor.eat('\\') {
            return Ok(text);
        }
        if !cursor.eat('u') {
            return Err(Fault::Escape);
        }
        text.push(unicode(cursor)?);
    }
}

/// A number or one of the words `true`, `false`, `null`, `Infinity`, `NaN`.
pub(super) fn scalar(cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    const EXPECTED: &str = "a value";
    match cursor.peek() {
        Some(c) if is_word_start(c) => {}
        Some('0'..='9' | '+' | '-' | '.') => return number(cursor),
        _ => return Err(expected(cursor, EXPECTED)),
    }
    match cursor.take_while(is_word) {
        "null" => Ok(Value::Null),
        "true" => Ok(Value::Flag(true)),
        "false" => Ok(Value::Flag(false)),
        "Infinity" => Ok(Value::Number(f64::INFINITY)),
        "NaN" => Ok(Value::Number(f64::NAN)),
        _ => Err(Fault::Word),
    }
}

fn number(cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    let text = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let value = match digits {
        "Infinity" => Some(Value::Number(f64::INFINITY)),
        "NaN" => Some(Value::Number(f64::NAN)),
        _ => match digits
            .strip_prefix("0x")
            .or_else(|| digits.strip_prefix("0X"))
        {
            Some(hex) => hexadecimal(hex),
            None => decimal(digits),
        },
    };
    match value {
        Some(Value::Integer(n)) if negative => Ok(Value::Integer(-n)),
        Some(Value::Number(n)) if negative => Ok(Value::Number(-n)),
        Some(value) => Ok(value),
        None => Err(Fault::Number),
    }
}

fn hexadecimal(digits: &str) -> Option<Value> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(i64::from_str_radix(digits, 16).map_or_else(
        |_| {
            let sum = digits.chars().filter_map(|c| c.to_digit(16));
            Value::Number(sum.fold(0.0, |sum, digit| sum * 16.0 + f64::from(digit)))
        },
        Value::Integer,
    ))
}

/// Digits with an optional point and exponent; either side of the point may be empty, and a leading zero stands alone.
fn decimal(text: &str) -> Option<Value> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let empty = whole.is_empty() && fraction.unwrap_or_default().is_empty();
    if empty || leading_zero || !all_digits(whole) || !all_digits(fraction.unwrap_or_default()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !all_digits(digits) {
            return None;
        }
    } else if fraction.is_none()
        && let Ok(integer) = whole.parse()
    {
        return Some(Value::Integer(integer));
    }
    text.parse().ok().map(Value::Number)
}
