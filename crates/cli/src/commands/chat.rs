//! `openclaw chat`: a conversation in the terminal, streamed; or one a line from a pipe.

mod console;
mod talk;

use std::io::IsTerminal as _;

use openclaw_config::Config;
use openclaw_wire::methods::{
    Empty,
    agents::{AgentsList, AgentsListResult},
    models::ModelsStatus,
};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::agents::{agent_id, session_ref};
use crate::{
    args::{Chat, Listen},
    daemon,
    error::{self, Failure},
    link::{Link, address, block_on},
    output::{self, Output},
    place::Place,
};

use self::{
    console::{Console, Typed},
    talk::Talk,
};

/// Opens the conversation; starts a gateway where none runs.
pub(crate) fn run(place: &Place, output: Output, chat: Chat) -> Result<(), Failure> {
    let config = place.config()?;
    let agent = agent_id(&chat.agent)?;
    let session = session_ref(&chat.session)?.session;
    block_on(async {
        if address(&config).is_none() {
            let none = Listen {
                port: None,
                bind: None,
            };
            let record = daemon::start(place, &config, &none).await?;
            output::note(&format!(
                "gateway started (pid {}); it goes on running after this chat: `openclaw gateway stop` stops it",
                record.pid
            ));
        }
        let link = Link::open(&config).await?;
        let talk = Talk::new(link, agent, session, output);
        talk.introduce().await?;
        if std::io::stdin().is_terminal() && !output.json {
            interactive(&config, talk).await
        } else {
            piped(talk).await
        }
    })
}

/// Every line is a message; the exit code tells whether all were answered.
async fn piped(mut talk: Talk) -> Result<(), Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut failed = 0_u32;
    loop {
        let line = lines
            .next_line()
            .await
            .map_err(|error| Failure::new(format!("read standard input: {error}")))?;
        let Some(line) = line else { break };
        match command(&line) {
            Said::Nothing => {}
            Said::Quit => break,
            Said::Message(text) => {
                if let Err(failure) = talk.say(&text).await {
                    output::failure(&failure, false);
                    failed += 1;
                }
            }
            Said::Command(name, argument) => obey(&mut talk, &name, argument.as_deref()).await?,
        }
    }
    if failed > 0 {
        return Err(Failure::new(format!("{failed} messages were not answered")));
    }
    Ok(())
}

async fn interactive(config: &Config, mut talk: Talk) -> Result<(), Failure> {
    let console = Console::open(config.paths.state.join("chat-history"))?;
    output::line("/help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves");
    let mut interrupted = false;
    loop {
        match console.ask(&talk.prompt()).await? {
            Typed::Line(line) => {
                interrupted = false;
                match command(&line) {
                    Said::Nothing => {}
                    Said::Quit => return Ok(()),
                    Said::Message(text) => {
                        if let Err(failure) = talk.say(&text).await {
                            output::failure(&failure, false);
                        }
                    }
                    Said::Command(name, argument) => {
                        if let Err(failure) = obey(&mut talk, &name, argument.as_deref()).await {
                            output::failure(&failure, false);
                        }
                    }
                }
            }
            Typed::Interrupt if interrupted => return Ok(()),
            Typed::Interrupt => {
                interrupted = true;
                output::line("Ctrl-C again, Ctrl-D or /quit leaves");
            }
            Typed::End => return Ok(()),
        }
    }
}

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Quit,
    Message(String),
    Command(String, Option<String>),
}

fn command(line: &str) -> Said {
    let line = line.trim();
    match line.strip_prefix('/') {
        _ if line.is_empty() => Said::Nothing,
        Some("quit" | "exit") => Said::Quit,
        Some(rest) => {
            let (name, argument) = match rest.split_once(char::is_whitespace) {
                Some((name, argument)) => (name, Some(argument.trim().to_owned())),
                None => (rest, None),
            };
            Said::Command(
                name.to_owned(),
                argument.filter(|argument| !argument.is_empty()),
            )
        }
        None => Said::Message(line.to_owned()),
    }
}

async fn obey(talk: &mut Talk, name: &str, argument: Option<&str>) -> Result<(), Failure> {
    match (name, argument) {
        ("help", _) => {
            output::line(
                "/agents            who is here\n\
                 /switch <agent>    talk with another\n\
                 /session [id]      show the session, or go to another\n\
                 /abort             stop what this session does\n\
                 /quit              leave",
            );
            Ok(())
        }
        ("agents", _) => {
            let list: AgentsListResult = talk.link.call::<AgentsList>(&Empty {}).await?;
            for row in list.agents {
                output::line(&format!("{:<12} {:<14} {}", row.id, row.role, row.status));
            }
            Ok(())
        }
        ("switch", Some(agent)) => talk.switch(agent_id(agent)?).await,
        ("session", Some(session)) => {
            talk.session = session_ref(session)?.session;
            Ok(())
        }
        ("session", None) => {
            output::line(&talk.key());
            Ok(())
        }
        ("abort", _) => talk.abort().await,
        ("switch", None) => Err(Failure::new("whom?")
            .hint("/switch <agent>; /agents shows all")
            .code(error::USAGE)),
        _ => Err(Failure::new(format!("no command /{name}"))
            .hint("/help lists the commands")
            .code(error::USAGE)),
    }
}

/// What the model's state is in a line, while a person waits for it.
async fn model_state(link: &Link) -> Option<String> {
    let status = link.call::<ModelsStatus>(&Empty {}).await.ok()?;
    let local = status.local?;
    let progress = local
        .progress
        .map(|done| format!(" {:.0} %", done * 100.0))
        .unwrap_or_default();
    Some(format!("{}{progress}", local.detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_unless_they_begin_with_a_slash() {
        for (line, said) in [
            ("  ", Said::Nothing),
            ("hello there", Said::Message("hello there".to_owned())),
            ("/quit", Said::Quit),
            ("/exit ", Said::Quit),
            ("/agents", Said::Command("agents".to_owned(), None)),
            (
                "/switch alpha",
                Said::Command("switch".to_owned(), Some("alpha".to_owned())),
            ),
            ("/session  ", Said::Command("session".to_owned(), None)),
        ] {
            assert_eq!(command(line), said, "{line:?}");
        }
    }
}
