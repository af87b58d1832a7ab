//! Whether a call has seen what a power cut may still take back: on SQLite a commit can be read before it is durable.

use std::cell::Cell;

tokio::task_local! {
    /// What the call has read since it last wrote: a commit that is durable makes all before it durable.
    static SEEN: Cell<bool>;
}

/// Does a call's work, or a part of it in a task of its own, of which `before` had seen something; says whether it has
/// now.
pub(crate) async fn watch<F: Future>(before: bool, work: F) -> (F::Output, bool) {
    SEEN.scope(Cell::new(before), async { (work.await, SEEN.with(Cell::get)) }).await
}

/// The call has read. A job's step belongs to no call.
pub(crate) fn note() {
    let _ = SEEN.try_with(|seen| seen.set(true));
}

/// Whether the call has read since it last wrote; not any more.
pub(crate) fn forget() -> bool {
    SEEN.try_with(|seen| seen.replace(false)).unwrap_or(false)
}
