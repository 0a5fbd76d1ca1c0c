//! What the store is measured against: one thread that writes and syncs lines, and keeps no promise beyond that.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use tokio::{sync::oneshot, task::JoinSet, time::Instant};

use super::{AGENTS, words};

/// Lines that may wait.
const QUEUE: usize = 4_096;

type Line = (usize, oneshot::Sender<()>);

/// Appends per second: so many callers append so many lines each to one of the agents' files, and wait for each.
pub(super) async fn appends(
    root: &Path,
    callers: usize,
    each: usize,
    bytes: usize,
) -> Result<f64, String> {
    let (sender, lines) = sync_channel::<Line>(QUEUE);
    let files = files(root).map_err(words)?;
    let writer = thread::spawn(move || write(&files, &lines, bytes));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let sender: SyncSender<Line> = sender.clone();
        tasks.spawn(async move {
            for _ in 0..each {
                let (reply, answer) = oneshot::channel();
                sender.send((caller % AGENTS, reply)).map_err(words)?;
                answer.await.map_err(words)?;
            }
            Ok::<_, String>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(words)??;
    }
    let rate = (callers * each) as f64 / begun.elapsed().as_secs_f64();
    drop(sender);
    let ended = writer.join();
    ended
        .unwrap_or_else(|_| Err(io::Error::other("the bare loop panicked")))
        .map_err(words)?;
    Ok(rate)
}

/// Milliseconds of one write and sync after the other.
pub(super) fn syncs(root: &Path, times: usize, bytes: usize) -> io::Result<Vec<f64>> {
    let mut file = append_to(&root.join("raw"))?;
    let line = vec![b'x'; bytes];
    let mut found = Vec::with_capacity(times);
    for _ in 0..times {
        file.write_all(&line)?;
        let begun = Instant::now();
        file.sync_data()?;
        found.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(found)
}

fn files(root: &Path) -> io::Result<Vec<File>> {
    (0..AGENTS)
        .map(|at| append_to(&root.join(format!("bare-{at}"))))
        .collect()
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Takes all that waits, writes each file once, syncs the files on two threads, answers.
fn write(files: &[File], lines: &Receiver<Line>, bytes: usize) -> io::Result<()> {
    let (work, queue) = sync_channel::<Vec<File>>(1);
    let (done, ended) = sync_channel::<io::Result<()>>(1);
    let helper = thread::spawn(move || {
        for files in queue {
            if done
                .send(files.iter().try_for_each(File::sync_data))
                .is_err()
            {
                break;
            }
        }
    });
    let line = vec![b'x'; bytes];
    while let Ok(first) = lines.recv() {
        let round: Vec<Line> = std::iter::once(first).chain(lines.try_iter()).collect();
        let mut touched = Vec::new();
        for (at, mut file) in files.iter().enumerate() {
            let count = round.iter().filter(|(of, _)| *of == at).count();
            if count > 0 {
                file.write_all(&line.repeat(count))?;
                touched.push(file.try_clone()?);
            }
        }
        let others = touched.split_off(touched.len().div_ceil(2));
        work.send(others).map_err(io::Error::other)?;
        touched.iter().try_for_each(File::sync_data)?;
        ended.recv().map_err(io::Error::other)??;
        for (_, reply) in round {
            reply.send(()).unwrap_or_default();
        }
    }
    drop(work);
    if helper.join().is_err() {
        return Err(io::Error::other("the helper panicked"));
    }
    Ok(())
}
