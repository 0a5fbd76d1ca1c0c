//! The reference pages are the tables of keys, written out.

use std::{fs, path::Path};

/// The page of `openclaw.json`.
const CONFIG: (&str, &str) = (
    "../../docs/config.md",
    "<!-- keys: written from crates/config/src/schema/keys.txt -->\n",
);

/// The page of `litellm_config.yaml`.
const LITELLM: (&str, &str) = (
    "../../docs/litellm.md",
    "<!-- keys: written from crates/config/src/litellm/keys.txt -->\n",
);

#[test]
fn the_pages_hold_every_key_as_the_tables_have_it() {
    holds(CONFIG, &openclaw_config::reference::markdown());
    holds(LITELLM, &openclaw_config::reference::litellm_markdown());
}

fn holds((path, start): (&str, &str), expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let page = fs::read_to_string(&path).unwrap();
    let (guide, keys) = page.split_once(start).unwrap();
    // The way to write the page anew; in the ordinary run nothing is written.
    if std::env::var_os("OPENCLAW_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{guide}{start}{expected}")).unwrap();
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
        home.write(".litellm/litellm_config.yaml", "model_list: []\n");
        assert_eq!(home.report(), "", "{example}");
    }
}
