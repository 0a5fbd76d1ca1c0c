use openclaw_types::{SessionId, Timestamp, ToolCall, ToolResult};
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn entry(run: &str, kind: Kind, role: Role, content: &str, parts: Vec<Part>) -> Entry {
    Entry {
        timestamp: Timestamp(0),
        role,
        content: content.to_owned(),
        session: SessionId::parse("main").unwrap(),
        id: String::new(),
        run: (!run.is_empty()).then(|| RunId::parse(run).unwrap()),
        kind,
        parts,
        origin: None,
        model: None,
        usage: None,
        seq: 0,
        extra: Map::new(),
    }
}

/// `1u` is the message of run 1, `1a` its answer, `1x` its abort, `1c2` a call with id 2, `1r2` its result,
/// `1m` a commit marker; a leading `-` is an entry without a run.
fn read(word: &str) -> Entry {
    let (run, rest) = word.split_at(1);
    let run = if run == "-" {
        String::new()
    } else {
        run.to_owned()
    };
    let (letter, id) = rest.split_at(1);
    match letter {
        "u" => entry(&run, Kind::Message, Role::User, word, vec![]),
        "a" => entry(&run, Kind::Message, Role::Assistant, word, vec![]),
        "x" => entry(&run, Kind::Aborted, Role::System, word, vec![]),
        "m" => entry(&run, Kind::Commit, Role::System, word, vec![]),
        "c" => {
            let parts = id
                .chars()
                .map(|id| {
                    Part::ToolCall(ToolCall {
                        id: id.to_string(),
                        name: "t".to_owned(),
                        arguments: json!({}),
                    })
                })
                .collect();
            entry(&run, Kind::Message, Role::Assistant, word, parts)
        }
        "r" => {
            let part = Part::ToolResult(ToolResult {
                call_id: id.to_owned(),
                name: "t".to_owned(),
                content: String::new(),
                is_error: false,
            });
            entry(&run, Kind::ToolResult, Role::System, word, vec![part])
        }
        other => panic!("{other}"),
    }
}

fn check(file: &str, current: &str, expected: &str) {
    let entries: Vec<Entry> = file.split_whitespace().map(read).collect();
    let current = (!current.is_empty()).then(|| RunId::parse(current).unwrap());
    let seen: Vec<&str> = run_order(&entries, current.as_ref())
        .into_iter()
        .map(|entry| entry.content.as_str())
        .collect();
    assert_eq!(seen.join(" "), expected, "{file}");
}

#[test]
fn runs_are_shown_one_after_another_in_the_order_they_ran() {
    check("1u 1a 2u 2a", "", "1u 1a 2u 2a");
    check("1u 2u 1a 2a", "", "1u 1a 2u 2a");
    check("1u 2u 3u 1a 3a 2a", "", "1u 1a 3u 3a 2u 2a");
    check("1u 2u 1c7 1r7 1a 2a", "", "1u 1c7 1r7 1a 2u 2a");
    check("1u 1c7 2u 1r7 1a", "2", "1u 1c7 1r7 1a 2u");
}

#[test]
fn what_waits_is_left_out_and_the_current_run_is_last() {
    check("1u 2u 3u", "1", "1u");
    check("1u 2u 3u 1a", "3", "1u 1a 3u");
    check("3u 1u 2u 1a 2a", "3", "1u 1a 2u 2a 3u");
    check("1u 2u 1a", "", "1u 1a");
    check("1u 2u 2x 1a", "", "2u 2x 1u 1a");
}

#[test]
fn an_aborted_run_ends_with_its_note() {
    check("1u 1x 2u 2a", "", "1u 1x 2u 2a");
    check("1u 1c7 1x", "", "1u 1x");
    check("1u 1c7 1r7 1x", "", "1u 1c7 1r7 1x");
}

#[test]
fn tool_pairs_are_whole_or_dropped() {
    check("1u 1c78 1r7 1a", "", "1u 1a");
    check("1u 1c78 1r8 1r7 1a", "", "1u 1c78 1r7 1r8 1a");
    check("1u 1r7 1a", "", "1u 1a");
    check("1u 1c7 1c8 1r8 1a", "", "1u 1c8 1r8 1a");
    check("1u 1c7 1r7", "1", "1u 1c7 1r7");
    check("1u 1c7 1r7", "", "");
    check("1u 1c77 1r7 1a", "", "1u 1a");
    check("1u 1c77 1r7 1r7 1a", "", "1u 1c77 1r7 1r7 1a");
    check("-c7 -r7 -a", "", "-a");
}

#[test]
fn a_run_cut_by_the_window_is_dropped_whole() {
    check("1a 2u 2a", "", "2u 2a");
    check("1r7 1a 2u 2a", "", "2u 2a");
}

#[test]
fn entries_without_a_run_and_records_keep_their_place_or_stay_out() {
    check("-u -a 1u 1a", "", "-u -a 1u 1a");
    check("1u 1m 1a 1m -u -a", "", "1u 1a -u -a");
}

/// Plays a lane: messages arrive at any time, runs never overlap; returns the file, the order the runs
/// ran in, and the run that is still going.
fn play(steps: &[u8]) -> (Vec<Entry>, Vec<char>, Option<char>) {
    let mut file = Vec::new();
    let mut waiting: Vec<char> = Vec::new();
    let mut ran = Vec::new();
    let mut current: Option<(char, bool)> = None;
    let mut names = 'A'..='Z';
    for &step in steps {
        match (step % 6, current) {
            (0 | 1, _) => {
                if let Some(name) = names.next() {
                    file.push(read(&format!("{name}u")));
                    waiting.push(name);
                }
            }
            (2, None) if !waiting.is_empty() => {
                let name = waiting.remove(usize::from(step / 6) % waiting.len());
                ran.push(name);
                current = Some((name, false));
            }
            (3, Some((name, false))) => {
                file.push(read(&format!("{name}c7")));
                current = Some((name, true));
            }
            (3, Some((name, true))) => {
                file.push(read(&format!("{name}r7")));
                current = Some((name, false));
            }
            (4, Some((name, false))) => {
                file.push(read(&format!("{name}a")));
                current = None;
            }
            (5, Some((name, _))) => {
                file.push(read(&format!("{name}x")));
                current = None;
            }
            _ => {}
        }
    }
    (file, ran, current.map(|(name, _)| name))
}

proptest! {
    #[test]
    fn any_life_of_a_lane_reads_in_the_order_the_runs_ran(steps in prop::collection::vec(any::<u8>(), 0..80)) {
        let (file, ran, current) = play(&steps);
        let id = current.map(|name| RunId::parse(&name.to_string()).unwrap());
        let ordered = run_order(&file, id.as_ref());

        let shown: Vec<char> = runs(&ordered)
            .map(|run| run[0].content.chars().next().unwrap())
            .collect();
        prop_assert_eq!(shown, ran);
        for run in runs(&ordered) {
            prop_assert_eq!(run[0].role, Role::User);
            prop_assert!(run.iter().all(|e| e.run == run[0].run));
            for pair in run.windows(2) {
                if pair[0].content.contains('c') {
                    prop_assert!(pair[1].content.contains('r'));
                }
                if pair[1].content.contains('r') {
                    prop_assert!(pair[0].content.contains('c'));
                }
            }
            prop_assert!(!run.last().unwrap().content.contains('c'));
        }
    }

    #[test]
    fn any_heap_of_entries_gives_each_at_most_once_and_pairs_whole(words in prop::collection::vec("[1-3-](u|a|x|m|c7|c78|r7|r8)", 0..24), cut in 0..24_usize) {
        let file: Vec<Entry> = words.iter().map(|word| read(word)).collect();
        let window = &file[cut.min(file.len())..];
        let ordered = run_order(window, None);
        for (at, entry) in ordered.iter().enumerate() {
            prop_assert!(!ordered[..at].iter().any(|other| std::ptr::eq(*other, *entry)));
            let wanted: Vec<&str> = calls(entry).collect();
            let given: Vec<&str> = ordered[at + 1..].iter().take(wanted.len()).flat_map(|e| results(e)).collect();
            prop_assert_eq!(wanted, given);
        }
        let asked: usize = ordered.iter().map(|e| calls(e).count()).sum();
        let answered = ordered.iter().filter(|e| e.kind == Kind::ToolResult).count();
        prop_assert_eq!(asked, answered);
    }
}
