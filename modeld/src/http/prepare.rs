//! A checked request turned into a job: prompt, tokens, shape and limits.

use super::problem::Problem;
use crate::{
    chat::{Format, Request, ToolChoice},
    engine::{Job, Shape, check_grammar},
    grammar,
    model::Model,
};

/// Most tokens of an answer when the client names no limit.
const DEFAULT_ANSWER: usize = 512;

/// A job and what is needed to read its answer.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) job: Job,
    /// Tools whose calls are looked for in the answer.
    pub(super) tools: Vec<String>,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}

/// Prepares a job; this tokenizes and can take long, so it belongs on a blocking thread.
pub(super) fn prepare(
    model: &Model,
    request: Request,
    context: usize,
    seed: u32,
) -> Result<Prepared, Problem> {
    let (shape, callable) = shape(model, &request)?;
    let shown = if request.tool_choice == ToolChoice::None {
        &[][..]
    } else {
        &request.tools
    };
    let said: usize = request.messages.iter().map(|m| m.content.len()).sum();
    if model.least_tokens(said) > context {
        return Err(Problem::FarTooLong { context });
    }
    let prompt = model.tokenize(&model.write(&request.messages, shown)?);
    let max_tokens = answer_limit(prompt.len(), request.max_tokens, context)?;
    let job = Job {
        prompt,
        session: request.session,
        max_tokens,
        seed: request.sampling.seed.unwrap_or(seed),
        sampling: request.sampling,
        shape,
        stops: request.stops,
    };
    let tools = if callable {
        request.tools.into_iter().map(|t| t.name).collect()
    } else {
        Vec::new()
    };
    Ok(Prepared {
        job,
        tools,
        stream: request.stream,
        include_usage: request.include_usage,
    })
}

fn answer_limit(prompt: usize, asked: Option<u32>, context: usize) -> Result<usize, Problem> {
    let room = context.saturating_sub(prompt);
    let answer = match asked {
        Some(n) => usize::try_from(n).unwrap_or(usize::MAX),
        None => room.clamp(1, DEFAULT_ANSWER),
    };
    if prompt == 0 || answer > room {
        return Err(Problem::ContextLength {
            prompt,
            answer,
            context,
        });
    }
    Ok(answer)
}

/// The shape of the answer, and whether it may be a tool call.
fn shape(model: &Model, request: &Request) -> Result<(Shape, bool), Problem> {
    let always = |text: String| {
        if check_grammar(model, &text) {
            Ok(Shape::Always(text))
        } else {
            Err(Problem::Grammar)
        }
    };
    match (&request.tool_choice, &request.format) {
        (ToolChoice::Named(name), _) => {
            let one: Vec<_> = request
                .tools
                .iter()
                .filter(|t| t.name == *name)
                .cloned()
                .collect();
            Ok((always(grammar::for_calls(&one, false)?)?, true))
        }
        (ToolChoice::Required, _) => {
            Ok((always(grammar::for_calls(&request.tools, false)?)?, true))
        }
        (_, Format::Json(schema)) => Ok((always(grammar::for_schema(schema)?)?, false)),
        (ToolChoice::None, Format::Text) => Ok((Shape::Free, false)),
        // Small models answer a tool's result with the next call, over and over.
        (ToolChoice::Auto, Format::Text) if request.follows_tool_result() => {
            Ok((Shape::NoCall, false))
        }
        (ToolChoice::Auto, Format::Text) => {
            let text = grammar::for_calls(&request.tools, true)?;
            if check_grammar(model, &text) {
                Ok((Shape::OnceCalled(text), true))
            } else {
                Err(Problem::Grammar)
            }
        }
    }
}
