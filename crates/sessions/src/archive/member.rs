//! The note in a member's header: how long the member is, and where its text begins.
//!
//! It stands in the extra field that gzip (RFC 1952, section 2.3.1.1) leaves to programs, under the letters `OC`.

use std::io::Write;

use flate2::{Compression, GzBuilder};

/// Bytes of a header up to the end of the note, which is the only extra field.
pub(crate) const HEADER_BYTES: usize = 36;
/// How every header of ours begins: gzip, deflate, an extra field and nothing else.
const START: [u8; 4] = [0x1f, 0x8b, 8, 4];
/// Its length, the letters, and the note's length.
const FIELD: [u8; 6] = [24, 0, b'O', b'C', 20, 0];
/// Where the field begins.
const FIELD_AT: usize = 10;
/// Where the note begins.
const NOTE_AT: usize = FIELD_AT + FIELD.len();

/// What the note says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    /// Bytes of the member.
    pub(crate) len: u32,
    /// The number of the last entry before it.
    pub(crate) before_seq: u64,
    /// Where its text begins in the text of the whole.
    pub(crate) text: u64,
}

/// Packs the text of one member.
pub(crate) fn pack(text: &[u8], before_seq: u64, text_at: u64) -> std::io::Result<Vec<u8>> {
    let builder = GzBuilder::new().extra(vec![0; usize::from(FIELD[0])]);
    let mut encoder = builder.write(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    let mut bytes = encoder.finish()?;
    let Ok(len) = u32::try_from(bytes.len()) else {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    };
    let note = [
        &len.to_le_bytes()[..],
        &before_seq.to_le_bytes(),
        &text_at.to_le_bytes(),
    ];
    let field = [&FIELD[..], &note.concat()].concat();
    bytes
        .get_mut(FIELD_AT..HEADER_BYTES)
        .ok_or(std::io::ErrorKind::InvalidData)?
        .copy_from_slice(&field);
    Ok(bytes)
}

/// Reads the note in a header, if it is one of ours.
pub(crate) fn parse(header: &[u8]) -> Option<Note> {
    let ours = header.starts_with(&START) && header.get(FIELD_AT..NOTE_AT)? == FIELD;
    let (len, rest) = header.get(NOTE_AT..HEADER_BYTES)?.split_first_chunk()?;
    let (before_seq, rest) = rest.split_first_chunk()?;
    let (text, _) = rest.split_first_chunk()?;
    ours.then_some(Note {
        len: u32::from_le_bytes(*len),
        before_seq: u64::from_le_bytes(*before_seq),
        text: u64::from_le_bytes(*text),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_member_is_gzip_and_its_note_is_read_back() {
        let bytes = pack(b"hello\n", 41, 77).unwrap();
        let note = Note {
            len: u32::try_from(bytes.len()).unwrap(),
            before_seq: 41,
            text: 77,
        };
        assert_eq!(parse(&bytes[..HEADER_BYTES]), Some(note));
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "hello\n");
        let foreign = GzBuilder::new()
            .write(Vec::new(), Compression::fast())
            .finish()
            .unwrap();
        assert_eq!(parse(&foreign), None);
        assert_eq!(parse(&bytes[..HEADER_BYTES - 1]), None);
    }
}
