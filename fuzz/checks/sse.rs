//! What holds of any bytes that a model server streams, however they are cut up.
//!
//! The first eight bytes say how the rest is cut: the lengths of the pieces, in turn.

use openclaw_models::{
    limits::{SSE_EVENT_BYTES_MAX, SSE_LINE_BYTES_MAX},
    sse::{Error, Event, Parser},
};

const CUTS: usize = 8;

pub(crate) fn holds(bytes: &[u8]) {
    let Some((cuts, stream)) = bytes.split_at_checked(CUTS) else {
        return;
    };
    let whole = events([stream]);
    let mut rest = stream;
    let lengths = cuts.iter().cycle().map(|&cut| usize::from(cut).max(1));
    let pieces: Vec<&[u8]> = lengths
        .map_while(|length| {
            let piece = rest.split_off(..length.min(rest.len()))?;
            (!piece.is_empty()).then_some(piece)
        })
        .collect();
    assert_eq!(events(pieces), whole);
    for event in whole.iter().flatten() {
        assert!(event.name.len() <= SSE_LINE_BYTES_MAX);
        assert!(event.data.len() <= SSE_EVENT_BYTES_MAX);
        let ends_line = |byte: &u8| matches!(byte, b'\n' | b'\r');
        assert!(!event.name.iter().any(ends_line));
        assert!(!event.data.contains(&b'\r'));
    }
    if stream.len() < SSE_LINE_BYTES_MAX {
        assert!(whole.iter().all(Result::is_ok), "nothing is too long");
        assert_eq!(events([written(&whole).as_slice()]), whole);
    }
}

fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Event, Error>> {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    for piece in pieces {
        parser.push(piece);
        while let Some(event) = parser.next_event() {
            assert!(
                !matches!(events.last(), Some(Err(_))),
                "nothing follows an error"
            );
            events.push(event);
        }
    }
    events
}

/// A stream of these events, as plain as can be.
fn written(events: &[Result<Event, Error>]) -> Vec<u8> {
    let mut text = Vec::new();
    for event in events.iter().flatten() {
        if !event.name.is_empty() {
            text.extend_from_slice(b"event: ");
            text.extend_from_slice(&event.name);
            text.push(b'\n');
        }
        for line in event.data.split(|&byte| byte == b'\n') {
            text.extend_from_slice(b"data: ");
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        text.push(b'\n');
    }
    text
}
