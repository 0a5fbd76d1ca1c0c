//! The binary that this crate's tests re-execute in place of `openclaw`; it is not installed.

use std::{io::Write, path::PathBuf, process::ExitCode};

use openclaw_process::{CHILD_ARGUMENT, Launcher, Limits, Plan, Stdio, child_main};

/// `__child` is the helper; `parent PROGRAM ARGS...` starts a child, prints its process id, and waits for its end;
/// `late-parent` does the same, but only after the end of its standard input.
fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(word) if word == CHILD_ARGUMENT => child_main(args),
        Some(word) if word == "parent" => parent(args.collect(), Launcher::new),
        Some(word) if word == "late-parent" => parent(args.collect(), |helper| {
            let launcher = Launcher::new(helper);
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
            launcher
        }),
        _ => ExitCode::from(2),
    }
}

fn parent(words: Vec<std::ffi::OsString>, launcher: fn(PathBuf) -> Launcher) -> ExitCode {
    let mut words = words.into_iter();
    let (Some(program), Ok(helper)) = (words.next(), std::env::current_exe()) else {
        return ExitCode::from(2);
    };
    let plan = Plan {
        program: PathBuf::from(program),
        args: words.collect(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        cwd: PathBuf::from("/"),
        limits: Limits::NONE,
        fence: None,
        stdin: Stdio::Null,
        stdout: Stdio::Null,
        stderr: Stdio::Null,
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        let Ok(mut child) = launcher(helper).spawn(&plan).await else {
            return ExitCode::FAILURE;
        };
        if writeln!(std::io::stdout(), "{}", child.pid()).is_err() {
            return ExitCode::FAILURE;
        }
        child.wait().await;
        ExitCode::SUCCESS
    })
}
