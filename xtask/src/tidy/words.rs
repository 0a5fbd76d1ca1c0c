//! Words that don't belong in a repository: unfinished work, somebody's machine, somebody's network.

use super::{Report, Tree};

/// The hosts a lock file may name: anything else is somebody's mirror.
const LOCK_HOSTS: [&str; 2] = ["github.com", "registry.npmjs.org"];
const LOCK_FILES: [&str; 2] = ["Cargo.lock", "package-lock.json"];
/// Endings of host names that mean something in one network only.
const PRIVATE_ENDINGS: [&str; 5] = [".internal", ".corp", ".lan", ".intranet", ".svc"];

pub(super) fn check(tree: &Tree, report: &mut Report) {
    for (file, text) in tree.texts() {
        let is_lock = LOCK_FILES.iter().any(|name| file.ends_with(name));
        // This file names what it looks for.
        if file == "xtask/src/tidy/words.rs" {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if is_lock {
                for host in hosts(line).filter(|host| !LOCK_HOSTS.contains(host)) {
                    report.problem(file, number, format!("the lock file names the host {host}"));
                }
                continue;
            }
            if let Some(word) = unfinished(line) {
                report.problem(
                    file,
                    number,
                    format!("{word}: finish it, or write an issue"),
                );
            }
            if let Some(path) = machine_path(line) {
                report.problem(file, number, format!("`{path}` is a path on one machine"));
            }
            for host in hosts(line).filter(|host| is_private(host)) {
                report.problem(file, number, format!("`{host}` is a host in one network"));
            }
        }
    }
}

fn unfinished(line: &str) -> Option<&'static str> {
    let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.find_map(|word| {
        ["TODO", "FIXME", "XXX", "HACK"]
            .into_iter()
            .find(|bad| word == *bad)
    })
}

fn machine_path(line: &str) -> Option<&str> {
    // Homes of examples are nobody's.
    const NOBODY: [&str; 4] = ["/home/a", "/home/user", "/home/you", "/root/.openclaw"];
    for start in ["/root/", "/home/", "/Users/", "/work/"] {
        for (at, _) in line.match_indices(start) {
            let is_absolute =
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || "~.}_-)*".contains(c));
            let path = line[at..]
                .split(|c: char| c.is_whitespace() || "\"'`)<,;".contains(c))
                .next()?;
            if is_absolute && !NOBODY.iter().any(|nobody| is_below(path, nobody)) {
                return Some(path);
            }
        }
    }
    None
}

fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.', ':']))
}

fn hosts(line: &str) -> impl Iterator<Item = &str> {
    line.split("://").skip(1).filter_map(|rest| {
        let authority = rest.split(|c: char| "/\"'`)>,;?#\\ ".contains(c)).next()?;
        let host = authority.rsplit('@').next()?.split(':').next()?;
        (!host.is_empty()).then_some(host)
    })
}

fn is_private(host: &str) -> bool {
    PRIVATE_ENDINGS.iter().any(|ending| host.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_paths_and_hosts_are_found_and_their_neighbours_are_not() {
        let tree = Tree::of([
            (
                "a.md",
                "TODO\nTODOS are fine\nsee /home/user/x\nsee /home/bea/x\nfoo/work/bar\n~/work/x\n",
            ),
            (
                "b.md",
                "http://mirror.corp/simple\nhttps://example.org/x\nws://127.0.0.1:1\n",
            ),
            (
                "Cargo.lock",
                "source = \"registry+https://github.com/x\"\nsource = \"https://mirror.example\"\n",
            ),
        ]);
        let mut report = Report::default();
        check(&tree, &mut report);
        assert_eq!(
            report.lines(),
            [
                "Cargo.lock:2: the lock file names the host mirror.example",
                "a.md:1: TODO: finish it, or write an issue",
                "a.md:4: `/home/bea/x` is a path on one machine",
                "b.md:1: `mirror.corp` is a host in one network",
            ]
        );
    }
}
