//! `openclaw agent config …`: read and change an agent's own settings.

use openclaw_types::AgentId;
use openclaw_wire::methods::agents::{
    AgentsConfigGet, AgentsConfigGetParams, AgentsConfigSet, AgentsConfigSetParams,
};
use serde_json::{Value, json};

use super::{agent_id, resting_one};
use crate::{
    error::{self, Failure},
    link::{call, is_running},
    output::{self, Output},
    place::Place,
};

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Get {
        agent: String,
        key: Option<String>,
    },
    Set {
        agent: String,
        key: String,
        value: String,
    },
}

/// Reads or changes a setting.
pub(super) fn run(place: &Place, output: Output, words: Vec<String>) -> Result<(), Failure> {
    match asked(words)? {
        Asked::Get { agent, key } => get(place, output, agent_id(&agent)?, key),
        Asked::Set { agent, key, value } => set(place, output, agent_id(&agent)?, (key, &value)),
    }
}

fn is_verb(word: &str) -> bool {
    word == "get" || word == "set"
}

/// `steward get key` and `get steward key` are the same words in another order.
fn asked(mut words: Vec<String>) -> Result<Asked, Failure> {
    if let [first, second, ..] = words.as_mut_slice()
        && is_verb(first)
        && !is_verb(second)
    {
        std::mem::swap(first, second);
    }
    let mut words = words.into_iter();
    let agent = words.next();
    let verb = words.next();
    let rest: Vec<String> = words.collect();
    match (agent, verb.as_deref(), <[String; 2]>::try_from(rest)) {
        (Some(agent), Some("set"), Ok([key, value])) => Ok(Asked::Set { agent, key, value }),
        (Some(agent), Some("get") | None, Err(rest)) if rest.len() < 2 => Ok(Asked::Get {
            agent,
            key: rest.into_iter().next(),
        }),
        _ => Err(Failure::new("not a configuration command")
            .hint("write `openclaw agent config <agent> get [key]` or `openclaw agent config <agent> set <key> <value>`")
            .code(error::USAGE)),
    }
}

fn get(
    place: &Place,
    output: Output,
    agent_id: AgentId,
    key: Option<String>,
) -> Result<(), Failure> {
    let config = place.config()?;
    let value = if is_running(&config.paths) {
        call::<AgentsConfigGet>(&config, &AgentsConfigGetParams { agent_id, key })?.value
    } else {
        let agent = resting_one(&config, &agent_id)?;
        agent
            .value(key.as_deref())
            .map_err(|error| Failure::from_error(&error))?
    };
    match &value {
        Value::String(text) if !output.json => {
            output::line(text);
            Ok(())
        }
        value => output.value(value),
    }
}

fn set(
    place: &Place,
    output: Output,
    agent_id: AgentId,
    (key, value): (String, &str),
) -> Result<(), Failure> {
    // A word that is no JSON is a text.
    let value: Value = serde_json::from_str(value).unwrap_or_else(|_not_json| json!(value));
    let params = AgentsConfigSetParams {
        agent_id,
        key,
        value,
    };
    let result = call::<AgentsConfigSet>(&place.config()?, &params)?;
    output.either(&result, || format!("{} = {}", result.key, result.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verb_stands_before_or_after_the_agent() {
        let get = |key: Option<&str>| Asked::Get {
            agent: "steward".to_owned(),
            key: key.map(str::to_owned),
        };
        let set = Asked::Set {
            agent: "steward".to_owned(),
            key: "name".to_owned(),
            value: "S".to_owned(),
        };
        for (line, expected) in [
            ("steward", get(None)),
            ("steward get", get(None)),
            ("get steward", get(None)),
            ("steward get model", get(Some("model"))),
            ("get steward model", get(Some("model"))),
            ("set steward name S", set),
        ] {
            let words = line.split(' ').map(str::to_owned).collect();
            assert_eq!(asked(words).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn an_agent_may_be_called_like_a_verb() {
        let words = ["get", "set", "name", "S"].map(str::to_owned).to_vec();
        assert_eq!(
            asked(words).unwrap(),
            Asked::Set {
                agent: "get".to_owned(),
                key: "name".to_owned(),
                value: "S".to_owned(),
            }
        );
    }

    #[test]
    fn other_words_are_refused_with_the_right_form() {
        for line in ["steward put x", "steward set name", "steward get a b"] {
            let words = line.split(' ').map(str::to_owned).collect();
            let failure = asked(words).unwrap_err();
            assert_eq!(failure.code, error::USAGE, "{line}");
            assert!(failure.hint.unwrap().contains("<agent> get [key]"));
        }
    }
}
