//! Brings the parts up in order, waits for the signal to stop, and takes them down again.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::Instant,
};

use crate::{
    cli::Serve,
    engine::{self, Engine, Size},
    http::{self, App},
    model::{self, Model},
    report::{Code, Line, say},
    socket::{self, Socket},
};

/// Least time between two progress lines.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How long connections may take to say goodbye.
const GOODBYE: Duration = Duration::from_millis(700);
/// How long the engine may take to end the evaluation it is in.
const LAST_ROUND: Duration = Duration::from_millis(700);
/// Most threads by default; beyond it small models gain nothing.
const MAX_THREADS: usize = 8;

/// Why the daemon could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model.
    #[error("the model can't be loaded")]
    Model(#[from] model::Error),
    /// The engine.
    #[error("the model can't be run")]
    Engine(#[from] engine::Error),
    /// The socket.
    #[error("the socket can't be opened")]
    Socket(#[from] socket::Error),
    /// Its directory is missing.
    #[error("the directory of the socket {path} does not exist")]
    NoDirectory {
        /// The socket.
        path: PathBuf,
    },
    /// Threads, signals.
    #[error("the system refused what the daemon needs to run")]
    System(#[source] std::io::Error),
    /// The loading thread failed.
    #[error("loading ended unexpectedly")]
    Loading(#[source] tokio::task::JoinError),
}

impl Error {
    /// What the parent is told.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Model(model::Error::NotFound { .. }) => Code::ModelNotFound,
            Self::Model(_) | Self::Loading(_) => Code::ModelInvalid,
            Self::Engine(_) | Self::System(_) => Code::OutOfMemory,
            Self::Socket(_) | Self::NoDirectory { .. } => Code::Socket,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self.code() {
            Code::ModelNotFound => "check the path given with --model, or fetch the model again",
            Code::ModelInvalid => {
                "fetch the model again and compare its checksum, or choose another chat model"
            }
            Code::OutOfMemory => "lower --context or --slots, or choose a smaller model",
            Code::Socket => {
                "choose a free path for --socket in a directory that exists, or stop the other daemon"
            }
            Code::CpuUnsupported => "use a remote provider",
        }
    }
}

/// Loads the model and serves it until the daemon is told to stop.
///
/// # Errors
///
/// When the model, the memory or the socket is not to be had.
pub fn run(options: &Serve) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::System)?;
    let result = runtime.block_on(serve(options));
    // A tokenization that still runs must not hold up the exit.
    runtime.shutdown_background();
    result
}

async fn serve(options: &Serve) -> Result<(), Error> {
    let mut signals = JoinSet::new();
    let stop = stop_signal(&mut signals, options.exit_with_stdin)?;
    let directory = options
        .socket
        .parent()
        .filter(|d| !d.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    if !directory.is_dir() {
        return Err(Error::NoDirectory {
            path: options.socket.clone(),
        });
    }
    let begun = Instant::now();
    let Some((model, engine, thread)) = load(options, stop.clone()).await? else {
        return Ok(());
    };
    let served = listen(options, model, engine, (begun, stop)).await;
    // The engine's inbox is closed by now, so its thread ends after the evaluation it is in.
    if !ended(&thread).await {
        tracing::warn!("the engine is left in the middle of an evaluation");
    } else if thread.join().is_err() {
        tracing::error!("the engine's thread panicked");
    }
    served
}

/// Whether the thread ends in time.
async fn ended(thread: &JoinHandle<()>) -> bool {
    let deadline = Instant::now() + LAST_ROUND;
    while !thread.is_finished() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    thread.is_finished()
}

type Loaded = (Arc<Model>, Engine, JoinHandle<()>);

/// Reads the model and starts the engine; nothing comes back when the daemon was told to stop meanwhile.
async fn load(options: &Serve, mut stop: watch::Receiver<bool>) -> Result<Option<Loaded>, Error> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let (path, name) = (options.model.clone(), name(options));
    let size = Size {
        context: options.context,
        slots: options.slots.into(),
        threads: threads(options),
    };
    let seen = Arc::clone(&cancelled);
    let mut loading = JoinSet::new();
    loading.spawn_blocking(move || {
        let mut said = None;
        let model = Model::load(&path, name, move |progress| {
            report_progress(progress, &mut said, &seen)
        })?;
        let model = Arc::new(model);
        let context = size.context.min(model.weights.n_ctx_train()).max(1);
        let (engine, thread) = Engine::start(Arc::clone(&model), Size { context, ..size })?;
        Ok::<_, Error>((model, engine, thread))
    });
    let told = async { stop.wait_for(|stop| *stop).await.is_ok() };
    tokio::pin!(told);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            Some(loaded) = loading.join_next() => {
                return match loaded.map_err(Error::Loading)? {
                    Err(_) if stopping => Ok(None),
                    other => other.map(Some),
                };
            }
            _ = &mut told, if !stopping => {
                stopping = true;
                cancelled.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn report_progress(progress: f32, said: &mut Option<Instant>, cancelled: &AtomicBool) -> bool {
    let due = said.is_none_or(|at| at.elapsed() >= PROGRESS_EVERY);
    if due {
        *said = Some(Instant::now());
        say(&Line::Loading { progress });
    }
    !cancelled.load(Ordering::Relaxed)
}

/// Serves until told to stop, then lets connections end.
async fn listen(
    options: &Serve,
    model: Arc<Model>,
    engine: Engine,
    (begun, mut stop): (Instant, watch::Receiver<bool>),
) -> Result<(), Error> {
    let socket = Socket::bind(&options.socket).await?;
    let app = Arc::new(App::new(model, engine));
    say(&Line::Ready {
        socket: options.socket.display().to_string(),
        model: app.model().name.clone(),
        context_window: app.engine().size().context,
        load_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    let connections = http::accept(&socket.listener, &app, &mut stop).await;
    drop(socket);
    app.engine().stop();
    connections.close(GOODBYE).await;
    Ok(())
}

fn name(options: &Serve) -> String {
    let stem = || {
        options
            .model
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
    };
    options
        .name
        .clone()
        .or_else(stem)
        .unwrap_or_else(|| "local".to_owned())
}

/// One processor is left to everybody else by default.
///
/// The compute threads wait for each other by spinning, several hundred times per token. When one of
/// them has to share its processor the others spin in vain, which costs a factor of ten.
fn threads(options: &Serve) -> i32 {
    let spare = || {
        std::thread::available_parallelism().map_or(1, |all| (all.get() - 1).clamp(1, MAX_THREADS))
    };
    i32::try_from(options.threads.map_or_else(spare, usize::from)).unwrap_or(1)
}

/// Becomes true on SIGTERM, SIGINT or, if asked for, when standard input ends.
fn stop_signal(tasks: &mut JoinSet<()>, with_stdin: bool) -> Result<watch::Receiver<bool>, Error> {
    let (sender, receiver) = watch::channel(false);
    let sender = Arc::new(sender);
    if with_stdin {
        let sender = Arc::clone(&sender);
        // A thread of its own, because a blocked read can't be cancelled and must not hold up the exit.
        let wait = move || {
            drop(std::io::copy(
                &mut std::io::stdin().lock(),
                &mut std::io::sink(),
            ));
            sender.send_replace(true);
        };
        std::thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(wait)
            .map_err(Error::System)?;
    }
    let mut term = signal(SignalKind::terminate()).map_err(Error::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::System)?;
    tasks.spawn(async move {
        tokio::select! {
            biased;
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        sender.send_replace(true);
    });
    Ok(receiver)
}
