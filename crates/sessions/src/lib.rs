//! openclaw-sessions
