//! The answer in the shape of the `OpenAI` chat API, whole or in chunks.

use serde_json::{Value, json};

use crate::{
    engine::{Done, Event, Failure, Finish},
    tool_call::{Found, ToolCall, Watch},
};

/// What every object of one answer repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) number: u64,
    pub(super) created: u64,
    pub(super) model: String,
}

impl Heading {
    fn object(&self, kind: &str, choices: &Value) -> Value {
        json!({
            "id": format!("chatcmpl-{:016x}", self.number),
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn calls(&self, calls: &[ToolCall], numbered: bool) -> Value {
        let one = |(index, call): (usize, &ToolCall)| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            let id = format!("call_{:016x}_{index}", self.number);
            if numbered {
                json!({"index": index, "id": id, "type": "function", "function": function})
            } else {
                json!({"id": id, "type": "function", "function": function})
            }
        };
        calls.iter().enumerate().map(one).collect()
    }
}

/// A step of the answer, ready for the client.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Text(String),
    Calls(Vec<ToolCall>),
    End { reason: &'static str, done: Done },
    Failed(Failure),
}

/// Turns the engine's events into steps: calls are told from text here.
#[derive(Debug)]
pub(super) struct Steps {
    watch: Option<Watch>,
}

impl Steps {
    pub(super) const fn new(tools: Vec<String>) -> Self {
        Self {
            watch: Some(Watch::new(tools)),
        }
    }

    pub(super) fn next(&mut self, event: Event) -> Vec<Step> {
        match event {
            Event::Text(piece) => match self.watch.as_mut().map(|watch| watch.push(&piece)) {
                Some(text) if !text.is_empty() => vec![Step::Text(text)],
                _ => Vec::new(),
            },
            Event::Failed(failure) => vec![Step::Failed(failure)],
            Event::Done(done) => {
                let mut steps = Vec::new();
                let mut reason = match done.finish {
                    Finish::Stop => "stop",
                    Finish::Length => "length",
                };
                match self.watch.take().map(Watch::finish) {
                    Some(Found::Calls(calls)) => {
                        steps.push(Step::Calls(calls));
                        reason = "tool_calls";
                    }
                    Some(Found::Text(rest)) if !rest.is_empty() => steps.push(Step::Text(rest)),
                    _ => {}
                }
                steps.push(Step::End { reason, done });
                steps
            }
        }
    }
}

/// A whole answer being collected.
#[derive(Debug, Default)]
pub(super) struct Whole {
    text: String,
    calls: Vec<ToolCall>,
}

impl Whole {
    /// Adds a step; the last one gives the response.
    pub(super) fn add(&mut self, heading: &Heading, step: Step) -> Option<Result<Value, Failure>> {
        match step {
            Step::Text(text) => self.text.push_str(&text),
            Step::Calls(calls) => self.calls = calls,
            Step::Failed(failure) => return Some(Err(failure)),
            Step::End { reason, done } => return Some(Ok(self.response(heading, reason, done))),
        }
        None
    }

    fn response(&self, heading: &Heading, reason: &str, done: Done) -> Value {
        let mut message = json!({"role": "assistant", "content": self.text});
        if !self.calls.is_empty() {
            if self.text.is_empty() {
                message["content"] = Value::Null;
            }
            message["tool_calls"] = heading.calls(&self.calls, false);
        }
        let choices = json!([{"index": 0, "message": message, "finish_reason": reason}]);
        let mut response = heading.object("chat.completion", &choices);
        response["usage"] = usage(done);
        response
    }
}

/// The first chunk, which only says who speaks.
pub(super) fn role_chunk(heading: &Heading) -> Value {
    chunk(heading, &json!({"role": "assistant", "content": ""}), None)
}

/// The chunks of one step.
pub(super) fn chunks(heading: &Heading, step: Step, include_usage: bool) -> Vec<Value> {
    match step {
        Step::Text(text) => vec![chunk(heading, &json!({"content": text}), None)],
        Step::Calls(calls) => vec![chunk(
            heading,
            &json!({"tool_calls": heading.calls(&calls, true)}),
            None,
        )],
        Step::Failed(failure) => vec![super::problem::Problem::from(failure).body()],
        Step::End { reason, done } => {
            let mut list = vec![chunk(heading, &json!({}), Some(reason))];
            if include_usage {
                let mut last = heading.object("chat.completion.chunk", &json!([]));
                last["usage"] = usage(done);
                list.push(last);
            }
            list
        }
    }
}

fn chunk(heading: &Heading, delta: &Value, reason: Option<&str>) -> Value {
    let choices = json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
    heading.object("chat.completion.chunk", &choices)
}

fn usage(done: Done) -> Value {
    json!({
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": done.cached_tokens},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: Done = Done {
        finish: Finish::Stop,
        prompt_tokens: 7,
        cached_tokens: 5,
        completion_tokens: 2,
    };

    fn heading() -> Heading {
        Heading {
            number: 1,
            created: 2,
            model: "m".into(),
        }
    }

    #[test]
    fn a_whole_answer_has_the_documented_shape() {
        let mut whole = Whole::default();
        assert!(whole.add(&heading(), Step::Text("Hi".into())).is_none());
        let response = whole
            .add(
                &heading(),
                Step::End {
                    reason: "stop",
                    done: DONE,
                },
            )
            .unwrap()
            .unwrap();
        let expected = json!({
            "id": "chatcmpl-0000000000000001", "object": "chat.completion", "created": 2, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
                      "prompt_tokens_details": {"cached_tokens": 5}}
        });
        assert_eq!(response, expected);
    }

    #[test]
    fn a_call_becomes_a_delta_and_its_own_reason() {
        let mut steps = Steps::new(vec!["get".into()]);
        assert_eq!(steps.next(Event::Text("{\"name\":\"get\"}".into())), []);
        let calls = vec![ToolCall {
            name: "get".into(),
            arguments: "{}".into(),
        }];
        let found = steps.next(Event::Done(DONE));
        assert_eq!(
            found,
            [
                Step::Calls(calls.clone()),
                Step::End {
                    reason: "tool_calls",
                    done: DONE
                }
            ]
        );
        let delta = chunks(&heading(), Step::Calls(calls), false)[0]["choices"][0]["delta"].clone();
        let expected = json!({"tool_calls": [{"index": 0, "id": "call_0000000000000001_0", "type": "function",
                                              "function": {"name": "get", "arguments": "{}"}}]});
        assert_eq!(delta, expected);
    }
}
