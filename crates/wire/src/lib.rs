//! openclaw-wire
