//! What holds of any bytes that come over the socket, whichever dialect they try to be.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a check that cannot go on stops where it stands"
)]

use std::{collections::BTreeSet, fmt};

use openclaw_types::Timestamp;
use openclaw_wire::{
    DecodeError, Dialect, Frame, a2a_v1,
    frame::{EncodedEvent, Event, Raw, Request, Response, encode_error, encode_ok, encode_request},
    limits::{DEPTH_MAX, NAME_BYTES_MAX, REASON_BYTES_MAX, REQUEST_ID_BYTES_MAX, VALUES_MAX},
    sniff,
};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// What our encoders add to the longest texts a frame may hold, escaped.
const ID_ESCAPED_BYTES_MAX: usize = 6 * REQUEST_ID_BYTES_MAX;

pub(crate) fn holds(bytes: &[u8]) {
    let shape = serde_json::from_slice::<Shape>(bytes);
    match Raw::parse(bytes) {
        Ok(raw) => {
            assert_eq!(sniff(bytes).ok(), Some(raw.dialect()));
            if let Err(error) = &shape {
                // Strings that nobody has asked for yet are not looked into, and nothing else is let through.
                let error = error.to_string();
                assert!(!error.contains(REPEATED), "{error}");
            }
            if let Ok(shape) = shape {
                assert!(shape.depth <= DEPTH_MAX && shape.values <= VALUES_MAX);
            }
            native(&raw);
        }
        Err(error) => refused(&error, shape),
    }
    match a2a_v1::decode(bytes) {
        Ok(incoming) => answered(&incoming.header.reply_to(), "fine"),
        Err(rejected) => {
            let text = rejected.to_string();
            assert!(text.len() <= REASON_BYTES_MAX, "{text}");
            answered(&rejected.reply_to, &text);
        }
    }
}

/// A refusal names a rule that is broken, in few words.
fn refused(error: &DecodeError, shape: Result<Shape, serde_json::Error>) {
    let text = error.to_string();
    assert!(text.len() <= REASON_BYTES_MAX, "{text}");
    match (error, shape) {
        (DecodeError::NotAnObject, shape) => assert!(shape.is_ok_and(|shape| !shape.object)),
        (DecodeError::TooDeep { .. }, Ok(shape)) => assert!(shape.depth > DEPTH_MAX),
        (DecodeError::TooManyValues { .. }, Ok(shape)) => assert!(shape.values > VALUES_MAX),
        (_, Ok(_)) => panic!("{text}, which it is not"),
        (_, Err(_)) => {}
    }
}

/// A native frame that is written again is read as the same.
fn native(raw: &Raw<'_>) {
    match raw.frame() {
        Ok(Frame::Request(request)) => same_request(&request),
        Ok(Frame::Response(response)) => same_response(&response),
        Ok(Frame::Event(event)) => same_event(&event),
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() <= REASON_BYTES_MAX, "{text}");
            assert!(matches!(error, DecodeError::Field { .. }), "{text}");
        }
    }
}

fn same_request(request: &Request<'_>) {
    assert!((1..=REQUEST_ID_BYTES_MAX).contains(&request.id.len()));
    assert!((1..=NAME_BYTES_MAX).contains(&request.method.len()));
    let text = encode_request(&request.id, &request.method, &request.params);
    let text = text.expect("raw JSON has a JSON form");
    let Ok(Frame::Request(again)) = Frame::decode(text.as_bytes()) else {
        panic!("not a request: {text}");
    };
    let parts = |of: &Request<'_>| {
        let params = of.params.map(|params| params.get().to_owned());
        (of.id.to_string(), of.method.to_string(), params)
    };
    assert_eq!(parts(&again), parts(request));
}

fn same_response(response: &Response<'_>) {
    assert!((1..=REQUEST_ID_BYTES_MAX).contains(&response.id.len()));
    let text = match &response.outcome {
        Ok(payload) => encode_ok(&response.id, payload).expect("raw JSON has a JSON form"),
        Err(error) => encode_error(&response.id, error),
    };
    let Ok(Frame::Response(again)) = Frame::decode(text.as_bytes()) else {
        panic!("not a response: {text}");
    };
    assert_eq!(again.id, response.id);
    let payload = |of: &Response<'_>| {
        let outcome = of.outcome.clone();
        outcome.map(|payload| payload.map(|payload| payload.get().to_owned()))
    };
    assert_eq!(payload(&again), payload(response));
}

fn same_event(event: &Event<'_>) {
    assert!((1..=NAME_BYTES_MAX).contains(&event.event.len()));
    let text = EncodedEvent::new(&event.event, &event.payload, event.state_version)
        .expect("raw JSON has a JSON form")
        .frame(event.seq);
    let Ok(Frame::Event(again)) = Frame::decode(text.as_bytes()) else {
        panic!("not an event: {text}");
    };
    let parts = |of: &Event<'_>| {
        let payload = of.payload.map(|payload| payload.get().to_owned());
        (of.event.to_string(), payload, of.seq, of.state_version)
    };
    assert_eq!(parts(&again), parts(event));
}

/// Whoever sent it can be answered in its dialect, shortly, with what it is known by.
fn answered(to: &a2a_v1::ReplyTo, message: &str) {
    let stamp = a2a_v1::reply::Stamp {
        id: "g-1".to_owned(),
        timestamp: Timestamp(1),
        client: "c-1".to_owned(),
    };
    let code = a2a_v1::ErrorCode::InvalidType;
    let text = a2a_v1::reply::error(&stamp, to, code, message);
    assert!(
        text.len() <= 4 * ID_ESCAPED_BYTES_MAX + 12 * REASON_BYTES_MAX,
        "{text}"
    );
    let raw = Raw::parse(text.as_bytes()).expect("what we write can be read");
    assert_eq!(raw.dialect(), Dialect::A2a);
    let read = a2a_v1::decode_raw(&raw).expect("what we write is of the dialect");
    assert_eq!(read.header.correlation, to.correlation);
    assert_eq!(read.header.parent, to.id);
}

const REPEATED: &str = "repeats a key";

/// What a JSON text is made of, found the slow way; a text that repeats a key is an error.
struct Shape {
    object: bool,
    depth: usize,
    /// Counted as the limit counts: containers, and what follows a comma.
    values: usize,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

impl Shape {
    const LEAF: Self = Self {
        object: false,
        depth: 0,
        values: 0,
    };

    fn container(object: bool) -> Self {
        Self {
            object,
            depth: 1,
            values: 1,
        }
    }

    fn add(&mut self, inner: &Self, first: bool) {
        self.depth = self.depth.max(inner.depth + 1);
        self.values += inner.values + usize::from(!first);
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::container(true);
        let mut keys = BTreeSet::new();
        while let Some((key, inner)) = map.next_entry::<String, Shape>()? {
            shape.add(&inner, keys.is_empty());
            if !keys.insert(key) {
                return Err(A::Error::custom(REPEATED));
            }
        }
        Ok(shape)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::container(false);
        let mut first = true;
        while let Some(inner) = items.next_element::<Shape>()? {
            shape.add(&inner, first);
            first = false;
        }
        Ok(shape)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::LEAF)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::LEAF)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::LEAF)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::LEAF)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::LEAF)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::LEAF)
    }
}
