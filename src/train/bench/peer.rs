//! PyTorch in a process of its own: `peers/pytorch.py`, asked for one repeat at a time.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::TEST_WINDOWS;
use super::work::Work;
use crate::nn::{Model, ParameterTable};
use crate::{Error, Result};

/// The whole of PyTorch's side; the binary needs no other file.
const SCRIPT: &str = include_str!("../../../peers/pytorch.py");

/// PyTorch's threads spin for a while after their work, and would have a core from whoever is timed next.
const REST: Duration = Duration::from_millis(300);

/// A running Python with torch imported.
pub(super) struct Peer {
    python: PathBuf,
    child: Child,
    /// Closed first of all when the peer is dropped, which ends the script.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    cases: usize,
    pub(super) versions: Versions,
}

/// What runs on the other side.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Versions {
    pub(super) torch: String,
    pub(super) python: String,
    /// Cores that the process may use.
    pub(super) cores: usize,
}

/// A model that the peer has built, with the settings that it found fastest.
#[derive(Debug, Deserialize)]
pub(super) struct Prepared {
    #[serde(skip)]
    case: usize,
    pub(super) train: TrainSetting,
    pub(super) classify: ClassifySetting,
    /// Of [`TEST_WINDOWS`] windows, (windows, classes).
    pub(super) probabilities: Vec<f32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TrainSetting {
    threads: usize,
    onednn: bool,
    adam: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ClassifySetting {
    threads: usize,
    onednn: bool,
    batch: usize,
}

fn on(switch: bool) -> &'static str {
    if switch { "on" } else { "off" }
}

fn threads(count: usize) -> String {
    if count == 1 { "1 thread".into() } else { format!("{count} threads") }
}

impl std::fmt::Display for TrainSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, oneDNN {}, {} Adam", threads(self.threads), on(self.onednn), self.adam)
    }
}

impl std::fmt::Display for ClassifySetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, oneDNN {}, batch {}", threads(self.threads), on(self.onednn), self.batch)
    }
}

impl Peer {
    /// Starts `python` and imports torch.
    ///
    /// # Errors
    /// No such program, or no torch in it.
    pub(super) fn start(python: &Path) -> Result<Self> {
        let mut child = Command::new(python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|cause| {
                Error::input(format!(
                    "--python {}: cannot be started: {cause}; name a Python that has PyTorch",
                    python.display()
                ))
            })?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it was piped"));
        let versions = Versions { torch: String::new(), python: String::new(), cores: 0 };
        let mut peer = Self { python: python.to_owned(), child, requests, answers, cases: 0, versions };
        peer.versions = peer.answer()?;
        Ok(peer)
    }

    fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let python = self.python.display().to_string();
        let mut line = String::new();
        let read = self.answers.read_line(&mut line);
        if read.is_err() || line.is_empty() {
            return Err(Error::input(format!(
                "--python {python}: ended without an answer; name a Python that has PyTorch"
            )));
        }
        let unknown = |_| {
            Error::input(format!(
                "--python {python}: answered '{}'; name a Python that has PyTorch",
                line.trim_end()
            ))
        };
        let answer: Value = serde_json::from_str(&line).map_err(unknown)?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) if error.starts_with("cannot import torch") => Err(Error::input(format!(
                "--python {python}: {error}; name a Python that has PyTorch, or install it there: \
                 {python} -m pip install torch"
            ))),
            Some(error) => Err(Error::failed(format!("PyTorch: {error}"))),
            None => serde_json::from_value(answer).map_err(unknown),
        }
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Value) -> Result<T> {
        if let Some(requests) = &mut self.requests {
            // Where this fails, the missing answer says so.
            let _ = writeln!(requests, "{request}");
        }
        self.answer()
    }

    /// Builds `model` there, with the windows and the parameters of `work`; epochs have `steps` batches.
    ///
    /// # Errors
    /// What PyTorch says of the model, or no room for a temporary file.
    pub(super) fn prepare(
        &mut self,
        model: &Model,
        work: &Work<'_>,
        (steps, batch): (usize, usize),
    ) -> Result<Prepared> {
        let table = ParameterTable::new(model)?;
        let mut values = work.signal.clone();
        values.extend(table.entries().iter().flat_map(|entry| entry.to_torch(&work.parameters)));
        let file = tempfile::NamedTempFile::new()
            .and_then(|mut file| file.write_all(bytemuck::cast_slice(&values)).map(|()| file))
            .map_err(|cause| Error::write(&std::env::temp_dir(), &cause))?;
        let mut prepared: Prepared = self.ask(&json!({
            "do": "prepare",
            "model": { "window": model.window, "channels": model.channels, "layers": model.layers },
            "batch": batch,
            "steps": steps,
            "windows": TEST_WINDOWS,
            "classes": model.classes()?,
            "file": file.path(),
            "signal": work.signal.len(),
            "tensors": table.entries().iter().map(|e| (&e.name, e.torch_shape())).collect::<Vec<_>>(),
        }))?;
        prepared.case = self.cases;
        self.cases += 1;
        Ok(prepared)
    }

    /// Milliseconds of a training step.
    pub(super) fn step_ms(&mut self, of: &Prepared) -> Result<f64> {
        self.time("train", of)
    }

    /// Milliseconds of classifying all windows.
    pub(super) fn classify_ms(&mut self, of: &Prepared) -> Result<f64> {
        self.time("classify", of)
    }

    fn time(&mut self, what: &str, of: &Prepared) -> Result<f64> {
        #[derive(Deserialize)]
        struct Timed {
            seconds: f64,
        }
        let timed: Timed = self.ask(&json!({ "do": what, "case": of.case }))?;
        thread::sleep(REST);
        Ok(timed.seconds * 1e3)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.requests = None;
        // It has nobody to report to any more.
        let _ = self.child.wait();
    }
}
