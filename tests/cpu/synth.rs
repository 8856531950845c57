//! The synthetic sample: the committed files are the generator's, and hold what the physics says.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use gpu_bearing::data::split::{Part, Rule, Scheme, Split};
use gpu_bearing::data::synth::{SEED, plans, write};
use gpu_bearing::data::windows::Cut;
use gpu_bearing::data::{Recording, sample};

fn committed() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample"))
}

/// Files below `dir`, README aside, as paths relative to it.
fn files(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|file| format!("{name}/{file}")));
        } else if name != "README.md" {
            found.insert(name);
        }
    }
    found
}

#[test]
fn the_committed_files_are_the_generator_s_byte_for_byte() {
    let made = tempfile::tempdir().unwrap();
    write(made.path(), SEED).unwrap();
    let names = files(committed());
    assert_eq!(names.len(), 37);
    assert_eq!(files(made.path()), names);
    let mut total = 0;
    for name in names {
        let bytes = fs::read(committed().join(&name)).unwrap();
        assert!(fs::read(made.path().join(&name)).unwrap() == bytes, "{name} differs");
        total += bytes.len();
    }
    assert!(total < 4_000_000, "{total} bytes");
}

#[test]
fn nothing_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("dataset.toml"), "mine").unwrap();
    let message = write(dir.path(), SEED).unwrap_err().to_string();
    assert!(message.contains("is not empty") && message.contains("choose another folder"), "{message}");
    assert_eq!(fs::read_to_string(dir.path().join("dataset.toml")).unwrap(), "mine");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn another_seed_gives_other_recordings() {
    let (a, b) = (plans(SEED), plans(SEED + 1));
    assert_eq!(a[0].samples(), plans(SEED)[0].samples());
    assert_ne!(a[0].samples(), b[0].samples());
}

#[test]
fn the_sample_in_the_binary_is_the_folder() {
    let recordings = sample::recordings().unwrap();
    assert_eq!(recordings.len(), 36);
    for recording in &recordings {
        let mut reader = hound::WavReader::open(committed().join(&recording.name)).unwrap();
        assert_eq!(f64::from(reader.spec().sample_rate), recording.rate);
        let samples: Vec<f32> = reader.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect();
        assert_eq!(samples, recording.signal);
        let peak = samples.iter().fold(0.0, |max: f32, s| max.max(s.abs()));
        assert!((0.02..1.0).contains(&peak), "{}: peak {peak} of full scale", recording.name);
    }
}

#[test]
fn it_divides_by_bearing_without_a_leak() {
    let recordings = sample::recordings().unwrap();
    for seed in 0..5 {
        let split = Split::draw(&recordings, &Scheme::drawn(Rule::Bearing, Cut::whole(400), seed)).unwrap();
        assert_eq!((split.rule, split.leaky), (Rule::Bearing, false));
        assert_eq!(split.classes.len(), 6);
        assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [1440, 360, 360]);
        let mut stands_in: BTreeMap<&str, BTreeSet<Part>> = BTreeMap::new();
        for part in [Part::Train, Part::Validation, Part::Test] {
            let mut classes = BTreeSet::new();
            for window in split.part(part) {
                let bearing = recordings[window.recording].facts.bearing.as_deref().unwrap();
                stands_in.entry(bearing).or_default().insert(part);
                classes.insert(window.label);
            }
            assert_eq!(classes.len(), 6, "seed {seed}: every class has a bearing in {part}");
        }
        assert_eq!(stands_in.len(), 36);
        assert!(stands_in.values().all(|parts| parts.len() == 1), "seed {seed}: {stands_in:?}");
    }
}

/// Amplitude of `frequency` Hz in the squared signal, after a difference has weakened what is slow:
/// strikes that ring show there as a line at the rate at which they come.
fn envelope_line(recording: &Recording, frequency: f64) -> f64 {
    let s = &recording.signal;
    let squared: Vec<f64> = (1..s.len()).map(|n| f64::from(s[n] - s[n - 1]).powi(2)).collect();
    let mean = squared.iter().sum::<f64>() / squared.len() as f64;
    let (mut re, mut im) = (0.0, 0.0);
    for (n, x) in squared.iter().enumerate() {
        let angle = TAU * frequency * n as f64 / recording.rate;
        re += (x - mean) * angle.cos();
        im += (x - mean) * angle.sin();
    }
    re.hypot(im) / mean / squared.len() as f64
}

#[test]
fn faults_strike_at_their_frequencies() {
    // Multiples of shaft speed: ball passes over the outer and the inner ring, twice the ball's spin, the shaft.
    let lines = [
        ("outer race", 3.5848),
        ("inner race", 5.4152),
        ("ball", 4.7135),
        ("looseness", 1.0),
        ("inner and outer race", 3.5848),
        ("inner and outer race", 5.4152),
    ];
    let recordings = sample::recordings().unwrap();
    // The strongest line within the 1 % of slip and a little more, since the recording resolves half a hertz.
    let strongest = |recording: &Recording, multiple: f64| {
        let frequency = multiple * recording.facts.rpm.unwrap() / 60.0;
        (0..20)
            .map(|i| envelope_line(recording, frequency * (0.987 + 0.001 * f64::from(i))))
            .fold(0.0, f64::max)
    };
    let of = |condition: &'static str| {
        recordings.iter().filter(move |r| r.facts.condition.as_deref() == Some(condition))
    };
    for (condition, multiple) in lines {
        let normal = of("normal").map(|r| strongest(r, multiple)).fold(0.0, f64::max);
        for recording in of(condition) {
            let line = strongest(recording, multiple);
            assert!(
                line > 2.0 * normal,
                "{}: {line:.3} at {multiple} x shaft, normal {normal:.3}",
                recording.name
            );
        }
    }
}
