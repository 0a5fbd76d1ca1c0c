//! How conversations are kept, and the bounds of runs.

use super::Checker;
use crate::{
    config::{Durability, Keeper, Limits, Maintenance, MaintenanceMode, Session},
    expand,
    section::Section,
};

const SECOND_MS: u64 = 1_000;

impl Checker<'_> {
    pub(super) fn session(&mut self, root: &Section<'_>) -> Session {
        let session = root.section("session");
        let keeper = session.section("keeper");
        let kept = session.switch("keeper");
        let maintenance = session.section("maintenance");
        let archive_after_ms = keeper
            .stated("archiveAfter")
            .or_else(|| maintenance.stated("archiveAfter"))
            .unwrap_or_else(|| keeper.number("archiveAfter"));
        let durability = match session.text_or_default("durability") {
            "batch" => Durability::Batch {
                interval_ms: session.number("batchMs"),
            },
            "os" => Durability::Os,
            _ => Durability::Always,
        };
        if durability != Durability::Always {
            self.warning(
                session.at("durability"),
                session.path_of("durability"),
                "a power cut may lose entries that were acknowledged",
            );
        }
        Session {
            durability,
            segment_bytes_max: session.number("segmentBytesMax"),
            entry_bytes_max: session.number("entryBytesMax"),
            history_entries: session.number("historyEntries"),
            keeper: Keeper {
                auto_commit: kept && keeper.flag("auto_commit"),
                archive_after_ms: (kept && keeper.flag("archive")).then_some(archive_after_ms),
            },
            maintenance: self.maintenance(&maintenance, kept),
        }
    }

    fn maintenance(&mut self, maintenance: &Section<'_>, kept: bool) -> Maintenance {
        let name = "maxDiskBytes";
        let stated = match maintenance.text(name) {
            Some(text) => {
                let bytes = expand::bytes(text);
                if bytes.is_none() {
                    self.degraded(
                        maintenance.at(name),
                        maintenance.path_of(name),
                        "expected a number of bytes or a text like \"500mb\"; the default is used",
                    );
                }
                bytes
            }
            None => maintenance.stated(name),
        };
        let default = || expand::bytes(maintenance.default(name)).unwrap_or(u64::MAX);
        Maintenance {
            mode: match maintenance.text_or_default("mode") {
                "off" => MaintenanceMode::Off,
                // Without a keeper nobody enforces anything, and what is too much is still told.
                "enforce" if kept => MaintenanceMode::Enforce,
                _ => MaintenanceMode::Warn,
            },
            sessions_max: maintenance.number("maxEntries"),
            archive_bytes_max: stated.unwrap_or_else(default),
        }
    }

    pub(super) fn limits(&self, root: &Section<'_>) -> Limits {
        let limits = root.section("limits");
        let defaults = root.section("agents").section("defaults");
        let runs = limits
            .stated("runs")
            .or_else(|| defaults.stated("maxConcurrent"));
        let seconds = defaults.stated::<u64>("timeoutSeconds");
        let run_ms = limits
            .stated("runMs")
            .or_else(|| seconds.map(|seconds| seconds * SECOND_MS));
        Limits {
            connections: limits.number("connections"),
            lane_depth: limits.number("laneDepth"),
            runs: runs.unwrap_or_else(|| limits.number("runs")),
            steps: limits.number("steps"),
            run_ms: run_ms.unwrap_or_else(|| limits.number("runMs")),
            deliberation_ms: limits.number("deliberationMs"),
        }
    }
}
