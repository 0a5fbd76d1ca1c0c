//! How heavy a request is, as far as that can be told without reading it: tokens, images, tools.

use crate::{
    dialect::{Fields, Front},
    limits::IMAGE_TOKENS,
    routing::Needs,
};

/// The fields that bound an answer.
pub(crate) const LIMITS: [&str; 3] = ["max_completion_tokens", "max_tokens", "max_output_tokens"];
/// Bytes of JSON that are taken for one token.
const BYTES_PER_TOKEN: usize = 4;
const IMAGE_DATA: &[u8] = b"data:image/";
const IMAGE_MARKS: [&[u8]; 3] = [b"\"image_url\"", b"\"input_image\"", b"\"image\""];

/// How heavy a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weight {
    /// Tokens it reads, estimated from above.
    pub(crate) input_tokens: u64,
    /// Tokens it may write, where it says so.
    pub(crate) output_limit: Option<u64>,
    pub(crate) needs: Needs,
    /// Whether the client of a stream asked to be told the usage.
    pub(crate) shows_usage: bool,
}

impl Weight {
    /// Weighs a request; one that is no JSON weighs what its bytes weigh.
    pub(crate) fn of(front: Front, body: &[u8], is_streaming: bool) -> Self {
        let (image_bytes, data_images) = inline_images(body);
        let marked = IMAGE_MARKS.iter().any(|mark| find(body, mark).is_some());
        let images = data_images.max(usize::from(marked && front != Front::Embeddings));
        let text_bytes = body.len() - image_bytes;
        let mut weight = Self {
            input_tokens: (text_bytes / BYTES_PER_TOKEN) as u64 + images as u64 * IMAGE_TOKENS,
            output_limit: None,
            needs: Needs {
                images: images > 0,
                tools: false,
                streaming: is_streaming,
                vectors: front == Front::Embeddings,
            },
            shows_usage: false,
        };
        let Ok(fields) = Fields::read(body) else {
            return weight;
        };
        let number = |name| fields.get(name).and_then(|value| value.parse::<u64>().ok());
        // Of several the longest: which of them a server goes by is its own affair.
        let limit = LIMITS.into_iter().filter_map(number).max();
        let answers = number("n").unwrap_or(1).max(1);
        weight.output_limit = match front {
            // Nothing is written.
            Front::Embeddings => Some(0),
            _ => limit.map(|limit| limit.saturating_mul(answers)),
        };
        weight.needs.tools = fields
            .get("tools")
            .is_some_and(|tools| !matches!(tools, "null" | "[]"));
        weight.shows_usage = fields
            .get("stream_options")
            .and_then(|options| Fields::read(options.as_bytes()).ok())
            .is_some_and(|options| options.is_true("include_usage"));
        weight
    }
}

/// Bytes of images that lie in the request itself, and how many they are.
fn inline_images(body: &[u8]) -> (usize, usize) {
    let (mut bytes, mut count, mut rest) = (0, 0, body);
    while let Some(start) = find(rest, IMAGE_DATA) {
        rest = &rest[start..];
        let end = rest
            .iter()
            .position(|&byte| byte == b'"')
            .unwrap_or(rest.len());
        bytes += end;
        count += 1;
        rest = &rest[end..];
    }
    (bytes, count)
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    let first = word[0];
    let mut from = 0;
    // Few bytes are the first of the word, so this is mostly one look at each byte.
    while let Some(place) = text[from..].iter().position(|&byte| byte == first) {
        if text[from + place..].starts_with(word) {
            return Some(from + place);
        }
        from += place + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_weighs_its_text_its_images_and_what_it_may_write() {
        let image = format!("data:image/png;base64,{}", "A".repeat(400_000));
        let with_image = format!(
            r#"{{"messages":[{{"content":[{{"type":"image_url","image_url":{{"url":"{image}"}}}}]}}],"max_tokens":7,"n":2}}"#
        );
        let images = Needs {
            images: true,
            ..Needs::default()
        };
        let tools = Needs {
            tools: true,
            streaming: true,
            ..Needs::default()
        };
        let vectors = Needs {
            vectors: true,
            ..Needs::default()
        };
        let weight = |input_tokens, output_limit, needs| Weight {
            input_tokens,
            output_limit,
            needs,
            shows_usage: false,
        };
        let text_bytes = with_image.len() - image.len();
        for (front, body, is_streaming, expected) in [
            (
                Front::Chat,
                with_image.as_str(),
                false,
                weight((text_bytes / 4) as u64 + IMAGE_TOKENS, Some(14), images),
            ),
            (
                Front::Chat,
                r#"{"tools":[{}],"stream_options":{"include_usage":true}}"#,
                true,
                Weight {
                    shows_usage: true,
                    ..weight(13, None, tools)
                },
            ),
            (
                Front::Embeddings,
                r#"{"input":"abcdefgh"}"#,
                false,
                weight(5, Some(0), vectors),
            ),
            (
                Front::Messages,
                "not JSON",
                false,
                weight(2, None, Needs::default()),
            ),
        ] {
            assert_eq!(
                Weight::of(front, body.as_bytes(), is_streaming),
                expected,
                "{front:?}"
            );
        }
    }
}
