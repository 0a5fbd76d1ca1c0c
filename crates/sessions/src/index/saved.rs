//! The index as bytes, for its cache.

use openclaw_types::{Role, SessionId, Timestamp};

use super::{Index, OpenRuns, OriginKind, Places, Session};
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
        put_option(self.committed_seq, out);
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
            committed_seq: take_option(rest)?,
            runs: OpenRuns::default(),
        };
        for _ in 0..take_number(rest)? {
            let run = take_text(rest)?;
            session.runs.begin(run, take_number(rest)?.max(1));
        }
        Some(session)
    }
}
