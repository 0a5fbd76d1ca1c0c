use super::*;

fn id(text: &str) -> AgentId {
    AgentId::parse(text).unwrap()
}

fn traits(role: &str, model: Option<&str>) -> Traits {
    Traits {
        role: role.to_owned(),
        model: model.map(str::to_owned),
        ..Traits::unknown(&id("x"))
    }
}

#[test]
fn a_new_file_has_the_keys_in_order_and_reads_back() {
    let settings = Settings::new(&id("x"), &traits("scout", None));
    let text = settings.to_text();
    let keys: Vec<String> = serde_json::from_str::<Map<String, Value>>(&text)
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        keys,
        [
            "id",
            "name",
            "role",
            "model",
            "session",
            "capabilities",
            "skills",
            "parameters"
        ]
    );
    let with_mark = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    assert_eq!(Settings::parse(&id("x"), &with_mark), Ok(settings));
}

#[test]
fn a_command_wins_over_the_configuration_which_wins_over_the_file() {
    let defaults = traits("agent", None);
    let mut file = Settings::new(&id("x"), &traits("from-file", None));
    let role =
        |file: &Settings, configured: Option<&Traits>| file.traits(&defaults, configured).role;
    assert_eq!(role(&file, None), "from-file");
    assert_eq!(role(&file, Some(&defaults)), "from-file");
    let configured = traits("configured", Some("m"));
    assert_eq!(role(&file, Some(&configured)), "configured");
    file.set("role", json!("commanded")).unwrap();
    assert_eq!(role(&file, Some(&configured)), "commanded");
    assert_eq!(
        file.traits(&defaults, Some(&configured)).model.as_deref(),
        Some("m")
    );
    file.set("role", Value::Null).unwrap();
    assert_eq!(role(&file, Some(&configured)), "configured");
    assert_eq!(role(&file, None), "agent");
    assert!(!file.is_override("role"));
}

#[test]
fn a_change_is_checked_before_it_is_made() {
    let file = Settings::new(&id("x"), &traits("r", None));
    let value = |key: &str, expected| Error::Value {
        key: key.to_owned(),
        expected,
    };
    let unknown = |key: &str| Error::UnknownKey {
        key: key.to_owned(),
    };
    for (key, new, error) in [
        (
            "id",
            json!("y"),
            Error::Fixed {
                key: "id".to_owned(),
            },
        ),
        (
            "overrides",
            json!([]),
            Error::Fixed {
                key: "overrides".to_owned(),
            },
        ),
        ("colour", json!("red"), unknown("colour")),
        ("", json!("red"), unknown("")),
        ("name.first", json!("a"), unknown("name.first")),
        ("parameters..a", json!(1), unknown("parameters..a")),
        ("name", json!(7), value("name", "a short text of one line")),
        (
            "name",
            json!("a\nb"),
            value("name", "a short text of one line"),
        ),
        ("session", json!("../x"), value("session", "a session id")),
        ("skills", json!("one"), value("skills", "a list of words")),
        ("parameters", json!(3), value("parameters", "an object")),
    ] {
        let mut changed = file.clone();
        assert_eq!(changed.set(key, new), Err(error), "{key}");
        assert_eq!(changed, file);
    }
    let mut changed = file;
    changed.set("parameters.vote.weight", json!(2)).unwrap();
    assert_eq!(
        changed.set("parameters.vote.weight.x", json!(1)),
        Err(value("parameters.vote.weight.x", "a key below an object"))
    );
    let seen = changed.traits(&traits("r", None), None);
    assert_eq!(
        lookup(&id("x"), &seen, Some("parameters.vote.weight")),
        Ok(json!(2))
    );
    assert_eq!(
        lookup(&id("x"), &seen, Some("parameters.vote.other")),
        Ok(Value::Null)
    );
    assert_eq!(lookup(&id("x"), &seen, Some("model")), Ok(Value::Null));
    assert_eq!(
        lookup(&id("x"), &seen, Some("nonsense")),
        Err(unknown("nonsense"))
    );
}

#[test]
fn a_broken_file_says_where() {
    for (text, error) in [
        ("", Error::Syntax { line: 1, column: 0 }),
        ("[]", Error::Syntax { line: 1, column: 0 }),
        ("{\n\"name\": }", Error::Syntax { line: 2, column: 9 }),
        (
            r#"{"id":"y"}"#,
            Error::OtherAgent {
                found: "y".to_owned(),
            },
        ),
        (
            r#"{"skills":[1]}"#,
            Error::Value {
                key: "skills".to_owned(),
                expected: "a list of words",
            },
        ),
    ] {
        assert_eq!(
            Settings::parse(&id("x"), text.as_bytes()),
            Err(error),
            "{text}"
        );
    }
}
