use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// The tree as JSON, positions left out.
fn json(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Flag(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => format!("{number:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::List(nodes) => {
            let items: Vec<String> = nodes.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|member| format!("{:?}:{}", member.key, json(&member.node)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

#[test]
fn words_mean_what_pyyaml_makes_of_them() {
    for (text, meant) in [
        ("", "{}"),
        ("# nothing\n", "{}"),
        ("a: 1", r#"{"a":1}"#),
        ("a: '1'", r#"{"a":"1"}"#),
        ("a: !!str 1", r#"{"a":"1"}"#),
        ("a: yes\nb: Off", r#"{"a":true,"b":false}"#),
        ("a:\nb: ~", r#"{"a":null,"b":null}"#),
        ("a: 1e-7\nb: 0.0000001", r#"{"a":1e-7,"b":1e-7}"#),
        ("a: 1_000\nb: -3\nc: 0x10", r#"{"a":1000,"b":-3,"c":16}"#),
        (
            "a: 2026-01-02\nb: 1.2.3",
            r#"{"a":"2026-01-02","b":"1.2.3"}"#,
        ),
        ("a: .inf\nb: .5", r#"{"a":inf,"b":0.5}"#),
        ("a: os.environ/KEY", r#"{"a":"os.environ/KEY"}"#),
        ("a: >\n  one\n  two\n", r#"{"a":"one two\n"}"#),
        ("1: a\ntrue: b", r#"{"1":"a","true":"b"}"#),
        ("a: [1, {b: c}]", r#"{"a":[1,{"b":"c"}]}"#),
        ("a: 1\na: 2", r#"{"a":1,"a":2}"#),
        ("a: &x {b: 1}\nc: *x", r#"{"a":{"b":1},"c":{"b":1}}"#),
        (
            "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3",
            r#"{"a":{"b":1,"c":2},"d":{"b":1,"c":3}}"#,
        ),
        (
            "a: &x {b: 1}\ne: &y {b: 2, f: 3}\nd:\n  <<: [*x, *y]",
            r#"{"a":{"b":1},"e":{"b":2,"f":3},"d":{"b":1,"f":3}}"#,
        ),
    ] {
        assert_eq!(json(&parse(text).unwrap()), meant, "{text}");
    }
}

#[test]
fn every_key_and_value_knows_its_place() {
    let node = parse("a:\n  - b: é 1\n    c: 2\n").unwrap();
    let Value::Object(members) = node.value else {
        panic!("an object");
    };
    let Value::List(items) = &members[0].node.value else {
        panic!("a list");
    };
    let Value::Object(inner) = &items[0].value else {
        panic!("an object");
    };
    let places = [members[0].at, inner[0].at, inner[0].node.at, inner[1].at];
    let places: Vec<(u32, u32)> = places.iter().map(|at| (at.line, at.column)).collect();
    assert_eq!(places, [(1, 1), (2, 5), (2, 8), (3, 5)]);
}

#[test]
fn what_is_no_yaml_is_said_with_its_place() {
    for (text, line, fault) in [
        ("a: [1, 2", 1, None),
        ("a: 1\n b: 2\n", 2, None),
        ("a: 'x", 1, None),
        ("a: 1\n---\nb: 2\n", 2, Some(Fault::Documents)),
        ("a: &x [*x]", 1, Some(Fault::Cycle)),
        ("a: *nowhere", 1, None),
        ("? [1]\n: 2", 1, Some(Fault::Key)),
        ("a:\n  <<: 1", 2, Some(Fault::Merge)),
        ("a: !ENV x", 1, Some(Fault::Tag)),
        ("a: !ENV [x]", 1, Some(Fault::Tag)),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.at.line, line, "{text}: {error:?}");
        match fault {
            Some(fault) => assert_eq!(error.fault, fault, "{text}"),
            None => assert!(matches!(error.fault, Fault::Syntax(_)), "{text}: {error:?}"),
        }
    }
}

#[test]
fn a_short_file_cannot_become_a_large_tree() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        let items = vec![format!("*a{below}"); 10].join(", ");
        writeln!(laughs, "a{level}: &a{level} [{items}]").unwrap();
    }
    assert_eq!(parse(&laughs).unwrap_err().fault, Fault::Values);

    let long = "x".repeat(60_000);
    let items = vec!["*a"; 1_000].join(", ");
    let wide = format!("a: &a {long}\nb: [{items}]\n");
    assert_eq!(parse(&wide).unwrap_err().fault, Fault::Bytes);

    let mut chain = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(parse(&chain).unwrap_err().fault, Fault::Depth);

    for deep in ["[".repeat(10_000), "- ".repeat(10_000), "? ".repeat(10_000)] {
        assert!(parse(&deep).is_err());
    }
    let many = format!("a: [{}]", "1, ".repeat(VALUES_MAX));
    assert_eq!(parse(&many).unwrap_err().fault, Fault::Values);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        drop(parse(&text));
    }

    #[test]
    fn no_mixture_of_signs_makes_it_panic(text in "[-a:?&*<!|>'\"#\\[\\]{}, \n%~0-9.]{0,80}") {
        drop(parse(&text));
    }
}
