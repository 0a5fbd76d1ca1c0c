//! Sends captured requests to a router again: in order where one depends on another, side by side where none does.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, task::JoinSet};

use super::{Answered, Capture};
use crate::http::{self, Whole};

/// Requests under way at a time: most of them wait for a retry.
const CONCURRENT: usize = 12;
/// A request with three attempts at two seconds each, on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(100);
/// What is asked last, because it tells about all that came before or keeps the machine busy.
const LAST: [&str; 3] = ["75_metrics_after", "76_health_full", "b24_metrics"];
/// What a request used is counted when its answer has long been sent.
const SETTLE: Duration = Duration::from_millis(200);
/// How long after a request one is sent that must meet it under way.
const BESIDE: Duration = Duration::from_millis(400);

/// A capture and what came this time.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The capture.
    pub capture: Capture,
    /// The answer.
    pub answer: Answered,
}

/// Sends the requests with this master key; what depends on each other keeps its order.
pub async fn replay(address: SocketAddr, key: &str, captures: &[Capture]) -> Vec<Replayed> {
    let (last, first): (Vec<&Capture>, Vec<&Capture>) =
        captures.iter().partition(|one| LAST.contains(&&*one.name));
    let mut lanes: BTreeMap<String, Vec<Capture>> = BTreeMap::new();
    for capture in first {
        lanes
            .entry(lane(capture))
            .or_default()
            .push(capture.clone());
    }
    let permits = Arc::new(Semaphore::new(CONCURRENT));
    let mut running = JoinSet::new();
    for lane in lanes.into_values() {
        let (permits, key) = (Arc::clone(&permits), key.to_owned());
        let _lane = running.spawn(async move {
            let _permit = permits.acquire_owned().await;
            drive(address, &key, lane).await
        });
    }
    let mut replayed: Vec<Replayed> = running.join_all().await.into_iter().flatten().collect();
    for capture in last {
        replayed.push(send(address, key, capture.clone()).await);
    }
    replayed.sort_by(|one, other| one.capture.name.cmp(&other.capture.name));
    replayed
}

/// Captures of one lane depend on each other: those of one key, and those that are numbered.
fn lane(capture: &Capture) -> String {
    let key = capture
        .headers
        .iter()
        .find(|(name, _)| name == "Authorization");
    match key {
        Some((_, key)) if key.starts_with("Bearer sk-") => key.clone(),
        _ => capture
            .name
            .trim_end_matches(|letter: char| letter.is_ascii_digit())
            .trim_end_matches("_retest")
            .to_owned(),
    }
}

async fn drive(address: SocketAddr, key: &str, lane: Vec<Capture>) -> Vec<Replayed> {
    if lane.iter().any(|one| one.name == "b21_par_second") {
        return beside(address, key, lane).await;
    }
    let mut replayed = Vec::new();
    for capture in lane {
        replayed.push(send(address, key, capture).await);
        tokio::time::sleep(SETTLE).await;
    }
    replayed
}

async fn beside(address: SocketAddr, key: &str, lane: Vec<Capture>) -> Vec<Replayed> {
    let mut running = JoinSet::new();
    for (capture, wait) in lane.into_iter().zip([Duration::ZERO, BESIDE]) {
        let key = key.to_owned();
        let _one = running.spawn(async move {
            tokio::time::sleep(wait).await;
            send(address, &key, capture).await
        });
    }
    running.join_all().await
}

async fn send(address: SocketAddr, key: &str, capture: Capture) -> Replayed {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\n",
        capture.method, capture.target
    );
    for (name, value) in &capture.headers {
        let value = value.replace("<MASTER_KEY>", key);
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "Content-Length: {}\r\n\r\n{}",
        capture.body.len(),
        capture.body
    ));
    let Whole {
        status, head, body, ..
    } = http::whole(address, head.as_bytes(), DEADLINE).await;
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let answer = Answered {
        status,
        headers: lines
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect(),
        body: String::from_utf8_lossy(&body).trim().to_owned(),
    };
    Replayed { capture, answer }
}
