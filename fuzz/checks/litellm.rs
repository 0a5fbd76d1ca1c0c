//! What holds of any text in place of `litellm_config.yaml`.

#![expect(
    clippy::expect_used,
    reason = "a check that cannot go on stops where it stands"
)]

use std::fs;

use openclaw_config::{Environment, Loaded, Overrides, Severity, load};

/// The value of the variable `KEY`, which no problem may show.
const CANARY: &str = "canary-5d1f";
/// Longest message worth reading.
const MESSAGE_BYTES_MAX: usize = 1_024;

pub(crate) fn holds(bytes: &[u8]) {
    let home = tempfile::tempdir().expect("there is room");
    let state = home.path().join("state");
    fs::create_dir(&state).expect("there is room");
    fs::write(state.join("litellm_config.yaml"), bytes).expect("there is room");
    let overrides = Overrides {
        state_dir: Some(state),
        ..Overrides::default()
    };
    let directory = home.path().to_string_lossy().into_owned();
    let environment = Environment::of([("HOME", directory.as_str()), ("KEY", CANARY)]);
    let read = || load(&overrides, &environment).expect("the file never forbids a start");
    let found = read();
    assert_eq!(read(), found, "the answer is the file's");
    let Loaded { config, problems } = found;

    let text = String::from_utf8_lossy(bytes);
    let lines = text.split(['\n', '\r']).count();
    for problem in &problems {
        let shown = format!("{problem} {:?}", problem.hint);
        assert!(problem.severity < Severity::Fatal, "{shown}");
        assert!(problem.message.len() <= MESSAGE_BYTES_MAX, "{shown}");
        assert!(text.contains(CANARY) || !shown.contains(CANARY), "{shown}");
        assert!(problem.line as usize <= lines + 1, "{shown}");
    }
    let Some(litellm) = config.router.litellm else {
        assert!(!problems.is_empty(), "what is not read is said");
        return;
    };
    for deployment in &litellm.deployments {
        assert!(!deployment.group.is_empty() && deployment.extra.0.is_object());
        assert!(deployment.base_url.starts_with("http"));
    }
}
