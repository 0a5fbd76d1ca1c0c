//! What a person who waits for a model is told: that it is fetched, that it loads, or only that time passes.

use std::{io::IsTerminal as _, time::Duration};

use openclaw_wire::methods::{
    Empty,
    models::{LocalModel, ModelsStatus},
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::{link::Link, output};

/// How often something is said; a progress that stands still for longer looks dead.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// The same where every time is a new line.
const SAY_EVERY_LINE: Duration = Duration::from_secs(4);
/// Time to ask how the model is; without an answer only the seconds are told.
const ASK_DEADLINE: Duration = Duration::from_secs(1);

/// One wait.
#[derive(Debug)]
pub(crate) struct Patience {
    started: Instant,
    due: Interval,
}

impl Patience {
    /// Begins to wait; the first second is silent.
    pub(crate) fn new() -> Self {
        let every = if std::io::stderr().is_terminal() {
            SAY_EVERY
        } else {
            SAY_EVERY_LINE
        };
        let started = Instant::now();
        let mut due = interval_at(started + every, every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { started, due }
    }

    /// Resolves when something is to be said. Safe to drop and call again.
    pub(crate) async fn due(&mut self) {
        let _at = self.due.tick().await;
    }

    /// Says how it stands.
    pub(crate) async fn say(&self, link: &Link) {
        let status = link.call_within::<ModelsStatus>(&Empty {}, ASK_DEADLINE);
        let local = status.await.ok().and_then(|status| status.local);
        let what = local.as_ref().and_then(at_work);
        let what = what.unwrap_or_else(|| "waiting for the model".to_owned());
        output::progress(&format!("{what}: {} s", self.started.elapsed().as_secs()));
    }

    /// Waits for the work and says how it stands meanwhile.
    pub(crate) async fn wait<T>(mut self, link: &Link, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    output::progress_done();
                    return done;
                }
                () = self.due() => self.say(link).await,
            }
        }
    }
}

/// What the local model does before it can answer, if it does anything.
fn at_work(local: &LocalModel) -> Option<String> {
    if local.state != "fetching" && local.state != "starting" {
        return None;
    }
    let percent = |progress| format!(" ({:.0} %)", progress * 100.0);
    let progress = local.progress.map(percent).unwrap_or_default();
    Some(format!("{}{progress}", local.detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_model_at_work_is_worth_a_word() {
        let local = |state: &str, progress| LocalModel {
            state: state.to_owned(),
            detail: "loading the model".to_owned(),
            progress,
        };
        assert_eq!(
            at_work(&local("starting", Some(0.25))).as_deref(),
            Some("loading the model (25 %)")
        );
        assert_eq!(
            at_work(&local("fetching", None)).as_deref(),
            Some("loading the model")
        );
        assert_eq!(at_work(&local("ready", None)), None);
    }
}
