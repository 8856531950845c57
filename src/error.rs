//! The one error type: a message for the user, and whose fault it was.

use std::path::Path;

/// What went wrong, in words that name the object, the numbers and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Bad usage or bad input: the user can mend it. Exit code 2.
    #[error("{0}")]
    Input(String),
    /// The work itself failed (device lost, disk full, loss not finite). Exit code 1.
    #[error("{0}")]
    Failed(String),
}

/// A result with this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Bad usage or input.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }

    /// A failure that is not the user's input.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// A failed read of `path`: missing or unreadable input.
    pub fn read(path: &Path, cause: &std::io::Error) -> Self {
        Self::Input(format!("{}: cannot be read: {cause}", path.display()))
    }

    /// A failed write to `path`: full disk, no permission.
    pub fn write(path: &Path, cause: &std::io::Error) -> Self {
        Self::Failed(format!("{}: cannot be written: {cause}", path.display()))
    }

    /// The same error with `context` in front, such as a file's name.
    #[must_use]
    pub fn within(self, context: impl std::fmt::Display) -> Self {
        match self {
            Self::Input(message) => Self::Input(format!("{context}: {message}")),
            Self::Failed(message) => Self::Failed(format!("{context}: {message}")),
        }
    }

    /// The process's exit code: 2 for bad usage or input, 1 for a failure.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Failed(_) => 1,
        }
    }
}
