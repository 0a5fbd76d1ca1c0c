//! Virtual keys, through the door.

use super::*;

#[test]
fn a_key_is_shown_once_and_known_by_its_digest() {
    let world = World::new(Allowances::default());
    let new = NewKey {
        alias: Some("mine".to_owned()),
        ..NewKey::default()
    };
    let (record, secret) = world
        .accounts
        .generate(&Caller::Master, new.clone())
        .unwrap();
    let text = secret.expose().to_owned();
    assert!(text.starts_with("sk-") && text.len() == 51, "{text}");
    assert_eq!(
        world.accounts.identify(Some(&text)),
        Ok(Caller::Key(record.id.clone()))
    );
    assert_eq!(record.name, format!("sk-...{}", &text[47..]));
    for name in [
        text.as_str(),
        "mine",
        &record.digest.to_string(),
        record.id.as_str(),
    ] {
        assert_eq!(
            world.accounts.info(&Which::Named(name)).unwrap().record,
            record
        );
    }
    let file = std::fs::read_to_string(world.dir.path().join("keys.json")).unwrap();
    assert!(!file.contains(&text) && file.contains(&record.digest.to_string()));
    let taken = world.accounts.generate(&Caller::Master, new).unwrap_err();
    assert!(matches!(taken, Error::AliasTaken { .. }), "{taken}");
    let world = world.restart();
    assert_eq!(
        world.accounts.identify(Some(&text)),
        Ok(Caller::Key(record.id))
    );
}

#[test]
fn who_asks_is_told_by_the_key() {
    let world = World::new(Allowances::default());
    for (presented, caller) in [
        (Some("sk-master"), Ok(Caller::Master)),
        (Some(" sk-master "), Ok(Caller::Master)),
        (Some("sk-maste"), Err(Denied::WrongKey)),
        (Some("sk-other"), Err(Denied::WrongKey)),
        (Some(""), Err(Denied::MissingKey)),
        (None, Err(Denied::MissingKey)),
    ] {
        assert_eq!(world.accounts.identify(presented), caller, "{presented:?}");
    }
    let long = "x".repeat(1 << 20);
    assert_eq!(world.accounts.identify(Some(&long)), Err(Denied::WrongKey));
    let dir = tempfile::tempdir().unwrap();
    let open = Accounts::open(Options::new(dir.path()), world.env).unwrap();
    assert_eq!(open.identify(None), Ok(Caller::Open));
    assert_eq!(open.identify(Some("anything")), Ok(Caller::Open));
    let (record, secret) = open.generate(&Caller::Open, NewKey::default()).unwrap();
    assert_eq!(
        open.identify(Some(secret.expose())),
        Ok(Caller::Key(record.id))
    );
}

#[test]
fn keys_expire_and_are_blocked_also_for_those_who_are_in_already() {
    let world = World::new(Allowances::default());
    let at = Timestamp(START.as_millis() + 1_000);
    let blue = TeamId::new("blue");
    let new = NewKey {
        expires: Some(at),
        team: Some(blue.clone()),
        ..NewKey::default()
    };
    let (record, secret) = world.accounts.generate(&Caller::Master, new).unwrap();
    let caller = Caller::Key(record.id.clone());
    let which = Which::Id(&record.id);
    let both = |expected: Option<Denied>| {
        assert_eq!(
            world.accounts.identify(Some(secret.expose())).err(),
            expected
        );
        assert_eq!(world.accounts.admit(&ask(&caller, 1, 1)).err(), expected);
    };
    both(None);
    world.accounts.block(&Caller::Master, &which, true).unwrap();
    both(Some(Denied::Blocked));
    world
        .accounts
        .block(&Caller::Master, &which, false)
        .unwrap();
    both(None);
    let team = TeamRecord {
        id: blue,
        alias: None,
        allowance: Allowance::default(),
        is_blocked: true,
        metadata: serde_json::Map::new(),
        created: START,
        extra: serde_json::Map::new(),
    };
    world
        .accounts
        .put_team(&Caller::Master, team.clone())
        .unwrap();
    both(Some(Denied::Blocked));
    assert_eq!(world.accounts.teams(), std::slice::from_ref(&team));
    assert_eq!(
        world
            .accounts
            .delete_team(&Caller::Master, &team.id)
            .unwrap(),
        team
    );
    both(None);
    world.env.advance_ms(1_000);
    both(Some(Denied::Expired { at }));
    world.accounts.delete(&Caller::Master, &which).unwrap();
    both(Some(Denied::WrongKey));
}

#[test]
fn only_the_owner_changes_keys() {
    let world = World::new(Allowances::default());
    let key = world.key(Allowance::default());
    let Caller::Key(id) = &key else { panic!() };
    let which = Which::Id(id);
    for by in [&key, &Caller::Agent(agent("coder"))] {
        for refused in [
            world.accounts.generate(by, NewKey::default()).err(),
            world.accounts.update(by, &which, |_| {}).err(),
            world.accounts.delete(by, &which).err(),
            world.accounts.regenerate(by, &which).err(),
            world.accounts.block(by, &which, true).err(),
        ] {
            assert!(matches!(refused, Some(Error::NotAllowed)), "{refused:?}");
        }
    }
}

#[test]
fn a_change_keeps_what_may_not_change_and_what_was_spent() {
    let world = World::new(Allowances::default());
    let key = world.key(max(100));
    let Caller::Key(id) = &key else { panic!() };
    let before = world.accounts.info(&Which::Id(id)).unwrap().record;
    world.settle(world.accounts.admit(&ask(&key, 60, 0)).unwrap(), 60);
    world.env.advance_ms(5);
    let change = |record: &mut crate::KeyRecord| {
        record.id = KeyId::new("other");
        record.digest = Digest::of("sk-other");
        record.created = Timestamp(0);
        record.allowance.max_budget = Some(Money(70));
        record.user = Some("bea".to_owned());
    };
    let after = world
        .accounts
        .update(&Caller::Master, &Which::Id(id), change)
        .unwrap();
    let expected = crate::KeyRecord {
        allowance: max(70),
        user: Some("bea".to_owned()),
        updated: Timestamp(START.as_millis() + 5),
        ..before
    };
    assert_eq!(after, expected);
    let denied = exceeded(world.accounts.admit(&ask(&key, 11, 0)).unwrap_err());
    assert_eq!((denied.spent, denied.max), (Money(60), Money(70)));
    let (again, secret) = world
        .accounts
        .regenerate(&Caller::Master, &Which::Id(id))
        .unwrap();
    assert_eq!(again.id, after.id);
    assert_eq!(
        world.accounts.identify(Some(secret.expose())),
        Ok(key.clone())
    );
    assert!(
        world
            .accounts
            .info(&Which::Named(&after.digest.to_string()))
            .is_err()
    );
    let state = world.accounts.info(&Which::Id(id)).unwrap();
    assert_eq!(
        (state.spend, state.reserved, state.budget_resets_at),
        (Money(60), Money::ZERO, None)
    );
    let world = world.restart();
    assert_eq!(world.accounts.info(&Which::Id(id)).unwrap(), state);
}

#[test]
fn keys_have_the_defaults_and_are_listed_by_whose_they_are() {
    let world = World::new(Allowances {
        key_defaults: Allowance {
            rpm: Some(9),
            ..max(5)
        },
        ..Allowances::default()
    });
    let make = |user: &str, allowance| {
        let new = NewKey {
            user: Some(user.to_owned()),
            allowance,
            ..NewKey::default()
        };
        world.env.advance_ms(1);
        world.accounts.generate(&Caller::Master, new).unwrap().0
    };
    let one = make("bea", Allowance::default());
    let two = make("al", max(7));
    assert_eq!(
        (one.allowance.max_budget, one.allowance.rpm),
        (Some(Money(5)), Some(9))
    );
    assert_eq!(
        (two.allowance.max_budget, two.allowance.rpm),
        (Some(Money(7)), Some(9))
    );
    let listed = |user: Option<&str>| -> Vec<KeyId> {
        let filter = KeyFilter {
            user: user.map(str::to_owned),
            ..KeyFilter::default()
        };
        let states = world.accounts.list(&filter);
        states.into_iter().map(|state| state.record.id).collect()
    };
    assert_eq!(listed(Some("bea")), std::slice::from_ref(&one.id));
    assert_eq!(listed(Some("nobody")), []);
    assert_eq!(listed(None), [one.id, two.id]);
}

#[test]
fn a_key_of_ones_own_choice_must_be_hard_to_guess_and_new() {
    let world = World::new(Allowances::default());
    let make = |text: &str| {
        let new = NewKey {
            key: Some(Secret::new(text)),
            ..NewKey::default()
        };
        world.accounts.generate(&Caller::Master, new).err()
    };
    for text in [
        "",
        "sk-",
        "sk-short",
        "no-0123456789abcdefghij",
        "sk-0123456789 abcdefghij",
    ] {
        assert!(matches!(make(text), Some(Error::WeakKey { .. })), "{text}");
    }
    assert!(make("sk-0123456789abcdefghij").is_none());
    assert!(matches!(
        make("sk-0123456789abcdefghij"),
        Some(Error::KeyTaken)
    ));
}

#[test]
fn a_damaged_file_stops_virtual_keys_and_nothing_else() {
    let world = World::new(Allowances::default());
    let (_, secret) = world
        .accounts
        .generate(&Caller::Master, NewKey::default())
        .unwrap();
    let path = world.dir.path().join("keys.json");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() / 2]).unwrap();
    let world = world.restart();
    assert_eq!(
        world.accounts.identify(Some("sk-master")),
        Ok(Caller::Master)
    );
    assert_eq!(world.accounts.identify(None), Err(Denied::MissingKey));
    let denied = world.accounts.identify(Some(secret.expose())).unwrap_err();
    assert!(matches!(denied, Denied::KeysUnreadable { .. }), "{denied}");
    assert!(denied.to_string().contains("keys.json"), "{denied}");
    assert!(world.accounts.admit(&ask(&Caller::Master, 1, 1)).is_ok());
    let refused = world
        .accounts
        .generate(&Caller::Master, NewKey::default())
        .unwrap_err();
    assert!(matches!(refused, Error::KeysDamaged { .. }), "{refused}");
    assert!(
        world
            .accounts
            .status()
            .keys
            .unwrap_err()
            .contains("not JSON")
    );
    // What is in it is still there to be mended.
    assert_eq!(std::fs::read(&path).unwrap(), &good[..good.len() / 2]);
}

#[test]
fn two_processes_never_share_a_directory() {
    let world = World::new(Allowances::default());
    let error = Accounts::open(world.options.clone(), world.env).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
}

#[test]
fn models_are_allowed_by_the_key_and_by_the_team() {
    let only = |model: &str| Allowance {
        models: vec![model.to_owned()],
        ..Allowance::default()
    };
    let blue = TeamId::new("blue");
    let world = World::new(Allowances {
        teams: BTreeMap::from([(blue.clone(), only("fast"))]),
        ..Allowances::default()
    });
    let make = |team: Option<TeamId>, allowance| {
        let new = NewKey {
            team,
            allowance,
            ..NewKey::default()
        };
        Caller::Key(world.accounts.generate(&Caller::Master, new).unwrap().0.id)
    };
    let forbidden = |caller: &Caller, model| match world
        .accounts
        .admit(&Ask {
            model,
            ..ask(caller, 1, 1)
        })
        .err()?
    {
        Denied::ModelNotAllowed { scope, .. } => Some(scope.word()),
        other => panic!("{other}"),
    };
    let slow_only = make(None, only("slow"));
    assert_eq!(forbidden(&slow_only, "slow"), None);
    assert_eq!(forbidden(&slow_only, "fast"), Some("api_key"));
    let of_team = make(Some(blue), Allowance::default());
    assert_eq!(forbidden(&of_team, "fast"), None);
    assert_eq!(forbidden(&of_team, "slow"), Some("team"));
}
