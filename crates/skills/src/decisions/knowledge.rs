//! Knowledge from outside: what is fetched again, what is stored once, what is told, and what answers a question.

use std::collections::BTreeSet;

use openclaw_types::Timestamp;

use super::{Refused, share};

/// Where it is kept which addresses are stored.
pub const STATE_FILE: &str = "state/knowledge-ingest.json";
/// Above this score something is told to the triad.
pub const TELL_ABOVE: f64 = 0.8;
/// Answers to a question.
pub const ANSWERS_MAX: usize = 5;
/// Longest address that is taken.
pub const ADDRESS_BYTES_MAX: usize = 2_048;

/// Kinds of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Releases and packages.
    Releases,
    /// Skill catalogues and advisories.
    Advisories,
    /// Papers.
    Papers,
    /// Searches, on demand only.
    Search,
}

/// Whether a source is fetched again.
#[must_use]
pub fn is_due(source: Source, last: Option<Timestamp>, now: Timestamp) -> bool {
    let seconds = match source {
        Source::Releases => 21_600,
        Source::Advisories => 43_200,
        Source::Papers => 86_400,
        Source::Search => return false,
    };
    last.is_none_or(|last| last > now || now.since_ms(last) >= seconds * 1_000)
}

/// An address in the form by which it is known again: host in lower case, no fragment, no tracking parameters.
///
/// # Errors
/// When it is none of the web.
pub fn plain_address(address: &str) -> Result<String, Refused> {
    let wrong = Refused::new(
        "the address",
        "begins with https:// or http://, and has a host",
    );
    if address.len() > ADDRESS_BYTES_MAX || address.contains(|c: char| c.is_control() || c == ' ') {
        return Err(wrong);
    }
    let (scheme, rest) = address.split_once("://").ok_or_else(|| wrong.clone())?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end).ok_or_else(|| wrong.clone())?;
    if !matches!(scheme.as_str(), "http" | "https") || host.is_empty() || host.contains('@') {
        return Err(wrong);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_tracking = |pair: &&str| {
        let key = pair.split('=').next().unwrap_or_default();
        key.starts_with("utm_") || matches!(key, "fbclid" | "gclid" | "ref" | "")
    };
    let query: Vec<&str> = query.split('&').filter(|pair| !is_tracking(pair)).collect();
    let path = path.trim_end_matches('/');
    let sign = if query.is_empty() { "" } else { "?" };
    Ok(format!(
        "{scheme}://{}{path}{sign}{}",
        host.to_ascii_lowercase(),
        query.join("&")
    ))
}

/// Whether something new is told.
///
/// # Errors
/// When its score is not from 0 to 1.
pub fn is_told(score: f64) -> Result<bool, Refused> {
    Ok(share("the score", score)? > TELL_ABOVE)
}

/// How well something stored answers a question: the mean likeness of title and summary, and the share of the
/// question's tags it has.
///
/// # Errors
/// When a likeness is not from 0 to 1.
pub fn answer_score(
    title: f64,
    summary: f64,
    asked: &BTreeSet<&str>,
    tags: &BTreeSet<&str>,
) -> Result<f64, Refused> {
    let likeness = f64::midpoint(
        share("the likeness", title)?,
        share("the likeness", summary)?,
    );
    let shared = u32::try_from(asked.intersection(tags).count()).unwrap_or(u32::MAX);
    let all = u32::try_from(asked.len().max(1)).unwrap_or(u32::MAX);
    Ok(likeness + f64::from(shared) / f64::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_has_one_address() {
        for (address, plain) in [
            (
                "https://Example.org/a/?utm_source=x&b=1#top",
                Some("https://example.org/a?b=1"),
            ),
            ("HTTPS://example.org", Some("https://example.org")),
            (
                "https://example.org/a?fbclid=1",
                Some("https://example.org/a"),
            ),
            ("file:///etc/passwd", None),
            ("https:///a", None),
            ("https://user@example.org/", None),
            ("example.org", None),
            ("https://example.org/a b", None),
        ] {
            assert_eq!(plain_address(address).ok().as_deref(), plain, "{address}");
        }
    }

    #[test]
    fn sources_have_their_own_times() {
        let now = Timestamp(1_000_000_000);
        let ago = |seconds: i64| Some(Timestamp(now.0 - seconds * 1_000));
        assert!(is_due(Source::Releases, ago(21_600), now));
        assert!(!is_due(Source::Advisories, ago(21_600), now));
        assert!(is_due(Source::Papers, None, now));
        assert!(!is_due(Source::Search, None, now));
    }

    #[test]
    fn scores_decide_what_is_told_and_what_answers() {
        assert_eq!(is_told(0.8), Ok(false));
        assert_eq!(is_told(0.81), Ok(true));
        assert!(is_told(8.0).is_err());
        let asked = BTreeSet::from(["rust", "time"]);
        let score = |tags: &[&'static str]| {
            answer_score(0.5, 0.7, &asked, &tags.iter().copied().collect()).unwrap()
        };
        assert!((score(&["rust"]) - 1.1).abs() < 1e-9);
        assert!((score(&[]) - 0.6).abs() < 1e-9);
        assert!(answer_score(-0.1, 0.0, &asked, &asked).is_err());
    }
}
