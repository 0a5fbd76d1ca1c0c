//! Writes a model file beside its place, and moves it there only when it is right.

use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    path::PathBuf,
};

use sha2::{Digest, Sha256};

use super::{
    Error, Pulled,
    store::{Store, hex, io_error, partial_path},
    work::{Meter, each_block},
};

/// What every GGUF file begins with.
const MAGIC: &[u8] = b"GGUF";

/// What of a half-fetched file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    Nothing,
    Partial,
}

/// A file being written; without [`Saver::finish`] it stays partial.
#[derive(Debug)]
pub(super) struct Saver {
    store: Store,
    path: PathBuf,
    hasher: Sha256,
    magic: Vec<u8>,
    bytes: u64,
}

impl Saver {
    /// Bytes so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    /// Forgets what is there and begins again.
    pub(super) fn restart(self) -> Result<Self, Error> {
        self.store.begin(Keeps::Nothing)
    }

    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), Error> {
        take_magic(&mut self.magic, block);
        if !MAGIC.starts_with(&self.magic) {
            self.store
                .partial
                .set_len(0)
                .map_err(io_error("empty", &self.path))?;
            return Err(Error::NotAModel);
        }
        self.store
            .partial
            .write_all(block)
            .map_err(io_error("write", &self.path))?;
        self.hasher.update(block);
        self.bytes += block.len() as u64;
        Ok(())
    }

    /// Writes all there is to read.
    pub(super) fn write_all(&mut self, from: &mut impl Read, meter: &Meter) -> Result<(), Error> {
        let path = self.path.clone();
        each_block(from, &path, meter, |block| self.write(block))
    }

    /// Checks the whole and puts it in its place.
    pub(super) fn finish(self) -> Result<Pulled, Error> {
        if self.magic != MAGIC {
            return Err(Error::NotAModel);
        }
        let found = hex(&self.hasher.finalize());
        let store = self.store;
        let path = self.path;
        store.partial.sync_all().map_err(io_error("write", &path))?;
        fs::remove_file(store.note_path()).ok();
        if let Some(expected) = &store.expected
            && *expected != found
        {
            return Err(Error::WrongHash {
                expected: expected.clone(),
                found,
                kept: store.quarantine(&path)?,
            });
        }
        let whole = store.path();
        fs::rename(&path, &whole).map_err(io_error("put in place", &whole))?;
        let dir = File::open(&store.dir).map_err(io_error("open", &store.dir))?;
        dir.sync_all().map_err(io_error("write", &store.dir))?;
        Ok(store.pulled(self.bytes, found))
    }
}

impl Store {
    /// Begins to write, from the start or behind what is there.
    pub(super) fn begin(mut self, keeps: Keeps) -> Result<Saver, Error> {
        let path = partial_path(&self.dir, &self.name);
        let mut hasher = Sha256::new();
        let mut magic = Vec::new();
        let mut bytes = 0;
        match keeps {
            Keeps::Nothing => {
                self.partial.set_len(0).map_err(io_error("empty", &path))?;
                self.partial.rewind().map_err(io_error("empty", &path))?;
            }
            Keeps::Partial => {
                self.partial.rewind().map_err(io_error("read", &path))?;
                let meter = Meter::default();
                each_block(&mut self.partial, &path, &meter, |block| {
                    hasher.update(block);
                    take_magic(&mut magic, block);
                    Ok(())
                })?;
                bytes = meter.bytes();
            }
        }
        Ok(Saver {
            store: self,
            path,
            hasher,
            magic,
            bytes,
        })
    }
}

fn take_magic(magic: &mut Vec<u8>, block: &[u8]) {
    let missing = MAGIC.len() - magic.len();
    magic.extend_from_slice(&block[..missing.min(block.len())]);
}
