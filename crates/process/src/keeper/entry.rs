//! One child as its thread sees it: from the helper's start, over the report and the kill, to the reaping.

use std::{
    collections::BTreeSet,
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        SocketFlags, SocketType,
    },
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions},
};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::{Request, SETUP_MS, Slot, Started};
use crate::{
    cgroup::Group,
    encode::{self, Report},
    error::{Error, Stage},
    helper::CHILD_ARGUMENT,
    plan::Exit,
    tree::{self, Member},
};

pub(super) struct Entry {
    pub(super) slot: Arc<Slot>,
    pid: Pid,
    pidfd: OwnedFd,
    exit: watch::Sender<Option<Exit>>,
    setup: Option<Setup>,
    kill: Kill,
    known: BTreeSet<Member>,
    group: Option<Group>,
}

/// A child whose program does not run yet.
struct Setup {
    /// Closed by the helper's exec or end; gone here once its end was read.
    control: Option<OwnedFd>,
    report: Vec<u8>,
    deadline: Instant,
    program: PathBuf,
    cwd: PathBuf,
    reply: oneshot::Sender<Result<Started, Error>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kill {
    NotAsked,
    Asked,
    Sent,
}

impl Entry {
    /// Starts the helper and hands it its order; a failure goes to whoever asked.
    pub(super) fn start(request: Request, group: Option<Group>) -> Option<Self> {
        if request.slot.kill_at().is_some() {
            return None;
        }
        match launch(&request, group) {
            Ok(Launched {
                pid,
                pidfd,
                control,
                group,
            }) => Some(Self {
                slot: request.slot,
                pid,
                pidfd,
                exit: watch::Sender::new(None),
                setup: Some(Setup {
                    control: Some(control),
                    report: Vec::new(),
                    deadline: Instant::now() + Duration::from_millis(SETUP_MS),
                    program: request.program,
                    cwd: request.cwd,
                    reply: request.reply,
                }),
                kill: Kill::NotAsked,
                known: BTreeSet::new(),
                group,
            }),
            Err(error) => {
                // Whoever asked may have stopped waiting.
                request.reply.send(Err(error)).ok();
                None
            }
        }
    }

    pub(super) fn control(&self) -> Option<&OwnedFd> {
        self.setup.as_ref()?.control.as_ref()
    }

    pub(super) const fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }

    pub(super) fn is_finished(&self) -> bool {
        self.exit.borrow().is_some()
    }

    /// When [`Entry::enforce`] has something to do next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let kill_at = match self.kill {
            Kill::NotAsked | Kill::Asked => self.slot.kill_at(),
            Kill::Sent => None,
        };
        let setup = self.setup.as_ref().map(|setup| setup.deadline);
        match (kill_at, setup) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Sends what is due: the request to end, then the end.
    pub(super) fn enforce(&mut self, now: Instant) {
        if self
            .setup
            .as_ref()
            .is_some_and(|setup| setup.deadline <= now)
        {
            self.reply(Err(Error::HelperSilent {
                deadline_ms: SETUP_MS,
            }));
            self.slot.pull(now);
        }
        let Some(kill_at) = self.slot.kill_at() else {
            return;
        };
        if kill_at <= now && self.kill != Kill::Sent {
            self.kill = Kill::Sent;
            tree::signal(self.pid, Signal::KILL, &mut self.known);
            self.kill_group();
            // A helper that has no group of its own yet is reached only this way.
            rustix::process::pidfd_send_signal(&self.pidfd, Signal::KILL).ok();
        } else if kill_at > now && self.kill == Kill::NotAsked {
            self.kill = Kill::Asked;
            tree::signal(self.pid, Signal::TERM, &mut self.known);
        }
    }

    /// Reads what the helper says; the end of it tells whether the program runs.
    pub(super) fn read_report(&mut self) {
        self.read(false);
    }

    /// `has_ended` says that the child has: what it wrote is there, and whoever else still holds the socket's other
    /// end for a moment, such as a process that is just being started, will write nothing.
    fn read(&mut self, has_ended: bool) {
        let Some(setup) = &mut self.setup else {
            return;
        };
        let Some(control) = &setup.control else {
            return;
        };
        let mut bytes = [0; 16];
        match rustix::net::recv(control, &mut bytes, RecvFlags::DONTWAIT) {
            Ok((0, _)) => {}
            Ok((count, _)) => return setup.report.extend_from_slice(&bytes[..count]),
            Err(Errno::AGAIN) if has_ended => {}
            Err(Errno::AGAIN | Errno::INTR) => return,
            Err(error) => tracing::debug!(%error, "a helper's report broke off"),
        }
        setup.control = None;
        let answer = match encode::decode_report(&setup.report) {
            Report::Started => Ok(Started {
                pid: self.pid.as_raw_nonzero().get().unsigned_abs(),
                exit: self.exit.subscribe(),
            }),
            Report::Refused(stage, source) => Err(match stage {
                Stage::Exec => Error::Exec {
                    program: setup.program.clone(),
                    source,
                },
                Stage::Directory => Error::Directory {
                    path: setup.cwd.clone(),
                    source,
                },
                stage => Error::Setup { stage, source },
            }),
            // How it ended says more; that is known in a moment.
            Report::Nothing => return,
        };
        self.reply(answer);
    }

    /// The child has ended: kills what it left, reaps it, and tells everyone.
    pub(super) fn finish(&mut self) {
        while self.control().is_some() {
            self.read(true);
        }
        tree::kill(self.pid, &mut self.known);
        self.kill_group();
        // Empty now, or about to be: dropping it takes it away.
        self.group = None;
        let options = WaitIdOptions::EXITED;
        let status = match rustix::process::waitid(WaitId::PidFd(self.pidfd.as_fd()), options) {
            Ok(status) => status,
            Err(Errno::INTR) => return,
            Err(error) => {
                tracing::error!(%error, "a child was reaped by someone else");
                None
            }
        };
        let exit = match status.map(|status| (status.exit_status(), status.terminating_signal())) {
            Some((Some(code), _)) => Exit::Code(code),
            Some((None, Some(signal))) => Exit::Signal(signal),
            Some((None, None)) | None => Exit::Signal(Signal::KILL.as_raw()),
        };
        self.reply(Err(Error::HelperEnded { exit }));
        self.exit.send_replace(Some(exit));
    }

    fn kill_group(&self) {
        if let Some(group) = &self.group {
            group.kill();
        }
    }

    /// Answers whoever asked for the start, once; later answers are dropped.
    fn reply(&mut self, answer: Result<Started, Error>) {
        if let Some(setup) = self.setup.take() {
            // Whoever asked may have stopped waiting; its leash kills the child then.
            setup.reply.send(answer).ok();
        }
    }
}

struct Launched {
    pid: Pid,
    pidfd: OwnedFd,
    control: OwnedFd,
    group: Option<Group>,
}

fn launch(request: &Request, group: Option<Group>) -> Result<Launched, Error> {
    let resource = |what| {
        move |error: Errno| Error::Resource {
            what,
            source: error.into(),
        }
    };
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(resource("a control socket"))?;
    let mut child = Command::new(&*request.helper)
        .arg(CHILD_ARGUMENT)
        .env_clear()
        .stdin(theirs)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| Error::Helper {
            helper: request.helper.to_path_buf(),
            source,
        })?;
    let pid = Pid::from_child(&child);
    // The helper waits for its order, so it can't have started anything before it is in the group.
    let group = group.filter(|group| group.adopt(pid));
    // A child of ours keeps its number until we reap it, so this names the one just started.
    let watched = rustix::process::pidfd_open(pid, PidfdFlags::empty())
        .map_err(resource("a process descriptor"))
        .and_then(|pidfd| {
            hand_over(&ours, request).map_err(resource("room for the plan"))?;
            Ok(pidfd)
        });
    match watched {
        Ok(pidfd) => Ok(Launched {
            pid,
            pidfd,
            control: ours,
            group,
        }),
        Err(error) => {
            give_up(&mut child);
            Err(error)
        }
    }
}

/// Sends the order and the three descriptors without waiting for the helper: the socket's buffer holds them.
fn hand_over(control: &OwnedFd, request: &Request) -> Result<(), Errno> {
    let [stdin, stdout, stderr] = &request.stdio;
    let descriptors = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let order = [IoSlice::new(&request.order)];
    match rustix::net::sendmsg(control, &order, &mut ancillary, flags) {
        Ok(sent) if sent == request.order.len() => Ok(()),
        Ok(_) => Err(Errno::NOBUFS),
        // The helper has ended already; how, is known in a moment and says more.
        Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Ends a helper that can't be watched, so that it doesn't stay behind.
fn give_up(child: &mut std::process::Child) {
    let ended: io::Result<_> = child.kill().and_then(|()| child.wait());
    if let Err(error) = ended {
        tracing::error!(%error, "a helper that can't be watched could not be ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::zombie_processes,
        reason = "the entry reaps it, which is the point"
    )]
    fn a_dead_child_is_reaped_while_another_process_holds_its_socket() {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .unwrap();
        let child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (reply, answer) = oneshot::channel();
        let exit = watch::Sender::new(None);
        let exited = exit.subscribe();
        let mut entry = Entry {
            slot: Arc::default(),
            pid,
            pidfd: rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap(),
            exit,
            setup: Some(Setup {
                control: Some(ours),
                report: Vec::new(),
                deadline: Instant::now(),
                program: PathBuf::from("true"),
                cwd: PathBuf::from("/"),
                reply,
            }),
            kill: Kill::NotAsked,
            known: BTreeSet::new(),
            group: None,
        };
        let (done, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            entry.finish();
            done.send(entry.is_finished())
        });
        // `theirs` stays open all the time.
        assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Ok(true));
        assert_eq!(*exited.borrow(), Some(Exit::Code(0)));
        let answer = answer.blocking_recv().unwrap();
        assert!(matches!(answer, Err(Error::HelperEnded { .. })));
        drop(theirs);
    }
}
