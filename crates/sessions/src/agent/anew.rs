//! Writing the active file anew, when some of what it shows may not be on the disk.
//!
//! A process that was killed may leave lines in the kernel's memory that it never synced, or that a sync lost for
//! good: those are shown until the power goes, and a later sync finds nothing to save. No one can tell them from the
//! others, so that a file that was not begun here, nor known to be whole when it was last closed, is suspect. A suspect
//! file is appended to like any other, for a sync saves what is appended. But before a commit marker vouches for its
//! lines, before it is sealed, and when its sync has failed, all of it goes to a new file, which is synced and takes its
//! name in one step. Places stay what they are, and whichever of the two files a crash leaves holds every acknowledged
//! line.

use std::sync::{Arc, Mutex};

use openclaw_types::Env;

use super::{ActiveFile, AgentFiles, Writer};
use crate::{
    cache::TailCache,
    disk::{Disk, FileIdentity},
    error::Error,
    segment::replace_active,
};

impl AgentFiles {
    /// Whether the active file may show what is not on the disk. Only the commit thread may ask, within a round.
    pub(crate) fn is_suspect(&self) -> bool {
        let mut writer = self.writer();
        writer.ready().is_some_and(|active| active.suspect)
    }

    /// Makes sure that what the active file shows is on the disk, or will be with the next sync. Only the commit
    /// thread may ask, between rounds.
    pub(crate) fn settle(
        &self,
        disk: &dyn Disk,
        env: &dyn Env,
        cache: &Mutex<TailCache>,
    ) -> Result<(), Error> {
        self.make_ready(disk, env, cache)?;
        let mut writer = self.writer();
        match writer.ready() {
            Some(active) if active.suspect => {
                let active = active.clone();
                self.write_anew(disk, &mut writer, &active)
            }
            _ => Ok(()),
        }
    }

    /// Puts a synced copy in the place of the active file.
    pub(super) fn write_anew(
        &self,
        disk: &dyn Disk,
        writer: &mut Writer,
        active: &ActiveFile,
    ) -> Result<(), Error> {
        let path = self.layout.active();
        let now = disk.state(&path);
        // Behind a poisoned file's last line may stand what was refused and couldn't be cut off.
        let poisoned = matches!(writer, Writer::Poisoned(_));
        let same = now.is_ok_and(|now| {
            now.identity == active.identity && (poisoned || now.len == active.len)
        });
        if !same {
            *writer = Writer::Lost;
            return Err(Error::Changed { path });
        }
        let replaced = replace_active(disk, &self.layout, &*active.file, active.len);
        let replaced = replaced.and_then(|file| {
            let state = file.state();
            let state = state.map_err(|error| Error::disk("look at", &path, error))?;
            Ok((file, state.identity))
        });
        let (file, identity) =
            replaced.inspect_err(|_| self.lose_if_moved(disk, writer, active.identity))?;
        let mut view = self.view();
        if let Some(cached) = &mut view.cached {
            // It speaks of the file that is gone.
            cached.active = 0;
        }
        view.active = Some(Arc::clone(&file));
        *writer = Writer::Ready(ActiveFile {
            file,
            identity,
            len: active.len,
            dirty: false,
            named: active.named,
            suspect: false,
        });
        Ok(())
    }

    /// After a failure half-way through a change of the active name, what is where is read again if it has moved on.
    pub(super) fn lose_if_moved(&self, disk: &dyn Disk, writer: &mut Writer, was: FileIdentity) {
        let now = disk.state(&self.layout.active());
        if !now.is_ok_and(|now| now.identity == was) {
            *writer = Writer::Lost;
        }
    }
}
