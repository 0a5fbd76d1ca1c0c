//! Captured frames.
