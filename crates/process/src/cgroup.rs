//! A control group per child, where ours has been delegated to us: whatever a child starts can't leave it.
//!
//! Without delegation, which is what a plain shell gives, the search of [`crate::tree`] has to do.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use rustix::process::Pid;

/// Directories below ours are named by this, our process id, and a counter.
const PREFIX: &str = "openclaw-";
/// systemd marks what it delegates with either of these.
const MARKS: [&str; 2] = ["user.delegate", "trusted.delegate"];
/// A killed process leaves its group within a moment; after this many the empty directory is left to the next start.
const REMOVALS_MAX: u32 = 20;
const REMOVAL_PAUSE: Duration = Duration::from_millis(1);

/// The control group that we may divide.
#[derive(Debug)]
pub(crate) struct Delegation {
    folder: PathBuf,
    made: u64,
}

/// One child's control group; dropping it removes it.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
}

impl Delegation {
    /// Looks whether our own control group is delegated, and ends what an earlier gateway in it has left behind.
    pub(crate) fn find() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let folder = folder(&groups, &mounts)?;
        if !is_delegated(&folder) {
            return None;
        }
        sweep(&folder);
        Some(Self { folder, made: 0 })
    }

    /// A fresh group, if the kernel still lets us make one.
    pub(crate) fn group(&mut self) -> Option<Group> {
        self.made += 1;
        let name = format!("{PREFIX}{}-{}", std::process::id(), self.made);
        let folder = self.folder.join(name);
        match fs::create_dir(&folder) {
            Ok(()) => Some(Group { folder }),
            Err(error) => {
                tracing::warn!(%error, "no control group for a child; its tree is searched for instead");
                None
            }
        }
    }
}

impl Group {
    /// Moves a process in; says whether it is.
    pub(crate) fn adopt(&self, pid: Pid) -> bool {
        let number = pid.as_raw_nonzero().to_string();
        let moved = fs::write(self.folder.join("cgroup.procs"), number);
        if let Err(error) = &moved {
            tracing::warn!(%error, "a child can't be moved to its control group; its tree is searched for instead");
        }
        moved.is_ok()
    }

    /// Kills everything inside, however often it forks.
    pub(crate) fn kill(&self) {
        if let Err(error) = fs::write(self.folder.join("cgroup.kill"), "1") {
            tracing::warn!(%error, "a child's control group can't be killed");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..REMOVALS_MAX {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::sleep(REMOVAL_PAUSE);
                }
                Ok(()) | Err(_) => return,
            }
        }
    }
}

/// The directory of our own group in the unified hierarchy. The root of it is never delegated.
fn folder(groups: &str, mounts: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (fields.next()?, fields.next()?);
    let below = Path::new(own).strip_prefix(root).ok()?;
    (own != "/").then(|| Path::new(point).join(below))
}

fn is_delegated(folder: &Path) -> bool {
    MARKS.iter().any(|mark| {
        let mut value = [0; 8];
        let length = rustix::fs::getxattr(folder, *mark, &mut value);
        length.is_ok_and(|length| value.get(..length) == Some(b"1"))
    })
}

/// Kills and removes the groups of gateways that are gone.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(owner);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            let group = Group {
                folder: entry.path(),
            };
            group.kill();
        }
    }
}

fn owner(name: &str) -> Option<u32> {
    let (pid, _) = name.strip_prefix(PREFIX)?.split_once('-')?;
    u32::from_str(pid).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_group_is_found_below_its_mount() {
        let unified = "30 25 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
        let inside = "30 25 0:26 /user.slice /mnt/x rw - cgroup2 none rw\n";
        let old = "30 25 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw\n";
        for (groups, mounts, found) in [
            (
                "0::/a.slice/b.service\n",
                unified,
                Some("/sys/fs/cgroup/a.slice/b.service"),
            ),
            ("1:cpu:/x\n0::/user.slice/y\n", inside, Some("/mnt/x/y")),
            ("0::/\n", unified, None),
            ("0::/elsewhere\n", inside, None),
            ("0::/a\n", old, None),
            ("1:cpu:/x\n", unified, None),
        ] {
            assert_eq!(
                folder(groups, mounts),
                found.map(PathBuf::from),
                "{groups}{mounts}"
            );
        }
    }

    #[test]
    fn groups_name_the_process_they_belong_to() {
        assert_eq!(owner("openclaw-12-3"), Some(12));
        for name in ["openclaw-", "openclaw-x-1", "openclaw-12", "other-12-3"] {
            assert_eq!(owner(name), None, "{name}");
        }
    }
}
