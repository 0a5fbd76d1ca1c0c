//! The captures against a real LiteLLM, which shows that the backend and the comparison are what they say.

use openclaw_tests::{
    backend::Backend,
    captures::{Capture, Difference, Listed, Series, captures, differences, replay},
    peer::{MASTER_KEY, Peer, configuration},
};

fn of(series: Series) -> Vec<Capture> {
    let all = captures().into_iter();
    all.filter(|capture| capture.series() == series).collect()
}

async fn found(peer: &Peer, captures: &[Capture]) -> Vec<Difference> {
    let replayed = replay(peer.address, MASTER_KEY, captures).await;
    assert_eq!(replayed.len(), captures.len());
    let each = replayed.iter();
    each.flat_map(|one| differences(&one.capture.name, &one.capture.answer, &one.answer))
        .collect()
}

fn check(found: &[Difference]) {
    let page =
        std::fs::read_to_string(openclaw_tests::peer::file("fixtures/litellm/README.md")).unwrap();
    let listed = Listed::read(&page, "## What differs between two runs of LiteLLM");
    let (unlisted, _stale) = listed.unlisted(found);
    let said: Vec<String> = unlisted.iter().map(ToString::to_string).collect();
    assert!(
        said.is_empty(),
        "{} differences:\n{}",
        said.len(),
        said.join("\n")
    );
}

#[tokio::test]
async fn a_real_litellm_answers_as_it_was_captured() {
    let backend = Backend::start().await;
    let litellm = Peer::litellm(&configuration("captures.yaml", backend.address)).await;
    check(&found(&litellm, &of(Series::Models)).await);
}

#[tokio::test]
async fn a_real_litellm_limits_keys_as_it_was_captured() {
    let backend = Backend::start().await;
    let keys = configuration("keys.yaml", backend.address);
    let custom = format!("{keys}  custom_auth: keys.authenticate\n");
    let litellm = Peer::litellm(&custom).await;
    check(&found(&litellm, &of(Series::Keys)).await);
}

#[tokio::test]
async fn a_real_litellm_checks_keys_as_it_was_captured() {
    let backend = Backend::start().await;
    let keys = configuration("keys.yaml", backend.address);
    let checked = keys.replace(
        "litellm_settings:",
        "litellm_settings:\n  enable_post_custom_auth_checks: true",
    );
    let custom = format!(
        "{checked}  custom_auth: keys.authenticate\n  custom_auth_run_common_checks: true\n"
    );
    let litellm = Peer::litellm(&custom).await;
    check(&found(&litellm, &of(Series::CheckedKeys)).await);
}
