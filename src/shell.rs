//! Paths in commands that a user is told to type.

use std::path::Path;

/// `path` as a shell takes it for one word: in quotes where it holds blanks or what a shell would interpret.
pub fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/\\._-+:=@%,".contains(c);
    match text.chars().all(plain) && !text.is_empty() {
        true => text,
        false if cfg!(windows) => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
