//! What the trials share: small recordings, a small model, and the binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use hound::{SampleFormat, WavSpec, WavWriter};
use serde_json::Value;
use tempfile::TempDir;

/// A trial: its name and what it runs, which panics where it fails.
pub(crate) type Test = (&'static str, fn());

/// Sampling rate of the recordings in Hz.
pub(crate) const RATE: u32 = 8000;

/// A network that trains in moments: window 64.
pub(crate) const MODEL: &str = r#"
name = "tiny"
[input]
window = 64
channels = 1
[[layer]]
name = "conv1"
type = "conv1d"
filters = 4
kernel = 5
activation = "relu"
[[layer]]
name = "pool1"
type = "max_pool1d"
size = 4
[[layer]]
name = "dropout"
type = "dropout"
rate = 0.2
[[layer]]
name = "lstm1"
type = "lstm"
units = 4
sequence = false
[[layer]]
name = "logits"
type = "dense"
units = "classes"
[[output]]
layer = "logits"
loss = "softmax_cross_entropy"
target = "condition"
"#;

/// A folder with `model.toml` and `data`: two conditions of three bearings, one recording each.
pub(crate) struct Workshop(TempDir);

impl Workshop {
    pub(crate) fn new() -> Self {
        let workshop = Self(TempDir::new().unwrap());
        fs::write(workshop.path("model.toml"), MODEL).unwrap();
        for (condition, pitch) in [("normal", 0.05), ("worn", 0.6)] {
            for bearing in 1..=3 {
                let folder = workshop.path(&format!("data/{condition}/{condition} {bearing}"));
                fs::create_dir_all(&folder).unwrap();
                let file = folder.join("a.wav");
                write_wav(&file, RATE, &signal(2000, pitch + 0.02 * f64::from(bearing)));
            }
        }
        workshop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs gpu-bearing in this folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("gpu-bearing"));
        // The choice that the user of this machine has kept is no business of the trials.
        command.env("GPU_BEARING_TUNE", self.path("tune.toml"));
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    /// Trains the small model on the small recordings, in folder `out`.
    pub(crate) fn train(&self, out: &str, more: &[&str]) -> String {
        success(
            self.run(&[&["train", "--data", "data", "--model", "model.toml", "--out", out], more].concat()),
        )
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// The lines of a run's `metrics.jsonl`, without the seconds that they took.
    pub(crate) fn metrics(&self, run: &str) -> Vec<Value> {
        let text = String::from_utf8(self.read(&format!("{run}/metrics.jsonl"))).unwrap();
        text.lines().map(|line| without(serde_json::from_str(line).unwrap(), "seconds")).collect()
    }

    /// Asserts that two runs gave the same, bit for bit, but for the time that they took.
    pub(crate) fn assert_same_run(&self, a: &str, b: &str) {
        for file in ["model.safetensors", "last.safetensors", "config.toml", "split.csv"] {
            assert!(
                self.read(&format!("{a}/{file}")) == self.read(&format!("{b}/{file}")),
                "{file} of {a} and {b} differ"
            );
        }
        assert_eq!(self.metrics(a), self.metrics(b));
        let timed = |run: &str| without(self.json(&format!("{run}/summary.json")), "train_seconds");
        let summary = |run: &str| without(timed(run), "at_once");
        assert_eq!(summary(a), summary(b));
    }
}

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().unwrap().remove(key).unwrap();
    value
}

/// Standard output of a command that must have succeeded.
pub(crate) fn success(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a command that must have ended with `code`.
pub(crate) fn failure(output: Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains("error: "), "{text}");
    text
}

/// A tone of `pitch` radians a sample with a little noise.
pub(crate) fn signal(samples: usize, pitch: f64) -> Vec<f32> {
    let mut state = pitch.to_bits();
    let noise = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    };
    (0..samples).map(|i| ((pitch * i as f64).sin() + 0.5 * noise(&mut state)) as f32).collect()
}

pub(crate) fn write_wav(path: &Path, rate: u32, samples: &[f32]) {
    let spec =
        WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 32, sample_format: SampleFormat::Float };
    let mut writer = WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}
