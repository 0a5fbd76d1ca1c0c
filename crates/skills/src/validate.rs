//! Whether a skill is in order, with everything that is not.

use std::path::Path;

use crate::{
    SKILL_FILE,
    digest::{self, Files},
    files::{self, Found},
    front_matter::{self, Read},
    limits::SKILL_FILE_BYTES_MAX,
    problem::{Problem, Severity, What},
    skill::{Skill, Source},
};

/// Checks a skill's directory or its `SKILL.md`; tells everything that is wrong.
#[must_use]
pub fn validate(path: &Path) -> Vec<Problem> {
    let dir = if path.file_name().is_some_and(|name| name == SKILL_FILE) {
        path.parent().unwrap_or_else(|| Path::new("."))
    } else {
        path
    };
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    // The last name of `.` is that of the directory it stands for.
    let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let name = whole
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    of_dir(dir, name.as_deref(), Source::State).problems
}

/// Reads a skill in a directory of this name.
pub(crate) fn of_dir(dir: &Path, name: Option<&str>, source: Source) -> Read {
    let path = dir.join(SKILL_FILE);
    let file = path.to_string_lossy();
    let failed = |what| Read {
        skill: None,
        problems: vec![Problem::error(&file, 0, what)],
    };
    let bytes = match files::read(&path, SKILL_FILE_BYTES_MAX) {
        Ok(Found::Bytes(bytes)) => bytes,
        Ok(Found::Nothing) => return failed(What::NoFile),
        Ok(Found::TooLarge) => {
            return failed(What::TooLarge {
                bytes_max: SKILL_FILE_BYTES_MAX,
            });
        }
        Ok(Found::Odd) => {
            return failed(What::Unreadable {
                reason: "it is a link, or no file".to_owned(),
            });
        }
        Err(error) => {
            return failed(What::Unreadable {
                reason: error.to_string(),
            });
        }
    };
    let mut read = of_bytes(&file, &bytes, name, source);
    if let Some(skill) = &mut read.skill {
        skill.dir = Some(dir.to_owned());
    }
    read
}

/// Reads the bytes of a `SKILL.md`.
pub(crate) fn of_bytes(file: &str, bytes: &[u8], name: Option<&str>, source: Source) -> Read {
    let Ok(text) = str::from_utf8(bytes) else {
        return Read {
            skill: None,
            problems: vec![Problem::error(file, 0, What::NotText)],
        };
    };
    let mut read = front_matter::read(file, text, source);
    if let (Some(skill), Some(name)) = (&read.skill, name)
        && skill.name != name
    {
        let what = What::Directory {
            name: skill.name.clone(),
            directory: name.to_owned(),
        };
        read.problems.push(Problem::error(file, 0, what));
    }
    if read
        .problems
        .iter()
        .any(|problem| problem.severity == Severity::Error)
    {
        read.skill = None;
    }
    if let Some(skill) = &mut read.skill {
        skill.digest = digest::of_files(&Files::from([(SKILL_FILE.to_owned(), bytes.to_vec())]));
    }
    read
}

/// Reads a skill of gathered files, whatever directory they came from.
pub(crate) fn of_files(files: &Files) -> Result<(Skill, Vec<Problem>), Vec<Problem>> {
    let Some(bytes) = files.get(SKILL_FILE) else {
        return Err(vec![Problem::error(SKILL_FILE, 0, What::NoFile)]);
    };
    if bytes.len() as u64 > SKILL_FILE_BYTES_MAX {
        let bytes_max = SKILL_FILE_BYTES_MAX;
        return Err(vec![Problem::error(
            SKILL_FILE,
            0,
            What::TooLarge { bytes_max },
        )]);
    }
    let mut read = of_bytes(SKILL_FILE, bytes, None, Source::State);
    match read.skill.take() {
        Some(mut skill) => {
            skill.digest = digest::of_files(files);
            Ok((skill, read.problems))
        }
        None => Err(read.problems),
    }
}
