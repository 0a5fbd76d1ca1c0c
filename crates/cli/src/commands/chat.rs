//! `openclaw chat`: a conversation in the terminal, streamed; or one a line from a pipe.

mod console;
mod line;
mod lines;
mod talk;

use std::io::IsTerminal as _;

use openclaw_config::Config;

use self::{
    console::{Console, Typed},
    line::Line,
    lines::Lines,
    talk::{Said, Talk},
};
use super::agents::{agent_id, primary, session_of};
use crate::{
    args::{Chat, Listen},
    daemon::start,
    error::{self, Failure},
    link::{Link, block_on, is_running},
    output::{self, Output},
    place::{Home, Place},
};

/// Opens the conversation; starts a gateway where none runs.
pub(crate) fn run(place: &Place, output: Output, chat: &Chat) -> Result<(), Failure> {
    let config = place.config()?;
    let agent = match &chat.agent {
        Some(agent) => agent_id(agent)?,
        None => agent_id(primary(&config).unwrap_or("main"))?,
    };
    let session = session_of(&agent, &chat.session)?.session;
    block_on(async {
        if !is_running(&config.paths) {
            let config = place.load(None)?;
            let record = start::start(place, &config, &Listen::default()).await?;
            output::note(&output::placed(&format!(
                "gateway started (pid {}); it goes on running after this chat, `openclaw gateway stop` stops it",
                record.pid
            )));
        }
        let link = Link::open(&Home::from(&config)).await?;
        let mut talk = Talk::new(&config, link, (agent, session), output)?;
        talk.introduce().await?;
        if std::io::stdin().is_terminal() && !output.json {
            interactive(&config, talk).await
        } else {
            piped(talk, output).await
        }
    })
}

/// Every line is a message; the exit code tells whether all were answered.
async fn piped(mut talk: Talk<'_>, output: Output) -> Result<(), Failure> {
    let mut lines = Lines::stdin();
    let mut failed = 0_u32;
    while let Some(line) = talk.or_interrupt(lines.next()).await? {
        let done = match line {
            Ok(line) => obey(&mut talk, Line::parse(&line)).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(Next::Go) => {}
            Ok(Next::Leave) => break,
            Err(failure) if failure.code == error::INTERRUPTED => return Err(failure),
            Err(failure) => {
                output::failure(&failure, output.json);
                failed += 1;
            }
        }
        if output::reader_left() {
            break;
        }
    }
    if failed > 0 {
        let what = if failed == 1 { "line" } else { "lines" };
        return Err(Failure::new(format!("{failed} {what} failed")).told());
    }
    Ok(())
}

async fn interactive(config: &Config, mut talk: Talk<'_>) -> Result<(), Failure> {
    let console = Console::open(config.paths.state.join("chat-history"))?;
    output::line("/help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves");
    let mut interrupted = false;
    loop {
        let line = match console.ask(&talk.prompt()).await? {
            Typed::Line(line) => line,
            Typed::End => return Ok(()),
            Typed::Interrupt if interrupted => return Ok(()),
            Typed::Interrupt => {
                interrupted = true;
                output::line("Ctrl-C again, Ctrl-D or /quit leaves");
                continue;
            }
        };
        interrupted = false;
        match obey(&mut talk, Line::parse(&line)).await {
            Ok(Next::Go) => {}
            Ok(Next::Leave) => return Ok(()),
            Err(failure) if failure.code == error::INTERRUPTED => output::note("stopped"),
            Err(failure) => output::failure(&failure, false),
        }
    }
}

/// Whether the conversation goes on.
enum Next {
    Go,
    Leave,
}

async fn obey(talk: &mut Talk<'_>, line: Line) -> Result<Next, Failure> {
    match line {
        Line::Nothing => {}
        Line::Quit => return Ok(Next::Leave),
        Line::Message(text) => match talk.say(text).await? {
            Said::Answered => {}
            Said::Stopped => return Err(Failure::new("stopped").code(error::INTERRUPTED)),
        },
        Line::Help => talk.help(),
        Line::Agents => talk.agents().await?,
        Line::Switch(agent) => talk.switch(agent_id(&agent)?).await?,
        Line::Session(Some(session)) => talk.go_on_in(&session)?,
        Line::Session(None) => talk.show_session(),
        Line::Abort => talk.abort().await?,
        Line::Wrong(what) => {
            return Err(Failure::new(what)
                .hint("/help lists the commands")
                .code(error::USAGE));
        }
    }
    Ok(Next::Go)
}
