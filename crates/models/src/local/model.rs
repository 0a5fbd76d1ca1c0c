//! Which model runs on this machine, and what is known of it before it runs.

use std::path::{Path, PathBuf};

use crate::{
    catalog::{self, Catalog},
    profile::Tier,
};

/// A larger file is not a tiny model.
const TINY_BYTES_MAX: u64 = 1 << 30;

/// Which model it is.
#[derive(Debug, Clone)]
pub(super) enum Model {
    /// One of the catalogue's, fetched when it is needed.
    Entry(&'static catalog::Entry),
    /// A file that is here.
    File { name: String, path: PathBuf },
}

impl Model {
    pub(super) fn of(wanted: Option<&str>, catalog: &Catalog) -> Result<Self, String> {
        let Some(wanted) = wanted else {
            return Ok(Self::Entry(catalog::DEFAULT));
        };
        if let Some(entry) = catalog::Entry::named(wanted) {
            return Ok(Self::Entry(entry));
        }
        let path = catalog
            .find(wanted)
            .unwrap_or_else(|| PathBuf::from(wanted));
        if !path.is_file() {
            return Err(format!(
                "`{wanted}` is neither a model of the catalogue nor a file"
            ));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Self::File {
            name: name.to_ascii_lowercase(),
            path,
        })
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Entry(entry) => entry.name,
            Self::File { name, .. } => name,
        }
    }

    pub(super) fn title(&self) -> &str {
        match self {
            Self::Entry(entry) => entry.title,
            Self::File { name, .. } => name,
        }
    }

    pub(super) fn tier(&self) -> Tier {
        match self {
            Self::Entry(entry) => entry.tier,
            Self::File { path, .. } if size(path) > TINY_BYTES_MAX => Tier::Full,
            Self::File { .. } => Tier::Tiny,
        }
    }
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}
