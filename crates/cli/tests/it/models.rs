//! `openclaw models …`.

use std::fs;

use serde_json::json;

use crate::{
    model::{Step, pieces},
    run::{finish, spawn},
    world::World,
};

#[tokio::test]
async fn the_model_in_use_is_named_with_the_reason() {
    let world = World::two().await;
    let offline = world.run(&["models", "list"]).await.ok();
    assert!(
        offline.starts_with("In use: unknown, because no gateway is running\n"),
        "{offline}"
    );
    world.start().await;
    let said = world.run(&["models", "list"]).await.ok();
    insta::assert_snapshot!(said, @r"
    In use: scripted/echo (it is configured)

    Reference      Answers        Window   $ per million  From
    scripted/echo  scripted/echo  128,000  unknown        openclaw.json

    Model file             Fetched  Size   License
    smollm2-135m-instruct  no       98 MB  Apache-2.0
    ");
    let shown = world.run(&["models", "list", "--json"]).await.json();
    assert_eq!(shown["inUse"]["model"], "scripted/echo");
    assert_eq!(shown["groups"][0]["name"], "scripted/echo");
    assert_eq!(shown["catalogue"][0]["license"], "Apache-2.0");
}

#[tokio::test]
async fn a_file_is_pulled_by_path_listed_and_removed() {
    let world = World::two().await;
    let file = world.home().join("mini.gguf");
    fs::write(&file, b"GGUF\x03\0\0\0 and so on").unwrap();
    let path = file.to_str().unwrap();
    let wrong = "0".repeat(64);
    let said = world
        .run(&["models", "pull", path, "--sha256", &wrong])
        .await
        .failed(1);
    assert!(said.contains("the hash is"), "{said}");
    let pulled = world.run(&["models", "pull", path, "--json"]).await.json();
    assert_eq!(pulled["name"], "mini");
    let shown = world.run(&["models", "list", "--json"]).await.json();
    let mini = shown["catalogue"]
        .as_array()
        .unwrap()
        .iter()
        .find(|file| file["name"] == "mini");
    assert_eq!(mini.unwrap()["path"], pulled["path"]);
    drop(world.run(&["models", "rm", "mini"]).await.ok());
    let said = world.run(&["models", "rm", "mini"]).await.failed(4);
    assert!(said.contains("openclaw models list"), "{said}");
}

#[tokio::test]
async fn whoever_removes_the_model_in_use_is_told_that_it_is_fetched_again() {
    let world = World::with(
        json!({"models": {"local": {"model": "mini"}}}),
        |_request| Vec::new(),
    )
    .await;
    let file = world.home().join("mini.gguf");
    fs::write(&file, b"GGUF\x03\0\0\0 and so on").unwrap();
    drop(
        world
            .run(&["models", "pull", file.to_str().unwrap()])
            .await
            .ok(),
    );
    assert_eq!(
        world.run(&["models", "rm", "mini"]).await.ok(),
        "removed mini; it is the local model: the next message that needs it fetches 18 bytes again\n"
    );
}

#[tokio::test]
async fn a_file_that_may_not_grow_is_a_failure_and_no_death() {
    let world = World::two().await;
    let file = world.home().join("mini.gguf");
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.resize(100_000, 0);
    fs::write(&file, bytes).unwrap();
    let called = world.command(&["models", "pull", file.to_str().unwrap()]);
    let called = called.as_std();
    let mut limited = tokio::process::Command::new("prlimit");
    limited
        .args(["--fsize=4096:4096", "--"])
        .arg(called.get_program())
        .args(called.get_args())
        .env_clear()
        .envs(
            called
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(called.get_current_dir().unwrap());
    let ran = finish(spawn(limited), b"").await;
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.err.contains("File too large"), "{ran:#?}");
}

#[tokio::test]
async fn sources_that_make_no_sense_are_refused_with_the_forms_that_do() {
    let world = World::two().await;
    for (source, code) in [
        ("nonsense", 4),
        ("pypi:nothing", 2),
        ("http://127.0.0.1:1/model.gguf", 1),
        ("/nowhere/model.gguf", 1),
        ("../../etc/passwd", 1),
    ] {
        let ran = world.run(&["models", "pull", source, "--json"]).await;
        assert_eq!(ran.code, code, "{source}: {ran:#?}");
        assert!(ran.json()["error"]["message"].is_string(), "{source}");
    }
    let text = world.home().join("text.gguf");
    fs::write(&text, "no model").unwrap();
    let said = world
        .run(&["models", "pull", text.to_str().unwrap()])
        .await
        .failed(1);
    assert!(said.contains("no GGUF model"), "{said}");
    assert!(said.contains("hint: only model files"), "{said}");
    let said = world
        .run(&["models", "pull", text.to_str().unwrap(), "--sha256", "00"])
        .await
        .failed(2);
    assert!(said.contains("hint: `sha256sum FILE`"), "{said}");
}

#[tokio::test]
async fn a_probe_says_who_answered_or_why_nobody_did() {
    let world = World::with(json!({}), |request| {
        if request["model"] == "echo" {
            pieces(&["hi"])
        } else {
            vec![Step::Refuse(401, json!({"error": {"message": "bad key"}}))]
        }
    })
    .await;
    drop(world.run(&["models", "probe"]).await.failed(3));
    world.start().await;
    let said = world.run(&["models", "probe"]).await.ok();
    assert!(said.starts_with("scripted/echo answered in "), "{said}");
    let ran = world
        .run(&["models", "probe", "nobody/nothing", "--json"])
        .await;
    assert_eq!(ran.code, 4, "{ran:#?}");
    assert_eq!(ran.json()["status"], "no_model");
    let said = world.run(&["models", "probe", "scripted/other"]).await;
    assert_ne!(said.code, 0, "{said:#?}");
}
