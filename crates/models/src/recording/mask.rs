//! Keys in what is to be written, made unreadable.

use std::collections::BTreeSet;

use crate::options::Options;

/// Shorter keys are no secrets, and taking them out would only spoil the text.
const KEY_BYTES_MIN: usize = 8;
/// What stands for each byte of a key, so that everything else stays where it is.
const STAR: u8 = b'*';

/// The keys that must not be written anywhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mask {
    keys: Vec<Vec<u8>>,
}

impl Mask {
    /// Every key of the options.
    pub(crate) fn of(options: &Options, record: &super::Options) -> Self {
        let providers = options.providers.iter();
        let deployments = options.routing.deployments.iter();
        let found = &options.discovery;
        let keys = providers
            .clone()
            .filter_map(|provider| provider.key.as_ref())
            .chain(
                deployments
                    .clone()
                    .filter_map(|deployment| deployment.key.as_ref()),
            )
            .chain(found.environment_keys.values())
            .chain(found.litellm_key.as_ref())
            .chain(&record.secrets);
        let headers = providers.flat_map(|provider| &provider.headers);
        let headers = headers.chain(deployments.flat_map(|deployment| &deployment.headers));
        let values = headers.map(|(_name, value)| value);
        Self::new(keys.chain(values).map(crate::Secret::expose))
    }

    /// These keys, as they are and as they stand in JSON.
    pub(crate) fn new<'a>(keys: impl Iterator<Item = &'a str>) -> Self {
        let mut all = BTreeSet::new();
        for key in keys {
            // A value such as `Bearer sk-...` holds the key behind a word.
            for part in key.split_ascii_whitespace().chain([key.trim()]) {
                if part.len() < KEY_BYTES_MIN {
                    continue;
                }
                let quoted = serde_json::Value::from(part).to_string();
                let quoted = quoted
                    .strip_prefix('"')
                    .and_then(|text| text.strip_suffix('"'));
                all.insert(quoted.unwrap_or(part).as_bytes().to_vec());
                all.insert(part.as_bytes().to_vec());
            }
        }
        let mut keys: Vec<Vec<u8>> = all.into_iter().collect();
        // A key may be a part of another one.
        keys.sort_by_key(|key| std::cmp::Reverse(key.len()));
        Self { keys }
    }

    /// Puts stars in place of every key.
    pub(super) fn hide(&self, bytes: &mut [u8]) {
        for key in &self.keys {
            let mut from = 0;
            while let Some(at) = find(&bytes[from..], key) {
                let at = from + at;
                bytes[at..at + key.len()].fill(STAR);
                from = at + key.len();
            }
        }
    }
}

fn find(bytes: &[u8], key: &[u8]) -> Option<usize> {
    let first = *key.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == first) {
        let at = from + at;
        if bytes[at..].starts_with(key) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_becomes_stars_of_its_length() {
        let mask = Mask::new(["Bearer sk-a\"quoted-key", "short"].into_iter());
        for (text, hidden) in [
            ("x sk-a\"quoted-key y", "x *************** y"),
            (r#"{"k":"sk-a\"quoted-key"}"#, r#"{"k":"****************"}"#),
            ("short and sk-a", "short and sk-a"),
        ] {
            let mut bytes = text.as_bytes().to_vec();
            mask.hide(&mut bytes);
            assert_eq!(String::from_utf8_lossy(&bytes), hidden);
        }
    }
}
