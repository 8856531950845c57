//! Paths in commands to type.

use std::path::Path;

use gpu_bearing::shell::word;

#[test]
fn plain_paths_stand_as_they_are() {
    for path in ["runs/001", "./gpu-bearing", "/tmp/é_1.2"] {
        assert_eq!(word(Path::new(path)), path);
    }
}

#[cfg(unix)]
#[test]
fn a_shell_reads_back_what_is_quoted() {
    for path in ["my runs/001", "it's", "a$HOME;b", ""] {
        let command = format!("printf %s {}", word(Path::new(path)));
        let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), path);
    }
}
