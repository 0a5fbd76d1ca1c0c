//! What becomes of a note: lasting memory, the archive, or a little less importance.

use super::{Refused, share};

/// Where counts and importances are kept.
pub const STATE_FILE: &str = "state/memory-consolidation.json";
/// Read more often than this, a note is promoted.
pub const PROMOTE_READS: u32 = 10;
/// More important than this, a note is promoted.
pub const PROMOTE_IMPORTANCE: f64 = 0.8;
/// Older than this, a note may be archived.
pub const ARCHIVE_DAYS: f64 = 30.0;
/// Less important than this, a note may be archived.
pub const ARCHIVE_IMPORTANCE: f64 = 0.3;
/// What is left of an importance after each round.
pub const DECAY: f64 = 0.95;
/// References from other notes that promote one.
pub const PROMOTE_REFERENCES: u32 = 2;

/// What is known of a note.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Note {
    /// How often it was read.
    pub reads: u32,
    /// 0 to 1.
    pub importance: f64,
    /// Other notes that refer to it.
    pub references: u32,
    /// Its age in days.
    pub age_days: f64,
    /// Whether somebody marked it critical or permanent.
    pub is_kept: bool,
    /// Whether somebody marked it deprecated.
    pub is_deprecated: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    /// It goes to lasting memory.
    Promote,
    /// It goes to the archive.
    Archive,
    /// It stays, with this importance.
    Fade(f64),
}

/// Decides on a note.
///
/// # Errors
/// When its importance is not from 0 to 1, or its age is negative or no number.
pub fn fate(note: Note) -> Result<Fate, Refused> {
    let importance = share("the importance", note.importance)?;
    if note.age_days.is_nan() || note.age_days < 0.0 {
        return Err(Refused::new("the age", "is a number of days from 0"));
    }
    if note.is_kept {
        return Ok(Fate::Promote);
    }
    if note.is_deprecated {
        return Ok(Fate::Archive);
    }
    if note.reads > PROMOTE_READS
        || importance > PROMOTE_IMPORTANCE
        || note.references >= PROMOTE_REFERENCES
    {
        return Ok(Fate::Promote);
    }
    if note.age_days > ARCHIVE_DAYS && note.reads == 0 && importance < ARCHIVE_IMPORTANCE {
        return Ok(Fate::Archive);
    }
    Ok(Fate::Fade(importance * DECAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: Note = Note {
        reads: 1,
        importance: 0.5,
        references: 0,
        age_days: 31.0,
        is_kept: false,
        is_deprecated: false,
    };

    #[test]
    fn notes_are_promoted_archived_or_fade() {
        for (note, expected) in [
            (NOTE, Fate::Fade(0.475)),
            (Note { reads: 11, ..NOTE }, Fate::Promote),
            (Note { reads: 10, ..NOTE }, Fate::Fade(0.475)),
            (
                Note {
                    importance: 0.81,
                    ..NOTE
                },
                Fate::Promote,
            ),
            (
                Note {
                    references: 2,
                    ..NOTE
                },
                Fate::Promote,
            ),
            (
                Note {
                    reads: 0,
                    importance: 0.2,
                    ..NOTE
                },
                Fate::Archive,
            ),
            (
                Note {
                    reads: 0,
                    importance: 0.2,
                    age_days: 30.0,
                    ..NOTE
                },
                Fate::Fade(0.19),
            ),
            (
                Note {
                    is_deprecated: true,
                    importance: 0.9,
                    ..NOTE
                },
                Fate::Archive,
            ),
            (
                Note {
                    is_deprecated: true,
                    is_kept: true,
                    ..NOTE
                },
                Fate::Promote,
            ),
        ] {
            assert_eq!(fate(note), Ok(expected), "{note:?}");
        }
        assert!(
            fate(Note {
                importance: 1.2,
                ..NOTE
            })
            .is_err()
        );
        assert!(
            fate(Note {
                age_days: f64::NAN,
                ..NOTE
            })
            .is_err()
        );
    }
}
