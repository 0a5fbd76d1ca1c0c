//! What the model's process says on its standard output: one JSON object per line.

use openclaw_process::Child;
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
};
use tokio_util::task::TaskTracker;

/// Longest line; what is longer is not one of its lines.
const LINE_BYTES_MAX: usize = 64 << 10;

/// One line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(super) enum Line {
    /// The file is being read.
    Loading { progress: f32 },
    /// It answers from now on.
    Ready { context_window: u32, load_ms: u64 },
    /// It gives up.
    Error {
        code: String,
        message: String,
        #[serde(default)]
        hint: String,
    },
}

impl Line {
    /// Whether starting it again would end the same way.
    pub(super) fn is_hopeless(&self) -> bool {
        match self {
            Self::Error { code, .. } => code != "socket",
            Self::Loading { .. } | Self::Ready { .. } => false,
        }
    }
}

/// Reads a child's output until it ends: lines go into `lines`, what it complains of into the log.
pub(super) fn listen(child: &mut Child, lines: &mpsc::Sender<Line>, tasks: &TaskTracker) {
    if let Some(stdout) = child.stdout.take() {
        let lines = lines.clone();
        tasks.spawn(async move {
            let mut said = Said::new(stdout);
            while let Some(text) = said.line().await {
                match serde_json::from_slice(&text) {
                    // Nobody listens any more when the engine has been given up, but the pipe has to be emptied.
                    Ok(line) => drop(lines.send(line).await),
                    Err(error) => {
                        tracing::debug!(%error, "a line of the local model is not understood");
                    }
                }
            }
        });
    }
    if let Some(stderr) = child.stderr.take() {
        tasks.spawn(async move {
            let mut said = Said::new(stderr);
            while let Some(text) = said.line().await {
                let text = String::from_utf8_lossy(&text);
                tracing::debug!(%text, "the local model complains");
            }
        });
    }
}

/// Lines from a descriptor.
struct Said<R> {
    from: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Said<R> {
    const fn new(from: R) -> Self {
        Self {
            from,
            buffer: Vec::new(),
        }
    }

    /// The next whole line.
    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Some(std::mem::replace(&mut self.buffer, rest));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                self.buffer.clear();
            }
            let count = self.from.read_buf(&mut self.buffer).await.ok()?;
            if count == 0 {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_read_however_they_come() {
        let (mut theirs, ours) = tokio::io::duplex(16);
        let said = "{\"event\":\"loading\",\"progress\":0.5}\nnonsense\n{\"event\":\"ready\",\"socket\":\"/s\",\"model\":\"m\",\"contextWindow\":4096,\"loadMs\":160}\r\n{\"event\":\"error\",\"code\":\"model-invalid\",\"message\":\"no\",\"hint\":\"x\"}\nunfinished";
        let write = async {
            tokio::io::AsyncWriteExt::write_all(&mut theirs, said.as_bytes())
                .await
                .unwrap();
            drop(theirs);
        };
        let mut lines = Vec::new();
        let read = async {
            let mut said = Said::new(ours);
            while let Some(line) = said.line().await {
                lines.extend(serde_json::from_slice::<Line>(&line));
            }
        };
        tokio::join!(write, read);
        assert_eq!(
            lines,
            [
                Line::Loading { progress: 0.5 },
                Line::Ready {
                    context_window: 4_096,
                    load_ms: 160
                },
                Line::Error {
                    code: "model-invalid".to_owned(),
                    message: "no".to_owned(),
                    hint: "x".to_owned()
                },
            ]
        );
        assert!(lines[2].is_hopeless() && !lines[1].is_hopeless());
    }
}
