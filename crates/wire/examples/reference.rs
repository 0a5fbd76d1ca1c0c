//! Prints the reference of all methods and events; `cargo xtask codegen` makes a page of it.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(openclaw_wire::schema::describe().as_bytes())
}
