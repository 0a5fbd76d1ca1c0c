//! What the ledger says of the past, counted again at start.

use std::{collections::BTreeMap, path::Path};

use openclaw_types::Timestamp;

use crate::{
    book::Book,
    ledger::{Kind, Line, read},
};

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) found: read::Found,
    /// Calls whose end nobody saw, as the lines that end them.
    pub(super) unsettled: Vec<Line<'static>>,
    /// Why the past isn't known.
    pub(super) failure: Option<String>,
}

/// Counts every line. A reservation that no line ends is of a call that was under way when the program ended.
pub(super) fn restore(dir: &Path, book: &mut Book, now: Timestamp) -> Past {
    let mut open: BTreeMap<u64, Line<'static>> = BTreeMap::new();
    let mut each = |line: &Line<'_>| {
        match line.kind {
            Kind::Reserve => {
                open.insert(line.id, line.clone().into_owned());
            }
            Kind::Charge => {
                if let Some(held) = open
                    .get_mut(&line.id)
                    .and_then(|held| held.reserved.as_mut())
                {
                    *held = held.saturating_sub(line.cost.unwrap_or(0));
                }
            }
            Kind::Release | Kind::Settle | Kind::Unsettled => {
                open.remove(&line.id);
            }
        }
        book.restore(line);
    };
    let read = read::all(dir, (None, 0), &mut each);
    book.restored(now);
    let found = match read {
        Ok(found) => found,
        Err(error) => {
            let text = match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            tracing::error!("{text}; what has a budget is refused until a start that can read it");
            return Past {
                failure: Some(text),
                ..Past::default()
            };
        }
    };
    if found.damaged > 0 || found.torn > 0 {
        tracing::warn!(
            damaged_lines = found.damaged,
            torn_bytes = found.torn,
            "the ledger was mended"
        );
    }
    Past {
        found,
        unsettled: open.into_values().map(ended).collect(),
        failure: None,
    }
}

/// The line that ends a call whose end nobody saw: all that was held is spent, when it was held.
fn ended(held: Line<'static>) -> Line<'static> {
    Line {
        kind: Kind::Unsettled,
        cost: held.reserved,
        reserved: None,
        estimate: true,
        ..held
    }
}
