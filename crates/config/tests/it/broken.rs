//! Broken files, and exactly what is said about each.

use std::{fs, path::Path};

use openclaw_config::{Error, FILE_BYTES_MAX, PROBLEMS_MAX, Severity};

use crate::fixture::Home;

#[test]
fn every_broken_file_is_told_what_is_wrong_with_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/broken");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 11);
    for path in names {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let home = Home::with(fs::read(&path).unwrap());
        let report = home.report();
        assert!(!report.contains("canary"), "{report}");
        insta::assert_snapshot!(name, report);
    }
}

#[test]
fn a_broken_unit_leaves_the_others_at_work() {
    let broken = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/broken");
        Home::with(fs::read(folder.join(name)).unwrap()).loaded().0
    };
    let agents = broken("agents.json5").agents;
    assert_eq!(agents.len(), 15);
    let added: Vec<&str> = agents[12..].iter().map(|agent| agent.id.as_str()).collect();
    assert_eq!(added, ["nova", "extra", "other"]);
    assert_eq!(agents.iter().filter(|agent| agent.primary).count(), 1);
    let models = broken("providers.json5").models;
    let ids: Vec<&str> = models
        .providers
        .iter()
        .map(|provider| provider.id.as_str())
        .collect();
    assert_eq!(ids, ["good", "mixed"]);
    let models: Vec<&str> = models.providers[1]
        .models
        .iter()
        .map(|model| model.id.as_str())
        .collect();
    assert_eq!(models, ["one", "three"]);
    let gateway = broken("gateway.json5").gateway;
    assert!(gateway.bind.is_loopback());
    assert_eq!(gateway.port, 18_789);
    assert_eq!(gateway.trusted_proxies.len(), 1);
    assert_eq!(gateway.allowed_origins, ["https://dash.example.org"]);
}

#[test]
fn too_large_a_file_is_not_even_parsed() {
    let blank = " ".repeat(usize::try_from(FILE_BYTES_MAX).unwrap());
    let fine = Home::with(format!("{}{{}}", &blank[2..]));
    assert!(fine.load().is_ok());
    let report = Home::with(format!("{blank}{{}}")).report();
    assert_eq!(
        report,
        "fatal: ~/.openclaw/openclaw.json: the file is larger than 4194304 bytes\n"
    );
}

#[test]
fn a_thousand_mistakes_are_not_a_thousand_lines() {
    let lines: String = (0..1_000).map(|n| format!("k{n}: 1,\n")).collect();
    let problems = Home::with(format!("{{{lines} gateway: {{bind: 'lan'}} }}")).problems();
    assert_eq!(problems.len(), PROBLEMS_MAX + 2);
    assert_eq!(
        problems.last().unwrap().message,
        "800 more problems are not shown"
    );
    assert!(
        problems
            .iter()
            .any(|problem| problem.severity == Severity::Fatal)
    );
}

#[test]
fn a_large_hostile_file_is_answered() {
    let size = usize::try_from(FILE_BYTES_MAX).unwrap() / 8;
    let repeat = |piece: &str| piece.repeat(size / piece.len());
    for text in [
        format!("{{{}}}", repeat("a:1,")),
        format!(
            "{{{}}}",
            repeat("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz:{},")
        ),
        format!("{{agents:[{}]}}", repeat("{},")),
        format!("{{agents:[{}]}}", repeat("{id:'a'},")),
        format!("{{workspace:'{}'}}", repeat("${")),
        format!("{{plugins:{{x:{{config:[{}]}}}}}}", repeat("'${A',")),
        format!("['{}']", repeat("\\u0061")),
        "/".repeat(size),
        repeat("/**/"),
    ] {
        // The answer itself matters less than that there is one; the suite's own deadline holds the time.
        let (Ok(_) | Err(Error::Refused { .. })) = Home::with(text).load();
    }
}

#[test]
fn a_pipe_or_directory_in_place_of_the_file_is_refused_and_not_waited_for() {
    let mut home = Home::new();
    home.overrides.config_file = Some(home.path(""));
    assert!(home.report().ends_with(": not a regular file\n"));
    home.overrides.config_file = Some("/dev/null".into());
    assert_eq!(home.report(), "fatal: /dev/null: not a regular file\n");
}

#[test]
fn bytes_that_are_no_text_are_found_on_the_line_that_any_mistake_would_be_on() {
    for (before, line, column) in [
        ("", 1, 1),
        ("{ a: '", 1, 7),
        ("{\n  a: '", 2, 7),
        ("{\r  a: '", 2, 7),
        ("{\r\n\r\n'", 3, 2),
        ("\u{feff}{ é: '", 1, 7),
    ] {
        let report = Home::with([before.as_bytes(), b"\xff"].concat()).report();
        let place = format!("openclaw.json:{line}:{column}: the file is not UTF-8 text");
        assert!(report.contains(&place), "{before:?}: {report}");
    }
}
