//! Runs one program: its output is passed on as it comes, and silence is broken by a sign of life.

use std::{
    ffi::OsStr,
    io::{self, IsTerminal, Read},
    process::{Command, ExitStatus, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};

use crate::{error::Error, output};

/// Silence after which a sign of life is printed; people are promised one every five seconds.
const SILENCE: Duration = Duration::from_millis(4_500);
/// How long output is still read when the program has ended but something it started holds on to the pipe.
const LINGER: Duration = Duration::from_secs(2);
/// Chunks of output that may wait to be printed; a program that writes faster waits for us.
const CHUNKS_MAX: usize = 64;
/// The part of the last line that a sign of life repeats.
const LAST_CHARS_MAX: usize = 80;

/// The clock steps are timed with.
#[expect(
    clippy::disallowed_methods,
    reason = "steps are timed by the real clock, and there is no runtime here whose clock could be paused"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A program to run, and what it is for.
#[derive(Debug)]
pub(crate) struct Step {
    title: String,
    command: Command,
    hint: Option<String>,
}

impl Step {
    pub(crate) fn new(title: &str, program: impl AsRef<OsStr>) -> Self {
        Self {
            title: title.to_owned(),
            command: Command::new(program),
            hint: None,
        }
    }

    pub(crate) fn cargo(title: &str, dir: &std::path::Path) -> Self {
        let mut step = Self::new(title, "cargo");
        step.command.current_dir(dir);
        if std::io::stdout().is_terminal() {
            step.command.env("CARGO_TERM_COLOR", "always");
        }
        step
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn dir(mut self, dir: &std::path::Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What to do when it fails.
    pub(crate) fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        output::heading(&self.title);
        let started = now();
        let status = self.follow(started)?;
        if status.success() {
            output::line(&format!(
                "   done in {}",
                output::seconds(started.elapsed())
            ));
            return Ok(());
        }
        Err(Error::Step {
            command: describe(&self.command),
            title: self.title,
            status,
            hint: self.hint,
        })
    }

    fn follow(&mut self, started: Instant) -> Result<ExitStatus, Error> {
        let program = self.command.get_program().to_string_lossy().into_owned();
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::Start {
                program: program.clone(),
                source,
            })?;
        let failed = |source| Error::Wait {
            program: program.clone(),
            source,
        };
        let (chunks, printed) = mpsc::sync_channel(CHUNKS_MAX);
        pump(child.stdout.take(), chunks.clone());
        pump(child.stderr.take(), chunks);
        let mut last = String::new();
        let mut ended: Option<(ExitStatus, Instant)> = None;
        loop {
            let patience = if ended.is_some() { LINGER } else { SILENCE };
            match printed.recv_timeout(patience) {
                Ok(chunk) => {
                    output::forward(&chunk);
                    remember(&mut last, &chunk);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if ended.is_none() => {
                    output::heartbeat(started.elapsed(), &plain(&last));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            match ended {
                Some((status, at)) if at.elapsed() > LINGER => return Ok(status),
                Some(_) => {}
                None => {
                    ended = child
                        .try_wait()
                        .map_err(failed)?
                        .map(|status| (status, now()));
                }
            }
        }
        child.wait().map_err(failed)
    }
}

/// Starts a thread that passes on what the pipe says; it ends with the pipe.
fn pump(pipe: Option<impl Read + Send + 'static>, chunks: SyncSender<Vec<u8>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 8 * 1024];
        let Some(mut pipe) = pipe else { return };
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if chunks.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
}

/// Keeps the last line that says something; a line may come in pieces.
fn remember(tail: &mut String, chunk: &[u8]) {
    tail.push_str(&String::from_utf8_lossy(chunk));
    let last = tail
        .split_inclusive('\n')
        .rfind(|line| !line.trim().is_empty());
    *tail = last.unwrap_or_default().to_owned();
}

fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut is_escape = false;
    for character in line.trim().chars() {
        match character {
            '\u{1b}' => is_escape = true,
            'm' if is_escape => is_escape = false,
            _ if is_escape || character.is_control() => {}
            _ => plain.push(character),
        }
    }
    plain
        .chars()
        .take(LAST_CHARS_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

/// Runs a short program away from the terminal and returns what it said; its complaints are shown if it fails.
pub(crate) fn capture(command: &mut Command) -> Result<String, Error> {
    let said = patiently(command).map_err(|source| Error::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    if !said.status.success() {
        output::forward(&said.stderr);
        return Err(Error::Step {
            title: "look something up".to_owned(),
            command: describe(command),
            status: said.status,
            hint: None,
        });
    }
    Ok(String::from_utf8_lossy(&said.stdout).into_owned())
}

/// Waits with a sign of life: even a short program may have to wait for another one's lock.
fn patiently(command: &mut Command) -> io::Result<Output> {
    let started = now();
    let line = describe(command);
    let (answer, answered) = mpsc::sync_channel(1);
    std::thread::scope(|scope| {
        scope.spawn(|| answer.send(command.stdin(Stdio::null()).output()).ok());
        loop {
            match answered.recv_timeout(SILENCE) {
                Ok(said) => return said,
                Err(RecvTimeoutError::Timeout) => {
                    output::heartbeat(started.elapsed(), &plain(&line));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    })
}

/// Whether a short program runs and succeeds.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> bool {
    let ran = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ran.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_kept_without_colours() {
        let mut last = String::new();
        for chunk in [
            "\x1b[1m\x1b[32m   Compi",
            "ling\x1b[0m serde v1\n\n",
            "\n  \n",
        ] {
            remember(&mut last, chunk.as_bytes());
        }
        assert_eq!(plain(&last), "Compiling serde v1");
    }

    #[test]
    fn a_failing_step_names_its_command_and_hint() {
        let step = Step::new("try", "sh").args(["-c", "exit 3"]).hint("don't");
        let error = step.run().unwrap_err();
        assert_eq!(
            error.to_string(),
            "try: `sh -c exit 3` ended with exit status: 3"
        );
        assert_eq!(error.hint().as_deref(), Some("don't"));
    }

    #[test]
    fn a_step_ends_though_something_it_started_holds_the_pipe() {
        let started = now();
        Step::new("leave one behind", "sh")
            .args(["-c", "sleep 60 & exit 0"])
            .run()
            .unwrap();
        assert!(started.elapsed() < Duration::from_secs(30));
    }
}
