//! The triad: what three models answer becomes a decision, and nothing else does.

use openclaw_tests::{
    client::Socket,
    gateway::{Setup, World},
    native::Native,
    scripted_model::{Asked, Script, Step, pieces},
};
use serde_json::{Value, json};

/// Which member was asked, told from its system message, as the identity files write it.
fn member(asked: &Asked) -> &'static str {
    let system = asked.system().to_lowercase();
    ["alpha", "beta", "charlie"]
        .into_iter()
        .min_by_key(|name| system.find(name).unwrap_or(usize::MAX))
        .unwrap()
}

fn ballot(vote: &str) -> Script {
    pieces(&[
        "{\"vote\": \"",
        vote,
        "\", \"reasoning\": \"because\", \"confidence\": 0.8}",
    ])
}

/// One member's behaviour: `late` never answers, `mumble` is asked twice, `mumble-yes` learns.
fn behave(how: &str, asked: &Asked) -> Script {
    let again = asked.last_user().contains("was not counted");
    match how {
        "late" => vec![Step::Hang],
        "mumble" => pieces(&["I think ", "it is fine"]),
        "mumble-yes" if again => ballot("yes"),
        "mumble-yes" => pieces(&["Let me approve this!"]),
        "fails" => openclaw_tests::scripted_model::refusal(
            400,
            vec![],
            &json!({"error": {"message": "no"}}),
        ),
        vote => ballot(vote),
    }
}

async fn triad(how: [&'static str; 3]) -> World {
    Setup::triad()
        .answers(move |asked| {
            let at = ["alpha", "beta", "charlie"]
                .iter()
                .position(|name| *name == member(asked))
                .unwrap();
            behave(how[at], asked)
        })
        .start()
        .await
}

async fn decide(world: &World, deadline_ms: u64) -> Value {
    let mut socket = Socket::open(world.address).await;
    let frame = json!({"type": "proposal", "id": "p1", "from": "steward",
        "content": {"proposal": "Ship it", "reasoning": "the tests pass", "deadline": deadline_ms},
        "metadata": {"requiresResponse": true, "correlationId": "prop-001"}});
    socket.ask(&frame).await
}

#[tokio::test]
async fn a_proposal_comes_back_as_the_triads_decision() {
    let world = triad(["approve", "reject", "approve"]).await;
    let frame = decide(&world, 10_000).await;
    assert_eq!(
        world.normal(&frame),
        json!({"id": "msg-*", "type": "decision", "from": "gateway", "timestamp": 0, "correlationId": "prop-001",
            "content": {"proposalId": "prop-001", "result": "approved",
                "votes": {"alpha": "approve", "beta": "reject", "charlie": "approve"}, "consensus": true, "quorum": "3/3",
                "reasoning": {"alpha": "because", "beta": "because", "charlie": "because"}},
            "metadata": {"correlationId": "prop-001", "parentId": "p1"}})
    );
    let asked = world.model().asked();
    assert_eq!(asked.len(), 3);
    for question in &asked {
        assert!(
            question.last_user().contains("Ship it")
                && question.last_user().contains("the tests pass")
        );
    }
    for agent in ["alpha", "beta", "charlie"] {
        let entries = world.entries(agent);
        assert_eq!(entries[0]["sessionId"], "proposal:prop-001");
        assert_eq!(
            world.normal(&entries[0]["origin"]),
            json!({"kind": "system", "id": "client-*", "messageId": "prop-001"})
        );
    }
}

#[tokio::test]
async fn the_votes_make_the_result_of_the_table() {
    // All three votes are awaited only where they can still change something, so a settled one may be missing.
    for (how, result, consensus) in [
        (["approve", "approve", "approve"], "approved", true),
        (["approve", "approve", "reject"], "approved", true),
        (["approve", "abstain", "approve"], "approved", true),
        (["approve", "reject", "reject"], "rejected", true),
        (["reject", "reject", "reject"], "rejected", true),
        (["approve", "reject", "abstain"], "rejected", false),
        (["approve", "abstain", "abstain"], "rejected", false),
        (["abstain", "reject", "abstain"], "rejected", false),
        (["abstain", "abstain", "abstain"], "rejected", false),
        (["abstain", "reject", "reject"], "rejected", true),
        (["yes", "SUPPORT", "no"], "approved", true),
        (["disagree", "agree", "No"], "rejected", true),
    ] {
        let world = triad(how).await;
        let decision = decide(&world, 10_000).await;
        let content = &decision["content"];
        assert_eq!(
            (&content["result"], &content["consensus"]),
            (&json!(result), &json!(consensus)),
            "{how:?}: {content}"
        );
        for name in ["alpha", "beta", "charlie"] {
            assert!(
                ["approve", "reject", "abstain", "none"]
                    .contains(&content["votes"][name].as_str().unwrap()),
                "{content}"
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_no_vote_is_asked_for_again_and_never_made_up() {
    let world = triad(["mumble-yes", "mumble", "approve"]).await;
    let decision = decide(&world, 10_000).await;
    let content = &decision["content"];
    assert_eq!(
        (&content["result"], &content["votes"]["alpha"]),
        (&json!("approved"), &json!("approve")),
        "{content}"
    );
    assert!(
        ["none"].contains(&content["votes"]["beta"].as_str().unwrap()),
        "{content}"
    );
    let twice = world
        .model()
        .asked()
        .iter()
        .filter(|asked| member(asked) == "alpha")
        .count();
    assert_eq!(twice, 2);

    let world = triad(["mumble", "mumble", "approve"]).await;
    let decision = decide(&world, 10_000).await;
    let content = &decision["content"];
    assert_eq!(
        (
            &content["result"],
            &content["votes"],
            &content["consensus"],
            &content["quorum"]
        ),
        (
            &json!("undecided"),
            &json!({"alpha": "none", "beta": "none", "charlie": "approve"}),
            &json!(false),
            &json!("1/3")
        ),
        "{content}"
    );
    assert_eq!(
        content["reasoning"]["alpha"],
        "no vote in its answer: no JSON object with a `vote` key"
    );
}

#[tokio::test]
async fn who_is_late_or_fails_has_no_vote() {
    let world = triad(["approve", "late", "reject"]).await;
    let decision = decide(&world, 800).await;
    let content = &decision["content"];
    assert_eq!(
        (
            &content["result"],
            &content["votes"],
            &content["quorum"],
            &content["reasoning"]["beta"]
        ),
        (
            &json!("rejected"),
            &json!({"alpha": "approve", "beta": "none", "charlie": "reject"}),
            &json!("2/3"),
            &json!("no answer before the deadline")
        ),
        "{content}"
    );
    world.model().left_times(1).await;

    let world = triad(["approve", "late", "approve"]).await;
    let content = decide(&world, 60_000).await["content"].clone();
    assert_eq!(
        (
            &content["result"],
            &content["votes"]["beta"],
            &content["quorum"]
        ),
        (&json!("approved"), &json!("none"), &json!("2/3"))
    );

    let world = triad(["approve", "fails", "late"]).await;
    let content = decide(&world, 800).await["content"].clone();
    assert_eq!(
        (&content["result"], &content["quorum"]),
        (&json!("undecided"), &json!("1/3")),
        "{content}"
    );
}

#[tokio::test]
async fn without_a_triad_nothing_is_decided() {
    let world = Setup::two().answers(|_| ballot("approve")).start().await;
    let content = decide(&world, 5_000).await["content"].clone();
    // One vote could change nothing, so nobody waits for it.
    assert_eq!(
        (&content["result"], &content["votes"], &content["quorum"]),
        (
            &json!("undecided"),
            &json!({"alpha": "none", "beta": "none", "charlie": "none"}),
            &json!("0/3")
        ),
        "{content}"
    );
    assert_eq!(content["reasoning"]["beta"], "not in the roster");
}

#[tokio::test]
async fn one_proposal_is_deliberated_once_at_a_time() {
    let world = triad(["late", "late", "late"]).await;
    let mut socket = Socket::open(world.address).await;
    let frame = json!({"type": "proposal", "content": {"proposal": "x", "deadline": 900}, "metadata": {"correlationId": "p"}});
    socket.say(&frame).await;
    let twice = socket.ask(&frame).await;
    assert_eq!(
        (&twice["type"], &twice["content"]["code"]),
        (&json!("error"), &json!(2005)),
        "{twice}"
    );
    assert_eq!(socket.hear().await["content"]["result"], "undecided");
    // A deadline in the past is no time at all.
    let late = json!({"type": "proposal", "content": {"proposal": "y", "deadline": 1_000_000_000_001_u64}});
    assert_eq!(socket.ask(&late).await["content"]["result"], "undecided");
}

#[tokio::test]
async fn a_native_client_gets_the_same_decision_with_confidence() {
    let world = triad(["approve", "mumble", "approve"]).await;
    let mut client = Native::open(&world).await;
    let decision = client
        .ok(
            "triad.propose",
            json!({"proposal": "Ship it", "id": "n1", "deadlineMs": 10_000}),
        )
        .await;
    assert_eq!(
        (&decision["proposalId"], &decision["result"]),
        (&json!("n1"), &json!("approved"))
    );
    assert_eq!(
        decision["votes"]["alpha"],
        json!({"vote": "approve", "reasoning": "because", "confidence": 0.8})
    );
}
