use openclaw_types::{RunId, SessionId, Timestamp, ToolCall, ToolResult};
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn files() -> Files {
    Files(
        [
            "# Steward\n\nYou are Steward.\nBe calm.\n\n## More\n\nMuch more.\n",
            "identity",
            "agents",
            "tools",
            "",
            "memory",
        ]
        .map(str::to_owned),
    )
}

fn render(files: &Files, tier: Tier, bytes_max: usize) -> System {
    let agent = AgentId::parse("steward").unwrap();
    let persona = Persona {
        agent: &agent,
        name: "Steward",
        role: "orchestrator",
        files,
        day: "2026-01-02",
        roster: "main, steward",
    };
    system(&persona, tier, bytes_max)
}

fn entry(run: &str, kind: Kind, role: Role, content: &str, parts: Vec<Part>) -> Entry {
    Entry {
        timestamp: Timestamp(0),
        role,
        content: content.to_owned(),
        session: SessionId::parse("main").unwrap(),
        id: String::new(),
        run: Some(RunId::parse(run).unwrap()),
        kind,
        parts,
        origin: None,
        model: None,
        usage: None,
        seq: 0,
        extra: Map::new(),
    }
}

fn exchange(run: &str, question: &str, answer: &str) -> [Entry; 2] {
    [
        entry(run, Kind::Message, Role::User, question, vec![]),
        entry(run, Kind::Message, Role::Assistant, answer, vec![]),
    ]
}

fn budget(prompt_tokens: usize, history_entries: usize) -> Budget {
    Budget {
        system_bytes: 1_000,
        prompt_tokens,
        history_entries,
        output_tokens: None,
        notes: true,
    }
}

fn profile(tier: Tier, context_window: u32, max_output: u32) -> Profile {
    Profile {
        provider: "p".to_owned(),
        model: "m".to_owned(),
        context_window,
        max_output,
        reads_images: false,
        tier,
        can_count: false,
    }
}

#[test]
fn the_files_stand_in_their_order_and_the_runtime_line_last() {
    let system = render(&files(), Tier::Full, 10_000);
    assert_eq!(
        &*system.text,
        "# Steward\n\nYou are Steward.\nBe calm.\n\n## More\n\nMuch more.\n\nidentity\n\nagents\n\ntools\n\nmemory\n\n\
         You are the agent `steward` (Steward, orchestrator). Today is 2026-01-02 (UTC).\nAgents here: main, steward.\n"
    );
    let names: Vec<&str> = system.pieces.iter().map(|piece| piece.name).collect();
    assert_eq!(
        names,
        [
            "SOUL.md",
            "IDENTITY.md",
            "AGENTS.md",
            "TOOLS.md",
            "MEMORY.md",
            "runtime"
        ]
    );
    let bytes: usize = system.pieces.iter().map(|piece| piece.bytes).sum();
    assert_eq!(bytes, system.text.len());
}

#[test]
fn a_tiny_model_gets_the_brief_and_one_line() {
    let system = render(&files(), Tier::Tiny, 1_800);
    assert_eq!(
        &*system.text,
        "You are Steward.\nBe calm.\nAnswer in a few short sentences."
    );
    let mut nameless = files();
    nameless.0[0] = "Be calm.".to_owned();
    assert_eq!(
        &*render(&nameless, Tier::Tiny, 1_800).text,
        "Be calm.\nYour name is Steward. Answer in a few short sentences."
    );
    let mut long = files();
    long.0[0] = format!("# T\n## U\n{}", "word ".repeat(10_000));
    let budget = Budget::of(&profile(Tier::Tiny, 2_048, 512), 20);
    let system = render(&long, Tier::Tiny, budget.system_bytes);
    assert!(text_tokens(system.text.len()) <= 600 && system.text.starts_with("word "));
}

#[test]
fn history_is_whole_runs_newest_kept() {
    let system = render(&files(), Tier::Tiny, 1_800);
    let entries: Vec<Entry> = [
        exchange("1", &"a".repeat(400), &"b".repeat(400)),
        exchange("2", "q2", "a2"),
        exchange("3", "q3", "a3"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let ordered: Vec<&Entry> = entries.iter().collect();
    let shown = |tokens, count| assemble(&system, &ordered, "now", &budget(tokens, count)).history;
    assert_eq!(shown(1_000, 20), 6);
    assert_eq!(shown(1_000, 5), 4);
    assert_eq!(shown(1_000, 3), 2);
    assert_eq!(shown(150, 20), 4);
    assert_eq!(shown(0, 20), 0);
    let prompt = assemble(&system, &ordered[4..], "now", &budget(1_000, 20));
    assert_eq!(
        prompt.messages,
        [
            Message::text(Role::System, &*system.text),
            Message::text(Role::User, "q3"),
            Message::text(Role::Assistant, "a3"),
            Message::text(Role::User, "now"),
        ]
    );
}

#[test]
fn notes_and_tools_read_as_the_model_needs_them_and_thoughts_stay_home() {
    let system = render(&files(), Tier::Tiny, 1_800);
    let call = Part::ToolCall(ToolCall {
        id: "7".to_owned(),
        name: "t".to_owned(),
        arguments: json!({}),
    });
    let result = Part::ToolResult(ToolResult {
        call_id: "7".to_owned(),
        name: "t".to_owned(),
        content: "r".to_owned(),
        is_error: false,
    });
    let thought = Part::Reasoning("hm".to_owned());
    let entries = [
        entry("1", Kind::Message, Role::User, "q1", vec![]),
        entry(
            "1",
            Kind::Message,
            Role::Assistant,
            "",
            vec![thought.clone(), call.clone()],
        ),
        entry(
            "1",
            Kind::ToolResult,
            Role::System,
            "r",
            vec![result.clone()],
        ),
        entry(
            "1",
            Kind::Aborted,
            Role::System,
            "stopped on request",
            vec![thought, Part::Text("half".to_owned())],
        ),
        entry("2", Kind::Message, Role::User, "q2", vec![]),
        entry("2", Kind::Aborted, Role::System, "failed: x", vec![]),
    ];
    let ordered: Vec<&Entry> = entries.iter().collect();
    let prompt = assemble(&system, &ordered, "now", &budget(1_000, 20));
    assert_eq!(
        prompt.messages[1..],
        [
            Message::text(Role::User, "q1"),
            Message {
                role: Role::Assistant,
                parts: vec![call]
            },
            Message {
                role: Role::User,
                parts: vec![result]
            },
            Message::text(Role::Assistant, "half\n[broken off here]"),
            Message::text(Role::User, "q2"),
            Message::text(Role::Assistant, "[left unanswered]"),
            Message::text(Role::User, "now"),
        ]
    );
}

#[test]
fn a_tiny_model_reads_no_note_that_it_could_repeat() {
    let system = render(&files(), Tier::Tiny, 1_800);
    let text = |text: &str| vec![Part::Text(text.to_owned())];
    let failed = "failed: no model serves `openai/gpt`";
    let entries = [
        exchange("1", "q1", "a1"),
        [
            entry("2", Kind::Message, Role::User, "q2", vec![]),
            entry("2", Kind::Aborted, Role::System, failed, vec![]),
        ],
        [
            entry("3", Kind::Message, Role::User, "q3", vec![]),
            entry("3", Kind::Aborted, Role::System, failed, text("half")),
        ],
        [
            entry("4", Kind::Message, Role::User, "q4", vec![]),
            entry("4", Kind::Aborted, Role::System, failed, text("\n")),
        ],
    ];
    let ordered: Vec<&Entry> = entries.iter().flatten().collect();
    let budget = Budget::of(&profile(Tier::Tiny, 4_096, 512), 20);
    let prompt = assemble(&system, &ordered, "now", &budget);
    assert_eq!(
        prompt.messages[1..],
        [
            Message::text(Role::User, "q1"),
            Message::text(Role::Assistant, "a1"),
            Message::text(Role::User, "q3"),
            Message::text(Role::Assistant, "half"),
            Message::text(Role::User, "now"),
        ]
    );
    assert_eq!(prompt.history, 4);
}

#[test]
fn budgets_follow_the_window() {
    for (profile, expected) in [
        (
            profile(Tier::Full, 8_000, 1_000),
            Budget {
                system_bytes: 16_000,
                prompt_tokens: 7_000,
                history_entries: 20,
                output_tokens: None,
                notes: true,
            },
        ),
        (
            profile(Tier::Full, 8_000, 8_000),
            Budget {
                system_bytes: 16_000,
                prompt_tokens: 6_000,
                history_entries: 20,
                output_tokens: None,
                notes: true,
            },
        ),
        (
            profile(Tier::Full, 0, 0),
            Budget {
                system_bytes: 65_536,
                prompt_tokens: 24_576,
                history_entries: 20,
                output_tokens: None,
                notes: true,
            },
        ),
        (
            profile(Tier::Tiny, 2_048, 2_048),
            Budget {
                system_bytes: 1_800,
                prompt_tokens: 1_536,
                history_entries: 6,
                output_tokens: Some(512),
                notes: false,
            },
        ),
    ] {
        assert_eq!(Budget::of(&profile, 20), expected);
    }
}

#[test]
fn long_files_are_cut_from_the_last_and_say_so() {
    let mut files = files();
    files.0[2] = "x".repeat(5_000);
    let system = render(&files, Tier::Full, 1_000);
    assert!(system.text.len() <= 1_000 && system.text.contains("[cut here"));
    assert!(system.text.starts_with("# Steward") && system.text.ends_with("main, steward.\n"));
}

proptest! {
    #[test]
    fn no_prompt_exceeds_its_budget_unless_the_message_alone_does(
        sizes in prop::collection::vec(0..2_000_usize, 0..20),
        tokens in 0..5_000_usize,
        count in 0..30_usize,
        message in 0..3_000_usize,
    ) {
        let system = render(&files(), Tier::Full, 400);
        let entries: Vec<Entry> = sizes
            .iter()
            .enumerate()
            .flat_map(|(n, size)| exchange(&format!("r{n}"), "q", &"é".repeat(*size)))
            .collect();
        let ordered: Vec<&Entry> = entries.iter().collect();
        let message = "m".repeat(message);
        let prompt = assemble(&system, &ordered, &message, &budget(tokens, count));
        let cost: usize = prompt.messages.iter().map(|m| text_tokens(m.plain_text().len())).sum();
        let fixed = text_tokens(system.text.len()) + text_tokens(message.len());
        prop_assert!(cost <= tokens.max(fixed));
        prop_assert!(prompt.history <= count && prompt.history.is_multiple_of(2));
        let texts: Vec<String> = prompt.messages.iter().map(Message::plain_text).collect();
        let newest: Vec<String> = entries[entries.len() - prompt.history..].iter().map(|e| e.content.clone()).collect();
        prop_assert_eq!(&texts[1..=prompt.history], &newest[..]);
    }

    #[test]
    fn a_cut_text_fits_and_begins_like_the_whole(text in "\\PC{0,300}", bytes_max in 0..400_usize) {
        let cut = cut(&text, bytes_max);
        prop_assert!(cut.len() <= bytes_max);
        if text.len() <= bytes_max {
            prop_assert_eq!(&*cut, &text);
        } else if let Some(kept) = cut.strip_suffix(CUT_MARKER) {
            prop_assert!(text.starts_with(kept));
        } else {
            prop_assert_eq!(&*cut, "");
        }
    }
}
