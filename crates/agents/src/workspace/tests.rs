use std::os::unix::fs::symlink;

use super::*;
use crate::settings::Traits;

fn id() -> AgentId {
    AgentId::parse("scribe").unwrap()
}

fn open(root: &Path) -> Result<Workspace, Error> {
    let settings = Settings::new(&id(), &Traits::unknown(&id()));
    let seed = Seed {
        text: &|name| format!("text of {name}"),
        settings: &settings,
    };
    Workspace::open(root, &id(), &seed)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_new_workspace_has_its_files_and_nobody_else_can_read_them() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path()).unwrap();
    let mut names: Vec<String> = fs::read_dir(workspace.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected = [&TEXTS[..], &[SETTINGS]].concat();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(mode(workspace.path()), 0o700);
    for name in names {
        assert_eq!(mode(&workspace.path().join(&name)), 0o600, "{name}");
    }
    assert_eq!(
        workspace.read_texts(),
        Files(TEXTS.map(|name| format!("text of {name}")))
    );
}

#[test]
fn what_exists_is_never_overwritten_and_open_rights_are_taken_away() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("scribe");
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let target = root.path().join("elsewhere.md");
    fs::write(&target, "linked").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
    symlink(&target, path.join("USER.md")).unwrap();
    for name in ["SOUL.md", SETTINGS, TRANSCRIPT] {
        fs::write(path.join(name), "mine").unwrap();
        fs::set_permissions(path.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let workspace = open(root.path()).unwrap();
    for name in ["SOUL.md", SETTINGS, TRANSCRIPT] {
        assert_eq!(fs::read_to_string(path.join(name)).unwrap(), "mine");
        assert_eq!(mode(&path.join(name)), 0o600);
    }
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&target), 0o644);
    let texts = workspace.read_texts();
    assert_eq!((texts.soul(), texts.0[4].as_str()), ("mine", "linked"));
    assert!(matches!(
        workspace.read_settings(),
        Err(Error::Settings { .. })
    ));
}

#[test]
fn a_workspace_that_is_a_link_or_a_file_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    symlink(other.path(), root.path().join("scribe")).unwrap();
    let error = open(root.path()).unwrap_err();
    assert!(matches!(error, Error::SymbolicLink { .. }));
    assert!(error.to_string().contains("`scribe`"));
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);

    fs::remove_file(root.path().join("scribe")).unwrap();
    fs::write(root.path().join("scribe"), "").unwrap();
    assert!(matches!(
        open(root.path()),
        Err(Error::NotADirectory { .. })
    ));
}

#[test]
fn a_workspace_of_another_user_is_refused_by_name() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("scribe");
    fs::create_dir(&path).unwrap();
    let owner = rustix::process::geteuid().as_raw();
    let found = fs::symlink_metadata(&path).unwrap();
    assert!(check_owner(&id(), &path, &found).is_ok());
    // Only root can give a directory away; elsewhere the check of its own owner has to do.
    if owner == 0 {
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        let error = open(root.path()).unwrap_err();
        assert!(matches!(
            error,
            Error::ForeignOwner {
                owner: 65_534,
                expected: 0,
                ..
            }
        ));
        assert!(error.to_string().contains("`scribe`"));
    }
}

#[test]
fn odd_files_are_read_without_harm() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path()).unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(workspace.path().join(name), bytes).unwrap();
    write("SOUL.md", b"\xef\xbb\xbfsoul");
    write("IDENTITY.md", b"a\xff\xfeb");
    write("AGENTS.md", "é".repeat(FILE_BYTES_MAX).as_bytes());
    for name in ["TOOLS.md", "USER.md", "MEMORY.md"] {
        fs::remove_file(workspace.path().join(name)).unwrap();
    }
    fs::create_dir(workspace.path().join("TOOLS.md")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        workspace.path().join("USER.md"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let Files([soul, identity, agents, tools, user, memory]) = workspace.read_texts();
    assert_eq!(
        (soul.as_str(), identity.as_str()),
        ("soul", "a\u{fffd}\u{fffd}b")
    );
    assert_eq!([tools, user, memory], [""; 3]);
    assert!(agents.len() <= FILE_BYTES_MAX && agents.starts_with("éé"));
    assert!(agents.ends_with("longer than what fits]\n"));
}

#[test]
fn a_change_of_any_file_changes_the_stamp() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path()).unwrap();
    let mut stamps = vec![workspace.stamp()];
    assert_eq!(stamps[0], workspace.stamp());
    for name in TEXTS.into_iter().chain([SETTINGS]) {
        fs::write(
            workspace.path().join(name),
            format!("{name} changed in length"),
        )
        .unwrap();
        stamps.push(workspace.stamp());
    }
    for pair in stamps.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

#[test]
fn settings_are_replaced_whole_and_a_leftover_draft_does_no_harm() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path()).unwrap();
    fs::write(workspace.path().join(".config.json.new"), "left over").unwrap();
    let mut settings = workspace.read_settings().unwrap();
    settings.set("role", serde_json::json!("writer")).unwrap();
    workspace.write_settings(&settings).unwrap();
    assert_eq!(workspace.read_settings().unwrap(), settings);
    assert_eq!(mode(&workspace.path().join(SETTINGS)), 0o600);
    assert!(!workspace.path().join(".config.json.new").exists());
}

#[test]
fn a_moved_workspace_keeps_every_byte_and_replaces_nothing() {
    let root = tempfile::tempdir().unwrap();
    let trash = root.path().join("trash");
    let workspace = open(root.path()).unwrap();
    let moved = workspace.move_to(&trash, "scribe-1").unwrap();
    assert!(!workspace.path().exists());
    assert_eq!(
        fs::read_to_string(moved.join("SOUL.md")).unwrap(),
        "text of SOUL.md"
    );
    let again = open(root.path()).unwrap();
    assert!(again.move_to(&trash, "scribe-1").is_err());
    assert!(again.path().exists());
}

#[test]
fn ensuring_makes_the_eight_files_once_and_leaves_deleted_agents_alone() {
    let state = tempfile::tempdir().unwrap();
    let root = state.path().join("agents");
    let options = AgentOptions {
        id: AgentId::parse("steward").unwrap(),
        name: "Steward".to_owned(),
        role: "orchestrator".to_owned(),
        emoji: None,
        model: None,
        port: None,
        capabilities: Vec::new(),
        skills: Vec::new(),
        tools: crate::kit::ToolPolicy::default(),
        parameters: serde_json::json!({}),
        primary: false,
    };
    let made = ensure(&root, &options).unwrap();
    assert_eq!(made, [&TEXTS[..], &[SETTINGS, TRANSCRIPT]].concat());
    assert_eq!(mode(&root), 0o700);
    assert_eq!(mode(&root.join("steward").join(TRANSCRIPT)), 0o600);
    assert_eq!(ensure(&root, &options).unwrap(), [""; 0]);
    let mut roster = Roster::load(state.path().join(roster::FILE)).unwrap();
    roster.remove(&options.id).unwrap();
    fs::remove_dir_all(root.join("steward")).unwrap();
    assert_eq!(ensure(&root, &options).unwrap(), [""; 0]);
    assert!(!root.join("steward").exists());
}
