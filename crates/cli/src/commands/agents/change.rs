//! `openclaw agent create|delete|restart`: changes to who there is.

use std::io::IsTerminal as _;

use openclaw_wire::methods::agents::{
    AgentParams, AgentsCreate, AgentsCreateParams, AgentsDelete, AgentsDeleteParams, AgentsRestart,
};

use super::{agent_id, primary};
use crate::{
    args::Create,
    error::Failure,
    link::{call, is_running, not_running},
    output::{self, Output, placed},
    place::Place,
};

/// Makes another agent.
pub(super) fn create(place: &Place, output: Output, create: Create) -> Result<(), Failure> {
    let (name, role) = named(
        (create.display_name, create.role),
        create.name,
        create.role_word,
    );
    let params = AgentsCreateParams {
        id: Some(agent_id(&create.agent)?),
        name: name.unwrap_or(create.agent),
        role,
        model: create.model,
        emoji: None,
        brief: create.purpose,
    };
    let result = call::<AgentsCreate>(&place.config()?, &params)?;
    output.either(&result, || {
        format!("created {}: {}", result.agent_id, result.workspace)
    })
}

/// Name and role. `create <id> <role>` and `create <id> <name> <role>` are both in use; options win over words.
fn named(
    (name, role): (Option<String>, Option<String>),
    first: Option<String>,
    second: Option<String>,
) -> (Option<String>, Option<String>) {
    match (first, second) {
        (first, Some(second)) => (name.or(first), role.or(Some(second))),
        (Some(first), None) if role.is_none() => (name, Some(first)),
        (first, None) => (name.or(first), role),
    }
}

/// Takes an agent out.
pub(super) fn delete(place: &Place, output: Output, agent: &str, yes: bool) -> Result<(), Failure> {
    let params = AgentsDeleteParams {
        agent_id: agent_id(agent)?,
        delete_files: false,
    };
    let config = place.config()?;
    if !is_running(&config.paths) {
        return Err(not_running(&config.paths));
    }
    let is_primary = primary(&config) == Some(agent);
    let why = if is_primary {
        " It is the primary agent: messages and chats that name nobody are its."
    } else {
        ""
    };
    confirm(
        &format!("Delete agent {agent}? Its workspace is moved to the trash directory.{why}"),
        yes,
    )?;
    let result = call::<AgentsDelete>(&config, &params)?;
    output.either(&result, || {
        let id = &result.agent_id;
        let trash = config.paths.state.join("trash");
        let again = format!(
            "`openclaw agent create {id}` makes a fresh one; its transcript stays in the trash"
        );
        let mut text = format!("deleted {id}; its workspace is in {}\n{again}", trash.display());
        if is_primary {
            text.push_str(
                "\nit was the primary agent: from now on name the agent, as in `openclaw chat <agent>`",
            );
        }
        placed(&text)
    })
}

/// Fails unless somebody said yes, on the command line or on the terminal.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let failure = Failure::new("this needs a yes, and there is no terminal to ask on");
        return Err(failure.hint("pass --yes"));
    }
    output::ask(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let _length = std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::from_error(&error))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(Failure::new("nothing was deleted").hint("answer y, or pass --yes"))
}

/// Ends an agent's runs and loads its workspace again.
pub(super) fn restart(place: &Place, output: Output, agent: &str) -> Result<(), Failure> {
    let params = AgentParams {
        agent_id: agent_id(agent)?,
    };
    let result = call::<AgentsRestart>(&place.config()?, &params)?;
    if result.ok {
        return output.either(&result, || {
            format!("restarted {}: {}", result.agent_id, result.status)
        });
    }
    let reason = result.reason.clone();
    let reason = reason.unwrap_or_else(|| result.status.clone());
    let failure = Failure::new(format!("agent `{}` cannot run: {reason}", result.agent_id));
    let failure = failure.hint(openclaw_agents::WORKSPACE_HINT);
    if output.json {
        output.value(&result)?;
        return Err(failure.told());
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bare_word_is_the_role_and_two_are_name_and_role() {
        let word = |text: &str| Some(text.to_owned());
        for (options, first, second, expected) in [
            ((None, None), None, None, (None, None)),
            ((None, None), word("scout"), None, (None, word("scout"))),
            (
                (None, None),
                word("Sam"),
                word("scout"),
                (word("Sam"), word("scout")),
            ),
            (
                (None, word("scout")),
                word("Sam"),
                None,
                (word("Sam"), word("scout")),
            ),
            (
                (word("Sam"), None),
                word("scout"),
                None,
                (word("Sam"), word("scout")),
            ),
        ] {
            assert_eq!(named(options, first, second), expected);
        }
    }
}
