//! What the daemon tells its parent on standard output: one JSON object per line.

use std::io::Write;

use serde::Serialize;

/// Why the daemon could not start or go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The model file is not there or can't be read.
    ModelNotFound,
    /// The model file is not a chat model this build can run.
    ModelInvalid,
    /// The processor lacks what the kernels were compiled for.
    CpuUnsupported,
    /// The socket can't be created.
    Socket,
    /// There is not enough memory for the context.
    OutOfMemory,
}

impl Code {
    /// The exit code that goes with it.
    #[must_use]
    pub const fn exit(self) -> u8 {
        match self {
            Self::CpuUnsupported => 3,
            Self::ModelNotFound | Self::ModelInvalid | Self::OutOfMemory => 4,
            Self::Socket => 5,
        }
    }
}

/// One line of the protocol.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Line {
    /// The model is being read; `progress` goes from 0 to 1.
    Loading {
        /// The part that is done.
        progress: f32,
    },
    /// Requests are served from now on.
    Ready {
        /// Where to connect.
        socket: String,
        /// The name under which the model answers.
        model: String,
        /// Tokens one conversation may have.
        context_window: u32,
        /// How long loading took.
        load_ms: u64,
    },
    /// The daemon gives up; it exits right after this line.
    Error {
        /// What kind of failure.
        code: Code,
        /// What happened.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

/// Writes one value as a line and flushes it.
///
/// A parent that closed the pipe is not an error: it also goes away by signal or standard input.
pub fn say(line: &impl Serialize) {
    let Ok(mut text) = serde_json::to_string(line) else {
        return;
    };
    text.push('\n');
    let mut out = std::io::stdout().lock();
    if out
        .write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        tracing::debug!("standard output is closed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_documented_shape() {
        let lines = [
            Line::Loading { progress: 0.5 },
            Line::Ready {
                socket: "/s".into(),
                model: "m".into(),
                context_window: 4096,
                load_ms: 160,
            },
            Line::Error {
                code: Code::ModelNotFound,
                message: "gone".into(),
                hint: "fetch it".into(),
            },
        ];
        let text: Vec<_> = lines
            .iter()
            .map(|l| serde_json::to_string(l).unwrap())
            .collect();
        assert_eq!(
            text,
            [
                r#"{"event":"loading","progress":0.5}"#,
                r#"{"event":"ready","socket":"/s","model":"m","contextWindow":4096,"loadMs":160}"#,
                r#"{"event":"error","code":"model-not-found","message":"gone","hint":"fetch it"}"#,
            ]
        );
    }
}
