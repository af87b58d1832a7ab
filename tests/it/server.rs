//! The server as a process: its ready line, health, readiness, metrics, its description, start and stop.
