//! The reference page is the table of keys, written out.

use std::{fs, path::Path};

const START: &str = "<!-- keys: written from crates/config/src/schema/keys.txt -->\n";

#[test]
fn the_page_holds_every_key_as_the_table_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let page = fs::read_to_string(&path).unwrap();
    let (guide, keys) = page.split_once(START).unwrap();
    let expected = openclaw_config::reference::markdown();
    // The way to write the page anew; in the ordinary run nothing is written.
    if std::env::var_os("OPENCLAW_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{guide}{START}{expected}")).unwrap();
    } else {
        assert_eq!(keys, expected, "run the test with OPENCLAW_WRITE_DOCS=1");
    }
}

#[test]
fn the_examples_of_the_page_are_good_configurations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let page = fs::read_to_string(path).unwrap();
    let examples: Vec<&str> = page
        .split("```json5\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 3);
    for example in examples {
        let home = crate::fixture::Home::with(example)
            .variable("OPENAI_API_KEY", "x")
            .variable("LITELLM_MASTER_KEY", "x");
        assert_eq!(home.report(), "", "{example}");
    }
}
