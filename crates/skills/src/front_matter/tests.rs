use super::*;

fn problems(text: &str) -> Vec<String> {
    let read = read("SKILL.md", text, Source::State);
    read.problems.iter().map(Problem::to_string).collect()
}

#[test]
fn a_whole_front_matter_is_read() {
    let text = "---\r\nname: look-around\r\ndescription: >-\r\n  Looks around,\r\n  and says so.\r\nversion: 1.2.0\r\n\
                license: MIT\r\nallowed-tools: read exec\r\n\
                metadata: {\"openclaw\": {\"requires\": {\"bins\": [\"git\"], \"env\": [\"TOKEN\"], \"tools\": [\"exec\"]}, \"os\": [\"linux\"], \"agents\": [\"explorer\"], \"thresholds\": {\"share\": 0.7}, \"state\": [\"memory/x.json\"]}, \"else\": 1}\r\n\
                ---\r\n\r\n# Look\r\n";
    let read = read("SKILL.md", text, Source::Workspace);
    assert_eq!(read.problems, []);
    let skill = read.skill.unwrap();
    let expected = Skill {
        name: "look-around".to_owned(),
        description: "Looks around, and says so.".to_owned(),
        version: Some("1.2.0".to_owned()),
        requires: Requires {
            bins: vec!["git".to_owned()],
            any_bins: vec![],
            env: vec!["TOKEN".to_owned()],
            tools: vec!["exec".to_owned()],
            os: vec!["linux".to_owned()],
        },
        agents: [AgentId::parse("explorer").unwrap()].into(),
        is_hidden: false,
        thresholds: [("share".to_owned(), 0.7)].into(),
        state_files: vec!["memory/x.json".to_owned()],
        body: "# Look".to_owned(),
        source: Source::Workspace,
        dir: None,
        digest: String::new(),
    };
    assert_eq!(skill, expected);
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line() {
    let text = "---\nname: Bad_Name\nversion: [1]\nversion: 2\ncolour: red\nmetadata:\n  openclaw:\n    requires:\n      bins: [../sh]\n      nuts: [a]\n    agents: [Al Pha]\n    thresholds:\n      share: much\n    state: [../../etc/passwd]\n---\n";
    assert_eq!(
        problems(text),
        [
            "SKILL.md:16: there are no instructions behind the front matter",
            "SKILL.md:2: `name` has 1 to 64 of a-z, 0-9 and single `-`, none of them first or last",
            "SKILL.md:3: `version` is a text",
            "SKILL.md:4: `version` is given twice",
            "SKILL.md:5: `colour` is not known, and is ignored",
            "SKILL.md:9: `bins` is a list of programs' names, without directories",
            "SKILL.md:10: `requires.nuts` is not known, and is ignored",
            "SKILL.md:11: `agents` is a list of agents' ids",
            "SKILL.md:13: `share` is a number",
            "SKILL.md:14: `state` is a list of files below the workspace",
            "SKILL.md:1: `description` is missing",
        ]
    );
}

#[test]
fn what_is_no_front_matter_is_said() {
    for (text, expected) in [
        (
            "# Hello\n",
            "SKILL.md:1: it does not begin with a front matter between two lines `---`",
        ),
        (
            "---\nname: a\n",
            "SKILL.md:1: it does not begin with a front matter between two lines `---`",
        ),
        (
            "",
            "SKILL.md:1: it does not begin with a front matter between two lines `---`",
        ),
    ] {
        assert_eq!(problems(text), [expected]);
    }
    assert!(problems("---\nname: [a\n---\nx\n")[0].contains("is not YAML"));
}

#[test]
fn limits_are_those_that_are_published() {
    let with = |name: &str, description: &str| {
        problems(&format!(
            "---\nname: {name}\ndescription: {description}\n---\nDo it.\n"
        ))
        .len()
    };
    assert_eq!(with(&"a".repeat(64), &"b".repeat(1_024)), 0);
    assert_eq!(with(&"a".repeat(65), "b"), 1);
    assert_eq!(with("a", &"b".repeat(1_025)), 1);
    assert_eq!(with("a", "\"b\\u001b[2J\""), 1);
    for name in ["-a", "a-", "a--b", "A", "a_b", "a.b", "\"\"", "../a"] {
        assert_eq!(with(name, "b"), 1, "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(---\n)?[-a-z:{}\\[\\]\"' \n0-9,]{0,200}(\n---\n)?[a-z]{0,5}") {
        drop(read("SKILL.md", &text, Source::State));
    }
}
