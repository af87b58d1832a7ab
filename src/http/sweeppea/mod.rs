//! Sweeppea Drive.

pub(crate) struct State;
