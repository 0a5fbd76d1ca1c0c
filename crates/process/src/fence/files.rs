//! The fence around files: Landlock.

use std::{io, path::Path};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::Fence;

/// The newest version whose rights are asked for; an older kernel enforces those it knows.
const NEWEST: ABI = ABI::V6;
/// Those that fence enough. Before the third, a file could be cut to nothing through a right to open it.
const VERSIONS: [(ABI, u32); 3] = [(ABI::V6, 6), (ABI::V5, 5), (ABI::V3, 3)];

/// The newest of our versions that the kernel enforces whole. Making a set of rules changes nothing by itself.
pub(super) fn version() -> Option<u32> {
    let is_whole = |version: ABI| {
        let rules = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(version));
        let scopes = Scope::from_all(version);
        let rules = if scopes.is_empty() {
            rules
        } else {
            rules.and_then(|rules| rules.scope(scopes))
        };
        rules.and_then(Ruleset::create).is_ok()
    };
    let whole = VERSIONS.iter().find(|(version, _)| is_whole(*version));
    whole.map(|(_, number)| *number)
}

pub(super) fn apply(fence: &Fence) -> io::Result<()> {
    if version().is_none() {
        return Err(rustix::io::Errno::OPNOTSUPP.into());
    }
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(io::Error::other)?;
    let read = AccessFs::from_read(NEWEST);
    for path in &fence.read {
        rules = grant(rules, path, read)?;
    }
    for path in &fence.write {
        rules = grant(rules, path, AccessFs::from_all(NEWEST))?;
    }
    // Half of what programs do needs these, and none of them leads anywhere.
    for device in [
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/dev/urandom",
        "/dev/tty",
    ] {
        let access = AccessFs::ReadFile | AccessFs::WriteFile;
        rules = grant(rules, Path::new(device), access)?;
    }
    let status = rules.restrict_self().map_err(io::Error::other)?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(rustix::io::Errno::OPNOTSUPP.into());
    }
    Ok(())
}

/// Grants a path that is there; what isn't can't be reached anyway.
fn grant(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> io::Result<RulesetCreated> {
    let Ok(descriptor) = PathFd::new(path) else {
        return Ok(rules);
    };
    let stat = rustix::fs::fstat(&descriptor)?;
    let is_dir = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir();
    let access = if is_dir {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    if access.is_empty() {
        return Ok(rules);
    }
    rules
        .add_rule(PathBeneath::new(descriptor, access))
        .map_err(io::Error::other)
}
