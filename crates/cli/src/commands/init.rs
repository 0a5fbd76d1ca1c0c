//! `openclaw init`: the state directory, the token and the workspaces.

use openclaw_agents::workspace;
use openclaw_config::permissions;
use serde_json::json;

use crate::{daemon, error::Failure, output::Output, place::Place};

/// Makes what is missing and leaves the rest alone.
pub(crate) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let made_state = !config.paths.state.exists();
    for path in [
        config.paths.state.clone(),
        config.paths.agents(),
        config.paths.logs(),
        config.paths.run(),
    ] {
        permissions::create_directory(&path).map_err(|error| Failure::from_error(&error))?;
    }
    let _token = daemon::token(&config)?;
    let mut created = Vec::new();
    let mut kept = 0_usize;
    for agent in openclaw_gateway::agent_options(&config) {
        let made = workspace::ensure(&config.paths.agents(), &agent)
            .map_err(|error| Failure::from_error(&error))?;
        kept += usize::from(made.is_empty());
        created.extend(made.into_iter().map(|file| format!("{}/{file}", agent.id)));
    }
    let body = json!({
        "state": config.paths.state.display().to_string(),
        "stateMade": made_state,
        "created": created,
        "agentsLeftAlone": kept,
    });
    output.either(&body, || {
        let agents = config.agents.len();
        let mut text = format!("State directory: {}\n", config.paths.state.display());
        text.push_str(&format!(
            "Workspaces: {agents} agents, {} files made, {kept} complete already\n",
            created.len()
        ));
        text.push_str("Next: `openclaw chat`, or `openclaw gateway start`\n");
        text
    })
}
