//! openclaw-agents
