//! `openclaw init`: the state directory, the token and the workspaces.

use openclaw_agents::workspace;
use openclaw_config::permissions;
use serde_json::json;

use crate::{
    daemon,
    error::Failure,
    output::{Output, counted, placed},
    place::Place,
};

/// Makes what is missing and leaves the rest alone.
pub(crate) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.load(None)?;
    let paths = &config.paths;
    let state_is_new = !paths.state.exists();
    let token_is_new = config.gateway.token.is_none() && !paths.token().exists();
    for path in [
        paths.state.clone(),
        paths.agents(),
        paths.logs(),
        paths.run(),
    ] {
        permissions::create_directory(&path).map_err(|error| Failure::from_error(&error))?;
    }
    let _token = daemon::token(&config)?;
    let (mut created, mut kept) = (Vec::new(), Vec::new());
    for agent in openclaw_gateway::agent_options(&config) {
        let made = workspace::ensure(&paths.agents(), &agent)
            .map_err(|error| Failure::from_error(&error))?;
        if made.is_empty() {
            kept.push(agent.id.to_string());
        }
        created.extend(made.into_iter().map(|file| format!("{}/{file}", agent.id)));
    }
    let body = json!({
        "stateDir": paths.state,
        "stateIsNew": state_is_new,
        "tokenIsNew": token_is_new,
        "created": created,
        "leftAlone": kept,
    });
    output.either(&body, || {
        let word = |is_new: bool| if is_new { "made" } else { "left alone" };
        let mut lines = vec![
            format!(
                "State directory: {} ({})",
                paths.state.display(),
                word(state_is_new)
            ),
            format!(
                "Token: {} ({})",
                paths.token().display(),
                word(token_is_new)
            ),
            format!(
                "Workspaces: {} agents in {}; {} made, {} agents complete already",
                config.agents.len(),
                paths.agents().display(),
                counted(created.len(), "file"),
                kept.len()
            ),
        ];
        // All of them is no news; a few are.
        if !kept.is_empty() {
            lines.extend(created.iter().map(|file| format!("  made {file}")));
        }
        lines.push(placed("Next: `openclaw chat`, or `openclaw gateway start`"));
        lines.join("\n")
    })
}
