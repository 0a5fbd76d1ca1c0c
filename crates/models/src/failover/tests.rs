use std::sync::Mutex;

use openclaw_types::{StopReason, Timestamp, env::SimEnv};
use tokio::time::Instant;

use super::*;
use crate::{
    error::Kind,
    options::{Deadlines, ModelOptions},
    profile::Tier,
    routes::Entry,
    routing::{self, Ask, Builder, Deployment, Health, Listing, Rules, Server, Settings},
    scripted::{Script, ScriptedProvider},
};

struct Bench {
    providers: Vec<ScriptedProvider>,
    health: Arc<Mutex<Health>>,
    num_retries: u32,
}

const DEADLINES: Deadlines = Deadlines {
    connect_ms: 10_000,
    first_byte_ms: 10_000,
    idle_ms: 10_000,
    total_ms: 60_000,
};

impl Bench {
    fn new(scripts: &[Script]) -> Self {
        let provider = |script: &Script| {
            let script = script.clone();
            ScriptedProvider::new(move |_| script.clone())
        };
        Self {
            providers: scripts.iter().map(provider).collect(),
            health: Arc::default(),
            num_retries: 0,
        }
    }

    /// Providers `p0`, `p1` and so on, each with the one model of the same number.
    fn routes(&self) -> Routes {
        let settings = Settings {
            num_retries: self.num_retries,
            ..Settings::default()
        };
        let mut routes = Routes::default().with_builder(Builder::new(settings));
        for (place, provider) in self.providers.iter().enumerate() {
            let server = Server::inner(&format!("p{place}"));
            let template = Deployment::of(Arc::new(server), DEADLINES, Rules::default());
            let entry = Entry {
                replay: None,
                provider: Arc::new(provider.clone()),
                tier: Tier::Full,
            };
            let model = ModelOptions::named(&format!("m{place}"));
            routes.add(Listing::of(template), &[model], entry);
        }
        routes
    }

    /// What comes of one call, and how often each candidate was asked.
    async fn call(&self) -> (Vec<Chunk>, Option<Error>, Vec<usize>) {
        let routes = self.routes();
        let env = Arc::new(SimEnv::new(Timestamp(0), 1));
        let count = self.providers.len();
        let fallbacks: Vec<String> = (1..count)
            .map(|place| format!("p{place}/m{place}"))
            .collect();
        let ask = Ask {
            reference: "p0/m0",
            fallbacks: &fallbacks,
            is_stated: true,
            ..Ask::default()
        };
        let health = Health::default();
        let plan = routing::plan(&routes.table, &ask, &health, Timestamp(0), 1).unwrap();
        let health = Arc::clone(&self.health);
        let failover = Failover {
            turn: Turn::new(plan, Arc::from("p0/m0"), health, env, None),
            routes: Arc::new(routes),
            bill: Bill::unkept(),
            tape: crate::recording::Tape::default(),
        };
        let mut chunks = Vec::new();
        let mut error = None;
        let mut stream = failover.stream(Request::default());
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => chunks.push(chunk),
                Err(failure) => error = Some(failure),
            }
        }
        drop(stream);
        let asked = self.providers.iter().map(|p| p.requests().len()).collect();
        let health = self.health.lock().unwrap();
        for place in 0..count {
            let (provider, model) = (format!("p{place}"), format!("m{place}"));
            let server = Server::inner(&provider);
            assert_eq!(health.in_flight(&server.spot(&Arc::from(model))), 0);
        }
        (chunks, error, asked)
    }
}

fn start(model: &str) -> Chunk {
    Chunk::Start {
        provider: "scripted".to_owned(),
        model: model.to_owned(),
        head: None,
    }
}

#[tokio::test]
async fn the_first_that_answers_is_the_only_one_heard() {
    let bench = Bench::new(&[
        Script::failure(Kind::Auth),
        Script::failure(Kind::Overloaded),
        Script::new().text("x").say(Chunk::Stop(StopReason::Stop)),
        Script::answer("never"),
    ]);
    let (chunks, error, asked) = bench.call().await;
    assert!(error.is_none());
    assert_eq!(
        chunks,
        [
            start("m2"),
            Chunk::Text("x".to_owned()),
            Chunk::Stop(StopReason::Stop)
        ]
    );
    assert_eq!(asked, [1, 1, 1, 0]);
    let health = bench.health.lock().unwrap();
    assert_eq!(health.resting(Timestamp(0)).count(), 2);
}

#[tokio::test]
async fn after_content_a_failure_is_the_end() {
    for first in [
        Chunk::Text("x".to_owned()),
        Chunk::Reasoning("x".to_owned()),
    ] {
        let bench = Bench::new(&[
            Script::new()
                .say(first.clone())
                .then(crate::scripted::Step::Fail(Kind::Transport)),
            Script::answer("never"),
        ]);
        let (chunks, error, asked) = bench.call().await;
        assert_eq!(chunks, [start("m0"), first]);
        assert_eq!(error.map(|error| error.kind()), Some(Kind::Transport));
        assert_eq!(asked, [1, 0]);
        // The next call knows.
        assert_eq!(
            bench.health.lock().unwrap().resting(Timestamp(0)).count(),
            1
        );
    }
}

#[tokio::test]
async fn a_request_that_is_at_fault_goes_to_nobody_else() {
    for kind in [Kind::BadRequest, Kind::Refused, Kind::Cancelled] {
        let bench = Bench::new(&[Script::failure(kind), Script::answer("never")]);
        let (_, error, asked) = bench.call().await;
        assert_eq!(error.map(|error| error.kind()), Some(kind));
        assert_eq!(asked, [1, 0]);
    }
}

#[tokio::test]
async fn seventeen_of_seventeen_are_tried() {
    let bench = Bench::new(&vec![Script::failure(Kind::Overloaded); 17]);
    let (chunks, error, asked) = bench.call().await;
    assert!(chunks.is_empty());
    assert!(matches!(error, Some(Error::Exhausted { attempts }) if attempts.len() == 17));
    assert_eq!(asked, [1; 17]);
}

#[tokio::test(start_paused = true)]
async fn the_only_one_is_asked_again_after_a_pause_where_that_is_allowed() {
    let bench = Bench {
        num_retries: 2,
        ..Bench::new(&[Script::failure(Kind::Overloaded)])
    };
    let began = Instant::now();
    let (_, error, asked) = bench.call().await;
    assert!(matches!(error, Some(Error::Exhausted { attempts }) if attempts.len() == 3));
    assert_eq!(asked, [3]);
    assert!(
        began.elapsed().as_millis() >= 250 + 500,
        "{:?}",
        began.elapsed()
    );
}
