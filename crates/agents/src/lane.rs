//! The lanes of one agent: one per session that has something to do, one run at a time in each.
//!
//! A lane comes into being with the first reserved place and is gone with the last. Its task is the one
//! that drives its runs; whoever fills a place of a lane that has no task starts it.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_sessions::Origin;
use openclaw_types::{Priority, RunId, SessionId};
use serde_json::Value;

use crate::{
    queue::{Queue, Taken, Ticket},
    runs::Run,
};

/// An accepted message on its way to its run.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub run: Arc<Run>,
    pub text: String,
    /// Who caused it.
    pub origin: Origin,
    /// What the answer must look like, where the provider can see to it.
    pub schema: Option<Value>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Lane,
    Lanes,
}

/// What filling a place came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Runs that go before this one, the one at work included.
    pub position: usize,
    /// Whether the lane has no task yet; the caller starts it.
    pub is_first: bool,
}

#[derive(Debug)]
struct Lane {
    queue: Queue<Waiting>,
    running: Option<Arc<Run>>,
    has_task: bool,
}

/// The lanes of one agent.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: BTreeMap<SessionId, Lane>,
    depth_max: usize,
    lanes_max: usize,
}

impl Lanes {
    pub(crate) const fn new(depth_max: usize, lanes_max: usize) -> Self {
        Self {
            lanes: BTreeMap::new(),
            depth_max,
            lanes_max,
        }
    }

    pub(crate) fn reserve(
        &mut self,
        session: &SessionId,
        run: RunId,
        priority: Priority,
    ) -> Result<Ticket, Full> {
        if let Some(lane) = self.lanes.get_mut(session) {
            return lane.queue.reserve(run, priority).ok_or(Full::Lane);
        }
        if self.lanes.len() >= self.lanes_max {
            return Err(Full::Lanes);
        }
        let mut lane = Lane {
            queue: Queue::new(self.depth_max),
            running: None,
            has_task: false,
        };
        let ticket = lane.queue.reserve(run, priority).ok_or(Full::Lane)?;
        self.lanes.insert(session.clone(), lane);
        Ok(ticket)
    }

    /// Puts a message in its place. `None`: the place is gone, and the message with it.
    pub(crate) fn fill(
        &mut self,
        session: &SessionId,
        ticket: Ticket,
        waiting: Waiting,
    ) -> Option<Filled> {
        let lane = self.lanes.get_mut(session)?;
        let before = lane.queue.fill(ticket, waiting)?;
        Some(Filled {
            position: before + usize::from(lane.running.is_some()),
            is_first: !std::mem::replace(&mut lane.has_task, true),
        })
    }

    pub(crate) fn release(&mut self, session: &SessionId, ticket: Ticket) {
        if let Some(lane) = self.lanes.get_mut(session) {
            lane.queue.release(ticket);
        }
        self.drop_idle(session);
    }

    /// The next message of a lane, for its task; `None` ends the task.
    pub(crate) fn next(&mut self, session: &SessionId) -> Option<Waiting> {
        let lane = self.lanes.get_mut(session)?;
        let next = lane.queue.pop();
        lane.running = next.as_ref().map(|waiting| Arc::clone(&waiting.run));
        lane.has_task = next.is_some();
        self.drop_idle(session);
        next
    }

    fn drop_idle(&mut self, session: &SessionId) {
        if let Some(lane) = self.lanes.get(session)
            && lane.queue.is_empty()
            && !lane.has_task
        {
            self.lanes.remove(session);
        }
    }

    /// The runs of a session, the one at work first.
    pub(crate) fn runs(&self, session: &SessionId) -> Vec<RunId> {
        self.lanes.get(session).map_or_else(Vec::new, |lane| {
            let running = lane.running.iter().map(|run| &run.id);
            running.chain(lane.queue.runs()).cloned().collect()
        })
    }

    /// Takes a message that waits out of its lane.
    pub(crate) fn take(&mut self, session: &SessionId, run: &RunId) -> Option<Waiting> {
        match self.lanes.get_mut(session)?.queue.take(run)? {
            Taken::Waiting(waiting) => Some(waiting),
            Taken::Reserved => None,
        }
    }

    /// Messages that wait in a session.
    pub(crate) fn depth(&self, session: &SessionId) -> usize {
        self.lanes.get(session).map_or(0, |lane| lane.queue.len())
    }

    /// Messages that wait in all sessions.
    pub(crate) fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.queue.len()).sum()
    }

    /// Runs at work.
    pub(crate) fn running(&self) -> usize {
        self.lanes
            .values()
            .filter(|lane| lane.running.is_some())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use openclaw_types::AgentId;

    use super::*;

    fn session(text: &str) -> SessionId {
        SessionId::parse(text).unwrap()
    }

    fn run(text: &str) -> RunId {
        RunId::parse(text).unwrap()
    }

    fn waiting(id: &str) -> Waiting {
        let agent = AgentId::parse("steward").unwrap();
        Waiting {
            run: Arc::new(Run::new(run(id), agent, session("s"))),
            text: String::new(),
            origin: Origin {
                kind: openclaw_sessions::OriginKind::Operator,
                id: None,
                message_id: None,
            },
            schema: None,
        }
    }

    fn put(lanes: &mut Lanes, id: &str) -> Filled {
        let ticket = lanes
            .reserve(&session("s"), run(id), Priority::Normal)
            .unwrap();
        lanes.fill(&session("s"), ticket, waiting(id)).unwrap()
    }

    #[test]
    fn the_first_message_starts_the_task_and_the_last_ends_the_lane() {
        let mut lanes = Lanes::new(3, 1);
        let filled = |position, is_first| Filled { position, is_first };
        assert_eq!(put(&mut lanes, "1"), filled(0, true));
        assert_eq!(put(&mut lanes, "2"), filled(1, false));
        assert_eq!(lanes.next(&session("s")).unwrap().run.id, run("1"));
        assert_eq!(put(&mut lanes, "3"), filled(2, false));
        assert_eq!(lanes.runs(&session("s")), [run("1"), run("2"), run("3")]);
        assert_eq!(
            (lanes.running(), lanes.waiting(), lanes.depth(&session("s"))),
            (1, 2, 2)
        );
        assert_eq!(
            lanes.take(&session("s"), &run("2")).unwrap().run.id,
            run("2")
        );
        assert_eq!(lanes.next(&session("s")).unwrap().run.id, run("3"));
        assert!(lanes.next(&session("s")).is_none());
        assert_eq!(lanes.runs(&session("s")), []);
        assert_eq!(put(&mut lanes, "4"), filled(0, true));
    }

    #[test]
    fn a_place_given_back_leaves_no_lane_behind() {
        let mut lanes = Lanes::new(1, 1);
        let ticket = lanes
            .reserve(&session("a"), run("1"), Priority::Normal)
            .unwrap();
        assert_eq!(
            lanes.reserve(&session("a"), run("2"), Priority::Normal),
            Err(Full::Lane)
        );
        assert_eq!(
            lanes.reserve(&session("b"), run("2"), Priority::Normal),
            Err(Full::Lanes)
        );
        lanes.release(&session("a"), ticket);
        assert!(
            lanes
                .reserve(&session("b"), run("2"), Priority::Normal)
                .is_ok()
        );
    }
}
