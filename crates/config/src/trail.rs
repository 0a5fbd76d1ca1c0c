//! The path of a value inside the file, `agents[2].model`, built on the stack while walking down.

use std::fmt;

/// Longest key shown in a path; a longer one is cut, so that a hostile key can't make a hostile message.
const KEY_CHARS_MAX: usize = 64;

/// One step of a path and the steps above it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trail<'a> {
    Root,
    Key(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl<'a> Trail<'a> {
    /// What happens without the value that was written here.
    pub(crate) fn instead(&self, default: &str) -> String {
        match (self, default) {
            (Self::Item(..), _) => "it is left out".to_owned(),
            (_, "") => "the key is ignored".to_owned(),
            (_, default) => format!("its default {default} is used"),
        }
    }

    /// The path of a key below this one.
    pub(crate) const fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }

    /// The path of a list's item below this one.
    pub(crate) const fn item(&'a self, index: usize) -> Self {
        Self::Item(self, index)
    }
}

/// Joins a rendered path and a key below it.
pub(crate) fn join(path: &str, key: &str) -> String {
    let mut joined = path.to_owned();
    push_key(&mut joined, key);
    joined
}

fn push_key(path: &mut String, key: &str) {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '-' | '@' | '/');
    if !key.is_empty() && key.chars().count() <= KEY_CHARS_MAX && key.chars().all(plain) {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        return;
    }
    let shown: String = key.chars().take(KEY_CHARS_MAX).collect();
    let more = if shown.len() < key.len() { "…" } else { "" };
    path.push_str(&format!("[{:?}]", format!("{shown}{more}")));
}

fn render(trail: &Trail<'_>, path: &mut String) {
    match trail {
        Trail::Root => {}
        Trail::Key(above, key) => {
            render(above, path);
            push_key(path, key);
        }
        Trail::Item(above, index) => {
            render(above, path);
            path.push_str(&format!("[{index}]"));
        }
    }
}

impl fmt::Display for Trail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = String::new();
        render(self, &mut path);
        f.write_str(&path)
    }
}
