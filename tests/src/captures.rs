//! What a real LiteLLM answered to 222 requests, and how another router's answers compare.

mod difference;
mod listed;
mod normal;
mod replay;

use std::{collections::BTreeMap, io::Read as _};

use flate2::read::GzDecoder;

pub use self::{
    difference::{Difference, differences},
    listed::Listed,
    replay::{Replayed, replay},
};

/// The captures as they were made.
const ARCHIVE: &[u8] = include_bytes!("../fixtures/litellm-captures.tar.gz");
/// A block of a tar archive.
const BLOCK_BYTES: usize = 512;
/// Where a tar header has the size, in octal.
const SIZE_FIELD: std::ops::Range<usize> = 124..136;

/// One request and LiteLLM's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// What it is called; a letter in front tells which set-up it was made with.
    pub name: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The request's headers; `<MASTER_KEY>` stands for the key.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: String,
    /// What was answered.
    pub answer: Answered,
}

/// An answer, captured or replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// The proxies that the captures were made with: each has its own configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// One key, many models.
    Models,
    /// Keys with limits.
    Keys,
    /// The same with the checks that come after custom authentication.
    CheckedKeys,
}

impl Capture {
    /// Which proxy it was made with.
    #[must_use]
    pub fn series(&self) -> Series {
        match self.name.as_bytes().first() {
            Some(b'b') => Series::Keys,
            Some(b'c') => Series::CheckedKeys,
            _ => Series::Models,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (name, text) = text.strip_prefix("# ")?.split_once("   ")?;
        let (_, text) = text.split_once(">>> REQUEST\n")?;
        let (request, text) = text.split_once("\n\n<<< RESPONSE\n")?;
        let answer = text
            .split_once("\n\n=== LAST REQUEST")
            .map_or(text, |(answer, _)| answer);
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ');
        let (answer_head, answer_body) = answer.split_once("\n\n").unwrap_or((answer, ""));
        let mut answer_lines = answer_head.lines();
        Some(Self {
            name: name.to_owned(),
            method: words.next()?.to_owned(),
            target: words.next()?.to_owned(),
            headers: headers(lines).collect(),
            body: body.trim().to_owned(),
            answer: Answered {
                status: answer_lines.next()?.split(' ').nth(1)?.parse().ok()?,
                headers: headers(answer_lines)
                    .map(|(name, value)| (name.to_lowercase(), value))
                    .collect(),
                body: answer_body.trim().to_owned(),
            },
        })
    }
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (String, String)> {
    lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
}

/// Every capture, by name.
///
/// # Panics
/// When the archive is not what it was.
#[must_use]
pub fn captures() -> Vec<Capture> {
    let mut archive = Vec::new();
    let _length = GzDecoder::new(ARCHIVE).read_to_end(&mut archive).unwrap();
    let mut captures: Vec<Capture> = files(&archive)
        .iter()
        .map(|text| Capture::read(text).unwrap_or_else(|| panic!("no capture: {text:.200}")))
        .collect();
    captures.sort_by(|one, other| one.name.cmp(&other.name));
    captures
}

/// The files of a tar archive.
fn files(archive: &[u8]) -> Vec<String> {
    let mut files = Vec::new();
    let mut rest = archive;
    while rest.len() > BLOCK_BYTES && rest[0] != 0 {
        let size = String::from_utf8_lossy(&rest[SIZE_FIELD]);
        let size = size.trim_matches(['\0', ' ']);
        let size = usize::from_str_radix(size, 8).unwrap();
        let body = &rest[BLOCK_BYTES..];
        if size > 0 {
            files.push(String::from_utf8_lossy(&body[..size]).into_owned());
        }
        rest = body
            .get(size.next_multiple_of(BLOCK_BYTES)..)
            .unwrap_or_default();
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capture_is_read() {
        let captures = captures();
        let of = |series| captures.iter().filter(|one| one.series() == series).count();
        assert_eq!(
            (
                of(Series::Models),
                of(Series::Keys),
                of(Series::CheckedKeys)
            ),
            (171, 32, 19)
        );
        let stream = captures
            .iter()
            .find(|one| one.name == "02_chat_stream")
            .unwrap();
        assert_eq!(stream.target, "/v1/chat/completions");
        assert_eq!(stream.answer.status, 200);
        assert_eq!(stream.answer.headers["cache-control"], "no-cache");
        assert!(stream.answer.body.ends_with("data: [DONE]"));
    }
}
