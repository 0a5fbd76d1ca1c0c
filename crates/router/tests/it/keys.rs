//! Virtual keys from their making to their end.

use futures_util::poll;
use serde_json::json;

use crate::world::{World, chat};

#[tokio::test]
async fn a_key_is_made_used_changed_stopped_replaced_and_given_up() {
    let world = World::start().await;
    let key = world
        .key(&json!({"key_alias": "ours", "models": ["chat"], "duration": "1h"}))
        .await;
    let asks = async |key: &str| {
        let body = chat("chat").to_string();
        world
            .ask("POST", "/v1/chat/completions", key, &body)
            .await
            .status
    };
    assert_eq!(asks(&key).await, 200);
    let own = world.ask("GET", "/key/info", &key, "").await.json();
    assert_eq!(own["info"]["key_alias"], "ours");
    assert_eq!(own["info"]["spend"], json!(0.011));
    assert!(!own.to_string().contains(&key), "{own}");

    let changed = world
        .post(
            "/key/update",
            &json!({"key": key, "rpm_limit": 50, "models": ["claude"]}),
        )
        .await;
    assert_eq!(changed.json()["models"], json!(["claude"]));
    assert_eq!(asks(&key).await, 403);
    let back = world
        .post("/key/update", &json!({"key": "ours", "models": null}))
        .await;
    assert_eq!(
        (
            back.json()["models"].clone(),
            back.json()["rpm_limit"].clone()
        ),
        (json!([]), json!(50))
    );

    assert_eq!(
        world.post("/key/block", &json!({"key": key})).await.json()["blocked"],
        true
    );
    assert_eq!(asks(&key).await, 401);
    assert_eq!(
        world
            .post("/key/unblock", &json!({"key": key}))
            .await
            .json()["blocked"],
        false
    );
    assert_eq!(asks(&key).await, 200);

    let anew = world
        .post("/key/regenerate", &json!({"key": key}))
        .await
        .json();
    let anew = anew["key"].as_str().unwrap();
    assert_eq!((asks(&key).await, asks(anew).await), (401, 200));

    let missing = world
        .post("/key/delete", &json!({"keys": [anew, "sk-nobody"]}))
        .await;
    assert_eq!(missing.status, 404, "{missing:?}");
    assert_eq!(asks(anew).await, 200, "all or none");
    assert_eq!(
        world
            .post("/key/delete", &json!({"keys": [anew]}))
            .await
            .status,
        200
    );
    assert_eq!(asks(anew).await, 401);
    let listed = world.get("/key/list").await.json();
    assert_eq!(listed["total_count"], 0, "{listed}");
}

#[tokio::test]
async fn a_key_learns_nothing_of_another() {
    let world = World::start().await;
    let (one, other) = (world.key(&json!({})).await, world.key(&json!({})).await);
    let own = world
        .ask("GET", &format!("/key/info?key={one}"), &one, "")
        .await;
    assert_eq!(own.status, 200, "{own:?}");
    let there = world
        .ask("GET", &format!("/key/info?key={other}"), &one, "")
        .await;
    let nowhere = world.ask("GET", "/key/info?key=sk-nobody", &one, "").await;
    assert_eq!((there.status, &there.text), (401, &nowhere.text));
    let spent = world
        .ask("GET", &format!("/spend/logs?api_key={other}"), &one, "")
        .await;
    assert_eq!((spent.status, spent.text.as_str()), (200, "[]"));
}

#[tokio::test]
async fn a_key_that_cant_be_made_is_refused_with_the_field() {
    let world = World::start().await;
    let _key = world.key(&json!({"key_alias": "taken"})).await;
    for (body, param) in [
        (json!({"max_budgte": 1}), ""),
        (json!({"max_budget": "much"}), ""),
        (json!({"max_budget": -1}), ""),
        (json!({"rpm_limit": 1.5}), ""),
        (json!({"duration": "soon"}), ""),
        (json!({"budget_duration": "1x"}), ""),
        (json!({"models": "chat"}), ""),
        (json!({"metadata": []}), ""),
        (json!({"key": "sk-short"}), "key"),
        (json!({"key_alias": "taken"}), "key_alias"),
    ] {
        let answer = world.post("/key/generate", &body).await;
        let error = &answer.json()["error"];
        let field = match param {
            "" => body.as_object().unwrap().keys().next().unwrap(),
            param => param,
        };
        assert_eq!(
            (answer.status, &error["param"]),
            (400, &json!(field)),
            "{answer:?}"
        );
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
    }
    assert_eq!(world.get("/key/list").await.json()["total_count"], 1);
}

#[tokio::test]
async fn keys_are_listed_page_by_page() {
    let world = World::start().await;
    for place in 0..5 {
        let _key = world
            .key(&json!({"key_alias": format!("k{place}"), "user_id": format!("u{}", place % 2)}))
            .await;
    }
    for (query, shown, count, pages) in [
        ("", 5, 5, 1),
        ("?size=2", 2, 5, 3),
        ("?size=2&page=3", 1, 5, 3),
        ("?size=2&page=18446744073709551615", 0, 5, 3),
        ("?size=0", 1, 5, 5),
        ("?user_id=u1", 2, 2, 1),
    ] {
        let told = world.get(&format!("/key/list{query}")).await.json();
        let keys = told["keys"].as_array().map(Vec::len);
        assert_eq!(
            (keys, &told["total_count"], &told["total_pages"]),
            (Some(shown), &json!(count), &json!(pages)),
            "{query}: {told}"
        );
    }
    let full = world
        .get("/key/list?return_full_object=true&size=1")
        .await
        .json();
    // Keys of the same millisecond stand in any order.
    let alias = full["keys"][0]["key_alias"].as_str();
    assert!(alias.is_some_and(|alias| alias.starts_with('k')), "{full}");
}

#[test]
fn what_is_written_waits_for_the_disk_where_no_answer_waits_with_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::start().await;
        let _key = world.key(&json!({"key_alias": "one"})).await;
        // The only thread for what waits for the disk is held up.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let disk = tokio::task::spawn_blocking(move || held.recv());
        let one = json!({"key": "one"});
        let bodies = [
            ("/key/generate", json!({})),
            ("/key/update", json!({"key": "one", "rpm_limit": 5})),
            ("/key/block", one.clone()),
            ("/key/unblock", one.clone()),
            ("/key/regenerate", one),
            ("/key/delete", json!({"key_aliases": ["one"]})),
        ];
        let mut changes: Vec<_> = bodies
            .iter()
            .map(|(path, body)| Box::pin(world.post(path, body)))
            .collect();
        for (change, (path, _)) in changes.iter_mut().zip(&bodies) {
            assert!(poll!(change).is_pending(), "{path}");
        }
        assert_eq!(world.get("/key/info?key=one").await.status, 200);
        release.send(()).unwrap();
        for (change, (path, _)) in changes.into_iter().zip(&bodies) {
            let answer = change.await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
        disk.await.unwrap().unwrap();
    });
}
