//! Starts children and hands out their handles; dropping a handle kills the child's whole tree.

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::unix::pipe,
    sync::{oneshot, watch},
};

use crate::{
    encode,
    error::Error,
    keeper::{self, Keeper},
    plan::{Exit, Plan, Stdio},
};

/// The signal a child dies of when the thread that keeps it is gone.
const SIGKILL: i32 = 9;

/// The running binary, whatever has become of its path.
const RUNNING: &str = "/proc/self/exe";

/// Starts children by re-executing one binary, ours. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Launcher {
    helper: Arc<PathBuf>,
    // The thread starts with the first child, so that a gateway without children has none.
    keeper: Arc<Mutex<Option<Keeper>>>,
}

impl Launcher {
    /// `helper` is a binary that calls [`crate::child_main`] when its first argument is [`crate::CHILD_ARGUMENT`].
    ///
    /// If it is the running binary, it stays the running one: an update of the file on disk can't make a different
    /// version set up the children of this one.
    #[must_use]
    pub fn new(helper: PathBuf) -> Self {
        let is_running = std::env::current_exe().is_ok_and(|running| running == helper);
        let helper = if is_running {
            PathBuf::from(RUNNING)
        } else {
            helper
        };
        Self {
            helper: Arc::new(helper),
            keeper: Arc::default(),
        }
    }

    /// Starts a child and waits until its program runs. Dropping the future kills what was started.
    ///
    /// # Errors
    /// Says which step was refused; the program is not running then.
    pub async fn spawn(&self, plan: &Plan) -> Result<Child, Error> {
        let order = encode::encode(plan, std::process::id())?;
        let (stdin, their_stdin) = input(&plan.stdin)?;
        let (stdout, their_stdout) = output(&plan.stdout)?;
        let (stderr, their_stderr) = output(&plan.stderr)?;
        let keeper = self.keeper()?;
        let (slot, leash) = keeper.leash();
        let (reply, answer) = oneshot::channel();
        keeper.submit(keeper::Request {
            helper: Arc::clone(&self.helper),
            order,
            stdio: [their_stdin, their_stdout, their_stderr],
            program: plan.program.clone(),
            cwd: plan.cwd.clone(),
            slot,
            reply,
        })?;
        let started = answer.await.map_err(|_closed| Error::KeeperGone)??;
        let made = |source| Error::Resource {
            what: "a pipe",
            source,
        };
        Ok(Child {
            stdin: stdin
                .map(pipe::Sender::from_owned_fd)
                .transpose()
                .map_err(made)?,
            stdout: stdout
                .map(pipe::Receiver::from_owned_fd)
                .transpose()
                .map_err(made)?,
            stderr: stderr
                .map(pipe::Receiver::from_owned_fd)
                .transpose()
                .map_err(made)?,
            pid: started.pid,
            exit: started.exit,
            leash,
        })
    }

    fn keeper(&self) -> Result<Keeper, Error> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = &*keeper {
            return Ok(keeper.clone());
        }
        let started = Keeper::start()?;
        *keeper = Some(started.clone());
        Ok(started)
    }
}

/// A running child. Dropping it kills its whole tree at once.
#[derive(Debug)]
pub struct Child {
    /// Our end of its descriptor 0, if the plan made it a pipe.
    pub stdin: Option<pipe::Sender>,
    /// Our end of its descriptor 1, if the plan made it a pipe.
    pub stdout: Option<pipe::Receiver>,
    /// Our end of its descriptor 2, if the plan made it a pipe.
    pub stderr: Option<pipe::Receiver>,
    pid: u32,
    exit: watch::Receiver<Option<Exit>>,
    leash: keeper::Leash,
}

impl Child {
    /// Its process id, which is also that of its process group and session.
    #[must_use]
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits until it has ended and is reaped. What it left running has been killed by then.
    pub async fn wait(&mut self) -> Exit {
        match self.exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit::Signal(SIGKILL)),
            // The kernel kills every child together with the thread that started it.
            Err(_closed) => Exit::Signal(SIGKILL),
        }
    }

    /// Asks the whole tree to end, kills what is left after `grace`, and waits until the child is reaped.
    pub async fn kill_tree(&mut self, grace: Duration) -> Exit {
        self.leash.pull(grace);
        self.wait().await
    }
}

type Ends = (Option<OwnedFd>, OwnedFd);

fn input(stdio: &Stdio) -> Result<Ends, Error> {
    match stdio {
        Stdio::Null => Ok((None, null(OpenOptions::new().read(true))?)),
        Stdio::File(file) => Ok((None, duplicate(file)?)),
        Stdio::Pipe => pipe().map(|(read, write)| (Some(write), read)),
    }
}

fn output(stdio: &Stdio) -> Result<Ends, Error> {
    match stdio {
        Stdio::Null => Ok((None, null(OpenOptions::new().write(true))?)),
        Stdio::File(file) => Ok((None, duplicate(file)?)),
        Stdio::Pipe => pipe().map(|(read, write)| (Some(read), write)),
    }
}

fn null(options: &OpenOptions) -> Result<OwnedFd, Error> {
    options
        .open("/dev/null")
        .map(OwnedFd::from)
        .map_err(|source| Error::Resource {
            what: "`/dev/null`",
            source,
        })
}

fn duplicate(file: &File) -> Result<OwnedFd, Error> {
    file.try_clone()
        .map(OwnedFd::from)
        .map_err(|source| Error::Resource {
            what: "a copy of a descriptor",
            source,
        })
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|source| Error::Resource {
        what: "a pipe",
        source: io::Error::from(source),
    })
}
