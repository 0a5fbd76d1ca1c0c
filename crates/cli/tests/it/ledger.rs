//! `openclaw ledger …`.

use std::{fs, sync::Arc};

use openclaw_ledger::{Ballot, Event, Ledger, ProposalId};
use openclaw_types::SystemEnv;

use crate::world::World;

fn filled(world: &World) {
    let path = world.state().join("ledger.jsonl");
    let (mut ledger, _) = Ledger::open(&path, Arc::new(SystemEnv)).unwrap();
    for voter in ["alpha", "beta", "charlie"] {
        let event = Event::Vote {
            voter: voter.to_owned(),
            proxy_for: None,
            vote: Ballot::Approve,
            reasoning: "it holds".to_owned(),
            confidence_percent: Some(90),
            round: 1,
        };
        ledger
            .append(ProposalId::parse("PROPOSAL-1").unwrap(), event)
            .unwrap();
    }
}

#[tokio::test]
async fn the_ledger_is_read_and_verified() {
    let world = World::two().await;
    assert!(
        world
            .run(&["ledger", "verify"])
            .await
            .ok()
            .starts_with("0 entries")
    );
    filled(&world);
    let said = world.run(&["ledger", "tail", "-n", "1"]).await.ok();
    assert!(
        said.contains("charlie votes: approve") && !said.contains("beta"),
        "{said}"
    );
    let listed = world
        .run(&["ledger", "list", "--agent", "beta", "--json"])
        .await
        .json();
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["seq"]),
        (1, &2.into())
    );
    let shown = world
        .run(&["ledger", "show", "PROPOSAL-1", "--json"])
        .await
        .json();
    assert_eq!(shown["votes"]["charlie"], "approve");
    let shown = world.run(&["ledger", "show", "3", "--json"]).await.json();
    let head = format!("3:{}", shown["hash"].as_str().unwrap());
    world.run(&["ledger", "verify", "--head", &head]).await.ok();
    world.run(&["ledger", "show", "PROPOSAL-9"]).await.failed(4);
    world
        .run(&["ledger", "list", "--kind", "gossip"])
        .await
        .failed(2);
    world
        .run(&["ledger", "verify", "--head", "x"])
        .await
        .failed(2);
}

#[tokio::test]
async fn a_changed_line_is_named_and_the_command_fails() {
    let world = World::two().await;
    filled(&world);
    let path = world.state().join("ledger.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("it holds", "it helps", 2)).unwrap();
    let said = world.run(&["ledger", "verify"]).await.failed(1);
    assert!(said.contains("line 1 was changed"), "{said}");
    let ran = world.run(&["ledger", "verify", "--json"]).await;
    assert_eq!((ran.code, &ran.json()["fault"]["line"]), (1, &1.into()));
}
