//! What is seen of the files without having the accounts open.

use super::*;
use crate::{Picture, Tally};

/// Every file of a directory with its bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect()
}

#[test]
fn a_picture_shows_what_the_accounts_would_and_changes_no_file() {
    let world = World::new(Allowances::default());
    let caller = world.key(max(100));
    let ticket = world.accounts.admit(&ask(&caller, 20, 20)).unwrap();
    world.settle(ticket, 60);
    let by = [Dimension::Key];
    let query = Query::default();
    let (keys, budgets) = (
        world.accounts.list(&KeyFilter::default()),
        world.accounts.budgets(),
    );
    let report = world.accounts.spend(&query, &by);
    world.accounts.shutdown();
    let dir = world.dir.path();
    // As if the power had gone in the midst of a line.
    let active = dir.join("spend.jsonl");
    let mut bytes = std::fs::read(&active).unwrap();
    bytes.extend_from_slice(b"{\"k\":");
    std::fs::write(&active, bytes).unwrap();

    let before = files(dir);
    let picture = Picture::read(dir, world.options.allowances.clone(), world.env.now()).unwrap();
    assert_eq!(picture.list(&KeyFilter::default()), keys);
    assert_eq!(picture.budgets(), budgets);
    assert_eq!(picture.spend(&query, &by), report);
    assert_eq!(files(dir), before);
}

#[test]
fn a_directory_that_is_not_there_is_empty_and_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let none = dir.path().join("none");
    let picture = Picture::read(&none, Allowances::default(), START).unwrap();
    assert_eq!(picture.list(&KeyFilter::default()), []);
    assert_eq!(
        picture.spend(&Query::default(), &[]).total,
        Tally::default()
    );
    assert!(!none.exists());
}
