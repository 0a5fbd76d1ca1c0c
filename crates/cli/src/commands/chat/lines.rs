//! Lines from a pipe, none longer than a message may be.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Stdin};

use crate::{
    commands::agents::send::{MESSAGE_BYTES_MAX, check},
    error::Failure,
};

/// A reader of lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
}

impl Lines<BufReader<Stdin>> {
    /// Those of standard input.
    pub(super) fn stdin() -> Self {
        Self {
            reader: BufReader::new(tokio::io::stdin()),
        }
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The next line; none at the end. A line that is too long is an error, and the last thing read.
    pub(super) async fn next(&mut self) -> Option<Result<String, Failure>> {
        let mut bytes = Vec::new();
        let limit = u64::try_from(MESSAGE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut limited = (&mut self.reader).take(limit.saturating_add(2));
        match limited.read_until(b'\n', &mut bytes).await {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                return Some(Err(Failure::new(format!("read standard input: {error}"))));
            }
        }
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        if line.len() > MESSAGE_BYTES_MAX {
            return Some(check(line).map(|()| String::new()));
        }
        Some(Ok(line.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::USAGE;

    #[tokio::test]
    async fn lines_come_one_by_one_the_last_one_without_an_end_too() {
        let mut lines = Lines {
            reader: &b"one\r\n\n\xffthree"[..],
        };
        let mut read = Vec::new();
        while let Some(line) = lines.next().await {
            read.push(line.unwrap());
        }
        assert_eq!(read, ["one", "", "\u{fffd}three"]);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused_at_its_limit() {
        let endless = vec![b'x'; MESSAGE_BYTES_MAX + 10];
        let mut lines = Lines {
            reader: endless.as_slice(),
        };
        let failure = lines.next().await.unwrap().unwrap_err();
        assert_eq!(failure.code, USAGE);
    }
}
