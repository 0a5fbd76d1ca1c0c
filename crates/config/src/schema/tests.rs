use std::{collections::BTreeSet, fs};

use super::*;
use crate::{Environment, Error, Loaded, Overrides, Problem, Severity, load};

#[test]
fn every_line_of_the_table_is_a_key() {
    for table in [Table::Openclaw, Table::Litellm] {
        every_line_is_a_key(table);
    }
}

fn every_line_is_a_key(table: Table) {
    let keys = table.keys();
    let lines = table.text().lines();
    let lines = lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    assert_eq!(lines.count(), keys.len());
    let paths: BTreeSet<&str> = keys.iter().map(|key| key.path).collect();
    assert_eq!(paths.len(), keys.len(), "a path is written twice");
    for key in keys {
        assert!(
            key.about.ends_with('.'),
            "{}: {:?} is no sentence",
            key.path,
            key.about
        );
        if let Some(like) = key.like {
            assert!(
                table.root().find(like).is_some(),
                "{} is like {like}",
                key.path
            );
        }
    }
}

#[test]
fn spellings_in_either_case_find_their_key() {
    let models = root().at("models").at("providers").any();
    for spelling in ["baseUrl", "base_url", "baseURL", "BASE_URL", "url"] {
        assert_eq!(
            models.child(spelling).map(|(name, _)| name),
            Some("baseUrl"),
            "{spelling}"
        );
    }
    assert_eq!(models.child("base").map(|(name, _)| name), None);
}

/// A file that holds one key with one value, and where that value stands.
struct Case {
    text: String,
    path: String,
    line: u32,
}

/// The name to write for a segment: its first one, or an invented one for `*`.
fn name(segment: &str) -> &str {
    match segment.trim_end_matches("[]").split('/').next() {
        Some("*") | None => "some-name",
        Some(name) => name,
    }
}

fn case(key: &str, value: &str, sibling: &str) -> Case {
    let segments: Vec<&str> = key.split('.').collect();
    let (last, above) = segments.split_last().unwrap();
    let (mut text, mut closing, mut path) = ("{\n".to_owned(), "\n}".to_owned(), String::new());
    let dot = |path: &str| if path.is_empty() { "" } else { "." };
    for segment in above {
        let name = name(segment);
        path = format!("{path}{}{name}", dot(&path));
        if segment.ends_with("[]") {
            path.push_str("[0]");
            text.push_str(&format!("\"{name}\": [{{\n"));
            closing.insert_str(0, "}]");
        } else {
            text.push_str(&format!("\"{name}\": {{\n"));
            closing.insert(0, '}');
        }
    }
    let name = name(last);
    path = format!("{path}{}{name}", dot(&path));
    let line = u32::try_from(above.len()).unwrap() + 2;
    let value = if last.ends_with("[]") {
        path.push_str("[0]");
        format!("[{value}]")
    } else {
        value.to_owned()
    };
    text.push_str(&format!("\"{name}\": {value}{sibling}{closing}"));
    Case { text, path, line }
}

struct Bench {
    home: tempfile::TempDir,
    overrides: Overrides,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let overrides = Overrides {
            config_file: Some(home.path().join("openclaw.json")),
            state_dir: Some(home.path().join("state")),
            ..Overrides::default()
        };
        Self { home, overrides }
    }

    fn load(&self, text: &[u8]) -> Result<Loaded, Error> {
        fs::write(self.home.path().join("openclaw.json"), text).unwrap();
        let environment = Environment::of([("HOME", self.home.path().to_str().unwrap())]);
        load(&self.overrides, &environment)
    }

    fn problems(&self, text: &[u8]) -> Vec<Problem> {
        match self.load(text) {
            Ok(Loaded { problems, .. }) | Err(Error::Refused { problems }) => problems,
        }
    }
}

/// Whether the table says that a value of this kind fits somewhere among the key's kinds.
fn fits(kinds: &[Kind], value: &str) -> bool {
    kinds.iter().any(|kind| match (kind, value) {
        (Kind::Any, _) => true,
        (Kind::Object | Kind::Map, "{}") => true,
        (Kind::List | Kind::Texts, "[]") => true,
        (Kind::Flag, "true") => true,
        (Kind::Integer(min, max) | Kind::Duration(min, max), "12") => (min..=max).contains(&&12),
        (Kind::Number(..) | Kind::Label, "12") => true,
        (Kind::Text | Kind::Path | Kind::Secret | Kind::Texts, "\"x\"") => true,
        _ => false,
    })
}

#[test]
fn every_wrong_value_of_every_key_is_named_with_its_line_and_stops_nothing_else() {
    const VALUES: [&str; 13] = [
        "null",
        "true",
        "12",
        "\"x\"",
        "[]",
        "{}",
        "\"\"",
        "-1",
        "1e999",
        "NaN",
        "99999999999999999999",
        "\"日本語\\u202e\\0\"",
        "[[{}]]",
    ];
    let bench = Bench::new();
    let (mut count, mut silent) = (0, Vec::new());
    for key in Table::Openclaw.keys() {
        let kinds = root().find(key.path).unwrap().resolved().kinds();
        for value in VALUES {
            let case = case(key.path, value, "");
            let answer = bench.load(case.text.as_bytes());
            count += 1;
            let unsafe_bind = key.path == "gateway.bind/host" && answer.is_err();
            assert!(
                answer.is_ok() || unsafe_bind,
                "{} = {value}: {answer:#?}",
                key.path
            );
            let (Ok(Loaded { problems, .. }) | Err(Error::Refused { problems })) = answer;
            let named = problems
                .iter()
                .any(|problem| problem.line == case.line && problem.path.starts_with(&case.path));
            let free_text = kinds.iter().any(|kind| {
                matches!(
                    kind,
                    Kind::Text | Kind::Path | Kind::Secret | Kind::Texts | Kind::Any
                )
            });
            let unusual_text = free_text && value.contains('日');
            let fine = unusual_text || kinds.contains(&Kind::Any) || fits(kinds, value);
            if !fine && !named {
                silent.push(format!("{} = {value}", key.path));
            }
        }
    }
    assert_eq!(silent, Vec::<String>::new());
    assert!(count > 3_000, "{count}");
}

#[test]
fn a_duplicate_or_an_unknown_sibling_of_every_key_is_named_with_its_line() {
    let bench = Bench::new();
    for key in Table::Openclaw
        .keys()
        .iter()
        .filter(|key| !key.path.ends_with("[]"))
    {
        let last = name(key.path.rsplit('.').next().unwrap());
        let duplicate = case(key.path, "{}", &format!(",\n\"{last}\": {{}}"));
        let expected = "the key is written twice; the last one counts";
        let found = bench.problems(duplicate.text.as_bytes());
        assert!(
            found.iter().any(|problem| problem.message == expected
                && problem.path == duplicate.path
                && problem.line == duplicate.line + 1),
            "{}: {found:#?}",
            key.path
        );
        let stranger = case(key.path, "{}", ",\n\"zzqqxxzz\": 1");
        let path = stranger.path.strip_suffix(last).unwrap();
        let found = bench.problems(stranger.text.as_bytes());
        let named = found.iter().any(|problem| {
            problem.path == format!("{path}zzqqxxzz") && problem.line == stranger.line + 1
        });
        assert!(named, "{}: {found:#?}", key.path);
    }
}

#[test]
fn the_sample_cut_at_every_byte_is_refused_with_line_and_key() {
    let sample = include_bytes!("../../tests/fixtures/seed.json");
    let end = sample.iter().rposition(|&byte| byte == b'}').unwrap();
    let bench = Bench::new();
    for length in 0..=end {
        let cut = &sample[..length];
        let Err(Error::Refused { problems }) = bench.load(cut) else {
            panic!("{length} bytes are taken for the whole");
        };
        let [problem] = problems.as_slice() else {
            panic!("{problems:#?}");
        };
        assert_eq!(problem.severity, Severity::Fatal);
        let lines = cut.iter().filter(|&&byte| byte == b'\n').count() + 1;
        assert!(
            problem.line as usize <= lines && problem.line > 0,
            "{problem}"
        );
        let first_key_ends = "{\n\"workspace\"".len();
        assert_eq!(
            problem.path.is_empty(),
            length < first_key_ends,
            "{length}: {problem}"
        );
    }
    assert!(bench.load(&sample[..=end]).is_ok());
}
