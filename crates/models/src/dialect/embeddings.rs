//! Embeddings of servers that have them in words of their own: Ollama and Gemini.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use openclaw_types::Usage;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Fault, Framing, Origin, Prepared, Target, Whole,
    parts::{read, refused, rest, unspeakable},
};
use crate::options::Api;

/// Fields that are said otherwise, or that only tell what is done with the answer.
const SAID_OTHERWISE: [&str; 5] = ["model", "input", "encoding_format", "user", "dimensions"];

/// The request in the server's words.
pub(super) fn ask(
    api: Api,
    asked: &Map<String, Value>,
    to: &Target<'_>,
) -> Result<Prepared, Fault> {
    let texts = texts(api, asked.get("input"))?;
    let (path, mut body) = match api {
        Api::Gemini => gemini(&texts, asked, to),
        _ => ollama(&texts, asked, to),
    };
    let left = (to.extra, to.drop_params);
    rest((api.words(), &SAID_OTHERWISE, &[]), asked, left, &mut body)?;
    Ok(Prepared {
        path,
        body: Bytes::from(Value::Object(body).to_string()),
        headers: Vec::new(),
        framing: Framing::Events,
        // Numbers are what these servers send, and base64 what OpenAI's clients ask for unless told otherwise.
        answers_by_tool: asked
            .get("encoding_format")
            .is_some_and(|it| *it == "base64"),
    })
}

/// What is to be embedded: texts, because these servers take no tokens.
fn texts(api: Api, input: Option<&Value>) -> Result<Vec<&str>, Fault> {
    let texts: Option<Vec<&str>> = match input {
        Some(Value::String(text)) => Some(vec![text]),
        Some(Value::Array(list)) if list.first().is_some_and(|it| !it.is_string()) => {
            return Err(unspeakable(api.words(), "an `input` of tokens"));
        }
        Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
        _ => None,
    };
    texts.filter(|texts| !texts.is_empty()).ok_or(Fault::Field {
        field: "input".to_owned(),
        expected: "a text or a list of texts",
    })
}

type Said = (Cow<'static, str>, Map<String, Value>);

fn ollama(texts: &[&str], asked: &Map<String, Value>, to: &Target<'_>) -> Said {
    let mut body = Map::new();
    body.insert("model".to_owned(), Value::from(to.model));
    body.insert("input".to_owned(), Value::from(texts));
    if let Some(size) = asked.get("dimensions").filter(|size| !size.is_null()) {
        body.insert("dimensions".to_owned(), size.clone());
    }
    (Cow::Borrowed("/api/embed"), body)
}

fn gemini(texts: &[&str], asked: &Map<String, Value>, to: &Target<'_>) -> Said {
    let model = format!("models/{}", to.model);
    let requests = texts.iter().map(|text| {
        let mut request = json!({"model": model, "content": {"parts": [{"text": text}]}});
        if let Some(size) = asked.get("dimensions").filter(|size| !size.is_null()) {
            request["outputDimensionality"] = size.clone();
        }
        request
    });
    let mut body = Map::new();
    body.insert("requests".to_owned(), requests.collect());
    (Cow::Owned(format!("/{model}:batchEmbedContents")), body)
}

/// Every shape that these servers answer in.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
struct Answer {
    model: Option<String>,
    embeddings: Option<Vec<Vector>>,
    /// Of one text only: Gemini's `embedContent`, and Ollama's older `/api/embeddings`.
    embedding: Option<Vector>,
    prompt_eval_count: Option<u64>,
    error: Option<Value>,
}

/// Numbers alone, or under a name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vector {
    Plain(Vec<f64>),
    Named { values: Vec<f64> },
}

impl Vector {
    fn numbers(self) -> Vec<f64> {
        match self {
            Self::Plain(values) | Self::Named { values } => values,
        }
    }
}

/// The answer in OpenAI's words.
pub(super) fn answer(body: &Bytes, from: &Origin) -> Result<Whole, Fault> {
    let answer: Answer = read(body)?;
    if answer.error.is_some_and(|error| !error.is_null()) {
        return Err(refused(body));
    }
    let vectors = answer
        .embeddings
        .or_else(|| answer.embedding.map(|it| vec![it]));
    let Some(vectors) = vectors.filter(|vectors| !vectors.is_empty()) else {
        return Err(Fault::Malformed {
            what: "no list of embeddings",
            source: None,
        });
    };
    let list = vectors.into_iter().enumerate().map(|(place, vector)| {
        let numbers = vector.numbers();
        let vector = if from.answers_by_tool {
            Value::from(packed(&numbers))
        } else {
            Value::from(numbers)
        };
        json!({"object": "embedding", "index": place, "embedding": vector})
    });
    let usage = answer.prompt_eval_count.map(|tokens| Usage {
        input_tokens: tokens,
        ..Usage::default()
    });
    let tokens = usage.map_or(0, |usage| usage.input_tokens);
    let told = json!({
        "object": "list",
        "data": list.collect::<Vec<Value>>(),
        "model": from.model.as_deref().or(answer.model.as_deref()).unwrap_or_default(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    });
    Ok(Whole {
        body: Bytes::from(told.to_string()),
        usage,
        stop: None,
        model: answer.model,
    })
}

/// Numbers of four bytes each, the lowest first, in base64.
#[expect(
    clippy::cast_possible_truncation,
    reason = "four bytes are what OpenAI's clients unpack, and more than models mean"
)]
fn packed(numbers: &[f64]) -> String {
    let bytes: Vec<u8> = numbers
        .iter()
        .flat_map(|number| (*number as f32).to_le_bytes())
        .collect();
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
