//! The index as bytes, for its cache.

use openclaw_types::{Role, SessionId, Timestamp};

use super::{Index, Marker, OpenRuns, OriginKind, Place, Places, Session};
use crate::packed::{
    put_bytes, put_number, put_option, put_signed, take_number, take_option, take_signed, take_text,
};

const ROLES: [Role; 3] = [Role::User, Role::Assistant, Role::System];
const OWNERS: [OriginKind; 5] = [
    OriginKind::Operator,
    OriginKind::Local,
    OriginKind::Agent,
    OriginKind::Schedule,
    OriginKind::System,
];

impl Index {
    /// Appends what reading the files would find. Numbers that were merely used up are not part of it.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        put_number(self.appeared, out);
        put_number(self.entries, out);
        put_number(self.sessions.len() as u64, out);
        for (id, session) in &self.sessions {
            put_bytes(id.as_str().as_bytes(), out);
            session.save(out);
        }
    }

    /// An index that goes on reading where the saved one stopped.
    pub(crate) fn load(rest: &mut &[u8]) -> Option<Self> {
        let mut index = Self::reading();
        index.appeared = take_number(rest)?;
        index.entries = take_number(rest)?;
        for _ in 0..take_number(rest)? {
            let id = SessionId::parse(take_text(rest)?).ok()?;
            index.sessions.insert(id, Session::load(rest)?);
        }
        Some(index)
    }

    /// Roughly how many bytes saving takes.
    pub(crate) fn saved_bytes(&self) -> u64 {
        self.entries * 8 + self.sessions.len() as u64 * 256
    }
}

impl Session {
    fn save(&self, out: &mut Vec<u8>) {
        self.places.save(out);
        put_number(self.last_seq, out);
        put_number(self.last_written_seq, out);
        put_signed(self.created.as_millis(), out);
        put_signed(self.last_activity.as_millis(), out);
        let role = ROLES.iter().position(|&role| role == self.last_role);
        put_number(role.unwrap_or_default() as u64, out);
        put_bytes(self.preview.as_bytes(), out);
        let owner = OWNERS.iter().position(|&kind| Some(kind) == self.owner);
        put_option(owner.map(|at| at as u64), out);
        put_option(self.marker.as_ref().map(|marker| marker.0), out);
        if let Some((_, marker)) = self.marker.as_deref() {
            put_number(marker.entries, out);
            put_number(marker.through, out);
            out.extend_from_slice(&marker.sha256);
        }
        put_option(self.tombstone.map(|place| u64::from(place.segment)), out);
        if let Some(place) = &self.tombstone {
            put_number(place.offset, out);
            put_number(u64::from(place.len), out);
            put_number(place.seq, out);
        }
        put_number(self.runs.iter().count() as u64, out);
        for (run, appeared) in self.runs.iter() {
            put_bytes(run.as_bytes(), out);
            put_number(appeared, out);
        }
    }

    fn load(rest: &mut &[u8]) -> Option<Self> {
        let at = |found: u64| usize::try_from(found).ok();
        let mut session = Self {
            places: Places::load(rest)?,
            // They are in the list of files, and are joined from there.
            archives: Vec::new(),
            last_seq: take_number(rest)?,
            last_written_seq: take_number(rest)?,
            created: Timestamp(take_signed(rest)?),
            last_activity: Timestamp(take_signed(rest)?),
            last_role: *ROLES.get(at(take_number(rest)?)?)?,
            last_message: None,
            preview: take_text(rest)?.into(),
            owner: match take_option(rest)? {
                Some(owner) => Some(*OWNERS.get(at(owner)?)?),
                None => None,
            },
            marker: take_marker(rest)?,
            tombstone: take_tombstone(rest)?,
            runs: OpenRuns::default(),
        };
        for _ in 0..take_number(rest)? {
            let run = take_text(rest)?;
            session.runs.begin(run, take_number(rest)?.max(1));
        }
        Some(session)
    }
}

type Marked = Box<(u64, Marker)>;

fn take_marker(rest: &mut &[u8]) -> Option<Option<Marked>> {
    let Some(at) = take_option(rest)? else {
        return Some(None);
    };
    let (entries, through) = (take_number(rest)?, take_number(rest)?);
    let (sha256, after) = rest.split_first_chunk()?;
    *rest = after;
    let marker = Marker {
        entries,
        through,
        sha256: *sha256,
    };
    Some(Some(Box::new((at, marker))))
}

fn take_tombstone(rest: &mut &[u8]) -> Option<Option<Place>> {
    let Some(segment) = take_option(rest)? else {
        return Some(None);
    };
    Some(Some(Place {
        segment: u32::try_from(segment).ok()?,
        offset: take_number(rest)?,
        len: u32::try_from(take_number(rest)?).ok()?,
        seq: take_number(rest)?,
    }))
}
