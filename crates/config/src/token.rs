//! The access token: made once, at the first start, and read ever after.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use openclaw_types::Env;

use crate::secret::{Origin, Secret};

/// Length of the token: 32 random bytes as hex digits.
pub const TOKEN_CHARS: usize = 64;

/// Enough to see that a file is no token.
const READ_BYTES_MAX: u64 = 1_024;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No gateway has started here yet.
    #[error("there is no token at {}; the first start makes it", path.display())]
    Absent {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file can't be read.
    #[error("read the token at {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file can't be written.
    #[error("write the token at {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file holds something else than 64 hex digits.
    #[error("{} does not hold a token of {TOKEN_CHARS} hex digits; remove it to get a new one", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the token.
///
/// # Errors
/// It is absent, can't be read, or is malformed.
pub fn read(path: &Path) -> Result<Secret, Error> {
    let mut text = String::new();
    let opened = fs::File::open(path);
    let read = opened.and_then(|file| file.take(READ_BYTES_MAX).read_to_string(&mut text));
    if let Err(source) = read {
        let path = path.to_path_buf();
        return Err(match source.kind() {
            io::ErrorKind::NotFound => Error::Absent { path },
            io::ErrorKind::InvalidData => Error::Malformed { path },
            _ => Error::Read { path, source },
        });
    }
    let token = text.trim();
    if token.len() != TOKEN_CHARS || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Error::Malformed {
            path: path.to_path_buf(),
        });
    }
    Ok(Secret::new(token, Origin::File(path.to_path_buf())))
}

/// Reads the token, or makes it. Two gateways that start at once agree on one.
///
/// # Errors
/// It can't be read or written, or is malformed.
pub fn ensure(path: &Path, env: &dyn Env) -> Result<Secret, Error> {
    match read(path) {
        Err(Error::Absent { .. }) => {}
        answer => return answer,
    }
    create(path, env).map_err(|source| Error::Write {
        path: path.to_path_buf(),
        source,
    })?;
    read(path)
}

/// Writes a temporary file and links it into place, which fails where a token is already: that one stays.
fn create(path: &Path, env: &dyn Env) -> io::Result<()> {
    let token = hex(&[env.random(), env.random()].concat());
    let suffix = hex(&env.random());
    let temporary = path.with_extension(format!("new-{suffix}"));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file
        .write_all(format!("{token}\n").as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => removed,
        Err(error) => Err(error),
        Ok(()) => {
            removed?;
            let directory = path.parent().unwrap_or_else(|| Path::new("/"));
            fs::File::open(directory)?.sync_all()
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use openclaw_types::{Timestamp, env::SimEnv};

    use super::*;

    fn env(seed: u64) -> SimEnv {
        SimEnv::new(Timestamp(1_700_000_000_000), seed)
    }

    #[test]
    fn the_token_is_made_once_and_only_we_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        assert!(matches!(read(&path), Err(Error::Absent { .. })));
        let first = ensure(&path, &env(1)).unwrap();
        assert_eq!(first.expose().len(), TOKEN_CHARS);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        assert_eq!(ensure(&path, &env(2)).unwrap(), first);
        assert_eq!(read(&path).unwrap(), first);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn starts_at_the_same_time_agree_on_one_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let tokens: Vec<Secret> = std::thread::scope(|scope| {
            let path = &path;
            let threads: Vec<_> = (0..8)
                .map(|seed| scope.spawn(move || ensure(path, &env(seed)).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(tokens.iter().all(|token| *token == tokens[0]));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_token_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for bytes in [&b""[..], b"short", b"\xff\xfe", &[b'g'; 64], &[b'a'; 65]] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(
                ensure(&path, &env(1)),
                Err(Error::Malformed { .. })
            ));
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }
}
