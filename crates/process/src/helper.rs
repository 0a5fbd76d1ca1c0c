//! What our own binary does when it is re-executed as a child: give things up, step by step, then become the program.
//!
//! It runs before any thread is started and before the command line is parsed.
//! Its standard input is a socket over which the plan and the three descriptors arrive, and over which a refused step
//! is reported; the kernel closes it when the program is executed, which is how the parent learns of success.

use std::{
    ffi::OsString,
    io::{self, IoSliceMut, Write},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Command, ExitCode},
};

use rustix::{
    fs::Mode,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags},
    process::{Pid, Resource, Rlimit, Signal},
};

use crate::{
    encode::{self, Order, PLAN_BYTES_MAX, READY, os},
    error::Stage,
    fence,
    plan::Limits,
};

mod descriptors;

/// The first argument that makes our binary a helper.
pub const CHILD_ARGUMENT: &str = "__child";
/// The exit code of a helper that could not become the program; the reason went over the socket.
const EXIT_REFUSED: u8 = 70;
/// The exit code of a helper started by hand.
const EXIT_USAGE: u8 = 64;
/// How much sooner than the gateway the kernel picks a child when memory runs out.
const OOM_SCORE: &[u8] = b"500";

type Step<T> = Result<T, (Stage, io::Error)>;

/// Becomes the program of a plan; returns only when that is refused.
///
/// `args` are those after [`CHILD_ARGUMENT`]; there must be none.
pub fn child_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let stdin = rustix::stdio::stdin();
    let is_ours = rustix::net::sockopt::socket_domain(stdin)
        .is_ok_and(|domain| domain == rustix::net::AddressFamily::UNIX);
    if args.into_iter().next().is_some() || !is_ours {
        let text =
            b"this command is how the gateway starts its own children; it takes no arguments\n";
        // Nobody reads a complaint about a complaint that could not be written.
        io::stderr().write_all(text).ok();
        return ExitCode::from(EXIT_USAGE);
    }
    // The socket moves out of the way of the child's own descriptor 0 and closes by itself on exec.
    let Ok(control) = rustix::io::fcntl_dupfd_cloexec(stdin, 3) else {
        return ExitCode::from(EXIT_REFUSED);
    };
    let Err((stage, error)) = become_program(&control);
    let report = encode::encode_refusal(stage, &error);
    // If the parent is gone, there is nobody left to tell.
    rustix::net::send(&control, &report, SendFlags::NOSIGNAL).ok();
    ExitCode::from(EXIT_REFUSED)
}

fn become_program(control: &OwnedFd) -> Step<std::convert::Infallible> {
    let (order, stdio) = receive(control).map_err(|error| (Stage::Receive, error))?;
    rustix::process::setsid().map_err(|error| (Stage::Group, error.into()))?;
    die_with(order.parent).map_err(|error| (Stage::ParentDeath, error))?;
    rustix::thread::set_no_new_privs(true).map_err(|error| (Stage::Privileges, error.into()))?;
    take(&stdio)
        .and_then(|()| descriptors::close_on_exec())
        .map_err(|error| (Stage::Descriptors, error))?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::chdir(&*order.cwd).map_err(|error| (Stage::Directory, error.into()))?;
    // Some containers hide the file; then the kernel's own choice has to do.
    std::fs::write("/proc/self/oom_score_adj", OOM_SCORE).ok();

    let mut command = Command::new(os(order.program));
    command
        .args(order.args.into_iter().map(os))
        .env_clear()
        .envs(order.env.into_iter().map(|(n, v)| (os(n), os(v))));
    limit(&order.limits).map_err(|error| (Stage::Limits, error))?;
    if let Some(fence) = &order.fence {
        fence::apply(fence).map_err(|error| (Stage::Fence, error))?;
    }
    rustix::net::send(control, &[READY], SendFlags::NOSIGNAL)
        .map_err(|error| (Stage::ParentDeath, error.into()))?;
    Err((Stage::Exec, command.exec()))
}

fn receive(control: &OwnedFd) -> io::Result<(Order, [OwnedFd; 3])> {
    let malformed = || io::Error::from(rustix::io::Errno::PROTO);
    let mut bytes = vec![0; 4 + PLAN_BYTES_MAX];
    let mut filled = 0;
    let mut received = Vec::new();
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = rustix::net::recvmsg(
            control,
            &mut [IoSliceMut::new(&mut bytes[filled..])],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for part in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = part {
                received.extend(fds);
            }
        }
        filled += message.bytes;
        let length = bytes
            .first_chunk()
            .map_or(0, |first| u32::from_le_bytes(*first) as usize);
        if filled >= 4 && filled >= 4 + length {
            let order = encode::decode(&bytes[4..4 + length]).ok_or_else(malformed)?;
            let stdio = <[OwnedFd; 3]>::try_from(received).map_err(|_wrong_number| malformed())?;
            return Ok((order, stdio));
        }
        if message.bytes == 0 || filled == bytes.len() {
            return Err(malformed());
        }
    }
}

/// Asks the kernel to kill us with the parent, then looks whether it had died before we asked.
fn die_with(parent: u32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let now = rustix::process::getppid().map(Pid::as_raw_nonzero);
    if now.is_some_and(|now| now.get().unsigned_abs() == parent) {
        return Ok(());
    }
    Err(rustix::io::Errno::SRCH.into())
}

fn take([stdin, stdout, stderr]: &[OwnedFd; 3]) -> io::Result<()> {
    rustix::stdio::dup2_stdin(stdin.as_fd())?;
    rustix::stdio::dup2_stdout(stdout.as_fd())?;
    rustix::stdio::dup2_stderr(stderr.as_fd())?;
    Ok(())
}

fn limit(limits: &Limits) -> io::Result<()> {
    let set = |resource, soft, hard| {
        // A limit above our own hard one would need a privilege; ours is the tighter one then.
        let ceiling = rustix::process::getrlimit(resource).maximum;
        let capped = |value: u64| Some(ceiling.map_or(value, |ceiling| value.min(ceiling)));
        let new = Rlimit {
            current: capped(soft),
            maximum: capped(hard),
        };
        rustix::process::setrlimit(resource, new)
    };
    if let Some(seconds) = limits.cpu_seconds {
        set(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    }
    for (resource, value) in [
        (Resource::Core, Some(limits.core_bytes)),
        (Resource::Nofile, limits.open_files),
        (Resource::Nproc, limits.processes),
        (Resource::Fsize, limits.file_bytes),
        (Resource::As, limits.address_space_bytes),
    ] {
        if let Some(value) = value {
            set(resource, value, value)?;
        }
    }
    Ok(())
}
