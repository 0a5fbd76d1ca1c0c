//! The model on this machine: a real child process over a real socket, with a small program in the model's place.

use std::{path::PathBuf, time::Duration};

use openclaw_models::{
    Chunk, Kind, LocalOptions, Models, Options, Tier, TokenCount, status::LocalState,
};
use openclaw_process::Launcher;
use openclaw_types::{Message, Role};
use tempfile::TempDir;

use crate::{DEADLINE, collect, hello, options, start, steward};

fn child() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_openclaw-models-child"))
}

/// A machine whose only model behaves like this.
struct Machine {
    models: Models,
    dir: TempDir,
}

impl Machine {
    fn new(behaviour: &str, idle_ms: Option<u64>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self::listening_in(dir.path().to_owned(), dir, behaviour, idle_ms)
    }

    fn listening_in(run_dir: PathBuf, dir: TempDir, behaviour: &str, idle_ms: Option<u64>) -> Self {
        let file = dir.path().join("Tiny.gguf");
        std::fs::write(&file, format!("GGUF{behaviour}")).expect("a file");
        let local = LocalOptions {
            modeld: Some(child()),
            model: Some(file.display().to_string()),
            run_dir,
            context_window: 2_048,
            memory_bytes_max: 4 << 30,
            idle_ms,
            launcher: Launcher::new(child()),
        };
        let models = start(Options {
            local: Some(local),
            ..options(Vec::new())
        });
        Self { models, dir }
    }

    async fn text(&self) -> Result<String, Kind> {
        let (chunks, error) = collect(self.models.stream(&steward(), hello())).await;
        match error {
            Some(error) => Err(error.kind()),
            None => Ok(chunks
                .into_iter()
                .filter_map(|chunk| match chunk {
                    Chunk::Text(text) => Some(text),
                    _ => None,
                })
                .collect()),
        }
    }

    fn starts(&self) -> usize {
        let files = std::fs::read_dir(self.dir.path()).expect("a directory");
        let names = files.map(|file| file.expect("a file").file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".start"))
            .count()
    }

    async fn until(&self, wanted: &str) {
        let reached = async {
            while self.models.status().local.as_str() != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(DEADLINE, reached).await;
        reached.expect("the state is reached");
    }
}

#[tokio::test]
async fn it_starts_at_the_first_need_and_stays() {
    let machine = Machine::new("late", None);
    let profile = machine.models.profile(&steward(), "").await.unwrap();
    assert_eq!(
        (profile.provider.as_str(), profile.model.as_str()),
        ("local", "tiny")
    );
    assert_eq!((profile.tier, profile.context_window), (Tier::Tiny, 2_048));
    let status = machine.models.status();
    assert_eq!((status.local, machine.starts()), (LocalState::Idle, 0));
    assert_eq!(status.source.unwrap().model, "local/tiny");
    for _ in 0..2 {
        let text = machine.text().await.unwrap();
        assert!(text.starts_with("start 1, "), "{text}");
    }
    let ready = LocalState::Ready {
        context_window: 2_048,
        load_ms: 1,
    };
    assert_eq!(machine.models.status().local, ready);
    machine.models.shutdown().await;
    assert_eq!(machine.text().await, Err(Kind::Cancelled));
}

#[tokio::test]
async fn its_directory_may_lie_deeper_than_a_sockets_path_may_be_long() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("d".repeat(100)).join("e".repeat(100));
    std::fs::create_dir_all(&deep).unwrap();
    let machine = Machine::listening_in(deep.clone(), dir, "", None);
    assert!(machine.text().await.unwrap().starts_with("start 1, "));
    assert!(deep.join("modeld.sock").exists());
    machine.models.shutdown().await;
}

#[tokio::test]
async fn its_own_tokenizer_counts() {
    let machine = Machine::new("", None);
    let messages = [Message::text(Role::User, "hello")];
    let counted = machine.models.count_tokens(&steward(), "", &messages).await;
    assert_eq!(
        counted,
        TokenCount {
            tokens: 42,
            exact: true
        }
    );
    machine.models.shutdown().await;
}

#[tokio::test]
async fn a_crash_costs_one_call_at_most() {
    let machine = Machine::new("crashes once", None);
    let first = machine.text().await;
    assert!(first.is_ok_and(|text| text.starts_with("start 1, ")));
    // It died after its answer; the next call finds out and waits for its successor.
    let second = machine.text().await;
    assert!(second.is_ok_and(|text| text.starts_with("start 2, ")));
    machine.models.shutdown().await;
}

#[tokio::test]
async fn a_model_that_is_none_is_not_tried_again_and_again() {
    let machine = Machine::new("invalid", None);
    assert_eq!(machine.text().await, Err(Kind::NoModel));
    assert_eq!(machine.text().await, Err(Kind::NoModel));
    assert_eq!(machine.starts(), 1);
    let failed = LocalState::Failed {
        message: "not a model".to_owned(),
        hint: Some("fetch it again".to_owned()),
    };
    assert_eq!(machine.models.status().local, failed);
    machine.models.shutdown().await;
}

#[tokio::test]
async fn a_program_that_does_not_stay_up_is_given_up() {
    let machine = Machine::new("dies", None);
    assert_eq!(machine.text().await, Err(Kind::NoModel));
    assert_eq!(machine.starts(), 4);
    machine.models.shutdown().await;
}

#[tokio::test]
async fn it_stops_when_nobody_needs_it_and_comes_back() {
    let machine = Machine::new("", Some(50));
    machine.models.prepare(&steward()).await;
    machine.until("ready").await;
    machine.until("idle").await;
    let text = machine.text().await.unwrap();
    assert!(text.starts_with("start 2, "), "{text}");
    machine.models.shutdown().await;
}

#[tokio::test]
async fn without_its_program_the_status_says_so() {
    let models = start(Options {
        local: None,
        ..options(Vec::new())
    });
    let (_, error) = collect(models.stream(&steward(), hello())).await;
    let error = error.expect("no model");
    assert_eq!(error.kind(), Kind::NoModel);
    assert_eq!(
        error.to_string(),
        "no model serves `agent/steward`: there is no provider (local model: it is switched off)"
    );
    assert!(error.hint().expect("a hint").contains("OPENAI_API_KEY"));
}
