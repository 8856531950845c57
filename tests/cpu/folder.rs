//! Folders of recordings in their three layouts, and what is said about them.

use std::fs;
use std::path::Path;

use gpu_bearing::data::folder::Layout;
use gpu_bearing::data::grade::Grade;
use gpu_bearing::data::info::{Checksum, info};
use gpu_bearing::data::{Dataset, Facts, ReadOptions, load, read_file};
use gpu_bearing::{Error, Result};
use tempfile::TempDir;

use crate::catalogue::{cwru, manifest};
use crate::mat::fixture;
use crate::wav::{floats, integers};

const MAT: ReadOptions = ReadOptions { rate: Some(8000.0), channel: None, variable: None, skip_bad: false };

/// A folder with these files.
fn folder(files: &[(&str, Vec<u8>)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        put(dir.path(), name, bytes);
    }
    dir
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A short WAV whose content depends on `seed`.
fn wav(seed: f32) -> Vec<u8> {
    floats(&[0.0, seed, -1.0, 0.5])
}

fn mat(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.recordings.iter().map(|r| r.name.as_str()).collect()
}

fn layout(dir: &Path) -> Layout {
    info(dir, &ReadOptions::default()).unwrap().layout.unwrap()
}

fn message(result: Result<impl Sized>) -> String {
    let error = result.err().expect("an error");
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn a_folder_per_condition_with_or_without_bearings() {
    let dir = folder(&[
        ("outer race /b.WAV", wav(1.0)),
        ("outer race /a.wav", wav(2.0)),
        ("normal/M7/x.wav", wav(3.0)),
        ("normal/.hidden.wav", b"not read".to_vec()),
        ("normal/notes.txt", b"text".to_vec()),
        ("ball/x.mat", mat("packed.mat")),
    ]);
    let options = ReadOptions { variable: Some("a_longer_name".into()), ..MAT };
    let dataset = load(dir.path(), &options).unwrap();
    assert_eq!(layout(dir.path()), Layout::Folders);
    assert_eq!(names(&dataset), ["ball/x.mat", "normal/M7/x.wav", "outer race /a.wav", "outer race /b.WAV"]);
    let facts: Vec<_> = dataset
        .recordings
        .iter()
        .map(|r| (r.facts.condition.as_deref(), r.facts.bearing.as_deref()))
        .collect();
    assert_eq!(
        facts,
        [
            (Some("ball"), None),
            (Some("normal"), Some("M7")),
            (Some("outer race"), None),
            (Some("outer race"), None)
        ]
    );
    assert_eq!(dataset.recordings[0].signal.len(), 40);
    let rates: Vec<_> = dataset.recordings.iter().map(|r| r.rate).collect();
    assert_eq!(rates, [8000.0, 12000.0, 12000.0, 12000.0], "--rate speaks for what states none");
}

#[test]
fn misplaced_files_and_missing_rates_are_listed_together() {
    let dir = folder(&[
        ("top.wav", wav(1.0)),
        ("normal/a.wav", wav(2.0)),
        ("normal/b.mat", mat("private.mat")),
        ("normal/c.mat", mat("version73.mat")),
        ("normal/d.wav", floats(&[0.5; 30])),
        ("normal/x/y/deep.wav", wav(3.0)),
    ]);
    let text = message(load(dir.path(), &ReadOptions::default()));
    assert!(text.contains("5 of 6 recordings cannot be used"), "{text}");
    for part in [
        "top.wav: lies at the top, so its condition is unknown",
        "normal/b.mat: its sampling rate is unknown",
        "--rate",
        "normal/c.mat: a MAT file of version 7.3",
        "normal/d.wav: the signal is constant (all 30 samples are 0.5)",
        "normal/x/y/deep.wav: lies too deep",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    let skip = ReadOptions { skip_bad: true, ..ReadOptions::default() };
    let dataset = load(dir.path(), &skip).unwrap();
    assert_eq!(names(&dataset), ["normal/a.wav"]);
    let skipped: Vec<_> = dataset.skipped.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(skipped, ["normal/b.mat", "normal/c.mat", "normal/d.wav", "normal/x/y/deep.wav", "top.wav"]);
}

#[test]
fn a_long_list_of_bad_recordings_is_cut() {
    let files: Vec<_> = (0..30).map(|i| (format!("a/{i:02}.wav"), floats(&[0.0; 4]))).collect();
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    let dir = folder(&files);
    let text = message(load(dir.path(), &ReadOptions::default()));
    assert!(text.contains("30 of 30") && text.contains("... and 10 more"), "{text}");
    assert!(!text.contains("--skip-bad"), "nothing would be left: {text}");
    let text = message(load(dir.path(), &ReadOptions { skip_bad: true, ..ReadOptions::default() }));
    assert!(text.contains("--skip-bad leaves nothing"), "{text}");
}

#[test]
fn a_further_step_skips_or_lists() {
    let dir = folder(&[("a/long.wav", wav(1.0)), ("a/short.wav", floats(&[0.0, 1.0]))]);
    let check = |recording: gpu_bearing::data::Recording| match recording.signal.len() {
        0..3 => Err(Error::input(format!("{}: shorter than a window", recording.name))),
        _ => Ok(recording),
    };
    let dataset = load(dir.path(), &ReadOptions::default()).unwrap();
    let text = message(dataset.clone().each(false, check));
    assert!(text.contains("1 of 2") && text.contains("a/short.wav: shorter than a window"), "{text}");
    let dataset = dataset.each(true, check).unwrap();
    assert_eq!((names(&dataset), dataset.skipped.len()), (vec!["a/long.wav"], 1));
}

#[test]
fn a_folder_without_recordings_says_what_it_has() {
    let dir = folder(&[("a/x.csv", vec![]), ("a/y.csv", vec![]), ("LICENSE", vec![])]);
    let text = message(load(dir.path(), &ReadOptions::default()));
    assert!(text.contains("no .wav or .mat file in it (it has 1 without extension, 2 .csv)"), "{text}");
    let text = message(load(&dir.path().join("missing"), &ReadOptions::default()));
    assert!(text.contains("missing: cannot be read"), "{text}");
}

const LISTING: &str = r#"
[[recording]]
file = "one.mat"
condition = " outer race "
rate = 25600
rpm = 1500.5
load = 1
bearing = "A12"
fault_size = 0.014
position = "6:00"
variable = "tall"
channel = 3

[[recording]]
file = "sub/two.wav"
condition = "normal"
"#;

#[test]
fn a_dataset_toml_lists_every_recording() {
    let dir = folder(&[
        ("dataset.toml", LISTING.into()),
        ("one.mat", mat("channels.mat")),
        ("sub/two.wav", wav(1.0)),
        ("unlisted.wav", wav(2.0)),
    ]);
    let dataset = load(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(layout(dir.path()), Layout::Listed);
    assert_eq!(names(&dataset), ["one.mat", "sub/two.wav"]);
    let one = &dataset.recordings[0];
    assert_eq!((one.rate, &one.signal[..]), (25600.0, &[2.0, 5.0, 8.0, 11.0, 14.0][..]));
    assert_eq!(
        one.facts,
        Facts {
            condition: Some("outer race".into()),
            bearing: Some("A12".into()),
            rpm: Some(1500.5),
            load: Some(1.0),
            fault_size: Some(0.014),
            position: Some("6:00".into()),
            cwru: None,
            grade: None
        }
    );
    assert_eq!(dataset.recordings[1].rate, 12000.0);
}

#[test]
fn a_blank_name_is_no_name() {
    let entry = "[[recording]]\nfile = \"a.wav\"\ncondition = \"x\"\nbearing = \" \"\n";
    let dir = folder(&[("dataset.toml", entry.into()), ("a.wav", wav(1.0))]);
    let dataset = load(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(dataset.recordings[0].facts.bearing, None);

    let dir = folder(&[("ball/ /a.wav", wav(1.0))]);
    let dataset = load(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(dataset.recordings[0].facts.bearing, None);

    let dir = folder(&[(" /a.wav", wav(1.0))]);
    let text = message(load(dir.path(), &ReadOptions::default()));
    assert!(text.contains("its folder's name is blank, so its condition is unknown"), "{text}");
}

#[test]
fn a_wrong_dataset_toml_is_an_error_with_the_line() {
    let load = |text: &str| {
        let dir =
            folder(&[("dataset.toml", text.into()), ("a.wav", wav(1.0)), ("b.mat", mat("private.mat"))]);
        message(load(dir.path(), &MAT))
    };
    let entry = |more: &str| format!("[[recording]]\nfile = \"a.wav\"\ncondition = \"x\"\n{more}\n");
    let unknown = load(&entry("speed = 3"));
    assert!(unknown.contains("line 4") && unknown.contains("unknown field `speed`"), "{unknown}");
    let missing = load("[[recording]]\nfile = \"a.wav\"\n");
    assert!(missing.contains("line 1") && missing.contains("missing field `condition`"), "{missing}");
    assert!(load("recording = []").contains("lists no [[recording]]"));
    assert!(load(&entry("rpm = -3.0")).contains("rpm = -3: must be 0 or more"));
    assert!(load(&entry("channel = 2")).contains("there is 1 channel"));
    assert!(load(&(entry("") + &entry(""))).contains("'a.wav' is listed twice"));
    assert!(load("[[recording]]\nfile = \"a.wav\"\ncondition = \" \"\n").contains("condition is empty"));
    assert!(load("[[recording]]\nfile = \"c.wav\"\ncondition = \"x\"\n").contains("c.wav: cannot be read"));
    let conflict = load(&entry("rate = 100"));
    assert!(conflict.contains("a.wav: the WAV header says 12000 Hz and dataset.toml 100 Hz"), "{conflict}");
    let negative = load("[[recording]]\nfile = \"b.mat\"\ncondition = \"x\"\nrate = -1\n");
    assert!(negative.contains("dataset.toml gives a sampling rate of -1 Hz"), "{negative}");
}

#[test]
fn one_file_may_be_listed_once_for_each_channel() {
    let entry =
        |channel| format!("[[recording]]\nfile = \"a.wav\"\ncondition = \"x\"\nchannel = {channel}\n");
    let stereo = integers(2, 16, &[1, 10, 2, 20, 3, 30]);
    let dir = folder(&[("dataset.toml", (entry(1) + &entry(2)).into()), ("a.wav", stereo)]);
    let dataset = load(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(names(&dataset), ["a.wav channel 1", "a.wav channel 2"]);
    assert_eq!(dataset.recordings[1].signal[0], 10.0 / 32768.0);
}

#[test]
fn experts_have_graded_the_channel_at_the_drive_end() {
    let dir = folder(&[("105.mat", mat("cwru.mat"))]);
    let grade = |variable: Option<&str>| {
        let options = ReadOptions { variable: variable.map(Into::into), ..ReadOptions::default() };
        load(dir.path(), &options).unwrap().recordings[0].facts.grade
    };
    assert_eq!(grade(None), Some(Grade::Y2));
    assert_eq!(grade(Some("X105_FE_time")), None);
}

#[test]
fn cwru_files_are_recognised_by_number_and_content() {
    // The fixture holds X105_DE_time and X105RPM, under whichever number.
    let file = || mat("cwru_compressed.mat");
    let dir = folder(&[
        ("faults/144.mat", file()),
        ("faults/3001.mat", file()),
        ("97_Normal_0.mat", file()),
        ("faults/105.mat", file()),
    ]);
    let dataset = load(dir.path(), &ReadOptions::default()).unwrap();
    assert_eq!(layout(dir.path()), Layout::Cwru);
    let found: Vec<_> = dataset.recordings.iter().map(|r| (r.name.as_str(), r.rate)).collect();
    assert_eq!(
        found,
        [
            ("97_Normal_0.mat", 48000.0),
            ("faults/105.mat", 12000.0),
            ("faults/144.mat", 12000.0),
            ("faults/3001.mat", 12000.0)
        ]
    );
    let outer = &dataset.recordings[2].facts;
    assert_eq!(
        outer,
        &Facts {
            condition: Some("outer race".into()),
            bearing: Some("DE outer race 0.007".into()),
            rpm: Some(1797.0),
            load: Some(0.0),
            fault_size: Some(0.007),
            position: Some("3:00".into()),
            cwru: Some(144),
            grade: Some(Grade::Y2)
        }
    );
    let again = load(dir.path(), &ReadOptions { rate: Some(12000.0), ..ReadOptions::default() }).unwrap();
    assert_eq!(again, dataset, "the catalogue states their rates");

    // A stray recording and a damaged file among them are named; the damage is what is said of the latter.
    put(dir.path(), "own.wav", &wav(1.0));
    put(dir.path(), "faults/106.mat", &file()[..300]);
    let text = message(load(dir.path(), &ReadOptions::default()));
    assert!(text.contains("2 of 6") && text.contains("faults/106.mat: the file is cut short"), "{text}");
    assert!(text.contains("own.wav: not a CWRU file, while 4 of 6 recordings in this folder are"), "{text}");
}

#[test]
fn an_official_number_on_other_content_means_nothing() {
    let dir = folder(&[("ball/105.mat", mat("private.mat"))]);
    let dataset = load(dir.path(), &MAT).unwrap();
    let facts = &dataset.recordings[0].facts;
    assert_eq!(
        (layout(dir.path()), facts.condition.as_deref(), facts.cwru),
        (Layout::Folders, Some("ball"), None)
    );
}

#[test]
fn a_file_with_a_neighbours_signal_yields_its_own() {
    let dir = folder(&[("99.mat", mat("neighbour.mat"))]);
    let recording = read_file(&dir.path().join("99.mat"), &ReadOptions::default()).unwrap();
    assert_eq!((recording.signal.len(), recording.rate), (9, 48000.0));
    // Neither number is the file's: nothing is guessed.
    put(dir.path(), "100.mat", &mat("neighbour.mat"));
    let text = message(read_file(&dir.path().join("100.mat"), &ReadOptions::default()));
    assert!(text.contains("X098_DE_time [8x1 double], X099_DE_time [9x1 double]"), "{text}");
}

#[test]
fn a_listing_goes_before_the_catalogue() {
    let listing = "[[recording]]\nfile = \"105.mat\"\ncondition = \"IR007\"\nrate = 5000\n";
    let dir = folder(&[("dataset.toml", listing.into()), ("105.mat", mat("cwru.mat"))]);
    let recording = load(dir.path(), &ReadOptions::default()).unwrap().recordings.remove(0);
    assert_eq!((recording.rate, recording.facts.condition.as_deref()), (5000.0, Some("IR007")));
    assert_eq!(recording.facts.bearing.as_deref(), Some("DE inner race 0.007"));
}

#[test]
fn a_single_file_is_read_with_unknown_condition() {
    let dir = folder(&[("a.wav", wav(1.0)), ("a.csv", vec![])]);
    let recording = read_file(&dir.path().join("a.wav"), &ReadOptions::default()).unwrap();
    assert!(recording.name.ends_with("a.wav"));
    assert_eq!(recording.facts, Facts::default());
    assert!(
        message(read_file(&dir.path().join("a.csv"), &ReadOptions::default()))
            .contains("neither .wav nor .mat")
    );
    assert!(
        message(read_file(&dir.path().join("b.wav"), &ReadOptions::default()))
            .contains("b.wav: cannot be read")
    );
}

#[test]
fn info_lists_contents_and_problems_without_stopping() {
    let mut clipped: Vec<f32> = (0..40).map(|i| (i as f32 * 0.7).sin()).collect();
    clipped[10..14].fill(1.5);
    clipped[30..34].fill(1.5);
    let dir = folder(&[
        ("a/bad.mat", mat("version73.mat")),
        ("a/clipped.wav", floats(&clipped)),
        ("a/nan.mat", mat("nan.mat")),
        ("a/same.wav", floats(&clipped)),
        ("a/stereo.wav", integers(2, 16, &[1, 2, 3, 4])),
        ("top.mat", mat("private.mat")),
    ]);
    let info = info(dir.path(), &ReadOptions::default()).unwrap();
    let problems: Vec<_> =
        info.recordings.iter().map(|r| [&r.problems[..], &r.hints].concat().join("; ")).collect();
    let expected = [
        "version 7.3",
        "seems clipped: 8 samples",
        "sample 2 (from 0) is NaN",
        "seems clipped",
        "has 2 channels: choose one with --channel",
        "lies at the top",
    ];
    for (found, part) in problems.iter().zip(expected) {
        assert!(found.contains(part), "{part}: {problems:?}");
    }
    assert!(problems[2].contains("its sampling rate is unknown"), "both problems: {problems:?}");
    assert!(info.recordings[1].problems.is_empty(), "a hint is no problem");
    assert_eq!(info.recordings[4].contents[0].dims, [2, 2]);
    assert_eq!(info.recordings[4].contents[0].class, "int16");
    assert_eq!(info.recordings[2].contents[0].name.as_deref(), Some("x"));
    let clipped = &info.recordings[1];
    assert_eq!((clipped.samples, clipped.rate, clipped.peak), (Some(40), Some(12000.0), Some(1.5)));
    assert_eq!(clipped.condition.as_deref(), Some("a"));
    assert_eq!(info.notes, ["the same signal occurs 2 times: a/clipped.wav, a/same.wav"]);
    let json = serde_json::to_string(&info).unwrap();
    assert!(json.contains(r#""layout":"folders""#) && json.contains(r#""checksum":"unknown""#), "{json}");
}

#[test]
fn info_tells_a_cwru_file_that_is_not_the_published_one() {
    let dir = folder(&[("105.mat", mat("cwru.mat"))]);
    let info = info(&dir.path().join("105.mat"), &ReadOptions::default()).unwrap();
    let recording = &info.recordings[0];
    assert_eq!((info.layout, recording.checksum), (None, Checksum::Different));
    assert_eq!((recording.cwru, recording.variable.as_deref()), (Some(105), Some("X105_DE_time")));
    assert_eq!(recording.contents.len(), 3);
    assert!(recording.problems.is_empty(), "{:?}", recording.problems);
}

#[test]
#[ignore = "needs the CWRU files: set GPU_BEARING_CWRU and run with --include-ignored"]
fn the_cwru_files_load_as_the_manifest_describes_them() {
    let dataset = load(&cwru(), &ReadOptions::default()).unwrap();
    let rows = manifest();
    assert_eq!((layout(&cwru()), dataset.recordings.len()), (Layout::Cwru, rows.len()));
    for (recording, row) in dataset.recordings.iter().zip(&rows) {
        assert_eq!(recording.name, row["file"]);
        assert_eq!(recording.signal.len(), row["samples_DE"].parse::<usize>().unwrap());
        assert_eq!(recording.rate, row["fs_hz"].parse::<f64>().unwrap());
        let rpm = row["rpm_in_file"].parse().or_else(|_| row["rpm_nominal"].parse()).unwrap();
        assert_eq!(recording.facts.rpm, Some(rpm), "{}", recording.name);
        assert_eq!(recording.facts.condition.as_deref(), Some(row["condition"].as_str()));
        assert_eq!(recording.facts.cwru, row["cwru"].parse().ok());
    }
}

#[test]
#[ignore = "needs the CWRU files: set GPU_BEARING_CWRU and run with --include-ignored"]
fn info_agrees_with_the_manifest_on_variables_and_checksums() {
    let info = info(&cwru(), &ReadOptions::default()).unwrap();
    for (recording, row) in info.recordings.iter().zip(manifest()) {
        for content in &recording.contents {
            let dims = format!("{}[{}x{} ", content.name.as_ref().unwrap(), content.dims[0], content.dims[1]);
            assert!(row["variables"].contains(&dims), "{}: {dims}", recording.name);
        }
        assert_eq!(recording.contents.len(), row["variables"].split(';').count());
        let excerpt = matches!(recording.cwru, Some(98..=100)) && row["bytes"] == "901320";
        let expected = if excerpt { Checksum::Different } else { Checksum::Published };
        assert_eq!(recording.checksum, expected, "{}", recording.name);
        assert!(recording.problems.is_empty(), "{}: {:?}", recording.name, recording.problems);
    }
    assert_eq!(info.notes, ["sampling rates differ: 44 at 12000 Hz, 4 at 48000 Hz"]);
}
