//! The official Python clients, unmodified, against routers.

use std::process::Stdio;

use openclaw_tests::{
    backend::Backend,
    peer::{MASTER_KEY, Peer, configuration, file, python_packages},
    within,
};
use tokio::process::Command;

const DEADLINE: std::time::Duration = std::time::Duration::from_secs(240);
/// All of them; one that is not run proves nothing.
const TESTS: usize = 31;

/// What a LiteLLM without a database says of an unknown key, and what it makes of Anthropic's own status.
const DEVIATIONS: &str =
    "Errors.test_a_wrong_key_is_refused Errors.test_an_overloaded_backend_is_told";

/// Runs the clients' tests; what they print is told when they fail.
async fn run_clients(peer: &Peer, backend: &Backend, models: &str, deviations: &str) {
    let running = Command::new("python3")
        .args(["-m", "unittest", "-v", "test_clients"])
        .current_dir(file("python"))
        .env("PYTHONPATH", python_packages())
        .env("ROUTER_URL", format!("http://{}", peer.address))
        .env("ROUTER_KEY", MASTER_KEY)
        .env("BACKEND_URL", format!("http://{}", backend.address))
        .env("CHAT_MODELS", models)
        .env("KNOWN_DEVIATIONS", deviations)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = within("the end of the clients' tests", DEADLINE, running)
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    assert!(said.contains(&format!("\nRan {TESTS} tests")), "{said}");
}

#[tokio::test]
async fn the_python_clients_work_with_a_real_litellm() {
    let backend = Backend::start().await;
    let litellm = Peer::litellm(&configuration("clients.yaml", backend.address)).await;
    run_clients(&litellm, &backend, "chat claude ollama", DEVIATIONS).await;
}

#[tokio::test]
async fn the_python_clients_work_with_our_router() {
    let backend = Backend::start().await;
    let router = Peer::ours(&configuration("clients.yaml", backend.address)).await;
    run_clients(&router, &backend, "chat claude ollama", "").await;
}
