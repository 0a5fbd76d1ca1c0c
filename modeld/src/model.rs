//! The loaded model: its weights, its vocabulary and how it wants to be spoken to.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use llama_cpp_2::{
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
    token::LlamaToken,
};

use crate::{
    chat::{Message, Tool},
    prompt::{self, Template, Writer, defuse},
};

/// Why a model can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error("the model file {path} can't be read")]
    NotFound {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is some other kind of file.
    #[error("{path} is not a GGUF file")]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// The engine refused it.
    #[error("the model in {path} is damaged or of an unknown kind")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        source: llama_cpp_2::LlamaModelLoadError,
    },
    /// Loading was told to stop.
    #[error("loading was stopped")]
    Stopped,
    /// It was never trained for conversations.
    #[error("the model in {path} has no chat template")]
    NoTemplate {
        /// The file.
        path: PathBuf,
    },
    /// Its template is not usable.
    #[error("the model in {path} has a chat template that does not work")]
    Template {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: prompt::Error,
    },
    /// The engine could not be started.
    #[error("the engine can't be started")]
    Backend(#[source] llama_cpp_2::LlamaCppError),
}

/// A model ready to be asked.
#[derive(Debug)]
pub struct Model {
    /// What the engine holds.
    pub weights: LlamaModel,
    /// Proof that the engine is up.
    pub backend: LlamaBackend,
    /// The name under which it answers.
    pub name: String,
    /// Control tokens that never belong in an answer.
    pub banned: Vec<LlamaToken>,
    writer: Writer,
    longest_piece: usize,
    bos: Option<String>,
}

impl Model {
    /// Reads the file; `progress` is told how far it is and stops the loading by returning `false`.
    ///
    /// # Errors
    ///
    /// When the file is missing, damaged or no chat model.
    pub fn load(
        path: &Path,
        name: String,
        progress: impl FnMut(f32) -> bool + 'static,
    ) -> Result<Self, Error> {
        check_kind(path)?;
        let backend = LlamaBackend::init().map_err(Error::Backend)?;
        llama_cpp_2::send_logs_to_tracing(llama_cpp_2::LogOptions::default());
        let params = LlamaModelParams::default().with_progress_callback(progress);
        let weights = LlamaModel::load_from_file(&backend, path, &params).map_err(|source| {
            Error::Unreadable {
                path: path.to_owned(),
                source,
            }
        })?;
        let vocabulary = Vocabulary::read(&weights);
        let source = weights
            .meta_val_str("tokenizer.chat_template")
            .ok()
            .filter(|s| !s.is_empty())
            .ok_or_else(|| Error::NoTemplate {
                path: path.to_owned(),
            })?;
        let (bos, eos) = (vocabulary.bos.clone().unwrap_or_default(), vocabulary.eos);
        let template = Template::new(source, bos, eos).map_err(|source| Error::Template {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            weights,
            backend,
            name,
            banned: vocabulary.banned,
            writer: Writer::new(template, vocabulary.controls),
            longest_piece: vocabulary.longest_piece,
            bos: vocabulary.bos,
        })
    }

    /// The prompt text for the next answer.
    ///
    /// # Errors
    ///
    /// When the model's template does not accept the conversation.
    pub fn write(&self, messages: &[Message], tools: &[Tool]) -> Result<String, prompt::Error> {
        self.writer.write(messages, tools)
    }

    /// The least number of tokens a text of this many bytes can have.
    #[must_use]
    pub const fn least_tokens(&self, bytes: usize) -> usize {
        bytes / self.longest_piece
    }

    /// The tokens of a prompt made by [`Model::write`].
    #[must_use]
    pub fn tokenize(&self, prompt: &str) -> Vec<LlamaToken> {
        let vocab = self.weights.vocab();
        let begun = self
            .bos
            .as_deref()
            .is_some_and(|bos| !bos.is_empty() && prompt.starts_with(bos));
        let mut tokens = Vec::new();
        for (i, piece) in prompt.split(defuse::CUT).enumerate() {
            vocab.tokenize_into(piece.as_bytes(), &mut tokens, i == 0 && !begun, true);
        }
        tokens
    }

    /// The tokens of a text in which nothing is special.
    #[must_use]
    pub fn tokenize_plain(&self, text: &str) -> Vec<LlamaToken> {
        self.weights.vocab().tokenize(text.as_bytes(), false, false)
    }
}

/// What is needed of the vocabulary, read once.
struct Vocabulary {
    controls: Vec<String>,
    banned: Vec<LlamaToken>,
    longest_piece: usize,
    bos: Option<String>,
    eos: String,
}

impl Vocabulary {
    fn read(weights: &LlamaModel) -> Self {
        let vocab = weights.vocab();
        let spelled = |token| {
            vocab
                .text(token)
                .and_then(|t| t.to_str().ok())
                .map(str::to_owned)
        };
        let known = |token: LlamaToken| (0..vocab.n_tokens()).contains(&token.0);
        let (mut controls, mut banned, mut longest_piece) = (Vec::new(), Vec::new(), 1);
        for token in vocab.tokens() {
            if vocab.is_control(token) {
                controls.extend(spelled(token).filter(|text| !text.is_empty()));
                if !vocab.is_eog(token) {
                    banned.push(token);
                }
            }
            longest_piece = longest_piece.max(vocab.token_to_piece(token, true, None).len());
        }
        let text_of = |token| if known(token) { spelled(token) } else { None };
        Self {
            controls,
            banned,
            longest_piece,
            bos: text_of(vocab.bos()),
            eos: text_of(vocab.eos()).unwrap_or_default(),
        }
    }
}

/// Tells a missing or foreign file from a GGUF before the engine sees it.
fn check_kind(path: &Path) -> Result<(), Error> {
    let not_found = |source| Error::NotFound {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(not_found)?;
    let mut magic = [0; 4];
    match file.read_exact(&mut magic) {
        Ok(()) if magic == *b"GGUF" => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(not_found(error)),
        _ => Err(Error::NotGguf {
            path: path.to_owned(),
        }),
    }
}
