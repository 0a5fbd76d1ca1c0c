//! Finds and signals everything a child has started: its process group, its session, and its descendants.
//!
//! The leader stays unreaped while this runs, so its number can't have been given to a stranger.
//! What neither shares its session nor descends from it any more (it made a session of its own and its parent ended)
//! is out of reach here.

use std::{collections::BTreeSet, fs, io, str::FromStr};

use rustix::process::{Pid, PidfdFlags, Signal};

/// How often a tree that keeps forking is searched again before we give up on it.
const PASSES_MAX: usize = 64;

/// A process by its number and its start time: the pair is never given out twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Member {
    pid: i32,
    started: u64,
}

struct Seen {
    member: Member,
    parent: i32,
    group: i32,
    session: i32,
}

/// Signals the leader's group and, once each, all members outside it; remembers every member it saw in `known`.
pub(crate) fn signal(leader: Pid, signal: Signal, known: &mut BTreeSet<Member>) {
    // The search comes first: once a parent has ended, its children can't be told from strangers.
    let found = members(leader, known);
    // A group of zombies, or one that is gone, has nothing to be told.
    rustix::process::kill_process_group(leader, signal).ok();
    for seen in &found {
        if seen.group != leader.as_raw_nonzero().get() {
            send(seen.member, signal).ok();
        }
    }
    known.extend(found.iter().map(|seen| seen.member));
}

/// Kills everything but a dead leader itself, until a search finds nothing new.
pub(crate) fn kill(leader: Pid, known: &mut BTreeSet<Member>) {
    let mut told = BTreeSet::new();
    for _ in 0..PASSES_MAX {
        let found = members(leader, known);
        rustix::process::kill_process_group(leader, Signal::KILL).ok();
        let mut fresh = false;
        for Seen { member, .. } in found {
            known.insert(member);
            // A process that has been sent this signal can't fork any more, so one round per member is enough.
            if told.insert(member) {
                fresh = true;
                send(member, Signal::KILL).ok();
            }
        }
        if !fresh {
            return;
        }
    }
    tracing::warn!(
        leader = leader.as_raw_nonzero().get(),
        "a child's tree grows faster than it can be killed"
    );
}

/// Sends through a descriptor of the process, after a look that it is still the one we saw.
fn send(member: Member, signal: Signal) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(member.pid) else {
        return Ok(());
    };
    let descriptor = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    if look(member.pid).is_some_and(|seen| seen.member == member) {
        rustix::process::pidfd_send_signal(&descriptor, signal)?;
    }
    Ok(())
}

/// All living processes but the leader that share its session, descend from it, or descend from a known member.
fn members(leader: Pid, known: &BTreeSet<Member>) -> Vec<Seen> {
    let leader = leader.as_raw_nonzero().get();
    let all = processes();
    let mut inside: BTreeSet<i32> = BTreeSet::from([leader]);
    loop {
        let before = inside.len();
        for seen in &all {
            if seen.session == leader
                || inside.contains(&seen.parent)
                || known.contains(&seen.member)
            {
                inside.insert(seen.member.pid);
            }
        }
        if inside.len() == before {
            break;
        }
    }
    all.into_iter()
        .filter(|seen| seen.member.pid != leader && inside.contains(&seen.member.pid))
        .collect()
}

fn processes() -> Vec<Seen> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| i32::from_str(entry.ok()?.file_name().to_str()?).ok())
        .filter_map(look)
        .collect()
}

fn look(pid: i32) -> Option<Seen> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `pid (name) state ppid pgrp session ... starttime`; the name may hold anything, so fields count from its end.
fn parse(pid: i32, stat: &str) -> Option<Seen> {
    const STATE: usize = 0;
    const PARENT: usize = 1;
    const GROUP: usize = 2;
    const SESSION: usize = 3;
    const STARTED: usize = 19;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    if matches!(*fields.get(STATE)?, "Z" | "X") {
        return None;
    }
    Some(Seen {
        member: Member {
            pid,
            started: fields.get(STARTED)?.parse().ok()?,
        },
        parent: fields.get(PARENT)?.parse().ok()?,
        group: fields.get(GROUP)?.parse().ok()?,
        session: fields.get(SESSION)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_shift_the_fields() {
        let stat = "7 (a) Z 1 (b) S 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        let seen = parse(7, stat).unwrap();
        assert_eq!(
            (seen.member, seen.parent, seen.group, seen.session),
            (
                Member {
                    pid: 7,
                    started: 4711
                },
                3,
                7,
                5
            )
        );
    }

    #[test]
    fn zombies_and_nonsense_are_nobody() {
        for stat in [
            "",
            "7",
            "7 (a)",
            "7 (a) S 1",
            "7 (a) Z 3 7 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0",
        ] {
            assert!(parse(7, stat).is_none(), "{stat}");
        }
    }
}
