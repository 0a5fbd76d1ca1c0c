//! openclaw-process
