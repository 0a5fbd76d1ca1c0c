//! A call that goes wrong is an answer.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use openclaw_tools::{Caller, Error, Output, Tool, limits::OUTPUT_BYTES_MAX};
use openclaw_types::{ToolCall, ToolSpec};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::Bench;

#[derive(Debug)]
struct Odd(ToolSpec);

impl Odd {
    fn named(name: &str, parameters: Value) -> Arc<Self> {
        Arc::new(Self(ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters,
        }))
    }
}

impl Tool for Odd {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn deadline(&self, _arguments: &Value) -> Duration {
        Duration::from_millis(50)
    }

    fn call<'a>(&'a self, _: &'a Caller, arguments: Value) -> BoxFuture<'a, Result<Output, Error>> {
        match arguments["do"].as_str() {
            Some("panic at once") => panic!("at once"),
            Some("panic later") => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("later")
            }),
            Some("hang") => Box::pin(std::future::pending()),
            _ => Box::pin(async { Ok(Output::text("ö".repeat(OUTPUT_BYTES_MAX))) }),
        }
    }
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    let parameters =
        json!({"type": "object", "properties": {"do": {"type": "string"}}, "required": ["do"]});
    bench
        .registry
        .register(Odd::named("odd", parameters))
        .unwrap();
    bench
}

#[tokio::test]
async fn a_panic_a_hang_and_a_flood_are_answers() {
    let bench = bench();
    for (what, code) in [
        ("panic at once", "broken"),
        ("panic later", "broken"),
        ("hang", "deadline"),
    ] {
        let (error, _) = bench.refused("odd", json!({"do": what})).await;
        assert_eq!(error, code, "{what}");
    }
    let outcome = bench.call("odd", json!({"do": "flood"})).await;
    assert!(outcome.is_truncated && outcome.result.content.len() < OUTPUT_BYTES_MAX + 100);
    assert!(
        outcome
            .result
            .content
            .ends_with("98304 bytes in all, 49152 shown]")
    );
}

#[tokio::test]
async fn a_cancelled_call_ends_at_once_and_says_so() {
    let bench = bench();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let call = ToolCall {
        id: "c".to_owned(),
        name: "odd".to_owned(),
        arguments: json!({"do": "hang"}),
    };
    let outcome = bench.registry.call(&bench.caller, call, &cancel).await;
    assert_eq!(outcome.error, Some("cancelled"));
}

#[tokio::test]
async fn a_wrong_name_or_argument_is_told_with_the_right_one() {
    let bench = bench();
    let (code, text) = bench.refused("raed", json!({})).await;
    assert_eq!(
        (code, &*text),
        ("unknown", "there is no tool `raed`; did you mean `read`?")
    );
    let (code, text) = bench.refused("read", json!({"file": "a"})).await;
    assert_eq!(
        (code, &*text),
        (
            "arguments",
            "the arguments are wrong at `/path`: it is missing"
        )
    );
    let (code, _) = bench.refused("read", json!("a")).await;
    assert_eq!(code, "arguments");
    let huge = "x".repeat(9 * 1024 * 1024);
    let (code, _) = bench
        .refused("write", json!({"path": "a", "content": huge}))
        .await;
    assert_eq!(code, "too_large");
}

#[test]
fn a_second_tool_of_a_name_and_a_schema_beyond_us_are_refused() {
    let mut bench = bench();
    for (name, parameters, expected) in [
        ("odd", json!({}), "there is a tool `odd` already"),
        ("o d", json!({}), "`o d` is not a name for a tool"),
        ("other", json!({"pattern": "x"}), "the arguments of `other`"),
    ] {
        let refusal = bench
            .registry
            .register(Odd::named(name, parameters))
            .unwrap_err();
        assert_eq!(refusal.to_string(), expected);
    }
    let names = bench.registry.specs(|name| name.starts_with("memory"));
    assert_eq!(names.len(), 4);
}
