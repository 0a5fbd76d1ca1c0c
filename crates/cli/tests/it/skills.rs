//! `openclaw skills …`.

use std::fs;

use crate::world::World;

fn put(world: &World, name: &str, description: &str) {
    let dir = world.home().join(name);
    fs::create_dir_all(&dir).unwrap();
    let text = format!("---\nname: {name}\ndescription: {description}\n---\n\nSay hello.\n");
    fs::write(dir.join("SKILL.md"), text).unwrap();
}

#[tokio::test]
async fn a_skill_is_installed_shown_disabled_and_removed() {
    let world = World::two().await;
    put(&world, "greet", "Greets.");
    let installed = world.run(&["skills", "install", "greet", "--json"]).await;
    let installed = installed.json();
    assert_eq!(
        (&installed["name"], &installed["updated"]),
        (&"greet".into(), &false.into())
    );
    let shown = world.run(&["skills", "show", "greet"]).await.ok();
    assert!(shown.contains("Greets.\n\nSay hello."), "{shown}");
    world.run(&["skills", "disable", "greet"]).await.ok();
    let of_greet = |rows: serde_json::Value| {
        let rows = rows.as_array().unwrap().clone();
        assert!(rows.len() > 50);
        rows.into_iter()
            .find(|row| row["name"] == "greet")
            .map(|row| row["state"].clone())
    };
    let state = of_greet(world.run(&["skills", "list", "--json"]).await.json());
    assert_eq!(state, Some("disabled".into()));
    let state = of_greet(
        world
            .run(&["skills", "list", "--json", "--agent", "alpha"])
            .await
            .json(),
    );
    assert_eq!(state, None);
    world.run(&["skills", "enable", "greet"]).await.ok();
    let state = of_greet(
        world
            .run(&["skills", "list", "--json", "--agent", "alpha"])
            .await
            .json(),
    );
    assert_eq!(state, Some("ready".into()));
    world.run(&["skills", "uninstall", "greet"]).await.ok();
    let said = world.run(&["skills", "show", "greet"]).await.failed(4);
    assert!(said.contains("there is no skill `greet`"), "{said}");
}

#[tokio::test]
async fn an_update_is_shown_and_made_with_yes_only() {
    let world = World::two().await;
    put(&world, "greet", "Greets.");
    world.run(&["skills", "install", "greet"]).await.ok();
    put(&world, "greet", "Greets warmly.");
    let said = world.run(&["skills", "install", "greet"]).await.failed(1);
    assert!(
        said.contains("- description: Greets.\n+ description: Greets warmly."),
        "{said}"
    );
    let shown = world.run(&["skills", "show", "greet"]).await.ok();
    assert!(shown.contains("Greets.\n"), "{shown}");
    world
        .run(&["skills", "install", "greet", "--yes"])
        .await
        .ok();
    let shown = world.run(&["skills", "show", "greet"]).await.ok();
    assert!(shown.contains("Greets warmly."), "{shown}");
    let said = world
        .run(&["skills", "install", "greet", "--digest", "00"])
        .await
        .failed(1);
    assert!(said.contains("nothing was installed"), "{said}");
}

#[tokio::test]
async fn everything_wrong_with_a_skill_is_told() {
    let world = World::two().await;
    put(&world, "greet", "Greets.");
    world.run(&["skills", "validate", "greet"]).await.ok();
    fs::write(
        world.home().join("greet/SKILL.md"),
        "---\nname: Greet\ncolour: red\n---\n",
    )
    .unwrap();
    let ran = world.run(&["skills", "validate", "greet"]).await;
    assert_eq!((ran.code, ran.out.lines().count()), (1, 4), "{ran:#?}");
    let ran = world.run(&["skills", "validate", "greet", "--json"]).await;
    assert_eq!(
        (ran.code, ran.json()["problems"].as_array().unwrap().len()),
        (1, 4)
    );
    let said = world.run(&["skills", "install", "greet"]).await.failed(1);
    assert!(said.contains("the skill is not in order"), "{said}");
}
