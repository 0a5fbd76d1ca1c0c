//! What a prompt is made of, gathered from the model layer, the workspace and the transcript.

use std::sync::Arc;

use openclaw_models::Request;
use openclaw_sessions::Entry;
use openclaw_types::SessionId;

use crate::{
    agent::{Agent, SystemKey},
    core::Core,
    limits::tail_entries,
    order,
    outcome::{Failure, FailureKind},
    prompt::{self, Budget, Prompt},
};

/// Everything a prompt is made of but the message.
pub(crate) struct PromptDraft {
    /// The request, without its messages.
    pub request: Request,
    pub system: Arc<prompt::System>,
    pub profile: openclaw_models::Profile,
    budget: Budget,
    tail: Vec<Arc<Entry>>,
}

impl PromptDraft {
    /// Reads what the prompt needs: the model's profile, the workspace, the end of the session.
    pub(crate) async fn new(
        core: &Core,
        agent: &Agent,
        session: &SessionId,
        waiting: usize,
    ) -> Result<Self, Failure> {
        let character = agent.character().map_err(Failure::of_workspace)?;
        let profile = core
            .models
            .profile(&agent.id, &character.model)
            .await
            .map_err(|error| Failure::of_model(&error).chosen(character.model_hint(&agent.id)))?;
        let budget = Budget::of(&profile, core.options.history_entries);
        let key = SystemKey {
            tier: profile.tier,
            bytes_max: budget.system_bytes,
            day: core.env.now().utc_date(),
            roster: core.roster_line(),
        };
        let system = character.system(&agent.id, key);
        let limit = tail_entries(budget.history_entries, waiting);
        let tail = core
            .store
            .tail(&agent.id, session, limit)
            .map_err(|error| Failure::of(FailureKind::Storage, &error))?;
        let request = Request {
            model: character.model.clone(),
            messages: Vec::new(),
            tools: agent.kit(core).specs(profile.tier),
            max_output_tokens: budget.output_tokens,
            temperature: temperature(&character.traits.parameters),
            run: None,
            conversation: Some(format!("agent:{}:{session}", agent.id)),
            schema: None,
        };
        Ok(Self {
            request,
            system,
            profile,
            budget,
            tail,
        })
    }

    pub(crate) fn assemble(&self, message: &str) -> Prompt {
        let ordered = order::run_order(&self.tail, None);
        prompt::assemble(&self.system, &ordered, message, &self.budget)
    }
}

fn temperature(parameters: &serde_json::Value) -> Option<f32> {
    let value = parameters.get("temperature")?.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a temperature needs two digits, and the range is checked"
    )]
    (0.0..=2.0).contains(&value).then_some(value as f32)
}
