//! Model files: from a path, from a loopback web server, and from a package that `pip` finds on this machine.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_models::{
    catalog::{self, Catalog, Error, Progress, Pulled},
    http::{self, Http},
};
use openclaw_process::Launcher;
use tempfile::TempDir;

use crate::server::{Act, Asked, Server, whole};

const CONTENT: &[u8] = b"GGUF and then some bytes that stand for a model";
/// Half a hash.
const HASH: &str = "0b7a6d6f5c1d1f3a6f4a1e6d7b3a8a2e";

fn hash() -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(CONTENT);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Shelf {
    dir: TempDir,
    catalog: Catalog,
}

impl Shelf {
    fn new(environment: Vec<(String, String)>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let child = PathBuf::from(env!("CARGO_BIN_EXE_openclaw-models-child"));
        let options = catalog::Options {
            dir: dir.path().join("models"),
            launcher: Launcher::new(child),
            environment,
        };
        let catalog = Catalog::new(options, Http::new(http::Options::default()));
        Self { dir, catalog }
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    async fn pull(&self, source: &str, sha256: Option<&str>) -> Result<Pulled, Error> {
        let mut told: Vec<Progress> = Vec::new();
        let pulled = self
            .catalog
            .pull(source, sha256, &mut |progress| told.push(progress))
            .await;
        assert!(
            told.iter()
                .all(|progress| progress.total.is_none_or(|total| progress.bytes <= total)),
            "{told:?}"
        );
        pulled
    }

    /// Everything in the directory, hidden files included.
    fn files(&self) -> Vec<String> {
        let dir = self.dir.path().join("models");
        let mut names = Vec::new();
        let mut dirs = vec![dir.clone()];
        while let Some(next) = dirs.pop() {
            for file in std::fs::read_dir(next).into_iter().flatten().flatten() {
                if file.path().is_dir() {
                    dirs.push(file.path());
                } else {
                    let path = file.path();
                    let name = path.strip_prefix(&dir).expect("below it");
                    names.push(name.display().to_string());
                }
            }
        }
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_file_is_copied_checked_listed_and_removed() {
    let shelf = Shelf::new(Vec::new());
    let path = shelf.file("My.Model.gguf", CONTENT);
    let pulled = shelf
        .pull(&path, Some(&format!("SHA256:{}", hash().to_uppercase())))
        .await;
    let pulled = pulled.unwrap_or_else(|error| panic!("{}", error.full_text()));
    let whole = shelf.dir.path().join("models/My.Model.gguf");
    let expected = Pulled {
        name: "My.Model".to_owned(),
        path: whole.clone(),
        bytes: CONTENT.len() as u64,
        sha256: hash(),
    };
    assert_eq!(pulled, expected);
    assert_eq!(std::fs::read(&whole).unwrap(), CONTENT);
    assert_eq!(shelf.files(), ["My.Model.gguf"]);
    let items = shelf.catalog.list().unwrap();
    let names: Vec<(&str, bool)> = items
        .iter()
        .map(|item| (item.name.as_str(), item.path.is_some()))
        .collect();
    assert_eq!(
        names,
        [("smollm2-135m-instruct", false), ("My.Model", true)]
    );
    assert_eq!(shelf.catalog.find("My.Model"), Some(whole));
    shelf.catalog.remove("My.Model").unwrap();
    assert!(matches!(
        shelf.catalog.remove("My.Model"),
        Err(Error::NotInstalled { .. })
    ));
    assert_eq!(shelf.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_wrong_hash_is_put_aside_and_what_is_no_model_is_refused() {
    let shelf = Shelf::new(Vec::new());
    let path = shelf.file("a.gguf", CONTENT);
    let zeros = "0".repeat(64);
    let Err(Error::WrongHash { found, kept, .. }) = shelf.pull(&path, Some(&zeros)).await else {
        panic!("the hash is wrong");
    };
    assert_eq!((found, kept.is_file()), (hash(), true));
    assert_eq!(shelf.files(), ["quarantine/a.gguf"]);
    let text = shelf.file("b.gguf", b"#!/bin/sh");
    assert!(matches!(
        shelf.pull(&text, None).await,
        Err(Error::NotAModel)
    ));
    let short = shelf.file("c.gguf", b"GG");
    assert!(matches!(
        shelf.pull(&short, None).await,
        Err(Error::NotAModel)
    ));
    assert!(matches!(
        shelf.pull("/nonexistent/d.gguf", None).await,
        Err(Error::Io { .. })
    ));
    assert!(matches!(
        shelf.pull(&path, Some(HASH)).await,
        Err(Error::HashForm { .. })
    ));
    assert!(matches!(
        shelf.pull("no-such-name", None).await,
        Err(Error::UnknownName { .. })
    ));
    for name in ["../../etc/passwd", "a/b", ".hidden", ""] {
        assert!(
            matches!(shelf.catalog.remove(name), Err(Error::Name { .. })),
            "{name}"
        );
        assert_eq!(shelf.catalog.find(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_download_that_broke_off_is_taken_up_where_it_ended() {
    let head = |range: &str| {
        let rest = CONTENT.len() - 20;
        Act::Send(format!("HTTP/1.1 206 X\r\netag: \"v1\"\r\ncontent-range: {range}\r\ncontent-length: {rest}\r\n\r\n").into_bytes())
    };
    let server = Server::start(move |asked: &Asked| {
        if asked.head.contains("range: bytes=20-") && asked.head.contains("if-range: \"v1\"") {
            vec![head("bytes 20-46/47"), Act::Send(CONTENT[20..].to_vec())]
        } else {
            let length = CONTENT.len();
            vec![
                Act::Send(
                    format!("HTTP/1.1 200 X\r\netag: \"v1\"\r\ncontent-length: {length}\r\n\r\n")
                        .into_bytes(),
                ),
                Act::Send(CONTENT[..20].to_vec()),
                Act::Wait(std::time::Duration::from_millis(50)),
                Act::Reset,
            ]
        }
    })
    .await;
    let shelf = Shelf::new(Vec::new());
    let url = format!("{}/dir/big.gguf?token=x", server.url);
    assert!(matches!(
        shelf.pull(&url, None).await,
        Err(Error::Http { .. })
    ));
    assert_eq!(shelf.files(), [".big.from", ".big.part"]);
    let pulled = shelf
        .pull(&url, Some(&hash()))
        .await
        .unwrap_or_else(|error| panic!("{}", error.full_text()));
    assert_eq!(std::fs::read(pulled.path).unwrap(), CONTENT);
    assert_eq!(
        (shelf.files(), server.asked().len()),
        (vec!["big.gguf".to_owned()], 2)
    );
    // What is there is not fetched again.
    shelf.pull(&url, Some(&hash())).await.unwrap();
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_and_not_for_ever() {
    let target =
        Server::start(|_| vec![whole(200, "", std::str::from_utf8(CONTENT).unwrap())]).await;
    let place = format!("{}/final", target.url);
    let server = Server::start(move |asked: &Asked| {
        let to = if asked.path() == "/loop.gguf" {
            "/loop.gguf"
        } else {
            &place
        };
        vec![Act::Send(
            format!("HTTP/1.1 302 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes(),
        )]
    })
    .await;
    let shelf = Shelf::new(Vec::new());
    shelf
        .pull(&format!("{}/a.gguf", server.url), None)
        .await
        .unwrap();
    assert_eq!(shelf.files(), ["a.gguf"]);
    let endless = shelf.pull(&format!("{}/loop.gguf", server.url), None).await;
    assert!(
        matches!(endless, Err(Error::Redirects { .. })),
        "{endless:?}"
    );
    let missing = Server::start(|_| vec![whole(404, "", "")]).await;
    let missing = shelf.pull(&format!("{}/b.gguf", missing.url), None).await;
    assert!(
        matches!(missing, Err(Error::Status { status: 404, .. })),
        "{missing:?}"
    );
    let plain = shelf.pull("http://models.example/b.gguf", None).await;
    assert!(matches!(plain, Err(Error::Unsafe { .. })), "{plain:?}");
}

#[tokio::test]
async fn two_at_once_are_told_apart() {
    let server = Server::start(|_| vec![Act::Hang]).await;
    let shelf = Arc::new(Shelf::new(Vec::new()));
    let url = format!("{}/a.gguf", server.url);
    let first = shelf.pull(&url, None);
    let second = async {
        while server.asked().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        shelf.pull(&url, None).await
    };
    tokio::select! {
        biased;
        second = second => assert!(matches!(second, Err(Error::Busy { .. })), "{second:?}"),
        first = first => panic!("{first:?}"),
    }
}

/// A package of one model, where `pip` finds it without a network.
fn wheel(dir: &Path) {
    let file = std::fs::File::create(dir.join("tiny_model-1.0-py3-none-any.whl")).expect("a file");
    let mut wheel = zip::ZipWriter::new(file);
    let options = zip::write::SimpleFileOptions::default();
    let info = "tiny_model-1.0.dist-info";
    for (name, content) in [
        ("tiny_model/Model.Q4.gguf".to_owned(), CONTENT),
        (
            format!("{info}/METADATA"),
            b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
        ),
        (
            format!("{info}/WHEEL"),
            b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
        (format!("{info}/RECORD"), b""),
    ] {
        wheel.start_file(name, options).expect("a member");
        wheel.write_all(content).expect("its content");
    }
    wheel.finish().expect("an archive");
}

#[tokio::test]
async fn a_member_of_a_package_is_fetched_with_the_machines_own_pip() {
    let links = tempfile::tempdir().expect("a directory");
    wheel(links.path());
    let mut environment: Vec<(String, String)> = std::env::vars()
        .filter(|(name, _)| !name.starts_with("PIP_"))
        .collect();
    environment.push(("PIP_NO_INDEX".to_owned(), "1".to_owned()));
    environment.push((
        "PIP_FIND_LINKS".to_owned(),
        links.path().display().to_string(),
    ));
    environment.push(("PIP_CONFIG_FILE".to_owned(), "/dev/null".to_owned()));
    let shelf = Shelf::new(environment);
    let source = "pypi:tiny-model==1.0#tiny_model/Model.Q4.gguf";
    let pulled = shelf
        .pull(source, Some(&hash()))
        .await
        .unwrap_or_else(|error| panic!("{}", error.full_text()));
    assert_eq!(
        (pulled.name.as_str(), pulled.bytes),
        ("Model.Q4", CONTENT.len() as u64)
    );
    assert_eq!(shelf.files(), ["Model.Q4.gguf"]);

    let absent = shelf
        .pull("pypi:tiny-model==1.0#tiny_model/Other.gguf", None)
        .await;
    assert!(matches!(absent, Err(Error::Archive { .. })), "{absent:?}");
    let unknown = shelf
        .pull("pypi:tiny-model==2.0#tiny_model/X.gguf", None)
        .await;
    let Err(Error::Pip { said, .. }) = &unknown else {
        panic!("{unknown:?}")
    };
    assert!(said.contains("tiny-model==2.0"), "{said}");
    assert!(unknown.is_err_and(|error| error.hint().is_some()));
}

#[tokio::test]
async fn without_python_the_error_says_what_to_install() {
    let shelf = Shelf::new(vec![("PATH".to_owned(), "/nonexistent".to_owned())]);
    let error = shelf
        .pull("smollm2-135m-instruct", None)
        .await
        .expect_err("no python");
    assert!(matches!(error, Error::NoPython), "{error:?}");
    assert!(error.hint().expect("a hint").contains("python3-pip"));
}
