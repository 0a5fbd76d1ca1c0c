//! The fence around the network and the rarer doors of the kernel: a seccomp filter.
//!
//! It is written by hand, because one thing has to come first that tables of system calls don't have: on x86-64 the
//! same call has a second number with bit 30 set, which a list of numbers would let through.

use std::io;

use seccompiler::sock_filter;

/// `BPF_LD | BPF_W | BPF_ABS`: loads a word of what the filter is given.
const LOAD: u16 = 0x20;
/// `BPF_JMP | BPF_JEQ | BPF_K`.
const EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGE | BPF_K`.
const AT_LEAST: u16 = 0x35;
/// `BPF_JMP | BPF_JSET | BPF_K`.
const ANY_BIT: u16 = 0x45;
/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;
/// Where the number is in what the filter is given, then the architecture, then the low half of the first argument.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENT_0: u32 = 16;
/// `SECCOMP_RET_ALLOW`.
const ALLOW: u32 = 0x7fff_0000;
/// `SECCOMP_RET_KILL_PROCESS`: nobody comes here by accident.
const KILL: u32 = 0x8000_0000;
/// `SECCOMP_RET_ERRNO` with `EACCES`.
const REFUSE: u32 = 0x0005_0000 | 13;
/// `SECCOMP_RET_ERRNO` with `ENOSYS`, for what programs look for and can do without.
const ABSENT: u32 = 0x0005_0000 | 38;
/// The flags of `clone` and `unshare` that make a namespace: in one of its own a process could mount over files.
const NAMESPACES: u32 =
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;

#[cfg(target_arch = "x86_64")]
mod numbers {
    pub(super) const ARCHITECTURE: u32 = 0xc000_003e;
    pub(super) const SOCKET: u32 = 41;
    pub(super) const CLONE: u32 = 56;
    pub(super) const UNSHARE: u32 = 272;
    /// `ptrace`, `mount`, `umount2`, `pivot_root`, `swapon`, `init_module`, `kexec_load`, `add_key`, `request_key`,
    /// `keyctl`, `perf_event_open`, `setns`, `process_vm_readv`, `process_vm_writev`, `finit_module`, `bpf`,
    /// `userfaultfd`.
    pub(super) const REFUSED: [u32; 17] = [
        101, 165, 166, 155, 167, 175, 246, 248, 249, 250, 298, 308, 310, 311, 313, 321, 323,
    ];
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    pub(super) const ARCHITECTURE: u32 = 0xc000_00b7;
    pub(super) const SOCKET: u32 = 198;
    pub(super) const CLONE: u32 = 220;
    pub(super) const UNSHARE: u32 = 97;
    /// The same calls as on x86-64.
    pub(super) const REFUSED: [u32; 17] = [
        117, 40, 39, 41, 224, 105, 104, 217, 218, 219, 241, 268, 270, 271, 273, 280, 282,
    ];
}

/// The same number everywhere: `open_tree` to `fspick`, and `pidfd_getfd`.
const REFUSED_EVERYWHERE: [u32; 7] = [428, 429, 430, 431, 432, 433, 438];
/// `io_uring_setup`, `io_uring_enter`, `io_uring_register`: their operations pass no filter.
const IO_URING: [u32; 3] = [425, 426, 427];
/// `clone3`: its flags are in memory, where a filter can't look; the C library then uses `clone`.
const CLONE3: u32 = 435;

/// Whether a filter can be installed: the kernel's list of actions is there only if so.
pub(super) fn is_supported() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail")
        .is_ok_and(|actions| actions.split(' ').any(|action| action == "errno"))
}

pub(super) fn apply(network: bool) -> io::Result<()> {
    seccompiler::apply_filter(&program(network)).map_err(io::Error::other)
}

fn program(network: bool) -> Vec<sock_filter> {
    let mut program = vec![
        step(LOAD, 0, 0, ARCHITECTURE),
        step(EQUAL, 1, 0, numbers::ARCHITECTURE),
        step(RETURN, 0, 0, KILL),
        step(LOAD, 0, 0, NUMBER),
        // The second set of numbers; -1 is what a tracer leaves for a call that was skipped.
        step(AT_LEAST, 0, 1, 0x4000_0000),
        step(RETURN, 0, 0, REFUSE),
    ];
    let refused = numbers::REFUSED.into_iter().chain(REFUSED_EVERYWHERE);
    let sockets = (!network).then_some(numbers::SOCKET);
    for number in refused.chain(sockets) {
        program.extend([step(EQUAL, 0, 1, number), step(RETURN, 0, 0, REFUSE)]);
    }
    for number in IO_URING.into_iter().chain([CLONE3]) {
        program.extend([step(EQUAL, 0, 1, number), step(RETURN, 0, 0, ABSENT)]);
    }
    for number in [numbers::CLONE, numbers::UNSHARE] {
        program.extend([
            step(EQUAL, 0, 4, number),
            step(LOAD, 0, 0, ARGUMENT_0),
            step(ANY_BIT, 0, 1, NAMESPACES),
            step(RETURN, 0, 0, REFUSE),
            step(RETURN, 0, 0, ALLOW),
        ]);
    }
    program.push(step(RETURN, 0, 0, ALLOW));
    program
}

const fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
