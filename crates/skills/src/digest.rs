//! The digest of a skill: one number for all its files and their names.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

/// Files by their paths within a skill.
pub type Files = BTreeMap<String, Vec<u8>>;

/// SHA-256 of some bytes, in hex.
#[must_use]
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 over the sorted paths, each with the digest of its file; begins with `sha256:`.
#[must_use]
pub fn of_files(files: &Files) -> String {
    let mut all = Sha256::new();
    for (path, bytes) in files {
        // Lengths before contents: no other set of files makes the same bytes.
        all.update((path.len() as u64).to_be_bytes());
        all.update(path.as_bytes());
        all.update(Sha256::digest(bytes));
    }
    format!("sha256:{}", hex(&all.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count() {
        let files = |entries: &[(&str, &str)]| -> Files {
            let owned =
                |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
            entries.iter().map(owned).collect()
        };
        let digests = [
            of_files(&files(&[])),
            of_files(&files(&[("a", "b")])),
            of_files(&files(&[("a", "")])),
            of_files(&files(&[("ab", "")])),
            of_files(&files(&[("a", ""), ("b", "")])),
        ];
        let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }
}
