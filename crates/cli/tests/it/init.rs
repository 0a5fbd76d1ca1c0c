//! `openclaw init`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::world::World;

const FILES: [&str; 8] = [
    "AGENTS.md",
    "IDENTITY.md",
    "MEMORY.md",
    "SOUL.md",
    "TOOLS.md",
    "USER.md",
    "config.json",
    "session.jsonl",
];

#[tokio::test]
async fn the_first_init_makes_twelve_workspaces_and_the_next_ones_change_nothing() {
    let world = World::twelve().await;
    let said = world.run(&["init"]).await.ok();
    insta::assert_snapshot!(world.redact(&said), @r"
    State directory: ~/.openclaw (left alone)
    Token: ~/.openclaw/token (made)
    Workspaces: 12 agents in ~/.openclaw/agents; 96 files made, 0 agents complete already
    Next: `openclaw chat`, or `openclaw gateway start`
    ");
    let agents = world.state().join("agents");
    let mut names: Vec<_> = fs::read_dir(&agents)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 12);
    for name in &names {
        let directory = agents.join(name);
        assert_eq!(mode(&directory), 0o700);
        for file in FILES {
            assert_eq!(mode(&directory.join(file)), 0o600, "{name}/{file}");
        }
    }
    assert_eq!(mode(&world.state().join("token")), 0o600);
    let token = fs::read_to_string(world.state().join("token")).unwrap();

    fs::write(agents.join("alpha/SOUL.md"), "# Mine\n").unwrap();
    fs::remove_file(agents.join("beta/USER.md")).unwrap();
    let again = world.run(&["init"]).await.ok();
    insta::assert_snapshot!(world.redact(&again), @r"
    State directory: ~/.openclaw (left alone)
    Token: ~/.openclaw/token (left alone)
    Workspaces: 12 agents in ~/.openclaw/agents; 1 file made, 11 agents complete already
      made beta/USER.md
    Next: `openclaw chat`, or `openclaw gateway start`
    ");
    assert_eq!(
        fs::read_to_string(agents.join("alpha/SOUL.md")).unwrap(),
        "# Mine\n"
    );
    assert_eq!(
        fs::read_to_string(world.state().join("token")).unwrap(),
        token
    );
    let third = world.run(&["init", "--json"]).await;
    assert_eq!(third.json()["created"], serde_json::json!([]));
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn what_belongs_to_upstream_is_left_alone() {
    let world = World::two().await;
    fs::create_dir_all(world.state().join("agents/main/sessions")).unwrap();
    fs::write(
        world.state().join("agents/main/sessions/sessions.json"),
        "{}",
    )
    .unwrap();
    let before = fs::read_dir(world.state()).unwrap().count();
    let said = world.run(&["init"]).await.failed(78);
    assert!(said.contains("belongs to upstream OpenClaw"), "{said}");
    assert_eq!(fs::read_dir(world.state()).unwrap().count(), before);
}
