//! Which state directory and which configuration file: command line, environment, file, default.

use std::path::{Path, PathBuf};

use crate::{
    environment::Environment,
    expand,
    file::Presence,
    load::Overrides,
    paths::{self, Unusable},
    problem::{Problems, Severity},
    section::Section,
};

pub(crate) const STATE_VARIABLE: &str = "OPENCLAW_STATE_DIR";
const CONFIG_VARIABLE: &str = "OPENCLAW_CONFIG_PATH";

/// The state directory that the documentation's sample names; only its author's machine has it.
const SAMPLE_WORKSPACE: &str = "/root/.openclaw";

/// The state directory of the command line or the environment.
pub(crate) fn named_state(overrides: &Overrides, environment: &Environment) -> Option<PathBuf> {
    let from_environment = || {
        let text = environment.value(STATE_VARIABLE)?;
        Some(expand::path(text, environment.home().as_deref()))
    };
    let path = overrides.state_dir.clone().or_else(from_environment)?;
    Some(paths::absolute(&path))
}

/// The configuration file of the command line or the environment.
pub(crate) fn named_config(overrides: &Overrides, environment: &Environment) -> Option<PathBuf> {
    let from_environment = || {
        let text = environment.value(CONFIG_VARIABLE)?;
        Some(expand::path(text, environment.home().as_deref()))
    };
    let path = overrides.config_file.clone().or_else(from_environment)?;
    Some(paths::absolute(&path))
}

/// The configuration file, and whether somebody named it.
pub(crate) fn config_file(
    overrides: &Overrides,
    environment: &Environment,
    state: &Path,
) -> (PathBuf, Presence) {
    match named_config(overrides, environment) {
        Some(path) => (path, Presence::Required),
        None => (state.join("openclaw.json"), Presence::Optional),
    }
}

/// The state directory that the file names. A relative one starts where the file is.
pub(crate) fn workspace(
    root: &Section<'_>,
    config_file: &Path,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let older = root.section("collective").section("configuration");
    let (text, section) = match (root.text("workspace"), older.text("workspace")) {
        (Some(text), _) => (text, root),
        (None, Some(text)) => (text, &older),
        (None, None) => return None,
    };
    let home = environment.home();
    let directory = config_file.parent().unwrap_or_else(|| Path::new("/"));
    let state = paths::absolute(&directory.join(expand::path(text, home.as_deref())));
    let fallback = home.map(|home| paths::default_state(&home));
    let Some(why) = fallback
        .as_deref()
        .and_then(|fallback| sample(&state, fallback, paths::usable))
    else {
        return Some(state);
    };
    problems
        .at(
            Severity::Warning,
            section.at("workspace"),
            section.path_of("workspace"),
            why,
        )
        .hint("remove the key, or name a directory of your own");
    None
}

/// Why the sample's own directory is not used, if it is the one named and it is not for this user.
///
/// Any other directory that can't be used refuses the start: going on elsewhere would look like lost sessions.
fn sample(
    state: &Path,
    fallback: &Path,
    usable: impl Fn(&Path) -> Result<(), Unusable>,
) -> Option<String> {
    if state != Path::new(SAMPLE_WORKSPACE) || state == fallback {
        return None;
    }
    let why = usable(state).err()?;
    Some(format!("{why}; {} is used instead", fallback.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_directory_is_passed_over_only_where_it_cannot_be_used() {
        let denied = |path: &Path| {
            Err(Unusable::Denied {
                path: path.to_path_buf(),
            })
        };
        let home = Path::new("/home/a/.openclaw");
        let sample_path = Path::new(SAMPLE_WORKSPACE);
        assert_eq!(
            sample(sample_path, home, denied).as_deref(),
            Some(
                "/root/.openclaw can't be read and written by this user; /home/a/.openclaw is used instead"
            )
        );
        assert_eq!(sample(sample_path, home, |_| Ok(())), None);
        assert_eq!(sample(sample_path, sample_path, denied), None);
        assert_eq!(sample(Path::new("/srv/openclaw"), home, denied), None);
    }
}
