use serde_json::json;

use super::*;

/// The rules without the prelude.
fn own_rules(schema: &Value) -> Vec<String> {
    let text = for_schema(schema).unwrap();
    text.strip_suffix(PRELUDE)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn keys_keep_their_order_and_optional_ones_may_be_left_out() {
    let schema = json!({
        "type": "object",
        "properties": {"z": {"type": "string"}, "a": {"enum": ["x", 1]}},
        "required": ["z"]
    });
    assert_eq!(
        own_rules(&schema),
        [
            "root ::= r8",
            r#"r1 ::= "\"z\":" ws string"#,
            r#"r2 ::= "\"x\"" | "1""#,
            r#"r3 ::= "\"a\":" ws r2"#,
            r#"r4 ::= r3  | """#,
            r#"r5 ::= "," ws r3  | """#,
            "r6 ::= r1 r5",
            r#"r7 ::= "," ws r1 r5"#,
            r#"r8 ::= "{" ws r6 ws "}""#,
        ]
    );
}

#[test]
fn bounds_of_strings_and_lists_are_kept() {
    let cases = [
        (
            json!({"type": "string", "minLength": 2, "maxLength": 4}),
            r#"r1 ::= "\"" char{2,4} "\"""#,
        ),
        (
            json!({"type": "string", "minLength": 1}),
            r#"r1 ::= "\"" char{1,} "\"""#,
        ),
        (
            json!({"type": "array", "items": {"type": "integer"}}),
            r#"r1 ::= "[" ws (integer ("," ws integer){0,})? ws "]""#,
        ),
        (
            json!({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}),
            r#"r1 ::= "[" ws integer ("," ws integer){1,2} ws "]""#,
        ),
        (
            json!({"type": "array", "maxItems": 0}),
            r#"r1 ::= "[" ws  "]""#,
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(own_rules(&schema)[1], expected, "{schema}");
    }
}

#[test]
fn a_schema_may_refer_to_itself() {
    let schema = json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}
    });
    assert!(own_rules(&schema).contains(&r#"r2 ::= "\"next\":" ws r1"#.to_owned()));
}

#[test]
fn text_from_the_schema_stays_a_literal() {
    let schema = json!({"const": "\"\n] ::= root | \\"});
    assert_eq!(
        own_rules(&schema)[1],
        r#"r1 ::= "\"\\\"\\n] ::= root | \\\\\"""#
    );
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let mut deep = json!({"type": "integer"});
    for _ in 0..200 {
        deep = json!({"type": "array", "items": deep});
    }
    let wide: Map<String, Value> = (0..2000).map(|i| (format!("k{i}"), json!({}))).collect();
    let cases = [
        (json!(1), keyword("parts", "objects or booleans")),
        (
            json!({"type": "thing"}),
            keyword(
                "type",
                "object, array, string, integer, number, boolean or null",
            ),
        ),
        (
            json!({"type": []}),
            keyword("type", "a name or a list of names"),
        ),
        (json!({"enum": []}), Error::Impossible),
        (json!({"enum": 3}), keyword("enum", "a list")),
        (json!({"$ref": "http://example.com/x"}), Error::Reference),
        (json!({"$ref": "#/nowhere"}), Error::Reference),
        (
            json!({"type": "array", "minItems": 3, "maxItems": 2}),
            Error::Impossible,
        ),
        (
            json!({"type": "string", "minLength": 1_000_000}),
            Error::TooLarge,
        ),
        (
            json!({"type": "string", "maxLength": -1}),
            keyword("maxLength", "a whole number"),
        ),
        (
            json!({"properties": [], "type": "object"}),
            keyword("properties", "an object"),
        ),
        (json!({"properties": wide}), Error::TooLarge),
        (json!({"const": "x".repeat(70_000)}), Error::TooLarge),
        (deep, Error::TooLarge),
    ];
    for (schema, expected) in cases {
        assert_eq!(for_schema(&schema), Err(expected));
    }
}

#[test]
fn a_call_names_the_tool_first() {
    let tool = Tool {
        name: "get".into(),
        description: String::new(),
        parameters: json!({}),
    };
    let text = for_calls(&[tool], false).unwrap();
    assert!(text.starts_with("root ::= call\ncall ::= \"{\" ws \"\\\"name\\\":\" ws \"\\\"get\\\"\" \",\" ws \"\\\"arguments\\\":\" ws object ws \"}\"\n"));
}
