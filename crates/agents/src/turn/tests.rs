use openclaw_types::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const LIMITS: Limits = Limits {
    steps_max: 3,
    output_bytes_max: 100,
};

fn start_chunk() -> Input {
    Input::Chunk(Chunk::Start {
        provider: "p".to_owned(),
        model: "m".to_owned(),
        head: None,
    })
}

fn text(text: &str) -> Input {
    Input::Chunk(Chunk::Text(text.to_owned()))
}

fn call(id: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: "t".to_owned(),
        arguments: json!({}),
    }
}

fn result(id: &str) -> ToolResult {
    ToolResult {
        call_id: id.to_owned(),
        name: "t".to_owned(),
        content: "r".to_owned(),
        is_error: false,
    }
}

fn usage(input: u64) -> Usage {
    Usage {
        input_tokens: input,
        output_tokens: 1,
        ..Usage::default()
    }
}

fn stop(reason: StopReason) -> Input {
    Input::Chunk(Chunk::Stop(reason))
}

fn appended() -> Appended {
    Appended {
        id: "e".to_owned(),
        seq: 2,
        timestamp: Timestamp(1),
    }
}

fn play(inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
    let mut turn = Turn::new(LIMITS);
    let mut effects = Vec::new();
    for input in inputs {
        turn.step(input, &mut effects);
    }
    effects
}

fn delta(text: &str) -> Effect {
    Effect::Emit(EventKind::Delta(Arc::from(text)))
}

fn aborted(content: &str, said: &str) -> Record {
    Record {
        kind: Kind::Aborted,
        role: Role::System,
        content: content.to_owned(),
        parts: if said.is_empty() {
            Vec::new()
        } else {
            vec![Part::Text(said.to_owned())]
        },
        model: Some("p/m".to_owned()),
        usage: None,
    }
}

fn verdict(status: Status, text: &str, entry: Option<Appended>) -> Verdict {
    Verdict {
        status,
        text: Arc::from(text),
        model: Some("p/m".to_owned()),
        usage: None,
        entry,
    }
}

#[test]
fn an_answer_is_written_before_the_run_is_over() {
    let effects = play([
        Input::Start,
        start_chunk(),
        text("he"),
        text("llo"),
        Input::Chunk(Chunk::Usage(usage(7))),
        stop(StopReason::Stop),
        Input::Appended(appended()),
    ]);
    assert_eq!(
        effects,
        vec![
            Effect::CallModel,
            delta("he"),
            delta("llo"),
            Effect::Append(Record {
                kind: Kind::Message,
                role: Role::Assistant,
                content: "hello".to_owned(),
                parts: Vec::new(),
                model: Some("p/m".to_owned()),
                usage: Some(usage(7)),
            }),
            Effect::Finish(Verdict {
                usage: Some(usage(7)),
                ..verdict(Status::Done, "hello", Some(appended()))
            }),
        ]
    );
}

#[test]
fn an_abort_keeps_what_was_said_in_the_aborted_entry() {
    let effects = play([
        Input::Start,
        start_chunk(),
        text("he"),
        Input::Abort(AbortCause::Requested),
        text("llo"),
        Input::Appended(appended()),
    ]);
    assert_eq!(
        effects[2..],
        [
            Effect::Append(aborted("stopped on request", "he")),
            Effect::Finish(verdict(Status::Aborted, "he", Some(appended()))),
        ]
    );
}

#[test]
fn a_second_abort_stops_waiting_for_the_disk() {
    let effects = play([
        Input::Start,
        start_chunk(),
        text("hi"),
        stop(StopReason::Stop),
        Input::Abort(AbortCause::Requested),
        Input::Appended(appended()),
        Input::Deadline,
    ]);
    assert_eq!(
        effects.last(),
        Some(&Effect::Finish(verdict(Status::Aborted, "hi", None)))
    );
}

#[test]
fn a_model_failure_ends_the_run_on_disk_too() {
    let failure = Failure::new(FailureKind::NoAnswer, "boom");
    let effects = play([
        Input::Start,
        start_chunk(),
        Input::ModelFailed(failure.clone()),
        Input::AppendFailed(Failure::new(FailureKind::Storage, "disk")),
    ]);
    assert_eq!(
        effects[1..],
        [
            Effect::Append(aborted("failed: boom", "")),
            Effect::Finish(verdict(Status::Failed(failure), "", None)),
        ]
    );
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let failure = Failure::new(FailureKind::Storage, "disk");
    let effects = play([
        Input::Start,
        start_chunk(),
        text("hi"),
        stop(StopReason::Stop),
        Input::AppendFailed(failure.clone()),
    ]);
    assert_eq!(
        effects.last(),
        Some(&Effect::Finish(verdict(
            Status::Failed(failure),
            "hi",
            None
        )))
    );
}

#[test]
fn silence_is_a_failure_and_says_why() {
    for (reason, message) in [
        (StopReason::Stop, "the model answered nothing"),
        (
            StopReason::Length,
            "the model used up its output limit without an answer",
        ),
        (
            StopReason::ContentFilter,
            "the provider's content filter withheld the answer",
        ),
    ] {
        let effects = play([Input::Start, start_chunk(), text(" \n"), stop(reason)]);
        assert_eq!(
            effects.last(),
            Some(&Effect::Append(aborted(
                &format!("failed: {message}"),
                " \n"
            )))
        );
    }
}

#[test]
fn tools_are_called_and_the_model_is_asked_again() {
    let mut turn = Turn::new(LIMITS);
    let mut effects = Vec::new();
    for input in [
        Input::Start,
        start_chunk(),
        text("look"),
        Input::Chunk(Chunk::ToolCall(call("1"))),
        Input::Chunk(Chunk::ToolCall(call("2"))),
        stop(StopReason::ToolCalls),
    ] {
        turn.step(input, &mut effects);
    }
    let parts = vec![
        Part::Text("look".to_owned()),
        Part::ToolCall(call("1")),
        Part::ToolCall(call("2")),
    ];
    assert_eq!(
        effects[4..],
        [
            Effect::Append(Record {
                kind: Kind::Message,
                role: Role::Assistant,
                content: "look".to_owned(),
                parts: parts.clone(),
                model: Some("p/m".to_owned()),
                usage: None,
            }),
            Effect::CallTool(call("1")),
            Effect::CallTool(call("2")),
        ]
    );
    effects.clear();
    turn.step(Input::ToolDone(result("2")), &mut effects);
    turn.step(Input::ToolDone(result("2")), &mut effects);
    assert!(turn.is_using_tools() && effects.len() == 2);
    turn.step(Input::ToolDone(result("1")), &mut effects);
    assert_eq!(effects.last(), Some(&Effect::CallModel));
    assert_eq!(
        turn.spoken(),
        [
            Message {
                role: Role::Assistant,
                parts,
            },
            Message {
                role: Role::User,
                parts: vec![Part::ToolResult(result("2"))],
            },
            Message {
                role: Role::User,
                parts: vec![Part::ToolResult(result("1"))],
            },
        ]
    );
}

#[test]
fn a_run_that_never_stops_asking_is_stopped() {
    let mut inputs = vec![Input::Start];
    for _ in 0..3 {
        inputs.extend([
            start_chunk(),
            Input::Chunk(Chunk::ToolCall(call("1"))),
            stop(StopReason::ToolCalls),
            Input::ToolDone(result("1")),
        ]);
    }
    let effects = play(inputs);
    assert_eq!(
        effects.last(),
        Some(&Effect::Append(aborted(
            "failed: the run made 3 model calls and wants more",
            ""
        )))
    );
}

#[test]
fn a_run_that_never_stops_talking_is_stopped() {
    let effects = play([
        Input::Start,
        start_chunk(),
        text(&"a".repeat(60)),
        text(&"b".repeat(60)),
        text("c"),
    ]);
    assert_eq!(
        effects[2..],
        [Effect::Append(aborted(
            "failed: the run said more than 100 bytes",
            &"a".repeat(60)
        ))]
    );
}

#[test]
fn a_run_that_fails_in_circles_is_stopped_and_says_so() {
    let failed = |id: &str, content: &str| {
        Input::ToolDone(ToolResult {
            content: content.to_owned(),
            is_error: true,
            ..result(id)
        })
    };
    let step = |answer: Input| {
        [
            start_chunk(),
            Input::Chunk(Chunk::ToolCall(call("1"))),
            stop(StopReason::ToolCalls),
            answer,
        ]
    };
    let limits = Limits {
        steps_max: 9,
        ..LIMITS
    };
    let run = |answers: Vec<Input>| {
        let (mut turn, mut effects) = (Turn::new(limits), Vec::new());
        let inputs = answers.into_iter().flat_map(step);
        for input in [Input::Start].into_iter().chain(inputs) {
            turn.step(input, &mut effects);
        }
        effects.pop().unwrap()
    };
    // Another error, or an answer, is something new.
    let no = || failed("1", "no");
    assert_eq!(run(vec![no(), failed("1", "hm"), no()]), Effect::CallModel);
    let fine = Input::ToolDone(result("1"));
    assert_eq!(
        run(vec![fine.clone(), fine.clone(), fine]),
        Effect::CallModel
    );
    let said = "failed: the model called `t` 3 times with the same arguments, and got the same error each time";
    assert_eq!(
        run(vec![no(), failed("1", "hm"), no(), no()]),
        Effect::Append(aborted(said, ""))
    );
}

#[test]
fn a_call_that_is_cut_off_has_its_result_before_the_end() {
    let (mut turn, mut effects) = (Turn::new(LIMITS), Vec::new());
    for input in [
        Input::Start,
        start_chunk(),
        Input::Chunk(Chunk::ToolCall(call("1"))),
        Input::Chunk(Chunk::ToolCall(call("2"))),
        stop(StopReason::ToolCalls),
        Input::Appended(appended()),
        Input::ToolDone(result("1")),
        Input::Appended(appended()),
    ] {
        turn.step(input, &mut effects);
    }
    effects.clear();
    turn.step(Input::Abort(AbortCause::Requested), &mut effects);
    let cut_off = ToolResult {
        call_id: "2".to_owned(),
        name: "t".to_owned(),
        content: "the run ended before this did; it may have had its effect".to_owned(),
        is_error: true,
    };
    assert_eq!(
        effects,
        [
            Effect::Append(Record {
                kind: Kind::ToolResult,
                role: Role::System,
                content: cut_off.content.clone(),
                parts: vec![Part::ToolResult(cut_off)],
                model: None,
                usage: None,
            }),
            Effect::Append(aborted("stopped on request", "")),
        ]
    );
    effects.clear();
    turn.step(Input::Appended(appended()), &mut effects);
    assert_eq!(effects, []);
    turn.step(Input::Appended(appended()), &mut effects);
    assert_eq!(
        effects,
        [Effect::Finish(verdict(
            Status::Aborted,
            "",
            Some(appended())
        ))]
    );
}

fn any_input() -> impl Strategy<Value = Input> {
    let id = prop::sample::select(vec!["1", "2", "3"]);
    prop_oneof![
        2 => Just(Input::Start),
        2 => Just(start_chunk()),
        4 => "[ a]{0,12}".prop_map(|t| text(&t)),
        1 => Just(Input::Chunk(Chunk::Reasoning("hm".to_owned()))),
        3 => id.clone().prop_map(|id| Input::Chunk(Chunk::ToolCall(call(id)))),
        1 => Just(Input::Chunk(Chunk::Usage(usage(1)))),
        2 => Just(stop(StopReason::Stop)),
        2 => Just(stop(StopReason::ToolCalls)),
        3 => id.prop_map(|id| Input::ToolDone(result(id))),
        1 => Just(Input::ModelFailed(Failure::new(FailureKind::NoAnswer, "x"))),
        2 => Just(Input::Appended(appended())),
        1 => Just(Input::AppendFailed(Failure::new(FailureKind::Storage, "x"))),
        1 => Just(Input::Abort(AbortCause::Requested)),
        1 => Just(Input::Deadline),
    ]
}

proptest! {
    #[test]
    fn every_interleaving_ends_exactly_once_and_last(inputs in prop::collection::vec(any_input(), 0..60)) {
        let end = [Input::Start, Input::Deadline, Input::Deadline];
        let effects = play(inputs.into_iter().chain(end));
        let finishes: Vec<usize> = effects
            .iter()
            .enumerate()
            .filter(|(_, effect)| matches!(effect, Effect::Finish(_)))
            .map(|(at, _)| at)
            .collect();
        prop_assert_eq!(finishes, vec![effects.len() - 1]);
    }

    #[test]
    fn exactly_one_record_ends_the_run_and_none_follows_it(inputs in prop::collection::vec(any_input(), 0..60)) {
        let effects = play(inputs.into_iter().chain([Input::Start, Input::Deadline, Input::Deadline]));
        let records: Vec<&Record> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Append(record) => Some(record),
                _ => None,
            })
            .collect();
        let ends = |record: &Record| match record.kind {
            Kind::Aborted => true,
            Kind::Message => !record.parts.iter().any(|p| matches!(p, Part::ToolCall(_))),
            _ => false,
        };
        prop_assert_eq!(records.iter().filter(|record| ends(record)).count(), 1);
        prop_assert!(ends(records.last().unwrap()));
    }
}
