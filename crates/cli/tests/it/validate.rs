//! `openclaw gateway validate`.

use std::fs;

use serde_json::json;

use crate::world::World;

const SAMPLE: &str = include_str!("../../../config/tests/fixtures/seed.json");

#[tokio::test]
async fn the_documented_sample_passes_as_it_is_and_runs_twelve_agents() {
    let world = World::twelve().await;
    world.configure(SAMPLE);
    let file = world.state().join("openclaw.json");
    let file = file.to_str().unwrap();
    let said = world
        .run(&["gateway", "validate", "--config", file])
        .await
        .ok();
    assert!(said.contains("12 agents, 0 degraded"), "{said}");
    assert!(said.ends_with("a start would succeed\n"), "{said}");
}

#[tokio::test]
async fn warnings_are_shown_with_their_place_and_are_no_failure() {
    let world = World::two().await;
    world.configure("{\n  gatway: { port: 1 },\n  gateway: { port: '8' },\n}\n");
    let said = world.run(&["gateway", "validate"]).await.ok();
    insta::assert_snapshot!(world.redact(&said), @r"
    warning: ~/.openclaw/openclaw.json:2:3: gatway: unknown key; it is ignored
      hint: did you mean `gateway`?
    warning: ~/.openclaw/openclaw.json:3:20: gateway.port: expected a whole number from 0 to 65535, found a text; it is understood
    ~/.openclaw/openclaw.json: 12 agents, 0 degraded, 2 warnings; a start would succeed
    ");
}

#[tokio::test]
async fn all_problems_are_shown_at_once_each_with_its_place_and_its_remedy() {
    let world = World::two().await;
    let text = [
        "{",
        "  // a comment is no problem",
        "  gateway: { port: 'many', trustedProxy: [] },",
        "  agents: [{ id: 'steward' }, { id: '../x' }, { id: 'steward' }],",
        "  models: { providers: { odd: { baseUrl: 'ftp://x' } } },",
        "  sesion: {},",
        "}",
    ];
    world.configure(&text.join("\n"));
    let ran = world.run(&["gateway", "validate"]).await;
    assert_eq!(ran.code, 1, "{ran:#?}");
    insta::assert_snapshot!(world.redact(&format!("{}{}", ran.out, ran.err)), @r#"
    degraded: ~/.openclaw/openclaw.json:3:20: gateway.port: expected a whole number from 0 to 65535, found a text; the key is ignored
    warning: ~/.openclaw/openclaw.json:3:28: gateway.trustedProxy: unknown key; it is ignored
      hint: did you mean `trustedProxies`?
    degraded: ~/.openclaw/openclaw.json:4:37: agents[1].id: agent id holds '.'; allowed: a-z, 0-9, `-` and `_`, starting with a letter or digit; the agent is left out
      hint: add `"id": "x"`
    degraded: ~/.openclaw/openclaw.json:4:47: agents[2]: `steward` is listed already on line 4; this one is left out
      hint: give it another id, or merge the two
    degraded: ~/.openclaw/openclaw.json:5:42: models.providers.odd.baseUrl: not an http:// or https:// address; the provider is left out
      hint: write "http://host:port"
    warning: ~/.openclaw/openclaw.json:6:3: sesion: unknown key; it is ignored
      hint: did you mean `session`?
    ~/.openclaw/openclaw.json: 12 agents, 4 degraded, 2 warnings; a start would succeed
    error: 4 units degraded
    hint: each is named above, with its place
    "#);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_exit_code_78() {
    let world = World::two().await;
    let nowhere = world.home().join("nowhere.json");
    let nowhere = nowhere.to_str().unwrap();
    let ran = world
        .run(&["gateway", "validate", "--config", nowhere])
        .await;
    assert_eq!(ran.code, 78, "{ran:#?}");
    insta::assert_snapshot!(world.redact(&format!("{}{}", ran.out, ran.err)), @r"
    fatal: ~/nowhere.json: the file can't be read: No such file or directory (os error 2)
      hint: write the file, or don't name one
    error: the configuration forbids a start (1 fatal)
    hint: mend what is listed above; `openclaw --config ~/nowhere.json gateway validate` checks again
    ");
    // A directory in its place is no configuration.
    let file = world.state().join("openclaw.json");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let said = world.run(&["gateway", "start"]).await.failed(78);
    assert!(said.contains("not a regular file"), "{said}");
}

#[tokio::test]
async fn a_unit_that_is_left_out_is_exit_code_1() {
    let world = World::two().await;
    world.configure("{ agents: [{ id: 'steward' }, { id: '../x' }] }");
    let ran = world.run(&["gateway", "validate", "--json"]).await;
    assert_eq!(ran.code, 1, "{ran:#?}");
    let shown = ran.json();
    assert_eq!(
        (&shown["starts"], &shown["degraded"]),
        (&json!(true), &json!(1))
    );
    let problem = &shown["problems"][0];
    assert_eq!(
        (&problem["line"], &problem["severity"]),
        (&json!(1), &json!("degraded"))
    );
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn a_start_that_would_be_refused_is_exit_code_78_and_so_is_the_start() {
    let world = World::two().await;
    for (text, what) in [
        ("{", "the file ends here"),
        ("{ gateway: { bind: '0.0.0.0' } }", "other machines"),
    ] {
        world.configure(text);
        let ran = world.run(&["gateway", "validate"]).await;
        assert_eq!(ran.code, 78, "{ran:#?}");
        assert!(ran.out.contains("openclaw.json:1:"), "{}", ran.out);
        assert!(ran.out.contains(what), "{}", ran.out);
        let ran = world.run(&["gateway", "validate", "--json"]).await;
        assert_eq!(ran.json()["starts"], false);
        for command in ["run", "start"] {
            let said = world.run(&["gateway", command]).await.failed(78);
            assert!(said.contains(what), "{said}");
        }
    }
    assert!(world.holder().is_none());
}

#[tokio::test]
async fn workspaces_that_cannot_run_are_named() {
    let world = World::two().await;
    drop(world.run(&["init"]).await.ok());
    let agents = world.state().join("agents");
    fs::write(agents.join("steward/config.json"), "{").unwrap();
    fs::remove_dir_all(agents.join("alpha")).unwrap();
    std::os::unix::fs::symlink("/tmp", agents.join("alpha")).unwrap();
    let ran = world.run(&["gateway", "validate"]).await;
    assert_eq!(ran.code, 1, "{ran:#?}");
    insta::assert_snapshot!(world.redact(&ran.out), @r"
    degraded: agent steward: ~/.openclaw/agents/steward/config.json: not a JSON object: line 1, column 1
    degraded: agent alpha: the workspace of `alpha` is a symbolic link, ~/.openclaw/agents/alpha; put the directory itself there
    ~/.openclaw/openclaw.json: 2 agents, 2 degraded, 0 warnings; a start would succeed
    ");
}
