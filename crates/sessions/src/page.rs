//! Pages of a session, counted from its end.

use std::sync::Arc;

use openclaw_types::SessionId;

use crate::{
    agent::EntryReader,
    archive::{Older, read_older},
    disk::Disk,
    entry::Entry,
    error::Error,
    index::{Index, Place},
    limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_MAX},
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
#[derive(Debug)]
pub(crate) struct PagePlaces {
    /// Those in segments.
    pub(crate) found: Vec<Place>,
    /// Those before them, where they are in archives.
    pub(crate) older: Option<Older>,
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
    let (archives, places) = index.whereabouts(session)?;
    let limit = limit.min(PAGE_ENTRIES_MAX);
    let all = before_seq.map_or_else(|| places.tail(limit), |seq| places.before(seq, limit));
    let wanted = all.len();
    let found = last_within(all);
    let first = found.first().map(|place| place.seq);
    let is_cut = found.len() < wanted || first.is_some_and(|seq| !places.before(seq, 1).is_empty());
    let bytes: u64 = found.iter().map(|place| u64::from(place.len)).sum();
    let older = (!is_cut && found.len() < limit).then(|| Older {
        archives: archives.to_vec(),
        before: first.or(before_seq).unwrap_or(u64::MAX),
        limit: limit - found.len(),
        bytes_max: PAGE_BYTES_MAX.saturating_sub(bytes),
    });
    let archived: u64 = archives.iter().map(|archive| archive.entries).sum();
    Some(PagePlaces {
        older: older.filter(|_| !archives.is_empty()),
        before_seq: first.filter(|_| is_cut || !archives.is_empty()),
        total: archived + places.len() as u64,
        found,
    })
}

/// Reads a page; an entry that is damaged since it was indexed, or is another session's, is left out and counted.
pub(crate) fn read_page(
    disk: &dyn Disk,
    session: &SessionId,
    places: &PagePlaces,
    reader: &mut EntryReader,
) -> Result<(Page, u64), Error> {
    let (mut entries, mut unreadable) = read_places(disk, session, &places.found, reader)?;
    let mut before_seq = places.before_seq;
    if let Some(older) = &places.older {
        let mut found = read_older(disk, reader.layout(), session, older)?;
        unreadable += found.unreadable;
        found.entries.append(&mut entries);
        entries = found.entries;
        before_seq = found.first.filter(|_| found.more);
    }
    let page = Page {
        entries,
        before_seq,
        total: places.total,
    };
    Ok((page, unreadable))
}

/// The last places whose lines together are not longer than a page may be; one at least.
pub(crate) fn last_within(mut places: Vec<Place>) -> Vec<Place> {
    let mut left = PAGE_BYTES_MAX;
    let fits = places.iter().rev().take_while(|place| {
        let fits = left.checked_sub(u64::from(place.len));
        left = fits.unwrap_or(0);
        fits.is_some()
    });
    let count = fits.count().max(1);
    places.drain(..places.len().saturating_sub(count));
    places
}

/// Reads entries; one that is damaged since it was indexed, or is another session's, is left out and counted.
fn read_places(
    disk: &dyn Disk,
    session: &SessionId,
    places: &[Place],
    reader: &mut EntryReader,
) -> Result<(Vec<Arc<Entry>>, u64), Error> {
    let mut entries = Vec::with_capacity(places.len());
    let mut unreadable = 0;
    for &place in places {
        match reader.read(disk, place)? {
            Ok(entry) if entry.session == *session => entries.push(Arc::new(entry)),
            Ok(_) => unreadable += 1,
            Err(fault) => {
                unreadable += 1;
                tracing::warn!(offset = place.offset, segment = place.segment, %fault, "an entry can no longer be read");
            }
        }
    }
    Ok((entries, unreadable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_its_bytes_do_and_has_one_entry_at_least() {
        let whole = u32::try_from(PAGE_BYTES_MAX).unwrap();
        for (lens, kept) in [
            (vec![], 0),
            (vec![1, 2, 3], 3),
            (vec![whole + 1], 1),
            (vec![1, whole + 1], 1),
            (vec![1, whole], 1),
            (vec![9, 1, whole - 1], 2),
            (vec![1, whole + 1, 1], 1),
        ] {
            let places = lens.iter().enumerate().map(|(at, &len)| Place {
                segment: 1,
                offset: at as u64,
                len,
                seq: at as u64 + 1,
            });
            let places: Vec<_> = places.collect();
            let from = places.len() - kept;
            assert_eq!(last_within(places.clone()), places[from..], "{lens:?}");
        }
    }
}
