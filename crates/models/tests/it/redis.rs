//! Cached answers in a real Redis that a test starts, stops and starts again.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use openclaw_models::{
    Secret,
    cache::{Cache, Controls, Options, Place},
};
use openclaw_types::{Env, SystemEnv};
use tokio::{net::TcpStream, time::Instant};

const ASKED: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
/// A Redis that does not listen by then is broken.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// One that is killed with the test.
struct Redis {
    child: Child,
    port: u16,
    home: tempfile::TempDir,
}

impl Redis {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("the test's own Redis")
            .local_addr()
            .expect("the test's own Redis")
            .port();
        let home = tempfile::tempdir().expect("the test's own Redis");
        let mut redis = Self {
            child: Self::spawn(port, &home),
            port,
            home,
        };
        redis.ready().await;
        redis
    }

    fn spawn(port: u16, home: &tempfile::TempDir) -> Child {
        Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args([
                "--requirepass",
                "pass-word",
                "--appendonly",
                "no",
                "--save",
                "",
            ])
            .arg("--dir")
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server, of Debian's package of that name, is needed")
    }

    async fn ready(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(started.elapsed() < START_DEADLINE, "Redis does not listen");
            assert_eq!(
                self.child.try_wait().expect("the test's own Redis"),
                None,
                "Redis has ended"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn stop(&mut self) {
        self.child.kill().expect("the test's own Redis");
        self.child.wait().expect("the test's own Redis");
    }

    async fn start_again(&mut self) {
        self.child = Self::spawn(self.port, &self.home);
        self.ready().await;
    }

    fn cache(&self, password: &str) -> Cache {
        let options = Options {
            place: Place::Redis {
                url: Secret::new(&format!("redis://:{password}@127.0.0.1:{}/3", self.port)),
            },
            ttl: None,
            namespace: "test".to_owned(),
            only_when_asked: false,
            fronts: Vec::new(),
        };
        let env: Arc<dyn Env> = Arc::new(SystemEnv);
        Cache::new(&options, env).expect("the test's own Redis")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn an_answer_is_given_again_by_another_gateway_and_forgotten_in_time() {
    let redis = Redis::start().await;
    let (one, two) = (redis.cache("pass-word"), redis.cache("pass-word"));
    let plain = Controls::default();
    let key = one.key(&plain, "chat", "m", ASKED).unwrap();
    assert_eq!(one.get(&key, &plain).await, None);
    let body = Bytes::from_static(b"data: {\"a\":\"\xc3\xa4\n\"}\n\n\0");
    one.put(&key, &plain, true, body.clone()).await;
    let found = two.get(&key, &plain).await.unwrap();
    assert_eq!((found.body, found.is_events), (body.clone(), true));
    assert_eq!(two.state().detail, "it answers");
    let brief = Controls::read(r#"{"ttl":0.05}"#).unwrap();
    let other = one.key(&plain, "chat", "n", ASKED).unwrap();
    one.put(&other, &brief, false, body).await;
    let put = Instant::now();
    while one.get(&other, &plain).await.is_some() {
        assert!(
            put.elapsed() < Duration::from_secs(10),
            "it is kept for ever"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_redis_that_goes_away_costs_nothing_and_is_used_again_when_it_is_back() {
    let mut redis = Redis::start().await;
    let cache = redis.cache("pass-word");
    let plain = Controls::default();
    let key = cache.key(&plain, "chat", "m", ASKED).unwrap();
    cache
        .put(&key, &plain, false, Bytes::from_static(b"a"))
        .await;
    assert!(cache.get(&key, &plain).await.is_some());
    redis.stop();
    let mut asked = 0;
    while cache.state().is_usable {
        assert_eq!(cache.get(&key, &plain).await, None);
        asked += 1;
        assert!(asked < 10, "a Redis that is gone is still asked");
    }
    redis.start_again().await;
    let back = Instant::now();
    while !cache.state().is_usable {
        cache
            .put(&key, &plain, false, Bytes::from_static(b"b"))
            .await;
        assert!(
            back.elapsed() < Duration::from_secs(30),
            "it is never asked again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cache.get(&key, &plain).await.unwrap().body.as_ref(), b"b");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_fails_nothing() {
    let redis = Redis::start().await;
    let cache = redis.cache("wrong");
    let plain = Controls::default();
    let key = cache.key(&plain, "chat", "m", ASKED).unwrap();
    assert_eq!(cache.get(&key, &plain).await, None);
    let state = cache.state();
    assert!(
        !state.is_usable && !state.detail.contains("wrong"),
        "{state:?}"
    );
}
