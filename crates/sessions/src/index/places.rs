//! Where a session's entries are, in about six bytes each.

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
        number(place.offset - self.last.offset, &mut self.packed);
        number(u64::from(place.len), &mut self.packed);
        number(place.seq - self.last.seq, &mut self.packed);
        self.last = place;
        self.count += 1;
    }

    fn unpack(&self, out: &mut Vec<Place>) {
        let mut place = self.first;
        out.push(place);
        let mut rest = self.packed.as_slice();
        for _ in 1..self.count {
            place.offset += take_number(&mut rest);
            place.len = u32::try_from(take_number(&mut rest)).unwrap_or(u32::MAX);
            place.seq += take_number(&mut rest);
            out.push(place);
        }
    }
}

/// Seven bits a byte, the lowest first; the top bit says that more follow.
fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_number(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let Some((&byte, after)) = rest.split_first() else {
            break;
        };
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
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
            for place in &all {
                prop_assert_eq!(places.at(place.segment, place.offset), Some(*place));
            }
            prop_assert_eq!(places.at(1, below), all.iter().find(|place| (place.segment, place.offset) == (1, below)).copied());
            let from = all.len().saturating_sub(limit);
            prop_assert_eq!(&places.tail(limit), &all[from..]);
            let older: Vec<_> = all.iter().filter(|place| place.seq < below).copied().collect();
            let from = older.len().saturating_sub(limit);
            prop_assert_eq!(&places.before(below, limit), &older[from..]);
        }
    }
}
