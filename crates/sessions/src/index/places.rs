//! Where a session's entries are, in about six bytes each.

use crate::packed::{put_bytes, put_number, take_bytes, take_number};

/// Where one line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the segment.
    pub(crate) segment: u32,
    /// Where the line begins in it.
    pub(crate) offset: u64,
    /// Its length without newline.
    pub(crate) len: u32,
    /// The entry's number in its session.
    pub(crate) seq: u64,
}

/// Entries per block. A look-up near the end unpacks one or two blocks, whatever the session's length.
const BLOCK_ENTRIES: usize = 64;
/// Bytes that a block of short lines takes.
const BLOCK_BYTES: usize = 6 * BLOCK_ENTRIES;

/// The places of one session's entries in file order.
#[derive(Debug, Default)]
pub(crate) struct Places {
    blocks: Vec<Block>,
    len: usize,
}

/// Up to 64 places in one segment, as differences from one to the next.
#[derive(Debug)]
struct Block {
    first: Place,
    last: Place,
    count: u8,
    packed: Vec<u8>,
}

impl Places {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Adds the next one in file order. Numbers may repeat, and never go back.
    pub(crate) fn push(&mut self, place: Place) {
        self.len += 1;
        if let Some(block) = self.blocks.last_mut()
            && usize::from(block.count) < BLOCK_ENTRIES
            && block.last.segment == place.segment
        {
            block.push(place);
            return;
        }
        if let Some(full) = self.blocks.last_mut() {
            full.packed.shrink_to_fit();
        }
        self.blocks.push(Block {
            first: place,
            last: place,
            count: 1,
            packed: Vec::new(),
        });
    }

    /// Changes those in segments up to `last`; what is `None` then is no more.
    pub(crate) fn change(&mut self, last: u32, now: &dyn Fn(Place) -> Option<Place>) {
        if self
            .blocks
            .first()
            .is_none_or(|block| block.first.segment > last)
        {
            return;
        }
        let mut changed = Self::default();
        for place in self.after(0, usize::MAX) {
            if let Some(place) = now(place) {
                changed.push(place);
            }
        }
        *self = changed;
    }

    /// Appends them as they are in memory.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        put_number(self.blocks.len() as u64, out);
        for block in &self.blocks {
            block.save(out);
        }
    }

    /// Reads saved ones back.
    pub(crate) fn load(rest: &mut &[u8]) -> Option<Self> {
        let mut places = Self::default();
        for _ in 0..take_number(rest)? {
            let block = Block::load(rest)?;
            places.len += usize::from(block.count);
            places.blocks.push(block);
        }
        Some(places)
    }

    /// The entry that begins exactly there.
    pub(crate) fn at(&self, segment: u32, offset: u64) -> Option<Place> {
        let wanted = (segment, offset);
        let behind = self
            .blocks
            .partition_point(|block| (block.first.segment, block.first.offset) <= wanted);
        let mut places = Vec::with_capacity(BLOCK_ENTRIES);
        self.blocks[behind.checked_sub(1)?].unpack(&mut places);
        places
            .into_iter()
            .find(|place| (place.segment, place.offset) == wanted)
    }

    /// The last ones, in file order.
    pub(crate) fn tail(&self, limit: usize) -> Vec<Place> {
        self.collect_back(self.blocks.len(), limit, u64::MAX)
    }

    /// The last ones whose number is below `seq`, in file order.
    pub(crate) fn before(&self, seq: u64, limit: usize) -> Vec<Place> {
        let blocks = self.blocks.partition_point(|block| block.first.seq < seq);
        self.collect_back(blocks, limit, seq)
    }

    /// The first ones whose number is above `seq`, in file order.
    pub(crate) fn after(&self, seq: u64, limit: usize) -> Vec<Place> {
        let block = self.blocks.partition_point(|block| block.last.seq <= seq);
        let mut found = Vec::new();
        let mut unpacked = Vec::with_capacity(BLOCK_ENTRIES);
        for block in &self.blocks[block..] {
            if found.len() >= limit {
                break;
            }
            unpacked.clear();
            block.unpack(&mut unpacked);
            let wanted = unpacked.iter().filter(|place| place.seq > seq);
            found.extend(wanted.take(limit - found.len()).copied());
        }
        found
    }

    fn collect_back(&self, mut block: usize, limit: usize, below: u64) -> Vec<Place> {
        let mut found = Vec::new();
        let mut unpacked = Vec::with_capacity(BLOCK_ENTRIES);
        while found.len() < limit && block > 0 {
            block -= 1;
            unpacked.clear();
            self.blocks[block].unpack(&mut unpacked);
            let wanted = unpacked.iter().rev().filter(|place| place.seq < below);
            found.extend(wanted.take(limit - found.len()).copied());
        }
        found.reverse();
        found
    }
}

impl Block {
    fn push(&mut self, place: Place) {
        // Room at once for what the rest of a block usually takes, instead of for a few bytes again and again.
        if self.packed.capacity() == 0 {
            self.packed.reserve(BLOCK_BYTES);
        }
        put_number(place.offset - self.last.offset, &mut self.packed);
        put_number(u64::from(place.len), &mut self.packed);
        put_number(place.seq - self.last.seq, &mut self.packed);
        self.last = place;
        self.count += 1;
    }

    fn unpack(&self, out: &mut Vec<Place>) {
        let mut place = self.first;
        out.push(place);
        let mut rest = self.packed.as_slice();
        for _ in 1..self.count {
            let Some((offset, len, seq)) = take_step(&mut rest) else {
                break;
            };
            place.offset = place.offset.saturating_add(offset);
            place.len = len;
            place.seq = place.seq.saturating_add(seq);
            out.push(place);
        }
    }

    fn save(&self, out: &mut Vec<u8>) {
        for place in [self.first, self.last] {
            put_number(u64::from(place.segment), out);
            put_number(place.offset, out);
            put_number(u64::from(place.len), out);
            put_number(place.seq, out);
        }
        out.push(self.count);
        put_bytes(&self.packed, out);
    }

    fn load(rest: &mut &[u8]) -> Option<Self> {
        let (first, last) = (take_place(rest)?, take_place(rest)?);
        let (&count, after) = rest.split_first()?;
        *rest = after;
        Some(Self {
            first,
            last,
            count,
            packed: take_bytes(rest)?.to_vec(),
        })
    }
}

fn take_step(rest: &mut &[u8]) -> Option<(u64, u32, u64)> {
    let (offset, len) = (take_number(rest)?, take_number(rest)?);
    Some((
        offset,
        u32::try_from(len).unwrap_or(u32::MAX),
        take_number(rest)?,
    ))
}

fn take_place(rest: &mut &[u8]) -> Option<Place> {
    let segment = u32::try_from(take_number(rest)?).ok()?;
    let (offset, len, seq) = take_step(rest)?;
    Some(Place {
        segment,
        offset,
        len,
        seq,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packed_places_come_back_as_they_went_in(
            steps in prop::collection::vec((0_u32..2, 1_u64..100_000, 1_u32..70_000, 0_u64..3), 0..400),
            limit in 0_usize..200,
            below in 0_u64..400,
        ) {
            let mut place = Place { segment: 1, offset: 0, len: 0, seq: 1 };
            let mut all = Vec::new();
            let mut places = Places::default();
            for (next_segment, gap, len, seq) in steps {
                place.segment += u32::from(next_segment == 1 && gap % 97 == 0);
                place.offset += gap;
                place.len = len;
                place.seq += seq;
                places.push(place);
                all.push(place);
            }
            prop_assert_eq!(places.len(), all.len());
            let mut saved = Vec::new();
            places.save(&mut saved);
            let places = Places::load(&mut saved.as_slice()).unwrap();
            prop_assert_eq!(places.len(), all.len());
            for place in &all {
                prop_assert_eq!(places.at(place.segment, place.offset), Some(*place));
            }
            prop_assert_eq!(places.at(1, below), all.iter().find(|place| (place.segment, place.offset) == (1, below)).copied());
            let from = all.len().saturating_sub(limit);
            prop_assert_eq!(&places.tail(limit), &all[from..]);
            let newer: Vec<_> = all.iter().filter(|place| place.seq > below).copied().collect();
            prop_assert_eq!(&places.after(below, limit), &newer[..limit.min(newer.len())]);
            let older: Vec<_> = all.iter().filter(|place| place.seq < below).copied().collect();
            let from = older.len().saturating_sub(limit);
            prop_assert_eq!(&places.before(below, limit), &older[from..]);
        }
    }
}
