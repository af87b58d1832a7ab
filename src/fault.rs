//! Named points at which a test can make the work fail or the process die. Release builds have the calls and nothing
//! behind them: [`Faults`] is empty there and every point lets the work pass.

#[cfg(feature = "testing")]
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The faults that are set. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    #[cfg(feature = "testing")]
    set: Arc<Mutex<HashMap<String, Action>>>,
}

/// What happens at a point.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The work fails there, each time.
    Fail,
    /// The process dies there, as by SIGKILL.
    Kill,
    /// The work fails there, and from then on at every point: to a test in the same process it is as if the process
    /// had died.
    Crash,
}

impl Faults {
    /// Passes, unless a test has set a fault here.
    pub(crate) fn hit(&self, point: &str) -> anyhow::Result<()> {
        #[cfg(feature = "testing")]
        self.act(point)?;
        let _ = point;
        Ok(())
    }

    /// The points behind a commit, one for each of its requests: `mark.committed`.
    pub(crate) fn hit_committed(&self, names: Vec<&'static str>) -> anyhow::Result<()> {
        #[cfg(feature = "testing")]
        for name in &names {
            self.act(&format!("{name}.committed"))?;
        }
        drop(names);
        Ok(())
    }
}

#[cfg(feature = "testing")]
impl Faults {
    const CRASHED: &str = "crashed";

    /// Sets or, with `None`, takes back what happens at a point.
    pub fn set(&self, point: &str, action: Option<Action>) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        match action {
            Some(action) => set.insert(point.to_owned(), action),
            None => set.remove(point),
        };
    }

    /// Whether a [`Action::Crash`] was reached.
    pub fn crashed(&self) -> bool {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).contains_key(Self::CRASHED)
    }

    fn act(&self, point: &str) -> anyhow::Result<()> {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        if set.contains_key(Self::CRASHED) {
            anyhow::bail!("after a crash, at {point}");
        }
        match set.get(point) {
            None => Ok(()),
            Some(Action::Fail) => anyhow::bail!("a test lets {point} fail"),
            Some(Action::Kill) => {
                let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                anyhow::bail!("killed at {point}")
            }
            Some(Action::Crash) => {
                set.insert(Self::CRASHED.to_owned(), Action::Crash);
                anyhow::bail!("a test crashes at {point}")
            }
        }
    }
}
