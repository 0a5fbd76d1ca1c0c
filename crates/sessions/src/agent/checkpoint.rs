//! The index's cache: what an earlier reading found, believed only where the files prove that it still holds.
//!
//! It is never synced and never authoritative, and may be deleted at any time. It names every sealed segment by inode,
//! length and time of change, and the covered beginning of the active file by inode and by the checksum of its last
//! bytes; a file that has not grown since must not have changed either. Whatever does not match exactly makes the
//! files be read instead. The time of change moves with the kernel's clock, so that an edit of the same length within
//! the same few milliseconds as the last append could pass here: then the checksum of the line tells when it is read.

use std::{collections::BTreeMap, sync::Arc};

use super::{ActiveFile, Damage, Damaged, View};
use crate::{
    archive::ArchiveFile,
    disk::{Disk, DiskFile, FileIdentity, FileState, OpenMode, read_full, write_full},
    entry::Fault,
    error::Error,
    index::Index,
    limits::{CACHE_BYTES_MAX, CACHE_WITNESS_BYTES},
    manifest::Manifest,
    packed::{
        put_bytes, put_number, put_option, put_signed, take_number, take_option, take_signed,
        take_text,
    },
    segment::{Layout, SealedSegment, create_afresh},
};

/// The first bytes, which change with the form.
const MAGIC: &[u8] = b"openclaw index 4\n";
/// Bytes of the checksum at the end.
const CRC_BYTES: usize = 4;
/// Every fault a damaged place can have; its position is what is written.
const FAULTS: [Fault; 12] = [
    Fault::NotJson,
    Fault::Checksum,
    Fault::Unpaired,
    Fault::Duplicate,
    Fault::Zeros,
    Fault::TooLong,
    Fault::Torn,
    Fault::Key { key: "timestamp" },
    Fault::Key { key: "role" },
    Fault::Key { key: "content" },
    Fault::Key { key: "sessionId" },
    Fault::Key { key: "seq" },
];

/// What an earlier reading found, and where to go on.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) index: Index,
    pub(super) damage: Damage,
    /// The state of each sealed segment when it was read, by name.
    pub(super) states: BTreeMap<String, FileState>,
    /// So much of the active file is covered.
    pub(super) covered: u64,
    /// All of that is known to be on the disk.
    pub(super) settled: bool,
}

/// Reads the cache, if there is one and the files are as it says.
pub(super) fn read(
    disk: &dyn Disk,
    layout: &Layout,
    listed: &Manifest,
    active: &dyn DiskFile,
) -> Option<Checkpoint> {
    let file = disk.open(&layout.index_cache(), OpenMode::Read).ok()?;
    let len = file.state().ok()?.len;
    if len > CACHE_BYTES_MAX {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    let found = read_full(&*file, 0, &mut bytes).ok()?;
    let (body, stored) = bytes.get(..found)?.split_last_chunk::<CRC_BYTES>()?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*stored) {
        return None;
    }
    let mut rest = body.strip_prefix(MAGIC)?;
    let states = sealed_states(disk, layout, &listed.segments, &mut rest)?;
    if take_number(&mut rest)? != archives_sum(&listed.archives) {
        return None;
    }
    let covered = active_covered(active, &mut rest)?;
    let settled = take_number(&mut rest)? == 1;
    let damage = take_damage(&mut rest)?;
    let index = Index::load(&mut rest)?;
    rest.is_empty().then_some(Checkpoint {
        index,
        damage,
        states,
        covered,
        settled,
    })
}

/// The states of the sealed segments, if they are the listed ones and have not changed.
fn sealed_states(
    disk: &dyn Disk,
    layout: &Layout,
    sealed: &[SealedSegment],
    rest: &mut &[u8],
) -> Option<BTreeMap<String, FileState>> {
    let mut states = BTreeMap::new();
    if take_number(rest)? != sealed.len() as u64 {
        return None;
    }
    for segment in sealed {
        let same = take_number(rest)? == u64::from(segment.number)
            && take_text(rest)? == segment.file
            && take_option(rest)? == segment.bytes;
        let state = take_state(rest)?;
        if !same || disk.state(&layout.sealed(&segment.file)).ok()? != state {
            return None;
        }
        states.insert(segment.file.clone(), state);
    }
    Some(states)
}

/// Which archives there are.
fn archives_sum(archives: &[Arc<ArchiveFile>]) -> u64 {
    let names = archives.iter().flat_map(|archive| {
        let bytes = archive.bytes.to_le_bytes();
        archive.file.bytes().chain(bytes)
    });
    let names: Vec<u8> = names.collect();
    u64::from(crc32c::crc32c(&names))
}

/// How much of the active file is covered, if that much of it is as it was.
fn active_covered(active: &dyn DiskFile, rest: &mut &[u8]) -> Option<u64> {
    let then = take_state(rest)?;
    let witness = u32::try_from(take_number(rest)?).ok()?;
    let now = active.state().ok()?;
    let same = now.identity == then.identity
        && (now.len > then.len || now == then || then.len == 0)
        && now.len >= then.len
        && witness_of(active, then.len).ok()? == witness;
    same.then_some(then.len)
}

/// The checksum of the last bytes before a position.
fn witness_of(file: &dyn DiskFile, end: u64) -> std::io::Result<u32> {
    let from = end.saturating_sub(CACHE_WITNESS_BYTES);
    let mut bytes = vec![0; usize::try_from(end - from).unwrap_or_default()];
    let found = read_full(file, from, &mut bytes)?;
    Ok(crc32c::crc32c(&bytes[..found]))
}

/// What the cache of this view says; `None` when the files are not as the view has them.
pub(super) fn encode(
    disk: &dyn Disk,
    layout: &Layout,
    view: &View,
    active: &ActiveFile,
) -> Option<Vec<u8>> {
    let (file, len) = (&*active.file, active.len);
    let state = file.state().ok()?;
    if state.len != len {
        return None;
    }
    let mut out = MAGIC.to_vec();
    put_number(view.sealed.len() as u64, &mut out);
    for segment in &view.sealed {
        put_number(u64::from(segment.number), &mut out);
        put_bytes(segment.file.as_bytes(), &mut out);
        put_option(segment.bytes, &mut out);
        // One that was not read here was written here.
        let state = match view.states.get(&segment.file) {
            Some(state) => *state,
            None => disk.state(&layout.sealed(&segment.file)).ok()?,
        };
        put_state(state, &mut out);
    }
    put_number(archives_sum(&view.archives), &mut out);
    put_state(state, &mut out);
    put_number(u64::from(witness_of(file, len).ok()?), &mut out);
    put_number(u64::from(!active.suspect), &mut out);
    put_damage(&view.damage, &mut out)?;
    view.index.save(&mut out);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    Some(out)
}

/// Puts the cache in the place of the last one, in one step; nothing is synced.
pub(super) fn write(disk: &dyn Disk, layout: &Layout, bytes: &[u8]) -> Result<(), Error> {
    let path = layout.index_cache();
    let next = path.with_extension("cache.next");
    match disk.create_dir(&layout.sealed_dir()) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::disk("create", layout.sealed_dir(), error));
        }
        _ => {}
    }
    let file = create_afresh(disk, &next)?;
    let written = write_full(&*file, bytes).map_err(|error| Error::disk("write", &next, error));
    written
        .and_then(|()| {
            let renamed = disk.rename(&next, &path);
            renamed.map_err(|error| Error::disk("replace", &path, error))
        })
        .inspect_err(|_| {
            // Space that is short is not to be taken by a cache.
            disk.remove(&next).unwrap_or_default();
        })
}

/// Removes the cache, if there is one.
pub(super) fn remove(disk: &dyn Disk, layout: &Layout) {
    // Without one, or where it can't be removed, it is not believed where it matters.
    disk.remove(&layout.index_cache()).unwrap_or_default();
}

fn put_state(state: FileState, out: &mut Vec<u8>) {
    put_number(state.identity.device, out);
    put_number(state.identity.inode, out);
    put_number(state.len, out);
    put_signed(state.changed_ns, out);
}

fn take_state(rest: &mut &[u8]) -> Option<FileState> {
    Some(FileState {
        identity: FileIdentity {
            device: take_number(rest)?,
            inode: take_number(rest)?,
        },
        len: take_number(rest)?,
        changed_ns: take_signed(rest)?,
    })
}

fn put_damage(damage: &Damage, out: &mut Vec<u8>) -> Option<()> {
    put_number(damage.count, out);
    put_number(damage.listed.len() as u64, out);
    for place in &damage.listed {
        put_number(u64::from(place.segment), out);
        put_number(place.offset, out);
        put_number(place.bytes, out);
        put_number(
            FAULTS.iter().position(|&fault| fault == place.fault)? as u64,
            out,
        );
    }
    Some(())
}

fn take_damage(rest: &mut &[u8]) -> Option<Damage> {
    let mut damage = Damage {
        count: take_number(rest)?,
        listed: Vec::new(),
    };
    for _ in 0..take_number(rest)? {
        damage.listed.push(Damaged {
            segment: u32::try_from(take_number(rest)?).ok()?,
            offset: take_number(rest)?,
            bytes: take_number(rest)?,
            fault: *FAULTS.get(usize::try_from(take_number(rest)?).ok()?)?,
        });
    }
    Some(damage)
}
