//! Fetches a package with the machine's own `pip`, so that its index, proxy, and certificate settings hold.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use openclaw_process::{Child, Limits, Plan, Stdio};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::Instant,
};

use super::{
    Error, OnProgress, Options, Progress, Step,
    entry::ENTRIES,
    source::Package,
    store::{Staging, Store},
};

/// A download that stays as large as it is for so long has stalled.
const STALL: Duration = Duration::from_secs(120);
/// How often the size is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long `pip` may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(2);
/// What is kept of what it says; its last line says why.
const SAID_BYTES_MAX: usize = 8 << 10;
/// Directories below the staging directory that are looked into; `pip` nests two deep.
const DEPTH_MAX: usize = 4;

/// Variables that say where packages come from and how to get there.
const PASSED: [&str; 20] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "VIRTUAL_ENV",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// A package that was fetched; it goes away with this.
#[derive(Debug)]
pub(super) struct Wheel {
    pub(super) path: PathBuf,
    _staging: Staging,
}

/// Fetches the package.
pub(super) async fn download(
    options: &Options,
    package: &Package,
    on_progress: OnProgress<'_>,
) -> Result<Wheel, Error> {
    let python = python(&options.environment).ok_or(Error::NoPython)?;
    let staging = Store::staging(&options.dir, &package.name)?;
    let plan = plan(options, &python, package, staging.path());
    let mut child = options
        .launcher
        .spawn(&plan)
        .await
        .map_err(|source| Error::PipStart { source })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let total = ENTRIES
        .iter()
        .find(|entry| entry.source.contains(&package.requirement()))
        .map(|entry| entry.download_bytes);
    let heard = async { tokio::join!(listen(stdout), listen(stderr)) };
    let watched = watch(&mut child, staging.path(), total, on_progress);
    let ((said, complained), exit) = tokio::join!(heard, watched);
    if !exit?.is_success() {
        let last = |text: &str| text.trim().lines().next_back().map(str::to_owned);
        return Err(Error::Pip {
            package: package.requirement(),
            said: last(&complained)
                .or_else(|| last(&said))
                .unwrap_or_default(),
        });
    }
    let path = wheel_in(staging.path()).ok_or_else(|| Error::Pip {
        package: package.requirement(),
        said: "it fetched no wheel".to_owned(),
    })?;
    Ok(Wheel {
        path,
        _staging: staging,
    })
}

/// Waits for the end; kills a download that has stalled.
async fn watch(
    child: &mut Child,
    dir: &Path,
    total: Option<u64>,
    on_progress: OnProgress<'_>,
) -> Result<openclaw_process::Exit, Error> {
    let mut seen = 0;
    let mut changed = Instant::now();
    loop {
        tokio::select! {
            biased;
            // The end is the best progress.
            exit = child.wait() => return Ok(exit),
            () = tokio::time::sleep(LOOK) => {}
        }
        let bytes = size_of(dir, DEPTH_MAX);
        if bytes != seen {
            (seen, changed) = (bytes, Instant::now());
        } else if changed.elapsed() >= STALL {
            child.kill_tree(GRACE).await;
            return Err(Error::Stalled {
                from: "pip".to_owned(),
                seconds: STALL.as_secs(),
            });
        }
        on_progress(Progress {
            step: Step::Fetch,
            bytes,
            total,
        });
    }
}

fn plan(options: &Options, python: &Path, package: &Package, dir: &Path) -> Plan {
    let args = [
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--progress-bar=off",
        "--retries=2",
        "--timeout=15",
        "--dest",
    ];
    let mut args: Vec<OsString> = args.iter().map(OsString::from).collect();
    args.push(dir.into());
    args.push(package.requirement().into());
    let passed = |name: &str| name.starts_with("PIP_") || PASSED.contains(&name);
    let mut env: Vec<(String, String)> = options
        .environment
        .iter()
        .filter(|(name, _)| passed(name))
        .cloned()
        .collect();
    // What it unpacks on the way is seen as progress, and goes away with the rest.
    env.push(("TMPDIR".to_owned(), dir.display().to_string()));
    env.push(("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()));
    Plan {
        program: python.to_owned(),
        args,
        env,
        cwd: dir.to_owned(),
        limits: Limits::NONE,
        fence: None,
        stdin: Stdio::Null,
        stdout: Stdio::Pipe,
        stderr: Stdio::Pipe,
    }
}

/// The first `python3` of the path.
fn python(environment: &[(String, String)]) -> Option<PathBuf> {
    let (_, path) = environment.iter().find(|(name, _)| name == "PATH")?;
    let mut places = path.split(':').map(|dir| Path::new(dir).join("python3"));
    places.find(|place| place.is_absolute() && place.is_file())
}

/// The end of what a descriptor says.
async fn listen(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else {
        return String::new();
    };
    let mut said = Vec::new();
    let mut block = vec![0; 4_096];
    while let Ok(count) = from.read(&mut block).await
        && count > 0
    {
        said.extend_from_slice(&block[..count]);
        let excess = said.len().saturating_sub(SAID_BYTES_MAX);
        said.drain(..excess);
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Bytes of all files below a directory.
fn size_of(dir: &Path, depth: usize) -> u64 {
    let Ok(files) = fs::read_dir(dir) else {
        return 0;
    };
    let size = |file: fs::DirEntry| match file.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => size_of(&file.path(), depth - 1),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    };
    files.flatten().map(size).sum()
}

fn wheel_in(dir: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(dir).ok()?.flatten();
    let mut paths = files.map(|file| file.path());
    paths.find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}
