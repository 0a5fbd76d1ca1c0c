//! WebSocket frames by hand, so that wrong ones can be sent and right ones are checked.

/// Opcode of a text frame.
pub const TEXT: u8 = 1;
/// Opcode of a binary frame.
pub const BINARY: u8 = 2;
/// Opcode of a close frame.
pub const CLOSE: u8 = 8;
/// Opcode of a ping.
pub const PING: u8 = 9;
/// Opcode of a pong.
pub const PONG: u8 = 10;

/// The mask of every frame we send: any four bytes will do.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The head of a masked frame of this length.
#[must_use]
pub fn head(first: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap_or_default()),
        126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap_or_default().to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend(u64::try_from(length).unwrap_or_default().to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}

/// A whole, final, masked frame.
#[must_use]
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    part(0x80 | opcode, payload)
}

/// A masked frame whose first byte is given.
#[must_use]
pub fn part(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, payload.len());
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// Takes one frame of the server's off the front of a buffer: its opcode and payload.
///
/// # Errors
/// When a server must not send such a frame.
pub fn take(buffer: &mut Vec<u8>) -> Result<Option<(u8, Vec<u8>)>, String> {
    let [first, second, rest @ ..] = buffer.as_slice() else {
        return Ok(None);
    };
    if first & 0xf0 != 0x80 {
        return Err(format!(
            "the server sent a fragment or reserved bits: {first:#x}"
        ));
    }
    if second & 0x80 != 0 {
        return Err("the server masked a frame".to_owned());
    }
    let (length, at) = match second & 0x7f {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 4),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    let length = usize::try_from(length).map_err(|error| error.to_string())?;
    if buffer.len() < at + length {
        return Ok(None);
    }
    let opcode = first & 0x0f;
    let payload = buffer.drain(..at + length).skip(at).collect();
    Ok(Some((opcode, payload)))
}
