//! openclaw-models
