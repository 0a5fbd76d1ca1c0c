use proptest::prelude::*;

use super::*;

/// The tree as JSON, for comparison; `NaN` and infinities become texts.
fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Flag(flag) => (*flag).into(),
        Value::Integer(number) => (*number).into(),
        Value::Number(number) if number.is_finite() => (*number).into(),
        Value::Number(number) => number.to_string().into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(nodes) => nodes.iter().map(json).collect(),
        Value::Object(members) => members
            .iter()
            .map(|member| (member.key.clone(), json(&member.node)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

#[test]
fn real_json5_is_understood() {
    for (text, value) in [
        ("null", "null"),
        (" // c\n/* d **/ true ", "true"),
        ("\u{feff}\u{a0}[1,2,]", "[1,2]"),
        (
            "{a:1,'b':2,\"c\":3,$d_1:4,é:5,\\u0066:6,}",
            r#"{"a":1,"b":2,"c":3,"$d_1":4,"é":5,"f":6}"#,
        ),
        ("{}", "{}"),
        ("[]", "[]"),
        (
            "[+1, -1, 1., .5, -.5e1, 0x1F, -0xa, 1e3, 0]",
            "[1,-1,1.0,0.5,-5.0,31,-10,1000.0,0]",
        ),
        ("[Infinity, -Infinity, NaN]", r#"["inf","-inf","NaN"]"#),
        (
            r"'it\'s \x41\u00e9\uD83E\uDD9E\
 one line\0\v'",
            "\"it's Aé🦞 one line\\u0000\\u000b\"",
        ),
        ("'\\q\\/'", r#""q/""#),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9.223372036854775808e18"),
        ("0xffffffffffffffffff", "4.722366482869645e21"),
        ("1e999", r#""inf""#),
    ] {
        let expected: serde_json::Value = serde_json::from_str(value).unwrap();
        assert_eq!(parse(text).as_ref().map(json), Ok(expected), "{text}");
    }
}

/// Text, line, column, path, message.
const REFUSED: &[(&str, u32, u32, &str, &str)] = &[
    ("", 1, 1, "", "the file ends here; expected a value"),
    ("{", 1, 2, "", "the file ends here; expected a key or `}`"),
    (
        "{a",
        1,
        3,
        "a",
        "the file ends here; expected `:` after the key",
    ),
    ("{a:", 1, 4, "a", "the file ends here; expected a value"),
    ("{a:1", 1, 5, "a", "the file ends here; expected `,` or `}`"),
    (
        "{a:1,\n",
        2,
        1,
        "a",
        "the file ends here; expected a key or `}`",
    ),
    ("{a:1 b:2}", 1, 6, "a", "found 'b'; expected `,` or `}`"),
    (
        "{a:{b:[0,\r\n\r\n  ?]}}",
        3,
        3,
        "a.b[1]",
        "found '?'; expected a value",
    ),
    ("[1 2]", 1, 4, "[0]", "found '2'; expected `,` or `]`"),
    ("[,]", 1, 2, "[0]", "found ','; expected a value"),
    (
        "{a:sk_secret}",
        1,
        4,
        "a",
        "a word without quotes; expected a value",
    ),
    ("{1:2}", 1, 2, "", "found '1'; expected a key or `}`"),
    (
        "{'a",
        1,
        4,
        "",
        "the file ends here; expected the quote that ends the string",
    ),
    ("{a:'b\nc'}", 1, 6, "a", "a line break inside a string"),
    (
        "'\\u12'",
        1,
        6,
        "",
        "this escape in a string is not one JSON5 knows",
    ),
    (
        "'\\ud800'",
        1,
        8,
        "",
        "this escape in a string is not one JSON5 knows",
    ),
    (
        "'\\1'",
        1,
        3,
        "",
        "this escape in a string is not one JSON5 knows",
    ),
    ("[01]", 1, 2, "[0]", "this number is not one JSON5 knows"),
    ("[.]", 1, 2, "[0]", "this number is not one JSON5 knows"),
    ("[1e]", 1, 2, "[0]", "this number is not one JSON5 knows"),
    ("[0x]", 1, 2, "[0]", "this number is not one JSON5 knows"),
    ("[--1]", 1, 2, "[0]", "this number is not one JSON5 knows"),
    (
        "/* x",
        1,
        5,
        "",
        "the file ends here; expected `*/` that ends the comment",
    ),
    (
        "/x",
        1,
        2,
        "",
        "found 'x'; expected a comment (`//` or `/*`)",
    ),
    ("{} {}", 1, 4, "", "the file holds more than one value"),
];

#[test]
fn what_is_not_json5_is_refused_at_its_place_and_key() {
    for &(text, line, column, path, message) in REFUSED {
        let error = parse(text).unwrap_err();
        let found = (error.at.line, error.at.column, error.path.as_str());
        assert_eq!(found, (line, column, path), "{text:?}");
        assert_eq!(error.fault.to_string(), message, "{text:?}");
    }
}

#[test]
fn keys_and_values_know_their_places() {
    let node = parse("{\n  a: 1, // é\n  \"é\": [2,\n 'x']\n}").unwrap();
    let Value::Object(members) = node.value else {
        panic!("not an object");
    };
    let places: Vec<(u32, u32, u32, u32)> = members
        .iter()
        .map(|member| {
            (
                member.at.line,
                member.at.column,
                member.node.at.line,
                member.node.at.column,
            )
        })
        .collect();
    assert_eq!(places, [(2, 3, 2, 6), (3, 3, 3, 8)]);
    let Value::List(items) = &members[1].node.value else {
        panic!("not a list");
    };
    assert_eq!((items[1].at.line, items[1].at.column), (4, 2));
}

#[test]
fn duplicates_are_kept_for_the_check() {
    let Value::Object(members) = parse("{a:1,a:2}").unwrap().value else {
        panic!("not an object");
    };
    assert_eq!(members.len(), 2);
}

#[test]
fn nesting_ends_at_its_limit() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(
        parse(&nested(DEPTH_MAX + 1)).unwrap_err().fault,
        Fault::Depth
    );
    assert_eq!(
        parse(&"[".repeat(1_000_000)).unwrap_err().fault,
        Fault::Depth
    );
    assert_eq!(
        parse(&"{a:".repeat(1_000_000)).unwrap_err().fault,
        Fault::Depth
    );
}

#[test]
fn the_number_of_values_has_an_end() {
    let list = |values: usize| format!("[{}]", "0,".repeat(values - 1));
    assert!(parse(&list(VALUES_MAX)).is_ok());
    assert_eq!(
        parse(&list(VALUES_MAX + 1)).unwrap_err().fault,
        Fault::Values
    );
}

/// Any JSON value of moderate size.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        let _answer = parse(&text);
    }

    #[test]
    fn any_text_of_json5_letters_is_parsed_or_refused(
        text in r#"([{}\[\]:,'"/*\\ux0-9a-fA-F.+\-e \n\r$_]|true|null|NaN|Infinity|//|/\*|\*/){0,64}"#
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.at.line >= 1 && error.at.column >= 1);
        }
    }

    #[test]
    fn json_means_the_same_here(value in any_json()) {
        let compact = serde_json::to_string(&value).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        let parsed = parse(&compact).map(|node| json(&node));
        prop_assert_eq!(parsed.as_ref(), Ok(&value));
        prop_assert_eq!(parse(&pretty).map(|node| json(&node)), Ok(value));
    }

    #[test]
    fn a_sample_with_changed_bytes_is_parsed_or_refused(
        changes in prop::collection::vec((0..2_000_usize, any::<u8>()), 1..8)
    ) {
        let mut bytes = include_bytes!("../../tests/fixtures/seed.json").to_vec();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _answer = parse(&String::from_utf8_lossy(&bytes));
    }
}
