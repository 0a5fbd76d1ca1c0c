//! The scripted backend as a process of its own, for tests in other languages: it prints where it listens.
//!
//! It ends when its standard input does, so that it never outlives the test that started it.

use openclaw_tests::backend::Backend;
use tokio::io::AsyncReadExt as _;

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1);
    let backend = Backend::start_at(address.as_deref().unwrap_or("127.0.0.1:0")).await;
    say(&format!("listening on {}", backend.address));
    let mut byte = [0];
    while matches!(tokio::io::stdin().read(&mut byte).await, Ok(length) if length > 0) {}
}

#[expect(clippy::print_stdout, reason = "the test that started it reads this")]
fn say(line: &str) {
    println!("{line}");
}
