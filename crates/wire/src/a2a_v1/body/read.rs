//! How the body of each message type is read.

use openclaw_types::{AgentId, Role};
use serde_json::Value;

use super::{
    super::{
        Error, Header,
        field::{
            Fields, agent_value, agents_value, object, plain_text, present, role_value,
            strings_value, text_value,
        },
        when,
    },
    Body, Channel, Choice, Deadline, DisconnectReason, Handshake, Proposal, Secret, Subscription,
    Vote,
};
use crate::limits::quote;

/// From this number on, a deadline is a point in time and not a span: no deliberation takes 31 years.
const DEADLINE_SPAN_MS_MAX: i64 = 1_000_000_000_000;

/// Reads the body of a frame.
pub(in crate::a2a_v1) fn read(fields: &Fields, header: &Header) -> Result<Body, Error> {
    let Some(kind) = present(fields, "type") else {
        return Err(Error::Missing { field: "type" });
    };
    let part = Part { fields, header };
    match text_value(kind, "type")? {
        "message" => part.message(),
        "status" => part.status(),
        "error" => part.error(),
        "event" => part.event(),
        "handshake" => part.handshake(),
        "discovery" => part.list().map(|()| Body::Discovery),
        "subscribe" => part.subscription().map(Body::Subscribe),
        "unsubscribe" => part.subscription().map(Body::Unsubscribe),
        "ping" => Ok(Body::Ping {
            heartbeat: part.get("heartbeat").cloned(),
        }),
        "pong" => Ok(Body::Pong),
        "auth" => part.auth(),
        "auth-response" => Ok(Body::AuthResponse {
            status: part.text("status", "content.status")?,
        }),
        "disconnect" => part.disconnect(),
        "proposal" => part.proposal(),
        "decision" => part.decision(),
        "vote" => part.vote(),
        "request" => Ok(Body::Request {
            service: part.text("service", "content.service")?,
            content: fields.get("content").cloned().unwrap_or_default(),
        }),
        "response" => Ok(Body::Response {
            result: part.need("result", "content.result")?.clone(),
        }),
        "broadcast" => part.broadcast(),
        "workspace" => part.list().map(|()| Body::Workspace),
        "register" => Ok(Body::Register {
            agent: agent_value(part.need("agentId", "agentId")?, "agentId")?,
        }),
        "discover" => Ok(Body::Discover),
        "health" => Ok(Body::Health),
        kind => Err(Error::UnknownType { kind: quote(kind) }),
    }
}

/// A frame while its body is read.
struct Part<'a> {
    fields: &'a Fields,
    header: &'a Header,
}

impl<'a> Part<'a> {
    fn content(&self) -> Option<&'a Value> {
        present(self.fields, "content")
    }

    /// A value of the content. Where a frame has no content at all, its own top level stands in for it, as
    /// older clients write it.
    fn get(&self, key: &str) -> Option<&'a Value> {
        match self.content() {
            Some(Value::Object(content)) => present(content, key),
            Some(_) => None,
            None => present(self.fields, key),
        }
    }

    fn need(&self, key: &str, field: &'static str) -> Result<&'a Value, Error> {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        match self.content() {
            None | Some(Value::Object(_)) => Err(Error::Missing { field }),
            Some(_) => Err(Error::Type {
                field: "content",
                expected: "an object",
            }),
        }
    }

    fn text(&self, key: &str, field: &'static str) -> Result<String, Error> {
        let text = text_value(self.need(key, field)?, field)?;
        if text.is_empty() {
            let reason = "must not be empty";
            return Err(Error::Content { field, reason });
        }
        Ok(text.to_owned())
    }

    fn optional_text(&self, key: &str, field: &'static str) -> Result<Option<String>, Error> {
        match self.get(key) {
            Some(value) => text_value(value, field).map(|text| Some(text.to_owned())),
            None => Ok(None),
        }
    }

    fn message(&self) -> Result<Body, Error> {
        let field = "content";
        let content = self.content().ok_or(Error::Missing { field })?;
        let agent = self.header.agent.clone();
        let (role, said) = match content {
            Value::Object(object) => {
                let role = present(object, "role").map(role_value).transpose()?;
                let is_envelope = role.is_some() || object.contains_key("content");
                let said = match present(object, "content") {
                    Some(said) => said,
                    None if is_envelope => {
                        let field = "content.content";
                        return Err(Error::Missing { field });
                    }
                    None => content,
                };
                (role.unwrap_or(Role::User), said)
            }
            other => (Role::User, other),
        };
        let text = plain_text(said);
        if text.trim().is_empty() {
            let reason = "must not be empty";
            return Err(Error::Content { field, reason });
        }
        Ok(Body::Message { agent, role, text })
    }

    fn status(&self) -> Result<Body, Error> {
        let inner = match self.content() {
            Some(Value::Object(content)) => present(content, "agent"),
            _ => None,
        };
        let agent = match inner {
            Some(value) => Some(agent_value(value, "content.agent")?),
            None => self.header.agent.clone(),
        };
        Ok(Body::Status { agent })
    }

    fn error(&self) -> Result<Body, Error> {
        let top = present(self.fields, "error");
        let error = self.get("error").or(top);
        let field = "content.error";
        let error = text_value(error.ok_or(Error::Missing { field })?, field)?;
        Ok(Body::Error {
            error: error.to_owned(),
            message: self.optional_text("message", "content.message")?,
        })
    }

    fn event(&self) -> Result<Body, Error> {
        let event = present(self.fields, "event").or_else(|| self.get("event"));
        let event = text_value(event.ok_or(Error::Missing { field: "event" })?, "event")?;
        let content = self.content().ok_or(Error::Missing { field: "content" })?;
        Ok(Body::Event {
            event: event.to_owned(),
            content: content.clone(),
        })
    }

    fn handshake(&self) -> Result<Body, Error> {
        let field = "content.action";
        match self.text("action", field)?.as_str() {
            "advertise" => self.advertise().map(Body::Handshake),
            "acknowledge" => Ok(Body::Handshake(Handshake::Acknowledge)),
            _ => {
                let reason = "must be advertise or acknowledge";
                Err(Error::Content { field, reason })
            }
        }
    }

    fn advertise(&self) -> Result<Handshake, Error> {
        let empty = Fields::new();
        let capabilities = match self.get("capabilities") {
            Some(value) => object(value, "content.capabilities")?,
            None => &empty,
        };
        let list = |key: &str, field| match present(capabilities, key) {
            Some(value) => strings_value(value, field),
            None => Ok(Vec::new()),
        };
        let version = match present(capabilities, "version") {
            Some(value) => Some(text_value(value, "content.capabilities.version")?.to_owned()),
            None => None,
        };
        Ok(Handshake::Advertise {
            message_types: list(
                "supportedMessageTypes",
                "content.capabilities.supportedMessageTypes",
            )?,
            agents: list("supportedAgents", "content.capabilities.supportedAgents")?,
            version,
        })
    }

    /// `content.action` of the two types that can only list.
    fn list(&self) -> Result<(), Error> {
        let field = "content.action";
        match self.text("action", field)?.as_str() {
            "list" => Ok(()),
            _ => {
                let reason = "must be list";
                Err(Error::Content { field, reason })
            }
        }
    }

    fn agents(&self) -> Result<Option<Vec<AgentId>>, Error> {
        match self.get("agents") {
            Some(value) => agents_value(value, "content.agents").map(Some),
            None => Ok(None),
        }
    }

    fn subscription(&self) -> Result<Subscription, Error> {
        let field = "content.channel";
        let word = self.text("channel", field)?;
        let channel = Channel::ALL
            .into_iter()
            .find(|known| known.as_str() == word);
        let reason = "must be agent:status or agent:message";
        Ok(Subscription {
            channel: channel.ok_or(Error::Content { field, reason })?,
            agents: self.agents()?,
        })
    }

    fn auth(&self) -> Result<Body, Error> {
        let token = Secret(self.text("token", "content.token")?);
        Ok(Body::Auth { token })
    }

    fn disconnect(&self) -> Result<Body, Error> {
        let field = "content.reason";
        let reason = match self.text("reason", field)?.as_str() {
            "shutdown" => DisconnectReason::Shutdown,
            "timeout" => DisconnectReason::Timeout,
            "error" => DisconnectReason::Error,
            "manual" => DisconnectReason::Manual,
            _ => {
                let reason = "must be shutdown, timeout, error or manual";
                return Err(Error::Content { field, reason });
            }
        };
        let message = self.optional_text("message", "content.message")?;
        Ok(Body::Disconnect { reason, message })
    }

    fn proposal(&self) -> Result<Body, Error> {
        let field = "content.proposal";
        let text = plain_text(self.need("proposal", field)?);
        if text.trim().is_empty() {
            let reason = "must not be empty";
            return Err(Error::Content { field, reason });
        }
        Ok(Body::Proposal(Proposal {
            id: self.header.correlation.clone(),
            text,
            reasoning: self.optional_text("reasoning", "content.reasoning")?,
            deadline: self.get("deadline").map(deadline).transpose()?,
        }))
    }

    fn decision(&self) -> Result<Body, Error> {
        let field = "content.result";
        let result = self.text("result", field)?;
        if !matches!(result.as_str(), "approved" | "rejected" | "undecided") {
            let reason = "must be approved, rejected or undecided";
            return Err(Error::Content { field, reason });
        }
        let proposal = self.optional_text("proposalId", "content.proposalId")?;
        Ok(Body::Decision {
            proposal: proposal.or_else(|| self.header.correlation.clone()),
            result,
        })
    }

    fn vote(&self) -> Result<Body, Error> {
        let field = "content.vote";
        let choice = Choice::parse(&self.text("vote", field)?);
        let reason = "must be approve, reject or abstain";
        let choice = choice.ok_or(Error::Content { field, reason })?;
        let proposal = self.optional_text("proposalId", "content.proposalId")?;
        let proposal = proposal.or_else(|| self.header.correlation.clone());
        let field = "content.proposalId";
        Ok(Body::Vote(Vote {
            proposal: proposal.ok_or(Error::Missing { field })?,
            choice,
            reasoning: self.optional_text("reasoning", "content.reasoning")?,
            confidence: self.get("confidence").map(confidence).transpose()?,
        }))
    }

    fn broadcast(&self) -> Result<Body, Error> {
        let said = match self.content() {
            Some(text @ Value::String(_)) => text,
            _ => self.need("message", "content.message")?,
        };
        let text = plain_text(said);
        if text.trim().is_empty() {
            let (field, reason) = ("content.message", "must not be empty");
            return Err(Error::Content { field, reason });
        }
        let agents = self.agents()?;
        Ok(Body::Broadcast { agents, text })
    }
}

fn deadline(value: &Value) -> Result<Deadline, Error> {
    let field = "content.deadline";
    let expected = "milliseconds";
    let at = when::read(value).ok_or(Error::Type { field, expected })?;
    match at.as_millis() {
        ms if ms >= DEADLINE_SPAN_MS_MAX || value.is_string() => Ok(Deadline::By(at)),
        ms => match u64::try_from(ms) {
            Ok(ms) if ms > 0 => Ok(Deadline::WithinMs(ms)),
            _ => {
                let reason = "must be positive";
                Err(Error::Content { field, reason })
            }
        },
    }
}

fn confidence(value: &Value) -> Result<f64, Error> {
    let field = "content.confidence";
    let expected = "a number";
    let number = value.as_f64().ok_or(Error::Type { field, expected })?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        let reason = "must be between 0 and 1";
        Err(Error::Content { field, reason })
    }
}
