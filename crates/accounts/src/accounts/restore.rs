//! What the ledger says of the past, counted again at start.

use std::path::Path;

use openclaw_types::Timestamp;

use crate::{
    book::Book,
    error::Error,
    ledger::{ACTIVE, Draft, Kind, Line, Open, Summary, read},
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

/// What is done besides reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// What is torn is cut aside, and sums are kept.
    Mend,
    /// Nothing: the files may be somebody else's.
    Look,
}

/// The same as [`restore`] without a change to any file. A directory that is not there has no past.
pub(crate) fn look(dir: &Path, book: &mut Book, now: Timestamp) -> Result<(), Error> {
    let (open, _found) = if dir.exists() {
        read_all(dir, book, Way::Look)?
    } else {
        Default::default()
    };
    book.restored(now);
    for line in open.into_held().map(ended) {
        book.restore(&line);
    }
    Ok(())
}

/// Counts every line, or what whole files of them come to. What is held and no line ends is held for a call that
/// was under way when the program ended.
pub(super) fn restore(dir: &Path, book: &mut Book, now: Timestamp) -> Past {
    let read = read_all(dir, book, Way::Mend);
    book.restored(now);
    let (open, found) = match read {
        Ok(read) => read,
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
            "the ledger is damaged"
        );
    }
    Past {
        found,
        unsettled: open.into_held().map(ended).collect(),
        failure: None,
    }
}

fn read_all(dir: &Path, book: &mut Book, way: Way) -> Result<(Open, read::Found), Error> {
    let (mut open, mut found) = (Open::default(), read::Found::default());
    let paths = read::paths(dir).map_err(|error| Error::disk("list", dir, error))?;
    for path in paths {
        let read = if path.ends_with(ACTIVE) {
            let mut each = |line: &Line<'_>| {
                open.follow(line);
                book.restore(line);
            };
            read::one(&path, &mut found, &mut each).and_then(|end| match way {
                Way::Mend => read::cut_aside(&path, end, &mut found),
                Way::Look => Ok(()),
            })
        } else {
            closed(&path, book, &mut open, way).map(|of_file| {
                found.lines += of_file.lines;
                found.damaged += of_file.damaged;
            })
        };
        read.map_err(|error| Error::disk("read", path.as_path(), error))?;
    }
    Ok((open, found))
}

/// Counts a file that is closed, by its sums when they say enough.
fn closed(path: &Path, book: &mut Book, open: &mut Open, way: Way) -> std::io::Result<read::Found> {
    if let Some(summary) = Summary::load(path).filter(|summary| book.is_enough(summary)) {
        book.restore_summary(&summary);
        open.follow_all(summary.open());
        return Ok(summary.found());
    }
    let (mut draft, mut found) = (Draft::default(), read::Found::default());
    let mut each = |line: &Line<'_>| {
        draft.follow(line);
        book.restore(line);
    };
    read::one(path, &mut found, &mut each)?;
    open.follow_all(match way {
        Way::Mend => draft.keep(path, found),
        Way::Look => draft.into_open(),
    });
    Ok(found)
}

/// The line that ends a call whose end nobody saw: all that was held is spent, when it was held.
pub(super) fn ended(held: Line<'static>) -> Line<'static> {
    Line {
        kind: Kind::Unsettled,
        cost: held.reserved,
        reserved: None,
        estimate: true,
        ..held
    }
}
