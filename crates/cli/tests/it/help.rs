//! What the program says of itself, and of command lines that make no sense.

use crate::world::World;

#[tokio::test]
async fn help_names_every_command_and_exit_code() {
    let world = World::two().await;
    insta::assert_snapshot!("help", world.run(&["--help"]).await.ok());
    for command in [
        "gateway", "agent", "session", "models", "router", "skills", "ledger",
    ] {
        let help = world.run(&[command, "--help"]).await.ok();
        insta::assert_snapshot!(format!("help-{command}"), help);
    }
}

#[tokio::test]
async fn help_is_a_command_too() {
    let world = World::two().await;
    for (command, option) in [
        (vec!["help"], vec!["--help"]),
        (vec!["help", "gateway"], vec!["gateway", "--help"]),
        (
            vec!["help", "session", "get"],
            vec!["session", "get", "--help"],
        ),
    ] {
        let said = world.run(&command).await.ok();
        assert_eq!(said, world.run(&option).await.ok());
    }
}

#[tokio::test]
async fn a_number_that_is_none_is_answered_with_those_that_are() {
    let world = World::two().await;
    for (line, rule) in [
        ("agent send steward hi --timeout -1", "from 1 to 3600"),
        ("gateway logs -n -5", "from 0 to 1000000"),
        ("session get steward main -n 0", "from 1 to 1000"),
        ("session get steward main -n x", "from 1 to 1000"),
        ("gateway start --port 65536", "from 0 to 65535"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let said = world.run(&arguments).await.failed(2);
        let rule = format!(": it is a whole number {rule}\n");
        assert!(said.contains(&rule), "{line}: {said}");
    }
}

#[tokio::test]
async fn the_version_names_the_protocols() {
    let world = World::two().await;
    let version = world.run(&["--version"]).await.ok();
    assert_eq!(
        version,
        format!(
            "openclaw {} (gateway protocol 3-4, a2a-v1)\n",
            env!("CARGO_PKG_VERSION")
        )
    );
}

#[tokio::test]
async fn plural_nouns_are_the_same_commands() {
    let world = World::two().await;
    for (one, other) in [
        (vec!["agent", "list"], vec!["agents", "list"]),
        (vec!["session", "list"], vec!["sessions", "list"]),
        (vec!["models", "list"], vec!["model", "list"]),
    ] {
        assert_eq!(world.run(&one).await.ok(), world.run(&other).await.ok());
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_exit_code_2_and_json_where_that_was_asked_for() {
    let world = World::two().await;
    for line in [
        "nonsense",
        "agent lst",
        "agent send",
        "agent list --nonsense",
        "agent send steward hi --timeout 0",
        "gateway run --port 65536",
        "gateway run --bind here",
        "session get steward",
        "agent config steward frobnicate x",
        "agent send ../steward hi",
        "agent send steward hi --session a/b",
        "session get steward agent:alpha:main",
        "session list Ünknown",
    ] {
        let mut arguments: Vec<&str> = line.split(' ').collect();
        let said = world.run(&arguments).await.failed(2);
        let lines: Vec<&str> = said.lines().collect();
        assert!(
            matches!(lines.as_slice(), [error, hint] if error.starts_with("error: ") && hint.starts_with("hint: ")),
            "{line}: {said}"
        );
        arguments.push("--json");
        let ran = world.run(&arguments).await;
        assert_eq!(ran.code, 2, "{line}: {ran:#?}");
        assert_eq!(ran.json()["error"]["exitCode"], 2, "{line}");
        assert!(ran.json()["error"]["message"].is_string(), "{line}");
        assert!(ran.json()["error"]["hint"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_noun_alone_shows_what_it_can_do() {
    let world = World::two().await;
    for noun in ["gateway", "agent", "session", "models"] {
        let help = world.run(&[noun, "--help"]).await.ok();
        let ran = world.run(&[noun]).await;
        assert_eq!(
            (ran.code, ran.out.as_str(), ran.err.as_str()),
            (2, "", help.as_str())
        );
        let ran = world.run(&[noun, "--json"]).await;
        assert_eq!(ran.json()["error"]["exitCode"], 2);
        assert_eq!(ran.err, "");
    }
}

#[tokio::test]
async fn what_is_not_there_is_exit_code_4_with_and_without_a_gateway() {
    let world = World::two().await;
    let lines = [
        "agent status nobody",
        "agent config nobody get",
        "session list nobody",
        "session get nobody main",
        "session get steward none",
        "session delete steward none --yes",
        "session delete nobody main --yes",
        "session delete steward none --purge --yes",
        "session commit steward none",
        "session archive steward none",
        "session archive nobody --older-than 7d",
        "session compact nobody",
        "models rm nothing",
        "models pull nothing",
    ];
    let of_a_gateway = [
        "agent send nobody hi",
        "agent prompt nobody",
        "agent restart nobody",
        "agent delete nobody --yes",
        "agent config nobody set name x",
        "session create nobody",
        "models probe nobody/nothing",
        "chat nobody",
    ];
    for line in lines {
        refused(&world, line, 4).await;
    }
    for line in &of_a_gateway[..of_a_gateway.len() - 1] {
        refused(&world, line, 3).await;
    }
    let swapped = ["session", "get", "main", "steward"];
    let hint = "hint: the agent comes first: `openclaw session get steward main`\n";
    let of_nobody = ["session", "get", "nobody", "main"];
    for running in [false, true] {
        if running {
            world.start().await;
        }
        let said = world.run(&swapped).await.failed(4);
        assert!(said.ends_with(hint), "{said}");
        let said = world.run(&of_nobody).await.failed(4);
        assert!(said.starts_with("error: no agent `nobody`\n"), "{said}");
        let none = ["session", "get", "steward", "none"];
        let said = world.run(&none).await.failed(4);
        insta::allow_duplicates! {
            insta::assert_snapshot!(said, @r"
            error: no session `none` of agent `steward`
            hint: `openclaw session list steward` shows all; a session begins with its first message
            ");
        }
    }
    for line in lines.iter().chain(&of_a_gateway) {
        refused(&world, line, 4).await;
    }
}

/// Runs a line that fails with this code, a cause and a way out.
async fn refused(world: &World, line: &str, code: i32) {
    let arguments: Vec<&str> = line.split(' ').collect();
    let said = world.run(&arguments).await;
    assert_eq!(said.code, code, "{line}: {said:#?}");
    assert!(said.err.starts_with("error: "), "{line}: {said:#?}");
    assert!(said.err.contains("\nhint: "), "{line}: {said:#?}");
}
