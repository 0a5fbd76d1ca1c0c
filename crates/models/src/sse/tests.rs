use proptest::prelude::*;

use super::*;

/// Every event of these bytes, pushed in these pieces.
fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<(String, String), Error>> {
    let mut parser = Parser::new();
    let mut events = Vec::new();
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    for piece in pieces {
        parser.push(piece);
        while let Some(event) = parser.next_event() {
            events.push(event.map(|event| (text(&event.name), text(&event.data))));
        }
    }
    events
}

fn data(text: &str) -> Vec<String> {
    parse([text.as_bytes()])
        .into_iter()
        .map(|event| event.unwrap().1)
        .collect()
}

#[test]
fn lines_end_in_three_ways() {
    for text in [
        "data: a\ndata: b\n\ndata: c\n\n",
        "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n",
        "data: a\rdata: b\r\rdata: c\r\r",
        "data: a\r\ndata: b\n\r\ndata: c\r\r\n",
    ] {
        assert_eq!(data(text), ["a\nb", "c"], "{text:?}");
    }
}

#[test]
fn fields_are_read_as_the_standard_says() {
    let cases: [(&str, &[&str]); 12] = [
        ("data:a\n\n", &["a"]),
        ("data: a\n\n", &["a"]),
        ("data:  a\n\n", &[" a"]),
        ("data\n\n", &[""]),
        ("data:\n\n", &[""]),
        ("data: a\ndata\ndata: b\n\n", &["a\n\nb"]),
        (": a comment\n\n", &[]),
        ("id: 7\nretry: 9\n\n", &[]),
        ("\n\n\n", &[]),
        ("dat: a\n\n", &[]),
        ("data: never finished\n", &[]),
        ("\u{feff}data: a\n\n", &["a"]),
    ];
    for (text, expected) in cases {
        assert_eq!(data(text), expected, "{text:?}");
    }
    let named = parse([&b"event: error\ndata: x\n\ndata: y\n\n"[..]]);
    let pair = |name: &str, data: &str| Ok((name.to_owned(), data.to_owned()));
    assert_eq!(named, [pair("error", "x"), pair("", "y")]);
}

#[test]
fn lines_and_events_are_bounded() {
    let long = vec![b'a'; SSE_LINE_BYTES_MAX + 1];
    assert_eq!(parse([&b"data: "[..], &long]), [Err(Error::LineTooLong)]);
    assert_eq!(
        parse([&b"data: "[..], &long, b"\n\n"]),
        [Err(Error::LineTooLong)]
    );
    let line = [b"data: ", &long[..SSE_LINE_BYTES_MAX - 6], b"\n"].concat();
    let events = parse([&line[..], &line, &line, b"\n\ndata: x\n\n"]);
    assert_eq!(events, [Err(Error::EventTooLong)]);
}

/// Recorded and invented streams of real servers.
const CORPUS: [&str; 6] = [
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hé\"}}]}\n\ndata: [DONE]\n\n",
    ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {\"id\":\"gen\"}\n\n",
    "event: message_start\r\ndata: {\"type\":\"message_start\"}\r\n\r\nevent: ping\r\ndata: {}\r\n\r\n",
    "id: 1\nevent: error\ndata: {\"error\":\ndata: {\"message\":\"日本語\"}}\nretry: 3000\n\n",
    "\u{feff}data: a\r\rdata: b\n\r\n\rdata:c\r\n\n:\n::\ndata::\n\n",
    "data\n\ndata:\n\ndata: \n\ndata:\tx\n\n\0\0\n\n\u{7f}: \u{1}\n",
];

#[test]
fn the_corpus_gives_the_same_events_byte_by_byte() {
    for text in CORPUS {
        let whole = parse([text.as_bytes()]);
        assert_eq!(parse(text.as_bytes().chunks(1)), whole, "{text:?}");
        for at in 0..text.len() {
            let (front, back) = text.as_bytes().split_at(at);
            assert_eq!(parse([front, back]), whole, "{text:?} at {at}");
        }
    }
}

/// Bytes that are likely to mean something to the parser.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"data:".to_vec()),
        Just(b"event: error".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b": ".to_vec()),
        Just("\u{feff}".as_bytes().to_vec()),
        Just(b"[DONE]".to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(token, 0..40).prop_map(|tokens| tokens.concat())
}

/// What the standard's prose says, written as plainly as possible: the oracle.
fn plainly(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut lines: Vec<Vec<u8>> = vec![Vec::new()];
    let mut place = 0;
    while place < bytes.len() {
        match bytes[place] {
            b'\r' | b'\n' => {
                place += usize::from(bytes[place..].starts_with(b"\r\n"));
                lines.push(Vec::new());
            }
            byte => lines.last_mut().unwrap().push(byte),
        }
        place += 1;
    }
    // The last line has no end.
    lines.pop();
    let mut events = Vec::new();
    let (mut name, mut data) = (Vec::new(), Vec::new());
    for line in lines {
        if line.is_empty() {
            if let Some(joined) = data
                .split_off(0)
                .into_iter()
                .reduce(|a, b| [a, b].join(&b'\n'))
            {
                events.push((name, joined));
            }
            name = Vec::new();
            continue;
        }
        let colon = line.iter().position(|&byte| byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        match field {
            b"data" => data.push(value),
            b"event" => name = value,
            _ => {}
        }
    }
    events
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(bytes in bytes(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let whole = parse([&bytes[..]]);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(parse(pieces), whole);
    }

    #[test]
    fn events_are_what_the_standard_says(bytes in bytes()) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let expected: Vec<_> = plainly(&bytes)
            .into_iter()
            .map(|(name, data)| Ok((text(&name), text(&data))))
            .collect();
        prop_assert_eq!(parse([&bytes[..]]), expected);
    }
}
