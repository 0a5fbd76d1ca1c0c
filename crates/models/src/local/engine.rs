//! One life of the model's process: file, start, work, idleness, end.

use std::{path::PathBuf, sync::Arc, time::Duration};

use openclaw_process::{Supervisor, supervisor};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Model, Shared, launch,
    line::{Line, listen},
};
use crate::{
    catalog::{self, Progress, Step},
    status::LocalState,
};

/// Lines that wait to be read; the process writes at most ten a second.
const LINES_QUEUED_MAX: usize = 64;
/// How often it is asked whether another process has fetched the file.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// How a life ended.
enum End {
    /// Somebody wanted it to, or nobody needed it.
    Stopped,
    /// It can't be had.
    Failed {
        message: String,
        hint: Option<String>,
    },
}

/// Fetches the file if need be, and keeps the process running until it is not needed or can't be had.
pub(super) async fn run(shared: Arc<Shared>) {
    let end = match file(&shared).await {
        Ok(path) => serve(&shared, path).await,
        Err(end) => end,
    };
    let mut usage = shared.usage();
    usage.is_running = false;
    match end {
        End::Stopped => {
            shared.state.send_replace(LocalState::Idle);
        }
        End::Failed { message, hint } => {
            tracing::warn!(%message, "the local model can't be had");
            usage.failed_at = Some(Instant::now());
            shared
                .state
                .send_replace(LocalState::Failed { message, hint });
        }
    }
}

/// The model's file, fetched if it is not here.
async fn file(shared: &Shared) -> Result<PathBuf, End> {
    let entry = match &shared.model {
        Model::File { path, .. } => return Ok(path.clone()),
        Model::Entry(entry) => *entry,
    };
    if let Some(path) = shared.catalog.installed(entry) {
        return Ok(path);
    }
    loop {
        let mut on_progress = |progress: Progress| {
            shared.state.send_replace(match progress.step {
                Step::Fetch => LocalState::Fetching {
                    bytes: progress.bytes,
                    total: progress.total,
                },
                Step::Store => LocalState::Starting { progress: 0.0 },
            });
        };
        let pulled = tokio::select! {
            biased;
            // A gateway that stops drops the download; what has come stays for the next time where it can.
            () = shared.stop.cancelled() => return Err(End::Stopped),
            pulled = shared.catalog.pull(entry.name, None, &mut on_progress) => pulled,
        };
        match pulled {
            Ok(pulled) => return Ok(pulled.path),
            Err(catalog::Error::Busy { .. }) => {
                shared.state.send_replace(LocalState::Fetching {
                    bytes: 0,
                    total: None,
                });
                tokio::select! {
                    biased;
                    () = shared.stop.cancelled() => return Err(End::Stopped),
                    () = tokio::time::sleep(BUSY_PAUSE) => {}
                }
            }
            Err(error) => {
                return Err(End::Failed {
                    message: format!("fetch the model: {}", error.full_text()),
                    hint: error.hint(),
                });
            }
        }
    }
}

async fn serve(shared: &Arc<Shared>, model: PathBuf) -> End {
    let Some(program) = &shared.options.modeld else {
        return End::Stopped;
    };
    let plan = launch::plan(&shared.options, program, shared.model.name(), &model);
    let (sender, mut lines) = mpsc::channel(LINES_QUEUED_MAX);
    let tasks = shared.tasks.clone();
    let launcher = shared.options.launcher.clone();
    let (supervisor, handle) = Supervisor::new(launch::restarts(), launcher, plan);
    let supervisor = supervisor.on_start(Box::new(move |child| listen(child, &sender, &tasks)));
    let stop = shared.stop.child_token();
    let mut states = handle.state();
    let mut life = std::pin::pin!(supervisor.run(stop.clone()));
    let mut last_words: Option<Line> = None;
    let last = loop {
        tokio::select! {
            biased;
            // Its last words come before its end.
            Some(line) = lines.recv() => {
                if line.is_hopeless() {
                    stop.cancel();
                }
                take(shared, &line);
                // What it said before it recovered is over.
                last_words = matches!(line, Line::Error { .. }).then_some(line);
            }
            last = &mut life => break last,
            Ok(()) = states.changed() => {
                if matches!(&*states.borrow_and_update(), supervisor::State::Backoff { .. }) {
                    shared.state.send_replace(LocalState::Starting { progress: 0.0 });
                }
            }
            () = idle(shared) => {
                if shared.retire() {
                    stop.cancel();
                }
            }
        }
    };
    while let Ok(line) = lines.try_recv() {
        if matches!(line, Line::Error { .. }) {
            last_words = Some(line);
        }
    }
    match (last_words, last) {
        (Some(Line::Error { message, hint, .. }), _) => End::Failed {
            message,
            hint: Some(hint).filter(|hint| !hint.is_empty()),
        },
        (_, supervisor::State::Failed { reason }) => End::Failed {
            message: format!("`openclaw-modeld` does not stay up: {reason}"),
            hint: Some("`openclaw gateway logs` shows what it said".to_owned()),
        },
        _ => End::Stopped,
    }
}

fn take(shared: &Shared, line: &Line) {
    let state = match *line {
        Line::Loading { progress } => LocalState::Starting { progress },
        Line::Ready {
            context_window,
            load_ms,
        } => {
            shared.usage().idle_since = Some(Instant::now());
            tracing::info!(load_ms, context_window, "the local model is ready");
            LocalState::Ready {
                context_window,
                load_ms,
            }
        }
        Line::Error { .. } => return,
    };
    shared.state.send_replace(state);
}

/// Waits until nobody has used it for as long as it may be idle.
async fn idle(shared: &Shared) {
    let Some(idle_ms) = shared.options.idle_ms else {
        return std::future::pending().await;
    };
    let idle = Duration::from_millis(idle_ms);
    loop {
        let until = {
            let usage = shared.usage();
            match usage.idle_since {
                Some(since) if usage.calls == 0 => since + idle,
                _ => Instant::now() + idle,
            }
        };
        if until <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}

impl Shared {
    /// Takes the engine out of use; false when a call got hold of it meanwhile.
    fn retire(&self) -> bool {
        let usage = self.usage();
        if usage.calls > 0 {
            return false;
        }
        // From here on nobody can take it: they wait for the next one.
        self.state
            .send_replace(LocalState::Starting { progress: 0.0 });
        true
    }
}
