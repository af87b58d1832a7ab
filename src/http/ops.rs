//! Health, readiness, metrics.

pub(crate) struct Metrics;
