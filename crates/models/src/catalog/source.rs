//! Where a model file may come from, as a person writes it.

use std::path::PathBuf;

use super::{Entry, Error, store::Checked};
use crate::http::Url;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A model of the catalogue.
    Entry(&'static Entry),
    /// A file on this machine.
    Path(PathBuf),
    /// A file on the web.
    Url(Url),
    /// A file in a Python package.
    Package(Package),
}

/// A file in a Python package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) member: String,
}

impl Source {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if let Some(entry) = Entry::named(text) {
            return Ok(Self::Entry(entry));
        }
        if let Some(package) = text.strip_prefix("pypi:") {
            return Package::parse(package)
                .map(Self::Package)
                .ok_or_else(|| Error::PackageForm {
                    text: text.to_owned(),
                });
        }
        if text.contains("://") {
            return match Url::parse(text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                    Ok(Self::Url(url))
                }
                _ => Err(Error::UrlForm {
                    text: text.to_owned(),
                }),
            };
        }
        if text.contains('/') || text.ends_with(".gguf") {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        Err(Error::UnknownName {
            name: text.to_owned(),
        })
    }

    /// The name that a file from here gets.
    pub(super) fn name(&self) -> Result<String, Error> {
        let file = match self {
            Self::Entry(entry) => entry.name.to_owned(),
            Self::Path(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            Self::Url(url) => url
                .path_segments()
                .and_then(|mut segments| segments.next_back())
                .unwrap_or_default()
                .to_owned(),
            Self::Package(package) => {
                let last = package.member.rsplit('/').next();
                last.unwrap_or_default().to_owned()
            }
        };
        let name = file.strip_suffix(".gguf").unwrap_or(&file);
        let name = Checked::name(name)?;
        Ok(name.as_str().to_owned())
    }
}

impl Package {
    fn parse(text: &str) -> Option<Self> {
        let (requirement, member) = text.split_once('#')?;
        let (name, version) = requirement.split_once("==")?;
        // Nothing that pip could take for an option, a path, or a URL.
        let plain = |text: &str, extra: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
        };
        let is_good = plain(name, "._-") && plain(version, ".!+_-") && !member.is_empty();
        is_good.then(|| Self {
            name: name.to_owned(),
            version: version.to_owned(),
            member: member.to_owned(),
        })
    }

    pub(super) fn requirement(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart() {
        let package = |name: &str, version: &str, member: &str| {
            Source::Package(Package {
                name: name.to_owned(),
                version: version.to_owned(),
                member: member.to_owned(),
            })
        };
        let url = |text: &str| Source::Url(Url::parse(text).unwrap());
        let cases = [
            (
                "SmolLM2-135M-Instruct",
                Source::Entry(super::super::DEFAULT),
                "smollm2-135m-instruct",
            ),
            ("./a/B.gguf", Source::Path("./a/B.gguf".into()), "B"),
            ("b.gguf", Source::Path("b.gguf".into()), "b"),
            ("/m/x.bin", Source::Path("/m/x.bin".into()), "x.bin"),
            ("https://h/a/c.gguf?x=1", url("https://h/a/c.gguf?x=1"), "c"),
            (
                "pypi:p-q==1.0#d/e.gguf",
                package("p-q", "1.0", "d/e.gguf"),
                "e",
            ),
        ];
        for (text, expected, name) in cases {
            let source = Source::parse(text).unwrap();
            assert_eq!(source.name().unwrap(), name, "{text}");
            assert_eq!(source, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_source_says_so() {
        for text in [
            "",
            "nothing",
            "ftp://h/x.gguf",
            "http://",
            "pypi:",
            "pypi:a#b",
            "pypi:a==1",
            "pypi:a==1#",
            "pypi:--index-url==1#b",
            "pypi:a b==1#b",
            "pypi:../a==1#b",
        ] {
            assert!(Source::parse(text).is_err(), "{text}");
        }
        for text in ["https://h/", "https://h/..", "/", "../.."] {
            let name = Source::parse(text).and_then(|source| source.name());
            assert!(matches!(name, Err(Error::Name { .. })), "{text}: {name:?}");
        }
    }
}
