//! What holds of any text in place of `openclaw.json`.

#![expect(
    clippy::expect_used,
    reason = "a check that cannot go on stops where it stands"
)]

use std::{fs, path::Path};

use openclaw_config::{
    Environment, Error, Loaded, Overrides, PROBLEMS_MAX, Problem, Severity, diff, load,
};
use serde_json::Value;

/// The value of the variable `KEY`, which no problem may show.
const CANARY: &str = "canary-5d1f";
/// Longest message worth reading.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// Deeper JSON is refused for that.
const DEPTH_MAX: usize = 60;
/// How the parser says that a text is not JSON5.
const SYNTAX: [&str; 8] = [
    "the file ends here",
    "found ",
    "a word without quotes",
    "a line break inside a string",
    "this escape in a string",
    "this number is not one",
    "the file holds more than one value",
    "the file is not UTF-8",
];

pub(crate) fn holds(bytes: &[u8]) {
    let home = tempfile::tempdir().expect("there is room");
    let found = read(home.path(), bytes);
    assert_eq!(read(home.path(), bytes), found, "the answer is the file's");
    let names = fs::read_dir(home.path()).into_iter().flatten();
    assert_eq!(names.count(), 1, "loading writes nothing");

    let text = String::from_utf8_lossy(bytes);
    for problem in problems(&found) {
        told(problem, &text);
    }
    if let Ok(Loaded { config, .. }) = &found {
        assert_eq!(diff(config, config), [], "nothing has changed");
    }
    if let Ok(value) = serde_json::from_slice::<Value>(bytes)
        && depth(&value) <= DEPTH_MAX
    {
        json(home.path(), &value, &found);
    }
}

fn read(home: &Path, bytes: &[u8]) -> Result<Loaded, Vec<Problem>> {
    let file = home.join("openclaw.json");
    fs::write(&file, bytes).expect("there is room");
    let overrides = Overrides {
        config_file: Some(file),
        state_dir: Some(home.join("state")),
        ..Overrides::default()
    };
    let home = home.to_string_lossy().into_owned();
    let environment = Environment::of([("HOME", home.as_str()), ("KEY", CANARY)]);
    let found = load(&overrides, &environment).map_err(|Error::Refused { problems }| problems);
    let fatal = problems(&found)
        .iter()
        .any(|problem| problem.severity == Severity::Fatal);
    assert_eq!(fatal, found.is_err());
    found
}

fn problems(found: &Result<Loaded, Vec<Problem>>) -> &[Problem] {
    match found {
        Ok(loaded) => &loaded.problems,
        Err(problems) => problems,
    }
}

/// A problem names a place that is there, in few words, and shows no secret.
fn told(problem: &Problem, text: &str) {
    let shown = format!("{problem} {:?}", problem.hint);
    assert!(
        !problem.message.is_empty() && problem.message.len() <= MESSAGE_BYTES_MAX,
        "{shown}"
    );
    assert!(text.contains(CANARY) || !shown.contains(CANARY), "{shown}");
    if problem.line == 0 {
        assert_eq!(problem.column, 0, "{shown}");
        return;
    }
    let line = problem.line as usize;
    let lines: Vec<&str> = text.split(['\n', '\r', '\u{2028}', '\u{2029}']).collect();
    assert!((1..=lines.len()).contains(&line), "{shown}");
    let longest = lines.iter().map(|line| line.chars().count()).max();
    assert!(
        problem.column as usize <= longest.unwrap_or(0) + 1,
        "{shown}"
    );
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// JSON is JSON5, and means the same however it is laid out.
fn json(home: &Path, value: &Value, found: &Result<Loaded, Vec<Problem>>) {
    for problem in problems(found) {
        let is_syntax = SYNTAX
            .iter()
            .any(|start| problem.message.starts_with(start));
        assert!(!is_syntax, "{problem}");
    }
    let compact = read(home, value.to_string().as_bytes());
    let pretty = read(home, format!("{value:#}").as_bytes());
    let meant = |found: Result<Loaded, Vec<Problem>>| {
        let mut said: Vec<String> = problems(&found)
            .iter()
            .map(|problem| format!("{} {} {:?}", problem.path, problem.message, problem.hint))
            .collect();
        said.sort();
        // When there are too many, which of them are shown depends on the order they are found in, not on places.
        assert!(said.len() <= PROBLEMS_MAX + 64);
        (found.map(|loaded| loaded.config).ok(), said)
    };
    assert_eq!(meant(compact), meant(pretty));
}
