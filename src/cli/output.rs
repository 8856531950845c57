//! Writing to standard output. A reader that has seen enough (`| head`) ends the output, not the program.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use gpu_bearing::shell::word;
use gpu_bearing::{Error, Result};
use serde::Serialize;

/// Prints `text` and a newline.
pub(crate) fn line(text: impl Display) -> Result<()> {
    settle(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints `text` and a newline to standard error; nothing is lost where that is closed.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Where the text of a command goes whose result may be wanted as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Standard output is kept for the JSON document.
    pub(crate) json: bool,
}

impl Screen {
    /// Prints `text` and a newline.
    pub(crate) fn line(self, text: impl Display) -> Result<()> {
        if self.json {
            note(text);
            return Ok(());
        }
        line(text)
    }
}

/// Prints `value` as JSON, indented, and a newline.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(serde_json::to_string_pretty(value).map_err(|e| Error::failed(format!("JSON: {e}")))?)
}

fn settle(written: io::Result<()>) -> Result<()> {
    match written {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::failed(format!("standard output: cannot be written: {e}")))
        }
        _ => Ok(()),
    }
}

/// How the user has called this program, for commands to type next.
pub(crate) fn program() -> String {
    std::env::args_os().next().map_or_else(|| "gpu-bearing".into(), |name| word(Path::new(&name)))
}

/// This command as the user has typed it.
pub(crate) fn command() -> String {
    let words = std::env::args_os().skip(1).map(|argument| word(Path::new(&argument)));
    std::iter::once(program()).chain(words).collect::<Vec<_>>().join(" ")
}
