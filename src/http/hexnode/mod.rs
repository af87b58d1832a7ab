//! Hexnode file management.

pub(crate) struct State;
