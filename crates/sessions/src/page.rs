//! Pages of a session, counted from its end.

use std::sync::Arc;

use openclaw_types::SessionId;

use crate::{
    agent::EntryReader,
    disk::Disk,
    entry::Entry,
    error::Error,
    index::{Index, Place},
    limits::PAGE_ENTRIES_MAX,
};

/// Some entries of a session, and how to ask for those before them.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In file order.
    pub entries: Vec<Arc<Entry>>,
    /// What to pass for the page before this one; `None` at the beginning.
    pub before_seq: Option<u64>,
    /// How many live entries the session has in all.
    pub total: u64,
}

/// Where the entries of a page are.
pub(crate) struct PagePlaces {
    pub(crate) found: Vec<Place>,
    pub(crate) before_seq: Option<u64>,
    pub(crate) total: u64,
}

/// Looks a page up; `None` when there is no such session.
pub(crate) fn page_places(
    index: &Index,
    session: &SessionId,
    before_seq: Option<u64>,
    limit: usize,
) -> Option<PagePlaces> {
    let places = index.places(session)?;
    let limit = limit.min(PAGE_ENTRIES_MAX);
    let found = before_seq.map_or_else(|| places.tail(limit), |seq| places.before(seq, limit));
    let first = found.first().map(|place| place.seq);
    let before_seq = first.filter(|&seq| !places.before(seq, 1).is_empty());
    Some(PagePlaces {
        found,
        before_seq,
        total: places.len() as u64,
    })
}

/// Reads entries; one that is damaged since it was indexed is left out and counted.
pub(crate) fn read_places(
    disk: &dyn Disk,
    places: &[Place],
    reader: &mut EntryReader,
) -> Result<(Vec<Arc<Entry>>, u64), Error> {
    let mut entries = Vec::with_capacity(places.len());
    let mut unreadable = 0;
    for &place in places {
        match reader.read(disk, place)? {
            Ok(entry) => entries.push(Arc::new(entry)),
            Err(fault) => {
                unreadable += 1;
                tracing::warn!(offset = place.offset, segment = place.segment, %fault, "an entry can no longer be read");
            }
        }
    }
    Ok((entries, unreadable))
}
