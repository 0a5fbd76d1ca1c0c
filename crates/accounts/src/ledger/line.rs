//! A line of the ledger: one JSON object with its checksum at the end.

use std::borrow::Cow;

use openclaw_types::{AgentId, Money, Timestamp, Usage};
use serde::{Deserialize, Serialize};

use crate::{
    caller::{KeyId, TeamId},
    report::LogEntry,
};

/// Texts of callers are cut to this length: a ledger is no place for a novel.
pub(crate) const TEXT_BYTES_MAX: usize = 256;
/// Tags of one call that are kept.
pub(crate) const TAGS_MAX: usize = 16;
/// No line that was written is longer; a longer one is damage.
pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;

/// The checksum, as the last field: `,"crc":"01234567"}`.
const CHECK_BYTES: usize = 18;
const CHECK_START: &[u8] = b",\"crc\":\"";

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// So much is held for a call about to be made.
    Reserve,
    /// So much is held for its next attempt, instead of what was held before.
    Again,
    /// A call ended without costing anything, and is no call to speak of.
    Release,
    /// An attempt cost something; its call goes on.
    Charge,
    /// A call ended.
    #[default]
    Settle,
    /// A call whose end nobody saw: the program was killed.
    Unsettled,
}

/// One line. What is empty, absent or zero is not written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Line<'a> {
    pub(crate) at: i64,
    pub(crate) kind: Kind,
    /// Which call, if anything is held for it; hex digits, because not every reader has whole 64-bit numbers.
    #[serde(with = "hex", skip_serializing_if = "is_zero")]
    pub(crate) id: u64,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) key: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) team: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) agent: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) user: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) request_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// The model group.
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) group: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) provider: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) model: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "str::is_empty")]
    pub(crate) deployment: Cow<'a, str>,
    /// Picodollars held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reserved: Option<u64>,
    /// Picodollars spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<u64>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) estimate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<u64>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) output: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) cached: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) cache_write: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) reasoning: u64,
    #[serde(skip_serializing_if = "is_zero_status")]
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_ms: Option<u64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the serializer passes references"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the serializer passes references"
)]
const fn is_zero_status(status: &u16) -> bool {
    *status == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the serializer passes references"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Line<'_> {
    /// Appends the line with its checksum and line break.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        // Nothing here can fail to become JSON, and memory does not refuse a write.
        if serde_json::to_writer(&mut *out, self).is_err() {
            out.truncate(start);
            return;
        }
        seal(out, start);
    }

    /// What was used.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.input.map(|input_tokens| Usage {
            input_tokens,
            output_tokens: self.output,
            cached_tokens: self.cached,
            cache_write_tokens: self.cache_write,
            reasoning_tokens: self.reasoning,
        })
    }

    /// Notes what was used.
    pub(crate) fn set_usage(&mut self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        self.input = Some(usage.input_tokens);
        self.output = usage.output_tokens;
        self.cached = usage.cached_tokens;
        self.cache_write = usage.cache_write_tokens;
        self.reasoning = usage.reasoning_tokens;
    }

    /// Whether it says what a call cost.
    pub(crate) const fn is_spending(&self) -> bool {
        matches!(self.kind, Kind::Charge | Kind::Settle | Kind::Unsettled)
    }

    /// The call for those who ask.
    pub(crate) fn to_entry(&self) -> LogEntry {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        LogEntry {
            at: Timestamp(self.at),
            request_id: some(&self.request_id),
            key: some(&self.key).map(|key| KeyId::new(&key)),
            team: some(&self.team).map(|team| TeamId::new(&team)),
            agent: AgentId::parse(&self.agent).ok(),
            user: some(&self.user),
            tags: self.tags.clone(),
            group: self.group.clone().into_owned(),
            provider: self.provider.clone().into_owned(),
            model: self.model.clone().into_owned(),
            deployment: self.deployment.clone().into_owned(),
            usage: self.usage(),
            cost: self.cost.map(Money),
            is_estimate: self.estimate,
            is_unsettled: self.kind == Kind::Unsettled,
            status: self.status,
            ms: self.ms,
            first_ms: self.first_ms,
        }
    }

    /// The same, borrowing nothing.
    pub(crate) fn into_owned(self) -> Line<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Line {
            key: own(self.key),
            team: own(self.team),
            agent: own(self.agent),
            user: own(self.user),
            request_id: own(self.request_id),
            group: own(self.group),
            provider: own(self.provider),
            model: own(self.model),
            deployment: own(self.deployment),
            ..Line {
                at: self.at,
                kind: self.kind,
                id: self.id,
                tags: self.tags,
                reserved: self.reserved,
                cost: self.cost,
                estimate: self.estimate,
                input: self.input,
                output: self.output,
                cached: self.cached,
                cache_write: self.cache_write,
                reasoning: self.reasoning,
                status: self.status,
                ms: self.ms,
                first_ms: self.first_ms,
                ..Line::default()
            }
        }
    }
}

/// Reads a line without its line break; nothing when it isn't one that was written whole.
pub(crate) fn decode(line: &[u8]) -> Option<Line<'_>> {
    if !is_sealed(line) {
        return None;
    }
    serde_json::from_slice(line).ok()
}

/// Puts the checksum of an object into it, as its last field, and a line break behind it.
pub(super) fn seal(out: &mut Vec<u8>, start: usize) {
    out.pop();
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(CHECK_START);
    for shift in (0..8).rev() {
        let nibble = (crc >> (shift * 4)) & 15;
        out.push(b"0123456789abcdef"[nibble as usize]);
    }
    out.extend_from_slice(b"\"}\n");
}

/// Whether an object without its line break has the checksum it says.
pub(super) fn is_sealed(object: &[u8]) -> bool {
    let check = |at: usize| {
        let (body, check) = object.split_at(at);
        let digits = check.strip_prefix(CHECK_START)?.strip_suffix(b"\"}")?;
        let crc = u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        Some(crc32c::crc32c(body) == crc)
    };
    let at = object.len().checked_sub(CHECK_BYTES);
    at.and_then(check).unwrap_or(false)
}

/// The beginning of a text, as much of it as is kept.
pub(crate) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

mod hex {
    //! Whole 64-bit numbers as text.

    use std::borrow::Cow;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{id:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line() -> Line<'static> {
        Line {
            at: 1_700_000_000_000,
            kind: Kind::Settle,
            id: 0x00ab,
            key: "k\"1".into(),
            user: "béa".into(),
            tags: vec!["a".to_owned()],
            group: "fast".into(),
            cost: Some(48_000_000),
            input: Some(12),
            output: 18,
            status: 200,
            ..Line::default()
        }
    }

    #[test]
    fn a_line_is_readable_json_and_reads_back() {
        let mut out = Vec::new();
        line().encode(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"at":1700000000000,"kind":"settle","id":"00000000000000ab","key":"k\"1","user":"béa","tags":["a"],"#,
                r#""group":"fast","cost":48000000,"input":12,"output":18,"status":200,"crc":"d1237fc2"}"#,
                "\n"
            )
        );
        assert_eq!(decode(text.trim_end().as_bytes()), Some(line()));
        assert_eq!(line().into_owned(), line());
    }

    #[test]
    fn no_cut_and_no_flipped_bit_reads_as_a_line() {
        let mut out = Vec::new();
        line().encode(&mut out);
        out.pop();
        for cut in 0..out.len() {
            assert_eq!(decode(&out[..cut]), None, "{cut}");
        }
        for bit in 0..out.len() * 8 {
            let mut bytes = out.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // Upper and lower case of a hex digit are the same checksum.
            assert!(decode(&bytes).is_none_or(|read| read == line()), "{bit}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("abc"), "abc");
        let text = "é".repeat(200);
        assert_eq!(shortened(&text).len(), 256);
        assert_eq!(shortened(&format!("a{text}")).len(), 255);
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(&bytes), None);
        }
    }
}
