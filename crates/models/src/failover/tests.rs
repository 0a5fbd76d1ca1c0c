use openclaw_types::{StopReason, Timestamp, env::SimEnv};

use super::*;
use crate::{
    error::Kind,
    router::Target,
    scripted::{Script, ScriptedProvider},
};

struct Bench {
    providers: Vec<ScriptedProvider>,
    health: Arc<Mutex<Health>>,
}

impl Bench {
    fn new(scripts: &[Script]) -> Self {
        let provider = |script: &Script| {
            let script = script.clone();
            ScriptedProvider::new(move |_| script.clone())
        };
        Self {
            providers: scripts.iter().map(provider).collect(),
            health: Arc::default(),
        }
    }

    /// What comes of one call, and how often each candidate was asked.
    async fn call(&self) -> (Vec<Chunk>, Option<Error>, Vec<usize>) {
        let candidate = |(place, provider): (usize, &ScriptedProvider)| Candidate {
            spot: Spot {
                target: Target {
                    provider: "p".to_owned(),
                    model: format!("m{place}"),
                },
                key: Arc::from(""),
            },
            provider: Arc::new(provider.clone()),
        };
        let candidates = self.providers.iter().enumerate().map(candidate).collect();
        let env = Arc::new(SimEnv::new(Timestamp(0), 1));
        let failover = Failover::new(candidates, Arc::clone(&self.health), env);
        let mut chunks = Vec::new();
        let mut error = None;
        let mut stream = failover.stream(Request::default());
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => chunks.push(chunk),
                Err(failure) => error = Some(failure),
            }
        }
        let asked = self.providers.iter().map(|p| p.requests().len()).collect();
        (chunks, error, asked)
    }
}

fn start(model: &str) -> Chunk {
    Chunk::Start {
        provider: "scripted".to_owned(),
        model: model.to_owned(),
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
