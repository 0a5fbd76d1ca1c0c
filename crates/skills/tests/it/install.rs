//! Installing: from friendly and from hostile sources; nothing outside the skill is ever touched.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use openclaw_skills::{Error, Library, Lock, Plan, remove};
use openclaw_types::{Timestamp, env::SimEnv};
use tar::{EntryType, Header};

use crate::library::{put, text};

fn env() -> SimEnv {
    SimEnv::new(Timestamp(1_774_742_400_000), 5)
}

/// Entries of an archive: kind, name, link, content. Names are written as they are, whatever they are.
fn archive(path: &Path, entries: &[(EntryType, &str, &str, &[u8])]) {
    let mut bytes = Vec::new();
    for (kind, name, link, content) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o777);
        let raw = header.as_old_mut();
        raw.name[..name.len()].copy_from_slice(name.as_bytes());
        raw.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1_024, 0);
    pack(path, &bytes);
}

fn pack(path: &Path, bytes: &[u8]) {
    let mut gz = GzEncoder::new(fs::File::create(path).unwrap(), Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap();
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn skills(&self) -> PathBuf {
        self.dir.path().join("state/skills")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn install(&self, from: &Path) -> Result<openclaw_skills::Installed, Error> {
        Plan::new(from, &self.skills(), None)?.apply(&env())
    }

    /// Everything below the state directory.
    fn tree(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.at("state")];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else {
                    found.push(
                        entry
                            .path()
                            .strip_prefix(self.at("state"))
                            .unwrap()
                            .to_string_lossy()
                            .into_owned(),
                    );
                }
            }
        }
        found.sort_unstable();
        found
    }
}

#[test]
fn a_directory_an_archive_and_a_file_install_alike() {
    let place = Place::new();
    let skill = text("greet", "says hello", "");
    put(&place.dir.path().join("src"), "greet", &skill);
    fs::create_dir(place.at("src/greet/.git")).unwrap();
    fs::write(place.at("src/greet/.git/HEAD"), "x").unwrap();
    archive(
        &place.at("greet.tar.gz"),
        &[
            (EntryType::Directory, "./greet-1.0/", "", b""),
            (
                EntryType::Regular,
                "./greet-1.0/SKILL.md",
                "",
                skill.as_bytes(),
            ),
        ],
    );
    let mut digests = Vec::new();
    for from in ["src/greet", "greet.tar.gz", "src/greet/SKILL.md"] {
        let installed = place.install(&place.at(from)).unwrap();
        assert_eq!(
            (installed.name.as_str(), installed.is_update),
            ("greet", !digests.is_empty())
        );
        assert_eq!(installed.diff.is_empty(), installed.is_update);
        digests.push(installed.digest.clone());
        assert_eq!(
            Lock::read(&place.skills()).unwrap().skills["greet"].digest,
            installed.digest
        );
        let (library, problems) = Library::open(&place.skills()).unwrap();
        assert_eq!(
            (library.get("greet").unwrap().digest.clone(), problems),
            (installed.digest, vec![])
        );
    }
    assert!(
        digests.iter().all(|digest| *digest == digests[0]),
        "{digests:?}"
    );
    assert_eq!(
        place.tree(),
        ["skills/greet/SKILL.md", "skills/skills.lock.json"]
    );
    remove(&place.skills(), "greet", &env()).unwrap();
    assert_eq!(place.tree(), ["skills/skills.lock.json"]);
    assert!(matches!(
        remove(&place.skills(), "greet", &env()),
        Err(Error::Unknown { .. })
    ));
}

#[test]
fn hostile_entries_are_refused_and_nothing_is_written() {
    let place = Place::new();
    let skill = text("greet", "says hello", "");
    let good = (EntryType::Regular, "SKILL.md", "", skill.as_bytes());
    let long = format!("{}x", "d/".repeat(9));
    let bad: [(EntryType, &str, &str, &[u8]); 14] = [
        (EntryType::Regular, "../evil", "", b"x"),
        (EntryType::Regular, "a/../../evil", "", b"x"),
        (EntryType::Regular, "/etc/evil", "", b"x"),
        (EntryType::Directory, "../evil/", "", b""),
        (EntryType::Symlink, "link", "/etc/passwd", b""),
        (EntryType::Symlink, "SKILL.md", "/etc/passwd", b""),
        (EntryType::Link, "hard", "SKILL.md", b""),
        (EntryType::Char, "device", "", b""),
        (EntryType::Fifo, "pipe", "", b""),
        (EntryType::Regular, "SKILL.md", "", b"again"),
        (EntryType::Regular, "skill.MD", "", b"in another case"),
        (EntryType::Regular, "a\\..\\evil", "", b"x"),
        (EntryType::Regular, "a\u{1b}[2J", "", b"x"),
        (EntryType::Regular, &long, "", b"x"),
    ];
    for entry in bad {
        for entries in [[good, entry], [entry, good]] {
            archive(&place.at("x.tar.gz"), &entries);
            let error = place.install(&place.at("x.tar.gz")).unwrap_err();
            assert!(matches!(error, Error::Entry { .. }), "{entry:?}: {error}");
            assert!(!error.to_string().contains('\u{1b}'));
        }
    }
    assert_eq!(place.tree(), [""; 0]);
    assert!(!place.at("evil").exists() && !place.at("state/evil").exists());
}

#[test]
fn bombs_end_at_their_limits() {
    let place = Place::new();
    let from = place.at("bomb.tar.gz");
    // A gigabyte of nothing, packed into a megabyte.
    let mut gz = GzEncoder::new(fs::File::create(&from).unwrap(), Compression::fast());
    let mut header = Header::new_ustar();
    header.set_path("zeros").unwrap();
    header.set_size(256 << 20);
    header.set_cksum();
    gz.write_all(header.as_bytes()).unwrap();
    for _ in 0..256 {
        gz.write_all(&vec![0; 1 << 20]).unwrap();
    }
    gz.finish().unwrap();
    assert!(matches!(place.install(&from), Err(Error::TooMuch { .. })));
    // Many files.
    let names: Vec<String> = (0..300).map(|number| format!("f{number}")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| (EntryType::Regular, name.as_str(), "", &b""[..]))
        .collect();
    archive(&from, &entries);
    assert!(matches!(place.install(&from), Err(Error::TooMuch { .. })));
    // Many bytes in files that are small enough one by one.
    let names: Vec<String> = (0..10).map(|number| format!("f{number}")).collect();
    let megabyte = vec![b'x'; 1 << 20];
    let entries: Vec<_> = names
        .iter()
        .map(|name| (EntryType::Regular, name.as_str(), "", megabyte.as_slice()))
        .collect();
    archive(&from, &entries);
    assert!(matches!(place.install(&from), Err(Error::TooMuch { .. })));
    // A directory with a file that is too large.
    put(place.dir.path(), "greet", &text("greet", "a", ""));
    fs::write(place.at("greet/large"), vec![0; (1 << 20) + 1]).unwrap();
    assert!(matches!(
        place.install(&place.at("greet")),
        Err(Error::TooMuch { .. })
    ));
    assert_eq!(place.tree(), [""; 0]);
}

#[test]
fn an_archive_cut_at_any_place_installs_nothing_else() {
    let place = Place::new();
    let skill = text("greet", "says hello", "");
    archive(
        &place.at("whole.tar.gz"),
        &[
            (EntryType::Regular, "SKILL.md", "", skill.as_bytes()),
            (EntryType::Regular, "notes.md", "", b"notes"),
        ],
    );
    let whole = fs::read(place.at("whole.tar.gz")).unwrap();
    for length in 0..whole.len() {
        fs::write(place.at("cut.tar.gz"), &whole[..length]).unwrap();
        let planned = Plan::new(&place.at("cut.tar.gz"), &place.skills(), None);
        // Only the end of the stream may be missing, behind all files.
        assert!(
            planned.is_err() || planned.unwrap().diff.contains("notes.md"),
            "{length}"
        );
    }
}

#[test]
fn links_in_a_directory_are_refused() {
    for (name, target) in [
        ("link", "/etc/passwd"),
        ("SKILL.md", "/etc/passwd"),
        ("dir", "/etc"),
    ] {
        let place = Place::new();
        put(place.dir.path(), "greet", &text("greet", "a", ""));
        fs::remove_file(place.at("greet").join(name)).unwrap_or_default();
        std::os::unix::fs::symlink(target, place.at("greet").join(name)).unwrap();
        assert!(
            matches!(place.install(&place.at("greet")), Err(Error::Entry { .. })),
            "{name}"
        );
    }
    let place = Place::new();
    put(place.dir.path(), "greet", &text("greet", "a", ""));
    fs::write(place.at("secret"), "x").unwrap();
    fs::hard_link(place.at("secret"), place.at("greet/notes")).unwrap();
    assert!(matches!(
        place.install(&place.at("greet")),
        Err(Error::Entry { .. })
    ));
    let other = place.at("other.txt");
    fs::write(&other, "x").unwrap();
    assert!(matches!(place.install(&other), Err(Error::Source { .. })));
}

#[test]
fn nothing_that_is_installed_can_be_executed_or_is() {
    let place = Place::new();
    let mark = place.at("was-run");
    let script = format!("#!/bin/sh\ntouch {}\n", mark.display());
    let skill = text(
        "greet",
        "a",
        "install: [{kind: shell, run: postinstall.sh}]",
    );
    archive(
        &place.at("x.tar.gz"),
        &[
            (EntryType::Regular, "SKILL.md", "", skill.as_bytes()),
            (EntryType::Regular, "postinstall.sh", "", script.as_bytes()),
            (EntryType::Regular, "scripts/run.sh", "", script.as_bytes()),
        ],
    );
    place.install(&place.at("x.tar.gz")).unwrap();
    Library::open(&place.skills()).unwrap();
    assert!(!mark.exists());
    for file in ["postinstall.sh", "scripts/run.sh"] {
        let mode = fs::metadata(place.skills().join("greet").join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn an_update_shows_what_changes_before_it_does() {
    let place = Place::new();
    put(place.dir.path(), "greet", &text("greet", "says hello", ""));
    fs::write(place.at("greet/old.md"), "gone\n").unwrap();
    place.install(&place.at("greet")).unwrap();
    put(
        place.dir.path(),
        "greet",
        &text("greet", "says \u{202e}goodbye\u{1b}[1m", ""),
    );
    fs::remove_file(place.at("greet/old.md")).unwrap();
    fs::write(place.at("greet/blob"), [0xff, 0xfe]).unwrap();
    let plan = Plan::new(&place.at("greet"), &place.skills(), None);
    // An escape in a description is no YAML; the rest is shown harmlessly.
    assert!(matches!(plan, Err(Error::Problems { .. })));
    put(
        place.dir.path(),
        "greet",
        &text("greet", "says \u{202e}goodbye", ""),
    );
    let plan = Plan::new(&place.at("greet"), &place.skills(), None).unwrap();
    assert_eq!(
        plan.diff,
        "== SKILL.md (changed)\n  ---\n  name: greet\n- description: says hello\n+ description: says \u{fffd}goodbye\n  \
         metadata: {openclaw: {}}\n  ---\n== blob (added)\n   not text: 2 bytes, 0 before\n== old.md (removed)\n- gone\n"
    );
    // Nothing happened yet.
    let (library, _) = Library::open(&place.skills()).unwrap();
    assert_eq!(library.get("greet").unwrap().description, "says hello");
    assert!(plan.apply(&env()).unwrap().is_update);
    let (library, problems) = Library::open(&place.skills()).unwrap();
    assert_eq!(
        (library.get("greet").unwrap().description.as_str(), problems),
        ("says \u{202e}goodbye", vec![])
    );
    assert_eq!(
        place.tree(),
        [
            "skills/greet/SKILL.md",
            "skills/greet/blob",
            "skills/skills.lock.json"
        ]
    );
}

#[test]
fn a_digest_that_is_asked_for_must_be_met() {
    let place = Place::new();
    put(place.dir.path(), "greet", &text("greet", "a", ""));
    let digest = Plan::new(&place.at("greet"), &place.skills(), None)
        .unwrap()
        .skill
        .digest;
    for expected in [digest.as_str(), digest.strip_prefix("sha256:").unwrap()] {
        Plan::new(&place.at("greet"), &place.skills(), Some(expected)).unwrap();
    }
    let other = digest.replace(|c: char| c.is_ascii_digit(), "0");
    let refused = Plan::new(&place.at("greet"), &place.skills(), Some(&other));
    assert!(matches!(refused, Err(Error::Digest { .. })));
}

#[test]
fn a_skill_changed_behind_our_back_is_not_used_until_it_is_accepted() {
    let place = Place::new();
    put(place.dir.path(), "greet", &text("greet", "a", ""));
    place.install(&place.at("greet")).unwrap();
    let installed = place.skills().join("greet/SKILL.md");
    fs::write(&installed, text("greet", "do something else", "")).unwrap();
    let (library, problems) = Library::open(&place.skills()).unwrap();
    assert!(library.get("greet").is_err());
    assert_eq!(problems.len(), 1);
    let plan = Plan::new(&place.at("greet"), &place.skills(), None).unwrap();
    assert!(plan.is_changed_since && plan.diff.contains("- description: do something else"));
    plan.apply(&env()).unwrap();
    let (library, problems) = Library::open(&place.skills()).unwrap();
    assert_eq!(
        (library.get("greet").unwrap().description.as_str(), problems),
        ("a", vec![])
    );
}

#[test]
fn what_was_not_installed_is_not_overwritten() {
    let place = Place::new();
    put(&place.skills(), "greet", &text("greet", "by hand", ""));
    put(place.dir.path(), "greet", &text("greet", "a", ""));
    assert!(matches!(
        place.install(&place.at("greet")),
        Err(Error::Occupied { .. })
    ));
    let (library, _) = Library::open(&place.skills()).unwrap();
    assert_eq!(library.get("greet").unwrap().description, "by hand");
    put(place.dir.path(), "broken", "no front matter");
    assert!(matches!(
        place.install(&place.at("broken")),
        Err(Error::Problems { .. })
    ));
}
