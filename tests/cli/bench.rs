//! `bench`: figures, comparisons with earlier ones and with PyTorch, forecasts.

use std::fs;
use std::process::{Command, Output, Stdio};
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::setup::{Test, Workshop, failure, success};

pub(crate) const TRIALS: &[Test] = &[
    ("bench --plan needs no adapter and says what it assumes", plan),
    ("bench refuses bad usage", refusals),
];

pub(crate) const TRIALS_ON_ADAPTER: &[Test] = &[
    ("bench --json has a roof and is compared with --compare", compare),
    #[cfg(target_os = "linux")]
    ("bench computes in batch, as every command does", in_batch),
    ("bench --scaling draws a curve for all that grows", scaling),
    ("bench --against pytorch names a Python without PyTorch", no_torch),
];

pub(crate) const TRIALS_WITH_TORCH: &[Test] =
    &[("bench --against pytorch gives ratios for the same results", against)];

/// The Python of the trials with PyTorch.
fn python() -> String {
    std::env::var("GPU_BEARING_PYTHON").unwrap_or_else(|_| "python3".into())
}

/// Whether that Python has PyTorch; not asked by importing it, which takes seconds.
pub(crate) fn has_torch() -> bool {
    let find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)";
    Command::new(python())
        .args(["-c", find])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn plan() {
    let workshop = Workshop::new();
    let yours = ["--bandwidth", "100", "--rate", "2000", "--launch", "8"];
    let mut command = workshop.command(&[&["bench", "--model", "model.toml", "--plan"], &yours[..]].concat());
    // No driver to be found.
    command.env("VK_DRIVER_FILES", "/nowhere").env("VK_ICD_FILENAMES", "/nowhere");
    let text = success(command.output().unwrap());
    for part in
        ["tiny, batch 32", "integrated", "laptop", "large", "yours", "bound by", "nothing was measured"]
    {
        assert!(text.contains(part), "{text}");
    }
    let json = success(workshop.run(&["bench", "--model", "model.toml", "--plan", "--json"]));
    let forecast: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(forecast["adapters"].as_array().unwrap().len(), 3, "{json}");
    assert!(forecast["steps"][0]["launches_ms"].as_f64().unwrap() > 0.0, "{json}");
}

fn refusals() {
    let workshop = Workshop::new();
    fs::write(workshop.path("notes.json"), "[1]").unwrap();
    for (arguments, part) in [
        (&["--compare", "missing.json"][..], "missing.json: cannot be read: "),
        (&["--compare", "notes.json"], "notes.json: is not what `gpu-bearing bench --json`"),
        (&["--compare", "a.json", "--against", "pytorch"], "cannot be used with"),
        (&["--against", "burn"], "possible values: pytorch"),
        (&["--plan", "--scaling"], "cannot be used with"),
        (&["--plan", "--bandwidth", "100"], "--rate"),
        (&["--plan", "--bandwidth", "0", "--rate", "1", "--launch", "1"], "--bandwidth 0: must be above 0"),
        (&["--plan", "--bandwidth", "1", "--rate", "nan", "--launch", "1"], "--rate NaN: must be above 0"),
        (&["--plan", "--bandwidth", "1", "--rate", "1", "--launch=-1"], "--launch -1: must be at least 0"),
        (&["--plan", "--freeze", "pool2"], "--freeze pool2: 'cnn-lstm' has no such layer with parameters"),
        (&["--freeze", "all", "--scaling"], "cannot be used with"),
        (&["--plan", "--variant", "nope"], "--variant nope: unknown; there are:"),
        (&["--out", "a.svg"], "--scaling"),
    ] {
        let error = failure(workshop.run(&[&["bench"], arguments].concat()), 2);
        assert!(error.contains(part), "{arguments:?} should say '{part}':\n{error}");
    }
}

fn measured(workshop: &Workshop, more: &[&str]) -> Output {
    let bench = ["bench", "--model", "model.toml", "--batch", "8", "--repeats", "2"];
    workshop.run(&[&bench, more].concat())
}

fn compare() {
    let workshop = Workshop::new();
    let json = success(measured(&workshop, &["--json"]));
    fs::write(workshop.path("before.json"), &json).unwrap();
    let figures: Value = serde_json::from_str(&json).unwrap();
    let number = |pointer: &str| figures.pointer(pointer).and_then(Value::as_f64).expect(pointer);
    assert!(number("/roof/gb_per_s") > 0.1 && number("/roof/gflop_per_s") > 0.1, "{json}");
    assert!(number("/kernels/0/floor_ms") > 0.0, "{json}");
    assert!(number("/live_bytes") > 0.0 && number("/live_bytes") <= number("/device_bytes"), "{json}");
    // On this system the process says how much memory it takes; a Vulkan driver alone takes megabytes.
    #[cfg(target_os = "linux")]
    assert!(number("/process_bytes") > 1e6, "{json}");

    let text = success(measured(&workshop, &["--compare", "before.json"]));
    for part in
        ["roof", "of roof", "after / before", "training step", "conv1d.forward", "before: before.json"]
    {
        assert!(text.contains(part), "{text}");
    }
    let other = workshop.run(&["bench", "--model", "model.toml", "--batch", "4", "--compare", "before.json"]);
    let error = failure(other, 2);
    assert!(error.contains("before.json: measured tiny") && error.contains("at batch 4"), "{error}");
}

/// Linux tells a process's scheduling policy in field 41 of its `stat`, of which the second may contain blanks.
#[cfg(target_os = "linux")]
fn in_batch() {
    const BATCH: &str = "3";
    let workshop = Workshop::new();
    let mut command = workshop.command(&["bench", "--model", "model.toml", "--batch", "8"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let policy = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(38)).map(str::to_owned)
    };
    let began = Instant::now();
    let mut found = policy();
    while found.as_deref() != Some(BATCH) && began.elapsed() < Duration::from_secs(10) {
        found = policy();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found.as_deref(), Some(BATCH));
}

fn scaling() {
    let workshop = Workshop::new();
    let text = success(workshop.run(&["bench", "--model", "model.toml", "--scaling", "--out", "growth.svg"]));
    for part in ["batch (windows)", "512", "window (samples)", "6400", "LSTM units", "128", "ms/GFLOP"] {
        assert!(text.contains(part), "{text}");
    }
    let svg = String::from_utf8(workshop.read("growth.svg")).unwrap();
    assert_eq!(svg.matches("<polyline").count(), 3, "{svg}");
    assert_eq!(svg.matches("<circle").count(), 7 + 5 + 4, "{svg}");
}

fn no_torch() {
    let workshop = Workshop::new();
    let against = ["bench", "--model", "model.toml", "--against", "pytorch", "--python"];
    let missing = failure(workshop.run(&[&against[..], &["no/such/python"]].concat()), 2);
    assert!(missing.contains("--python no/such/python: cannot be started"), "{missing}");
    #[cfg(unix)]
    {
        let silent = failure(workshop.run(&[&against[..], &["true"]].concat()), 2);
        assert!(silent.contains("--python true: ended without an answer"), "{silent}");
        let babbling = failure(workshop.run(&[&against[..], &["echo"]].concat()), 2);
        assert!(babbling.contains("--python echo: answered '-c"), "{babbling}");
    }
}

fn against() {
    let workshop = Workshop::new();
    let json = success(measured(&workshop, &["--against", "pytorch", "--python", &python(), "--json"]));
    let against: Value = serde_json::from_str(&json).unwrap();
    let pairs = against["pairs"].as_array().unwrap();
    let work: Vec<&str> = pairs.iter().map(|pairs| pairs["work"].as_str().unwrap()).collect();
    assert_eq!(
        work,
        ["training step of tiny, batch 8", "classify 360 windows, tiny", "training step of lstm, batch 8"]
    );
    for pairs in pairs {
        assert!(pairs["ratio"]["min"].as_f64().unwrap() > 0.0, "{json}");
        assert!(pairs["setting"].as_str().unwrap().contains("thread"), "{json}");
    }
}
