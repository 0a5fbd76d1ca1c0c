//! What a typed line means.

/// What `/help` prints.
pub(super) const HELP: &str = "\
/agents            who is here
/switch <agent>    talk with another
/session [id]      show the session, or go on in another
/abort             stop what this session does
/quit              leave";

/// A line, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// An empty one.
    Nothing,
    /// Something to say.
    Message(String),
    Help,
    Agents,
    Switch(String),
    Session(Option<String>),
    Abort,
    Quit,
    /// A command that is none.
    Wrong(String),
}

impl Line {
    /// A line is a message unless it begins with a slash; two slashes say one.
    pub(super) fn parse(line: &str) -> Self {
        let line = line.trim();
        if line.is_empty() {
            return Self::Nothing;
        }
        let Some(command) = line.strip_prefix('/') else {
            return Self::Message(line.to_owned());
        };
        if command.starts_with('/') {
            return Self::Message(command.to_owned());
        }
        let (name, argument) = command
            .split_once(char::is_whitespace)
            .map_or((command, ""), |(name, argument)| (name, argument.trim()));
        let argument = (!argument.is_empty()).then(|| argument.to_owned());
        match (name, argument) {
            ("help" | "?", _) => Self::Help,
            ("agents", _) => Self::Agents,
            ("switch", Some(agent)) => Self::Switch(agent),
            ("switch", None) => Self::Wrong("/switch needs an agent".to_owned()),
            ("session", session) => Self::Session(session),
            ("abort", _) => Self::Abort,
            ("quit" | "exit", _) => Self::Quit,
            (name, _) => Self::Wrong(format!("no command /{name}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_unless_they_begin_with_a_slash() {
        let text = str::to_owned;
        for (line, meaning) in [
            ("  ", Line::Nothing),
            (" hello there ", Line::Message(text("hello there"))),
            ("//etc/hosts?", Line::Message(text("/etc/hosts?"))),
            ("/quit", Line::Quit),
            ("/exit ", Line::Quit),
            ("/agents", Line::Agents),
            ("/switch alpha", Line::Switch(text("alpha"))),
            ("/switch", Line::Wrong(text("/switch needs an agent"))),
            ("/session  ", Line::Session(None)),
            ("/session\tb", Line::Session(Some(text("b")))),
            ("/etc", Line::Wrong(text("no command /etc"))),
        ] {
            assert_eq!(Line::parse(line), meaning, "{line:?}");
        }
    }
}
