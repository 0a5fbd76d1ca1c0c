//! Lines from a pipe, none longer than a message may be.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Stdin};

use crate::{
    commands::agents::send::{MESSAGE_BYTES_MAX, not_utf8, too_large},
    error::Failure,
};

/// A reader of lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    is_over: bool,
}

impl Lines<BufReader<Stdin>> {
    /// Those of standard input.
    pub(super) fn stdin() -> Self {
        Self {
            reader: BufReader::new(tokio::io::stdin()),
            is_over: false,
        }
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The next line; none at the end. A line that is not UTF-8 is an error; one that is too long is the last thing read,
    /// too.
    pub(super) async fn next(&mut self) -> Option<Result<String, Failure>> {
        if self.is_over {
            return None;
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(MESSAGE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut limited = (&mut self.reader).take(limit.saturating_add(2));
        match limited.read_until(b'\n', &mut bytes).await {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => {
                self.is_over = true;
                return Some(Err(Failure::new(format!("read standard input: {error}"))));
            }
        }
        if bytes.len() > MESSAGE_BYTES_MAX.saturating_add(1) {
            self.is_over = true;
            return Some(Err(too_large()));
        }
        let Ok(line) = String::from_utf8(bytes) else {
            return Some(Err(not_utf8()));
        };
        Some(Ok(line.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::USAGE;

    #[tokio::test]
    async fn lines_come_one_by_one_the_last_one_without_an_end_too() {
        let mut lines = Lines {
            reader: &b"one\r\n\n\xfftwo\nthree"[..],
            is_over: false,
        };
        let mut read = Vec::new();
        while let Some(line) = lines.next().await {
            read.push(line.map_err(|failure| failure.message));
        }
        let good = |text: &str| Ok(text.to_owned());
        let bad = Err("the message is not UTF-8".to_owned());
        assert_eq!(read, [good("one"), good(""), bad, good("three")]);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused_at_its_limit() {
        let endless = vec![b'x'; MESSAGE_BYTES_MAX + 10];
        let mut lines = Lines {
            reader: endless.as_slice(),
            is_over: false,
        };
        let failure = lines.next().await.unwrap().unwrap_err();
        assert_eq!(failure.code, USAGE);
        assert!(lines.next().await.is_none());
    }
}
