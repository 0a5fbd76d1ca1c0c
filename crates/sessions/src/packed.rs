//! Numbers and bytes packed one behind the other, for the index and its cache.

/// Seven bits a byte, the lowest first; the top bit says that more follow.
pub(crate) fn put_number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The next number; `None` at the end.
pub(crate) fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A number with a sign.
pub(crate) fn put_signed(value: i64, out: &mut Vec<u8>) {
    put_number(value.cast_unsigned().rotate_left(1), out);
}

/// The next number with a sign.
pub(crate) fn take_signed(rest: &mut &[u8]) -> Option<i64> {
    Some(take_number(rest)?.rotate_right(1).cast_signed())
}

/// A number that may be absent.
pub(crate) fn put_option(value: Option<u64>, out: &mut Vec<u8>) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put_number(value, out);
    }
}

/// The next number that may be absent.
pub(crate) fn take_option(rest: &mut &[u8]) -> Option<Option<u64>> {
    match take_number(rest)? {
        0 => Some(None),
        _ => Some(Some(take_number(rest)?)),
    }
}

/// Bytes, their count first.
pub(crate) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The next bytes.
pub(crate) fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_number(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(bytes)
}

/// The next bytes, which are a text.
pub(crate) fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(rest)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back_and_nothing_is_read_past_the_end(
            number in any::<u64>(), signed in any::<i64>(), text in any::<String>(),
            option in any::<Option<u64>>(), cut in any::<prop::sample::Index>(),
        ) {
            let mut out = Vec::new();
            put_number(number, &mut out);
            put_signed(signed, &mut out);
            put_option(option, &mut out);
            put_bytes(text.as_bytes(), &mut out);
            let read = |mut rest: &[u8]| {
                let found = (
                    take_number(&mut rest)?, take_signed(&mut rest)?, take_option(&mut rest)?,
                    take_text(&mut rest)?.to_owned(),
                );
                rest.is_empty().then_some(found)
            };
            prop_assert_eq!(read(&out), Some((number, signed, option, text)));
            prop_assert_eq!(read(&out[..cut.index(out.len())]), None);
        }
    }
}
