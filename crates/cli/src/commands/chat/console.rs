//! The line a person types on: editing and history, in a thread of its own because reading a terminal blocks.

use std::{path::PathBuf, thread};

use rustyline::{DefaultEditor, error::ReadlineError};
use tokio::sync::{mpsc, oneshot};

use crate::error::Failure;

/// Lines of history kept.
const HISTORY_LINES: usize = 1000;

/// What came of asking for a line.
#[derive(Debug)]
pub(crate) enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D, or the terminal is gone.
    End,
}

/// The terminal's line editor.
#[derive(Debug)]
pub(crate) struct Console {
    questions: mpsc::Sender<(String, oneshot::Sender<Typed>)>,
}

impl Console {
    /// Starts the thread that reads lines.
    pub(crate) fn open(history: PathBuf) -> Result<Self, Failure> {
        let config = rustyline::Config::builder()
            .max_history_size(HISTORY_LINES)
            .map_err(|error| Failure::from_error(&error))?
            .auto_add_history(true)
            .build();
        let mut editor =
            DefaultEditor::with_config(config).map_err(|error| Failure::from_error(&error))?;
        // The first conversation has no history yet.
        drop(editor.load_history(&history));
        let (questions, mut asked) = mpsc::channel::<(String, oneshot::Sender<Typed>)>(1);
        let read = move || {
            while let Some((prompt, answer)) = asked.blocking_recv() {
                let typed = match editor.readline(&prompt) {
                    Ok(line) => Typed::Line(line),
                    Err(ReadlineError::Interrupted) => Typed::Interrupt,
                    Err(_end) => Typed::End,
                };
                // A history that can't be written costs nothing but itself.
                drop(editor.save_history(&history));
                drop(answer.send(typed));
            }
        };
        let _thread = thread::Builder::new()
            .name("console".to_owned())
            .spawn(read)
            .map_err(|error| Failure::from_error(&error))?;
        Ok(Self { questions })
    }

    /// Asks for one line.
    pub(crate) async fn ask(&self, prompt: &str) -> Result<Typed, Failure> {
        let (answer, typed) = oneshot::channel();
        let gone = || Failure::new("the terminal can't be read any more");
        self.questions
            .send((prompt.to_owned(), answer))
            .await
            .map_err(|_closed| gone())?;
        typed.await.map_err(|_closed| gone())
    }
}
