//! A whole answer: as it is where the server speaks the client's dialect, and said anew where it doesn't.

use bytes::Bytes;

use super::{
    Fault, Fields, Front, Origin, Whole,
    fields::{Change, quoted},
    messages::MessagesReader,
    piece::{AnswerTool, Collected, Reader, Writer},
    responses::ResponsesReader,
    sight::Sight,
};

pub(super) fn same(front: Front, body: &Bytes, from: &Origin) -> Result<Whole, Fault> {
    match front {
        Front::Messages => return named(&mut MessagesReader::default(), body, from),
        Front::Responses => return named(&mut ResponsesReader::default(), body, from),
        Front::Chat | Front::Completions | Front::Embeddings => {}
    }
    let sight: Sight<'_> = read(body)?;
    if sight.is_error() {
        return Err(Fault::Refused { body: body.clone() });
    }
    if !sight.is_answer() {
        let what = match front {
            Front::Embeddings => "no list of embeddings",
            _ => "no completion",
        };
        return Err(Fault::Malformed { what, source: None });
    }
    let model = sight
        .model
        .and_then(|model| serde_json::from_str(model.get()).ok());
    Ok(Whole {
        usage: sight.usage(),
        stop: sight.stop(),
        body: renamed(body, model.as_deref(), from)?,
        model,
    })
}

/// The answer under the client's name of the model.
fn renamed(body: &Bytes, model: Option<&str>, from: &Origin) -> Result<Bytes, Fault> {
    match from.model.as_deref() {
        Some(name) if model != Some(name) => {
            let fields = Fields::read(body).map_err(not_json)?;
            let with = fields.with(&[("model", Change::Set(&quoted(name)))]);
            Ok(Bytes::from(with))
        }
        _ => Ok(body.clone()),
    }
}

/// An answer that its own reader looks at.
fn named(reader: &mut dyn Reader, body: &Bytes, from: &Origin) -> Result<Whole, Fault> {
    let answer = collected(reader, body, false)?;
    Ok(Whole {
        body: renamed(body, answer.model.as_deref(), from)?,
        usage: answer.usage,
        stop: answer.stop,
        model: answer.model,
    })
}

/// An answer in the words of another dialect.
pub(super) fn through(
    mut reader: Box<dyn Reader>,
    writer: &dyn Writer,
    body: &Bytes,
    from: &Origin,
) -> Result<Whole, Fault> {
    let answer = collected(reader.as_mut(), body, from.answers_by_tool)?;
    if answer.stop.is_none() {
        return Err(Fault::CutOff);
    }
    Ok(Whole {
        body: Bytes::from(writer.document(&answer).to_string()),
        usage: answer.usage,
        stop: answer.stop,
        model: answer.model,
    })
}

fn collected(
    reader: &mut dyn Reader,
    body: &Bytes,
    answers_by_tool: bool,
) -> Result<Collected, Fault> {
    not_empty(body)?;
    let (mut pieces, mut answer) = (Vec::new(), Collected::default());
    reader.document(body, &mut pieces)?;
    let mut tool = answers_by_tool.then(AnswerTool::default);
    for piece in pieces {
        let piece = match &mut tool {
            Some(tool) => tool.unwrap(piece),
            None => Some(piece),
        };
        if let Some(piece) = piece {
            answer.take(&piece, true)?;
        }
    }
    Ok(answer)
}

fn read(body: &[u8]) -> Result<Sight<'_>, Fault> {
    not_empty(body)?;
    serde_json::from_slice(body).map_err(not_json)
}

fn not_empty(body: &[u8]) -> Result<(), Fault> {
    if body.trim_ascii().is_empty() {
        return Err(Fault::Malformed {
            what: "empty",
            source: None,
        });
    }
    Ok(())
}

const fn not_json(source: serde_json::Error) -> Fault {
    Fault::Malformed {
        what: "not JSON as agreed",
        source: Some(source),
    }
}
