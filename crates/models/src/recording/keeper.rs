//! The one that writes recordings, behind everybody's back.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Mask, Options, Recording, Tally, files::Files};

/// Writes what comes until there is nobody left to send it, or the gateway stops; what waits then is written.
pub(crate) async fn keep(
    mut waiting: mpsc::Receiver<Recording>,
    options: Options,
    mask: Mask,
    tally: Arc<Tally>,
    stop: CancellationToken,
) {
    let opening = tokio::task::spawn_blocking(move || Files::open(options, mask));
    let Ok(mut files) = opening.await else {
        return;
    };
    tally.bytes.store(files.bytes(), Relaxed);
    loop {
        let recording = tokio::select! {
            biased;
            () = stop.cancelled(), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
            recording = waiting.recv() => recording,
        };
        let Some(recording) = recording else {
            return;
        };
        let counted = Arc::clone(&tally);
        let writing = tokio::task::spawn_blocking(move || {
            write(&mut files, &recording, &counted);
            files
        });
        files = match writing.await {
            Ok(files) => files,
            Err(_ended) => return,
        };
    }
}

fn write(files: &mut Files, recording: &Recording, tally: &Tally) {
    match files.write(recording) {
        Ok(written) => {
            tally.bytes.store(written.bytes, Relaxed);
            tally.removed.fetch_add(written.removed, Relaxed);
            tally.written.fetch_add(1, Relaxed);
            if recording.is_cut {
                tally.cut.fetch_add(1, Relaxed);
            }
        }
        Err(error) => {
            let failed = tally.failed.fetch_add(1, Relaxed) + 1;
            // One line for each doubling: a full disk is not to be filled by lines.
            if failed.is_power_of_two() {
                tracing::warn!(failed, %error, "a recording can't be written");
            }
        }
    }
}
