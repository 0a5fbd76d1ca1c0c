//! A whole answer of a server that speaks the client's dialect.

use bytes::Bytes;

use super::{
    Fault, Fields, Front, Origin, Whole,
    fields::{Change, quoted},
    sight::Sight,
};

pub(super) fn same(front: Front, body: &Bytes, from: &Origin) -> Result<Whole, Fault> {
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
    let shown = match &from.model {
        Some(name) if model.as_ref() != Some(name) => {
            let fields = Fields::read(body).map_err(not_json)?;
            Bytes::from(fields.with(&[("model", Change::Set(&quoted(name)))]))
        }
        _ => body.clone(),
    };
    Ok(Whole {
        usage: sight.usage(),
        stop: sight.stop(),
        model,
        body: shown,
    })
}

fn read(body: &[u8]) -> Result<Sight<'_>, Fault> {
    if body.trim_ascii().is_empty() {
        return Err(Fault::Malformed {
            what: "empty",
            source: None,
        });
    }
    serde_json::from_slice(body).map_err(not_json)
}

const fn not_json(source: serde_json::Error) -> Fault {
    Fault::Malformed {
        what: "not JSON as agreed",
        source: Some(source),
    }
}
