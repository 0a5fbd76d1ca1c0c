//! `openclaw router …`: keys, spending, budgets, and health, with a gateway and without.

use serde_json::{Value, json};

use crate::{
    model::{Step, last_user},
    terminal::Terminal,
    world::World,
};

/// A model that costs a dollar for a million tokens, reads as many as it is told in a message, and refuses `fail`.
async fn priced() -> World {
    let agents = json!([{"id": "steward", "primary": true}, "alpha"]);
    let world = World::with(json!({"roster": "listed", "agents": agents}), |request| {
        let said = last_user(request);
        match said.rsplit(' ').next().unwrap().parse() {
            Ok(read) => vec![Step::Usage(read, 0), Step::Piece("hi".to_owned())],
            Err(_) if said.contains("fail") => {
                vec![Step::Refuse(401, json!({"error": {"message": "bad key"}}))]
            }
            Err(_) => vec![Step::Piece("hi".to_owned())],
        }
    })
    .await;
    world.add(&json!({
        "models": models(&world, "none"),
        "budgets": {"agents": {"steward": {"dailyUsd": 1}}},
    }));
    world
}

fn models(world: &World, key: &str) -> Value {
    json!({"local": false, "discovery": false, "providers": {"scripted": {
        "baseUrl": format!("http://{}", world.model.address),
        "apiKey": key,
        "models": [{"id": "echo", "name": "echo", "contextWindow": 128_000, "maxTokens": 1024,
            "cost": {"input": 1, "output": 1}}],
    }}})
}

/// The text without the day on which it was printed.
fn undated(text: &str) -> String {
    let is_date = |word: &str| {
        let parts: Vec<&str> = word.split('-').collect();
        parts.len() == 3
            && parts[0].len() == 4
            && parts.iter().all(|part| part.parse::<u32>().is_ok())
    };
    let words = text.split_inclusive([' ', ':', '\n']);
    words
        .map(|word| {
            let bare = word.trim_end_matches([' ', ':', '\n']);
            if is_date(bare) {
                word.replace(bare, "YYYY-MM-DD")
            } else {
                word.to_owned()
            }
        })
        .collect()
}

async fn send(world: &World, text: &str) -> i32 {
    world.run(&["agent", "send", "steward", text]).await.code
}

#[tokio::test]
async fn what_was_spent_reads_the_same_with_a_gateway_and_without() {
    let world = priced().await;
    let nothing = world.run(&["router", "spend", "--since", "1d"]).await.ok();
    insta::assert_snapshot!("nothing_spent", undated(&nothing));
    world.start().await;
    for text in ["read 550000", "read 300000"] {
        assert_eq!(send(&world, text).await, 0, "{text}");
    }
    let spend = ["router", "spend", "--since", "1d", "--by", "agent"];
    let said = world.run(&spend).await.ok();
    insta::assert_snapshot!("spent", undated(&said));
    let shown = world.run(&["router", "spend", "--json"]).await.json();
    assert_eq!(shown["total"]["requests"], 2, "{shown}");
    assert_eq!(shown["rows"][0]["model"], "echo", "{shown}");
    assert_eq!(
        shown["budgets"][0]["reached"],
        json!(["50", "80"]),
        "{shown}"
    );
    let status = world.run(&["gateway", "status"]).await.ok();
    assert!(
        status.contains(
            "\nSpent today: $0.8500\nBudget: agent steward: 80 % reached ($0.8500 of $1.00)\n"
        ),
        "{status}"
    );
    drop(world.run(&["gateway", "stop"]).await.ok());
    assert_eq!(world.run(&spend).await.ok(), said);
    let budgets = world.run(&["router", "budgets"]).await.ok();
    assert!(budgets.contains("80 % reached"), "{budgets}");
    for (line, code) in [
        ("router spend --since yesterday", 2),
        ("router spend --by weather", 2),
        ("router spend --key nobody", 4),
        ("router spend --agent Not/One", 1),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = world.run(&arguments).await;
        assert_eq!(ran.code, code, "{line}: {ran:#?}");
        assert!(ran.err.starts_with("error: "), "{line}: {ran:#?}");
    }
}

#[tokio::test]
async fn in_a_terminal_spending_is_drawn_and_fits() {
    let world = priced().await;
    world.start().await;
    assert_eq!(send(&world, "read 550000").await, 0);
    for (locale, full) in [("C.UTF-8", '█'), ("C", '#')] {
        let mut command = world.command(&["router", "spend", "--since", "3d"]);
        command.env("LC_ALL", locale);
        let mut terminal = Terminal::open(&command);
        let seen = terminal.see("50 % reached").await;
        assert_eq!(terminal.end().await, 0);
        let bars = seen
            .lines()
            .filter(|line| line.contains("$0.55") && line.contains(full));
        // The day, and the budget.
        assert_eq!(bars.count(), 2, "{seen}");
        let widest = seen
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max();
        assert!(widest.unwrap() <= 120, "{seen}");
        assert_eq!(seen.is_ascii(), locale == "C", "{seen}");
    }
}

#[tokio::test]
async fn a_key_is_made_shown_changed_and_given_up() {
    let world = priced().await;
    let none = world.run(&["router", "keys", "list"]).await.ok();
    assert_eq!(none, "no keys; `openclaw router keys generate` makes one\n");
    let said = world.run(&["router", "keys", "generate"]).await.failed(3);
    assert!(said.contains("hint: start one with"), "{said}");
    world.start().await;
    let made = world
        .run(&[
            "router",
            "keys",
            "generate",
            "--alias",
            "ci",
            "--team",
            "research",
            "--models",
            "fast,wild/*",
            "--max-budget",
            "5",
            "--budget-duration",
            "1d",
            "--duration",
            "30d",
            "--rpm",
            "60",
        ])
        .await;
    assert_eq!(made.code, 0, "{made:#?}");
    let secret = made.out.trim();
    assert!(secret.starts_with("sk-") && secret.len() > 40, "{made:#?}");
    assert!(made.err.contains("the only time"), "{made:#?}");
    let list = world.run(&["router", "keys", "list"]).await.ok();
    for piece in [
        "ci",
        "team research",
        "fast, wild/*",
        "$5.00 per 1d",
        "works until ",
    ] {
        assert!(list.contains(piece), "{piece}: {list}");
    }
    let info = world.run(&["router", "keys", "info", "ci"]).await.ok();
    for line in [
        "Alias: ci\n",
        "Team: research\n",
        "Budget: $5.00 per 1d\n",
        "Requests in a minute: 60\n",
    ] {
        assert!(info.contains(line), "{line}: {info}");
    }
    let shown = world
        .run(&["router", "keys", "info", "ci", "--json"])
        .await
        .json();
    assert_eq!(shown["key"]["maxBudgetUsd"], 5.0);
    for text in [&list, &info, &shown.to_string()] {
        assert!(!text.contains(secret), "{text}");
    }
    let changed = world
        .run(&[
            "router",
            "keys",
            "update",
            "ci",
            "--unset",
            "max-budget",
            "--blocked",
            "true",
            "--json",
        ])
        .await
        .json();
    assert_eq!(changed["key"]["maxBudgetUsd"], Value::Null);
    assert_eq!(changed["key"]["blocked"], true);
    let said = world
        .run(&["router", "keys", "update", "ci"])
        .await
        .failed(2);
    assert!(
        said.starts_with("error: nothing is to be changed\nhint: "),
        "{said}"
    );
    let said = world
        .run(&["router", "keys", "update", "ci", "--unset", "colour"])
        .await
        .failed(1);
    assert!(said.contains("colour"), "{said}");
    let said = world
        .run(&["router", "keys", "delete", "ci"])
        .await
        .failed(1);
    assert!(said.contains("hint: pass --yes"), "{said}");
    drop(world.run(&["gateway", "stop"]).await.ok());
    assert!(
        world
            .run(&["router", "keys", "list"])
            .await
            .ok()
            .contains("blocked")
    );
    world.start().await;
    let said = world
        .run(&["router", "keys", "delete", "ci", "--yes"])
        .await
        .ok();
    assert_eq!(said, "the key ci is given up; $0 was spent on it\n");
    for running in [true, false] {
        if !running {
            drop(world.run(&["gateway", "stop"]).await.ok());
        }
        let said = world.run(&["router", "keys", "info", "ci"]).await.failed(4);
        assert!(
            said.contains("\nhint: `openclaw router keys list`"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn health_names_what_rests_and_why() {
    let world = priced().await;
    drop(world.run(&["router", "health"]).await.failed(3));
    world.start().await;
    let well = world.run(&["router", "health"]).await.ok();
    assert!(
        well.starts_with("Router: ready\nListens: only beside"),
        "{well}"
    );
    assert!(well.contains("scripted/echo  scripted/echo  up "), "{well}");
    assert_ne!(send(&world, "fail").await, 0);
    let ill = world.run(&["router", "health"]).await.ok();
    assert!(ill.contains("cooling until "), "{ill}");
    assert!(ill.contains("  auth, "), "{ill}");
    let shown = world.run(&["router", "health", "--json"]).await.json();
    let one = &shown["groups"][0]["deployments"][0];
    assert_eq!(one["lastFailure"], "auth", "{one}");
    let status = world.run(&["gateway", "status"]).await.ok();
    assert!(
        status.contains("\nRouter: no port of its own (0 up, 1 cooling)\n"),
        "{status}"
    );
}

#[tokio::test]
async fn keys_of_providers_are_named_by_their_place_and_never_shown() {
    let world = priced().await;
    world.add(&json!({"models": models(&world, "${SCRIPTED_KEY}")}));
    let offline = world.run(&["models", "auth"]).await;
    assert!(
        offline.err.contains("no gateway is running"),
        "{offline:#?}"
    );
    assert!(offline.out.contains("OPENAI_API_KEY"), "{offline:#?}");
    let mut start = world.command(&["gateway", "start"]);
    start
        .env("OPENAI_API_KEY", "sk-openai-secret")
        .env("SCRIPTED_KEY", "sk-scripted-secret");
    let started = crate::run::finish(crate::run::spawn(start), b"").await;
    assert_eq!(started.code, 0, "{started:#?}");
    let said = world.run(&["models", "auth"]).await.ok();
    assert!(!said.contains("secret"), "{said}");
    let line = |provider: &str| {
        let found = said
            .lines()
            .find(|line| line.starts_with(&format!("{provider} ")));
        let words = found
            .unwrap_or_else(|| panic!("{provider}: {said}"))
            .split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("scripted"),
        "scripted set SCRIPTED_KEY models.providers.scripted"
    );
    assert_eq!(line("openai"), "openai set OPENAI_API_KEY");
    assert_eq!(line("zai"), "zai not set ZAI_API_KEY");
    let status = world.run(&["models", "status"]).await.ok();
    assert!(status.contains("\n  scripted: found: "), "{status}");
    assert!(status.contains("\nsteward  "), "{status}");
}

#[tokio::test]
async fn all_references_of_the_configuration_are_probed_one_after_the_other() {
    let world = priced().await;
    world.start().await;
    let ran = world.run(&["models", "probe", "--all"]).await;
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(
        ran.out.starts_with("scripted/echo answered in "),
        "{ran:#?}"
    );
    assert!(ran.out.ends_with(" ms: hi\n"), "{ran:#?}");
    let shown = world
        .run(&["models", "probe", "--all", "--json"])
        .await
        .json();
    assert_eq!(shown["status"], "ok", "{shown}");
    assert_eq!(shown["results"][0]["answer"], "hi", "{shown}");
    drop(
        world
            .run(&["models", "probe", "--all", "x/y"])
            .await
            .failed(2),
    );
}
