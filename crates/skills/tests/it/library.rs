//! Which skill wins, who sees it, and what is wrong with the others.

use std::{collections::BTreeSet, fs, path::Path};

use openclaw_skills::{Library, Settings, Severity, Skill, Source, Surroundings, validate};
use openclaw_types::AgentId;

pub(crate) fn text(name: &str, description: &str, metadata: &str) -> String {
    format!(
        "---\nname: {name}\ndescription: {description}\nmetadata: {{openclaw: {{{metadata}}}}}\n---\n\nDo it.\n"
    )
}

pub(crate) fn put(root: &Path, name: &str, text: &str) {
    let dir = root.join(name);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("SKILL.md"), text).unwrap();
}

fn agent(id: &str) -> AgentId {
    AgentId::parse(id).unwrap()
}

#[test]
fn the_nearer_skill_wins() {
    let dir = tempfile::tempdir().unwrap();
    let (state, workspace) = (dir.path().join("state"), dir.path().join("workspace"));
    put(
        &state,
        "self-model",
        &text("self-model", "of the state", ""),
    );
    put(&state, "extra", &text("extra", "of the state", ""));
    put(
        &workspace.join("skills"),
        "self-model",
        &text("self-model", "of the workspace", ""),
    );
    let (library, problems) = Library::open(&state).unwrap();
    assert_eq!(problems, []);
    let seen = |workspace: Option<&Path>| {
        let (skills, problems) = library.for_agent(&agent("coder"), workspace, None);
        assert_eq!(problems, []);
        let found = |name: &str| {
            skills
                .iter()
                .find(|skill| skill.name == name)
                .map(|skill| skill.source)
        };
        (found("self-model"), found("extra"), found("thought-loop"))
    };
    let bundled = Some(Source::Bundled);
    assert_eq!(
        seen(None),
        (Some(Source::State), Some(Source::State), bundled)
    );
    assert_eq!(
        seen(Some(&workspace)),
        (Some(Source::Workspace), Some(Source::State), bundled)
    );
}

#[test]
fn agents_see_what_is_for_them() {
    let dir = tempfile::tempdir().unwrap();
    put(
        dir.path(),
        "only-coder",
        &text("only-coder", "a", "agents: [coder]"),
    );
    put(dir.path(), "kept", &text("kept", "a", ""));
    put(dir.path(), "off", &text("off", "a", ""));
    Settings::keep_for(dir.path(), "kept", Some(&[agent("alpha")])).unwrap();
    Settings::set_enabled(dir.path(), "off", false).unwrap();
    let names = |id: &str, only: Option<&[String]>| -> Vec<String> {
        let (library, _) = Library::open(dir.path()).unwrap();
        let (skills, _) = library.for_agent(&agent(id), None, only);
        let names = skills.iter().filter(|skill| skill.source == Source::State);
        names.map(|skill| skill.name.clone()).collect()
    };
    assert_eq!(names("coder", None), ["only-coder"]);
    assert_eq!(names("alpha", None), ["kept"]);
    assert_eq!(names("beta", None), [""; 0]);
    assert_eq!(names("coder", Some(&["kept".to_owned()])), [""; 0]);
    Settings::set_enabled(dir.path(), "off", true).unwrap();
    Settings::keep_for(dir.path(), "kept", None).unwrap();
    assert_eq!(names("beta", None), ["kept", "off"]);
    Settings::set_enabled(dir.path(), "../x", false).unwrap_err();
    fs::write(dir.path().join("state.json"), "{\"version\":9}").unwrap();
    Library::open(dir.path()).unwrap_err();
}

#[test]
fn a_bad_skill_is_told_and_the_others_are_used() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "good", &text("good", "a", ""));
    put(dir.path(), "misplaced", &text("other", "a", ""));
    put(dir.path(), "broken", "---\nname: broken\n---\nx\n");
    fs::create_dir(dir.path().join("empty")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("good"), dir.path().join("linked")).unwrap();
    fs::create_dir(dir.path().join("pipe")).unwrap();
    std::os::unix::fs::symlink(
        dir.path().join("good/SKILL.md"),
        dir.path().join("pipe/SKILL.md"),
    )
    .unwrap();
    let (library, problems) = Library::open(dir.path()).unwrap();
    let shown: Vec<_> = problems
        .iter()
        .map(|problem| {
            problem
                .to_string()
                .replace(&*dir.path().to_string_lossy(), "S")
        })
        .collect();
    assert_eq!(
        shown,
        [
            "S/broken/SKILL.md:1: `description` is missing",
            "S/empty/SKILL.md: there is no SKILL.md",
            "S/misplaced/SKILL.md: the skill is named `other`, and its directory `misplaced`",
            "S/pipe/SKILL.md: it can't be read: it is a link, or no file",
        ]
    );
    assert!(
        problems
            .iter()
            .all(|problem| problem.severity == Severity::Error)
    );
    library.get("good").unwrap();
    for name in ["misplaced", "other", "broken", "empty", "linked", "pipe"] {
        assert!(library.get(name).is_err(), "{name}");
    }
}

#[test]
fn validating_looks_at_a_directory_or_its_file() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "good", &text("good", "a", ""));
    put(dir.path(), "bad", &text("good", "a", "colour: red"));
    assert_eq!(validate(&dir.path().join("good")), []);
    assert_eq!(validate(&dir.path().join("good/SKILL.md")), []);
    assert_eq!(validate(&dir.path().join("bad")).len(), 2);
    assert_eq!(validate(&dir.path().join("nowhere")).len(), 1);
}

#[test]
fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let metadata = "os: [linux, darwin], requires: {bins: [sh, no-such-program], anyBins: [nope, sh], env: [A, B], tools: [exec, fly]}";
    put(dir.path(), "needy", &text("needy", "a", metadata));
    put(dir.path(), "alien", &text("alien", "a", "os: [plan9]"));
    let (library, _) = Library::open(dir.path()).unwrap();
    let around = Surroundings {
        path: vec!["/nowhere".into(), "/bin".into(), "/usr/bin".into()],
        env: BTreeSet::from(["A".to_owned()]),
        tools: BTreeSet::from(["exec".to_owned()]),
    };
    let missing = |skill: &Skill| {
        skill
            .missing(&around)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        missing(library.get("needy").unwrap()),
        [
            "the program no-such-program",
            "the variable B",
            "the tool fly"
        ]
    );
    assert_eq!(
        missing(library.get("alien").unwrap()),
        ["one of the systems plan9"]
    );
}
