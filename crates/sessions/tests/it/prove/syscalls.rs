//! The Nth system call fails on the real disk: a writer in a process of its own, under strace, and its ledger.
//!
//! The writer is this test itself, started again with [`ROOT`] set. It notes what was acknowledged, and says so in a
//! file once it is done; whoever started it opens the transcripts without faults and compares.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use openclaw_sessions::{Appended, RealDisk, Store};
use openclaw_types::Timestamp;
use rustix::process::{Resource, Rlimit};

use super::asked;
use crate::{
    harness::{agent, options, session, sim_store, user},
    ledger::Ledger,
};

/// Set in the writer: where its transcripts are.
const ROOT: &str = "OPENCLAW_PROVE_ROOT";
/// Set to 1 in a writer that notes what was refused as acknowledged: the negative control.
const LIES: &str = "OPENCLAW_PROVE_LIES";
const AGENTS: [&str; 2] = ["alpha", "beta"];
/// Appends to each agent: enough for two sealed segments.
const APPENDS: usize = 14;
/// A writer under strace needs a fraction of a second.
const DEADLINE: Duration = Duration::from_secs(60);
/// Where the file size is limited, and a write is cut short: every so many bytes, up to a whole segment.
const SHORT_EVERY: usize = 23;
const SEGMENT_BYTES: usize = 900;

/// A sort of system call, and what it is called.
const CALLS: [(&str, &str); 7] = [
    ("write", "write"),
    ("fdatasync", "fdatasync"),
    ("fsync of a directory", "fsync"),
    ("open", "openat"),
    ("rename", "rename,renameat,renameat2"),
    ("truncate", "ftruncate"),
    ("stat", "newfstatat,fstat,statx"),
];

fn store(root: &Path) -> Store {
    let mut options = options(root);
    options.segment_bytes_max = SEGMENT_BYTES as u64;
    options.sync_threads = 1;
    sim_store(options, Arc::new(RealDisk))
}

fn ledger_path(root: &Path) -> PathBuf {
    root.with_extension("ledger")
}

/// The writer: appends, whatever happens, and reports.
async fn write(root: &Path, lies: bool) {
    let store = store(root);
    let opened: Vec<_> = AGENTS
        .iter()
        .map(|name| agent(name))
        .filter(|agent| (0..3).any(|_| store.open_agent(agent).is_ok()))
        .collect();
    let mut report = String::new();
    for at in 0..APPENDS {
        if at == APPENDS / 2 {
            // From here on files may be as long as they like.
            let free = Rlimit {
                current: None,
                maximum: None,
            };
            rustix::process::setrlimit(Resource::Fsize, free).unwrap();
        }
        for agent in &opened {
            let id = if at % 3 == 0 { "odd" } else { "main" };
            let text = format!("{agent}-{at}-{}", "x".repeat(at * 7 % 50));
            let done = match store.append(agent, vec![user(id, &text)]).await {
                Ok(mut done) => done.remove(0),
                Err(error) => {
                    assert!(error.retryable(), "{error}");
                    if !lies {
                        continue;
                    }
                    Appended {
                        id: String::from("none"),
                        seq: 0,
                        timestamp: Timestamp(0),
                    }
                }
            };
            let ms = done.timestamp.as_millis();
            writeln!(report, "{agent} {id} {} {ms} {} {text}", done.seq, done.id).unwrap();
        }
    }
    // A disk that refuses everything refuses this too.
    drop(store.shutdown().await);
    fs::write(ledger_path(root), report).unwrap();
}

fn read_ledger(root: &Path) -> Option<Ledger> {
    let text = fs::read_to_string(ledger_path(root)).ok()?;
    let mut ledger = Ledger::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let done = Appended {
            id: words[4].to_owned(),
            seq: words[2].parse().unwrap(),
            timestamp: Timestamp(words[3].parse().unwrap()),
        };
        ledger.note(&agent(words[0]), &session(words[1]), done, words[5]);
    }
    Some(ledger)
}

/// What is wrong with what a writer left: it ended early, or a promise is broken, or a file is.
fn complaint(root: &Path, ended: ExitStatus) -> Option<String> {
    if !ended.success() {
        return Some(format!("the writer ended with {ended}"));
    }
    let Some(ledger) = read_ledger(root) else {
        return Some("the writer reported nothing".to_owned());
    };
    let store = store(root);
    for name in AGENTS {
        match store.open_agent(&agent(name)) {
            Err(error) => return Some(format!("{name}: {error}")),
            Ok(found) if found.refused.is_some() || found.quarantined_count > 0 => {
                return Some(format!("{name}: {found:?}"));
            }
            Ok(_) => {}
        }
    }
    ledger.complaint(&store)
}

/// Starts this test again as the writer, below `wrap`.
fn writer(test: &str, root: &Path, lies: bool, wrap: &[String]) -> ExitStatus {
    let mut command = Command::new(&wrap[0]);
    command
        .args(&wrap[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ROOT, root)
        .env(LIES, u8::from(lies).to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("start `{}`: {error}", wrap[0]));
    let patience = std::time::Duration::from_millis(2);
    for _ in 0..DEADLINE.as_millis() / patience.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(patience);
    }
    drop(child.kill());
    child.wait().unwrap()
}

/// The fault that strace puts in front of calls on the transcripts, and on nothing else.
fn strace(root: &Path, log: &Path, injections: &[String]) -> Vec<String> {
    let mut wrap: Vec<String> = ["strace", "-f", "-qq", "--seccomp-bpf", "-o"]
        .map(str::to_owned)
        .to_vec();
    wrap.push(log.display().to_string());
    let mut paths = vec![root.to_path_buf()];
    for home in AGENTS.map(|name| root.join(name)) {
        let sealed = home.join("sessions");
        paths.push(home.join("session.jsonl"));
        paths.push(home.join("session.jsonl.next"));
        paths.push(sealed.join("manifest.json"));
        paths.push(sealed.join("manifest.json.next"));
        paths.extend((1..10).map(|number| sealed.join(format!("{number:04}.jsonl"))));
        paths.extend([home, sealed]);
    }
    for path in paths {
        wrap.extend(["-P".to_owned(), path.display().to_string()]);
    }
    let calls: Vec<&str> = injections
        .iter()
        .map(|injection| injection.split(':').next().unwrap_or_default())
        .collect();
    wrap.extend(["-e".to_owned(), format!("trace={}", calls.join(","))]);
    for injection in injections {
        wrap.extend(["-e".to_owned(), format!("inject={injection}")]);
    }
    wrap.push("--".to_owned());
    wrap
}

/// One run with these faults: whether they were met, and what is wrong.
fn attempt(test: &str, lies: bool, injections: &[String]) -> (bool, Option<String>) {
    let work = tempfile::tempdir().unwrap();
    let root = work.path().canonicalize().unwrap().join("agents");
    fs::create_dir(&root).unwrap();
    let log = work.path().join("log");
    let ended = writer(test, &root, lies, &strace(&root, &log, injections));
    let met = fs::read_to_string(&log).is_ok_and(|log| log.contains("(INJECTED)"));
    (met, complaint(&root, ended))
}

/// Every N of one sort of call, until no call is the Nth; how many were met.
fn sweep(test: &str, call: &str, error: &str, sticky: &str) -> usize {
    for nth in 1.. {
        let mut injections = vec![format!("{call}:error={error}:when={nth}{sticky}")];
        if call == "ftruncate" {
            // Nothing is cut unless something was left behind.
            injections.push(format!("write:error=ENOSPC:when={}", nth + 1));
        }
        let (met, wrong) = attempt(test, false, &injections);
        assert_eq!(wrong, None, "{injections:?}");
        // The second fault alone meets its call always, so the first is known by its count.
        if !met || (call == "ftruncate" && nth > 3) {
            return nth - 1;
        }
    }
    0
}

#[expect(
    clippy::disallowed_methods,
    reason = "how the test that runs again as the writer is told"
)]
fn as_writer() -> Option<PathBuf> {
    std::env::var(ROOT).ok().map(PathBuf::from)
}

fn needs(program: &str) {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    assert!(
        found.is_ok_and(|status| status.success()),
        "`{program}` is missing: `apt-get install strace util-linux coreutils` brings what is needed"
    );
}

#[tokio::test]
async fn no_system_call_that_fails_on_the_real_disk_makes_a_false_acknowledgement() {
    const NAME: &str =
        "prove::syscalls::no_system_call_that_fails_on_the_real_disk_makes_a_false_acknowledgement";
    if let Some(root) = as_writer() {
        write(&root, asked(LIES, 0) == 1).await;
        return;
    }
    needs("strace");
    let errors = match asked("OPENCLAW_PROVE_EVERY", 2) {
        1 => &["EIO", "ENOSPC", "EINTR", "EDQUOT", "EMFILE"][..],
        _ => &["EIO", "ENOSPC", "EINTR"],
    };
    let cases: Vec<_> = CALLS
        .iter()
        .flat_map(|call| errors.iter().map(move |error| (call, *error)))
        .flat_map(|(call, error)| ["", "+"].map(|sticky| (call, error, sticky)))
        .collect();
    let met = std::sync::Mutex::new(std::collections::BTreeMap::<&str, usize>::new());
    let wrong = super::sweep(
        0..cases.len() as u64,
        1,
        |_| (),
        |(), at| {
            let ((name, call), error, sticky) = cases[usize::try_from(at).unwrap()];
            let count = sweep(NAME, call, error, sticky);
            *met.lock().unwrap().entry(name).or_default() += count;
            Ok(())
        },
    );
    assert_eq!(wrong, Vec::new());
    let met = met.into_inner().unwrap();
    println!("syscalls: met {met:?}, no false acknowledgement, no corrupt file, no exit");
    assert!(
        met.values().all(|count| *count >= 3 * errors.len()),
        "{met:?}"
    );
}

#[tokio::test]
async fn writes_cut_short_by_the_kernel_are_taken_back() {
    const NAME: &str = "prove::syscalls::writes_cut_short_by_the_kernel_are_taken_back";
    if let Some(root) = as_writer() {
        write(&root, asked(LIES, 0) == 1).await;
        return;
    }
    for program in ["prlimit", "env"] {
        needs(program);
    }
    let mut cut = 0;
    for bytes in (1..SEGMENT_BYTES + 200).step_by(SHORT_EVERY) {
        let work = tempfile::tempdir().unwrap();
        let root = work.path().join("agents");
        fs::create_dir(&root).unwrap();
        let wrap = format!("env --ignore-signal=XFSZ prlimit --fsize={bytes}:unlimited --");
        let wrap: Vec<String> = wrap.split(' ').map(str::to_owned).collect();
        let ended = writer(NAME, &root, false, &wrap);
        assert_eq!(complaint(&root, ended), None, "files of {bytes} bytes");
        let noted = fs::read_to_string(ledger_path(&root))
            .unwrap()
            .lines()
            .count();
        // What was refused while files were short is missing, and all that came later is there.
        assert!(
            noted >= APPENDS,
            "{noted} acknowledged with files of {bytes} bytes"
        );
        cut += usize::from(noted < APPENDS * AGENTS.len());
    }
    assert!(cut > 20, "{cut}");
    println!("syscalls: writes cut short at {cut} places, all taken back, all gone on with");
}

#[tokio::test]
async fn a_writer_that_acknowledges_what_was_refused_is_caught() {
    const NAME: &str = "prove::syscalls::a_writer_that_acknowledges_what_was_refused_is_caught";
    if let Some(root) = as_writer() {
        write(&root, asked(LIES, 0) == 1).await;
        return;
    }
    needs("strace");
    // The other calls refuse no append by failing: a segment that can't be sealed now is sealed later.
    let refusing = ["write", "fdatasync", "fsync", "newfstatat,fstat,statx"];
    for (name, call) in CALLS.iter().filter(|(_, call)| refusing.contains(call)) {
        let caught = (2..8).find_map(|nth| {
            let injection = format!("{call}:error=EIO:when={nth}+");
            attempt(NAME, true, &[injection]).1
        });
        let caught = caught.unwrap_or_else(|| panic!("{name}: not caught"));
        println!("syscalls, {name}: caught: {caught:.100}");
    }
}
