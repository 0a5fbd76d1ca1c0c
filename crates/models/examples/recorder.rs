//! Asks a server and records every answer until it is killed. `cargo run --example recorder -- URL DIR`

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use openclaw_accounts::Caller;
use openclaw_models::{
    Deadlines, DeploymentOptions, Models, Options, RoutingOptions, dialect::Front, exchange::Ask,
    recording,
};
use openclaw_types::SystemEnv;
use tokio_util::sync::CancellationToken;

const DEADLINES: Deadlines = Deadlines {
    connect_ms: 5_000,
    first_byte_ms: 5_000,
    idle_ms: 5_000,
    total_ms: 20_000,
};
/// More than are ever written before somebody kills this.
const BYTES_MAX: u64 = 1 << 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(url), Some(dir)) = (words.next(), words.next()) else {
        return Err("usage: recorder URL DIR".into());
    };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build()?;
    runtime.block_on(record(url, Path::new(&dir)))
}

async fn record(url: String, dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let routing = RoutingOptions {
        deployments: vec![DeploymentOptions {
            base_url: Some(url),
            ..DeploymentOptions::named("group", "somebody", "m", DEADLINES)
        }],
        ..RoutingOptions::default()
    };
    let options = Options {
        record: Some(recording::Options {
            agents: dir.join("agents"),
            callers: dir.join("router/recordings"),
            bytes_max: BYTES_MAX,
            secrets: Vec::new(),
        }),
        ..Options::routed(routing, DEADLINES)
    };
    let models = Models::start(options, Arc::new(SystemEnv), CancellationToken::new())?;
    for number in 0_u64.. {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{number}"}}]}}"#);
        let ask = Ask::new(Caller::Open, Front::Chat, "group", Bytes::from(body));
        models.exchange(ask).await?;
    }
    Ok(())
}
