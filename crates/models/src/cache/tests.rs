use openclaw_types::env::SimEnv;

use super::*;

fn env() -> Arc<SimEnv> {
    Arc::new(SimEnv::new(Timestamp(1_000_000), 1))
}

fn memory(env: &Arc<SimEnv>) -> Cache {
    let options = Options {
        place: Place::Memory { bytes_max: 1 << 20 },
        ttl: Some(Duration::from_secs(60)),
        namespace: "test".to_owned(),
        only_when_asked: false,
        fronts: Vec::new(),
    };
    let env: Arc<dyn Env> = Arc::<SimEnv>::clone(env);
    Cache::new(&options, env).unwrap()
}

const ASKED: &[u8] =
    br#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0}"#;

#[test]
fn only_what_can_change_the_answer_changes_the_key() {
    let cache = memory(&env());
    let plain = Controls::default();
    let key = |body: &str| cache.key(&plain, "chat", "m", body.as_bytes()).unwrap();
    let first = key(r#"{"model":"m","messages":["hi"],"temperature":0}"#);
    for same in [
        r#"{"temperature":0,"model":"m","messages":["hi"]}"#,
        r#"{"model":"alias","messages":["hi"],"temperature":0,"cache":{"ttl":5},"user":"u"}"#,
    ] {
        assert_eq!(key(same), first, "{same}");
    }
    for other in [
        r#"{"model":"m","messages":["hi"],"temperature":1}"#,
        r#"{"model":"m","messages":["hi"],"temperature":0,"stream":true}"#,
        r#"{"model":"m","messages":["ho"],"temperature":0}"#,
        r#"{"model":"m","messages":["hi"]}"#,
    ] {
        assert_ne!(key(other), first, "{other}");
    }
    let elsewhere = Controls::read(r#"{"namespace":"other"}"#).unwrap();
    assert_ne!(
        cache.key(&elsewhere, "chat", "m", ASKED),
        cache.key(&plain, "chat", "m", ASKED)
    );
    assert_ne!(
        cache.key(&plain, "messages", "m", ASKED),
        cache.key(&plain, "chat", "m", ASKED)
    );
    assert_ne!(
        cache.key(&plain, "chat", "n", ASKED),
        cache.key(&plain, "chat", "m", ASKED)
    );
    assert_eq!(cache.key(&plain, "chat", "m", b"[1]"), None);
    assert_eq!(first.to_string().len(), 64);
}

#[test]
fn the_cache_object_is_read_as_litellm_writes_it() {
    assert_eq!(Controls::read("null").unwrap(), Controls::default());
    let all = Controls::read(
        r#"{"ttl":300,"s-maxage":1.5,"no-cache":true,"no-store":true,"namespace":"n","use-cache":true,"later":1}"#,
    );
    assert_eq!(
        all.unwrap(),
        Controls {
            no_cache: true,
            no_store: true,
            ttl: Some(Duration::from_secs(300)),
            age_max: Some(Duration::from_millis(1_500)),
            namespace: Some("n".to_owned()),
            is_asked_for: true,
        }
    );
    let odd = Controls::read(r#"{"ttl":-1,"s-maxage":1e300}"#).unwrap();
    assert_eq!(
        (odd.ttl, odd.age_max),
        (Some(Duration::ZERO), Some(Duration::ZERO))
    );
    assert!(Controls::read("7").is_err() && Controls::read(r#"{"ttl":"x"}"#).is_err());
}

#[tokio::test]
async fn an_answer_is_given_again_as_long_as_it_is_good_and_the_request_allows() {
    let env = env();
    let cache = memory(&env);
    let plain = Controls::default();
    let key = cache.key(&plain, "chat", "m", ASKED).unwrap();
    assert_eq!(cache.get(&key, &plain).await, None);
    let unkept = Controls::read(r#"{"no-store":true}"#).unwrap();
    cache
        .put(&key, &unkept, false, Bytes::from_static(b"a"))
        .await;
    assert_eq!(cache.get(&key, &plain).await, None);
    cache
        .put(&key, &plain, false, Bytes::from_static(b"a"))
        .await;
    let kept = cache.get(&key, &plain).await.unwrap();
    assert_eq!(
        (kept.body.as_ref(), kept.is_events),
        (b"a".as_slice(), false)
    );
    let fresh = Controls::read(r#"{"no-cache":true}"#).unwrap();
    assert_eq!(cache.get(&key, &fresh).await, None);
    let young = Controls::read(r#"{"s-maxage":10}"#).unwrap();
    env.advance_ms(10_000);
    assert!(cache.get(&key, &young).await.is_some());
    env.advance_ms(1);
    assert_eq!(cache.get(&key, &young).await, None);
    env.advance_ms(49_998);
    assert!(cache.get(&key, &plain).await.is_some());
    env.advance_ms(1);
    assert_eq!(cache.get(&key, &plain).await, None);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_kept_and_all_together_stay_within_the_bound() {
    let env = env();
    let cache = memory(&env);
    let plain = Controls::default();
    let key = |name: &str| cache.key(&plain, "chat", name, ASKED).unwrap();
    let long = Bytes::from(vec![b'x'; CACHED_ANSWER_BYTES_MAX + 1]);
    cache.put(&key("long"), &plain, true, long).await;
    assert_eq!(cache.get(&key("long"), &plain).await, None);
    let store = MemoryStore::new(100_000);
    for place in 0..1_000 {
        let entry = Entry {
            stored: Timestamp(0),
            expires: Timestamp(1),
            is_events: false,
            body: Bytes::from(vec![b'x'; 1_000]),
        };
        store
            .put(&key(&place.to_string()), entry, Duration::from_secs(1))
            .await;
    }
    let mut kept = 0;
    for place in 0..1_000 {
        kept += usize::from(store.get(&key(&place.to_string())).await.is_some());
    }
    assert!(
        kept <= 100,
        "{kept} answers of 1,000 bytes are kept in 100,000"
    );
}

#[test]
fn nothing_is_cached_unasked_where_that_is_configured() {
    let options = Options {
        place: Place::Memory { bytes_max: 1_000 },
        ttl: None,
        namespace: String::new(),
        only_when_asked: true,
        fronts: Vec::new(),
    };
    let cache = Cache::new(&options, env()).unwrap();
    assert_eq!(cache.key(&Controls::default(), "chat", "m", ASKED), None);
    let asked = Controls::read(r#"{"use-cache":true}"#).unwrap();
    assert!(cache.key(&asked, "chat", "m", ASKED).is_some());
}

#[test]
fn a_bad_address_is_told_without_its_password() {
    let options = |url: &str| Options {
        place: Place::Redis {
            url: Secret::new(url),
        },
        ttl: None,
        namespace: String::new(),
        only_when_asked: false,
        fronts: Vec::new(),
    };
    let error = Cache::new(&options("http://:pass-word@host"), env()).unwrap_err();
    assert!(
        !format!("{error} {error:?}").contains("pass-word"),
        "{error:?}"
    );
    let cache = Cache::new(&options("redis://:pass-word@127.0.0.1:9/0"), env()).unwrap();
    assert!(!format!("{cache:?}").contains("pass-word"), "{cache:?}");
}

#[tokio::test]
async fn a_redis_that_is_down_answers_nothing_at_once_and_says_so() {
    let options = Options {
        place: Place::Redis {
            // Nothing listens on the discard port.
            url: Secret::new("redis://127.0.0.1:9/0"),
        },
        ttl: None,
        namespace: String::new(),
        only_when_asked: false,
        fronts: Vec::new(),
    };
    let cache = Cache::new(&options, env()).unwrap();
    let plain = Controls::default();
    let key = cache.key(&plain, "chat", "m", ASKED).unwrap();
    assert_eq!(cache.state().detail, "not asked so far");
    for _ in 0..100 {
        assert_eq!(cache.get(&key, &plain).await, None);
        cache
            .put(&key, &plain, false, Bytes::from_static(b"a"))
            .await;
    }
    assert!(!cache.state().is_usable);
}
