//! The audit of a folder of recordings and of a saved split: a folder for each finding, and one without any.

use std::f64::consts::TAU;
use std::fs;
use std::path::Path;

use gpu_bearing::data::ReadOptions;
use gpu_bearing::data::audit::{Audit, Finding, SavedSplit, Severity, Subject, audit};
use gpu_bearing::data::resample::resample;
use gpu_bearing::data::split::Part;
use gpu_bearing::data::split_record::SplitRecord;
use gpu_bearing::data::{load, synth};
use hound::{SampleFormat, WavSpec, WavWriter};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::catalogue::cwru;
use crate::mat::fixture;

const RATE: u32 = 12_000;
/// Shaft frequency of the made signals in Hz, 1800 rpm.
const SHAFT: f64 = 30.0;

/// Broad noise with eight shaft harmonics, as of a machine at `rate` Hz; every seed another recording.
fn machine(seed: u64, samples: usize, rate: f64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5;
    (0..samples)
        .map(|i| {
            let turn = TAU * SHAFT * i as f64 / rate + seed as f64;
            let lines: f64 = (1..=8).map(|k| 0.1 * (f64::from(k) * turn).sin()).sum();
            (lines + uniform()) as f32
        })
        .collect()
}

fn write(dir: &Path, name: &str, rate: u32, samples: &[f32]) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec =
        WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 32, sample_format: SampleFormat::Float };
    let mut writer = WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}

/// Two conditions of three bearings, a recording each: nothing to find.
fn clean() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (condition, first) in [("normal", 1), ("worn", 11)] {
        for bearing in 0..3 {
            let name = format!("{condition}/{condition} {bearing}/a.wav");
            write(dir.path(), &name, RATE, &machine(first + bearing, 12_000, 12_000.0));
        }
    }
    dir
}

fn look(dir: &Path) -> Audit {
    audit(dir, &ReadOptions::default(), None).unwrap()
}

/// The only finding, whose severity and subject must be these.
fn only(audit: &Audit, severity: Severity, subject: Subject) -> &Finding {
    let [finding] = &audit.findings[..] else { panic!("not one finding: {:#?}", audit.findings) };
    assert_eq!((finding.severity, finding.subject), (severity, subject), "{finding:?}");
    assert!(!finding.remedy.is_empty());
    finding
}

/// The only finding with this subject.
fn about(audit: &Audit, subject: Subject) -> &Finding {
    let found: Vec<_> = audit.findings.iter().filter(|finding| finding.subject == subject).collect();
    let [finding] = found[..] else { panic!("not one finding about {subject:?}: {:#?}", audit.findings) };
    finding
}

#[test]
fn a_clean_folder_has_no_findings() {
    let dir = clean();
    let audit = look(dir.path());
    assert_eq!(audit.recordings, 6);
    assert_eq!(audit.findings, []);
}

#[test]
fn the_synthetic_sample_shares_nothing_and_has_the_rates_it_states() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("sample");
    synth::write(&out, 7).unwrap();
    let findings = look(&out).findings;
    let wrong: Vec<_> = findings
        .iter()
        .filter(|f| matches!(f.subject, Subject::Copy | Subject::Rate | Subject::Silent))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unusable_recordings_are_findings_and_do_not_stop_the_audit() {
    let dir = clean();
    let mut broken = machine(30, 12_000, 12_000.0);
    broken[7] = f32::NAN;
    write(dir.path(), "worn/worn 0/nan.wav", RATE, &broken);
    write(dir.path(), "worn/worn 0/constant.wav", RATE, &[0.25; 500]);
    fs::write(dir.path().join("worn/worn 0/noise.wav"), [7; 500]).unwrap();
    write(dir.path(), "top.wav", RATE, &machine(31, 12_000, 12_000.0));
    let audit = look(dir.path());
    assert_eq!(
        (audit.recordings, audit.count(Severity::Error), audit.findings.len()),
        (10, 4, 4),
        "{audit:#?}"
    );
    for (name, says) in [
        ("worn/worn 0/nan.wav", "sample 7 (from 0) is NaN"),
        ("worn/worn 0/constant.wav", "the signal is constant"),
        ("worn/worn 0/noise.wav", ""),
        ("top.wav", "lies at the top"),
    ] {
        let finding = audit.findings.iter().find(|finding| finding.recordings == [name]).expect(name);
        assert_eq!(finding.subject, Subject::Unusable);
        assert!(finding.finding.contains(says) && !finding.finding.starts_with(name), "{finding:?}");
    }
}

#[test]
fn clipped_and_nearly_silent_signals_are_found() {
    let dir = clean();
    let clipped: Vec<f32> = machine(30, 12_000, 12_000.0).iter().map(|x| x.clamp(-0.25, 0.25)).collect();
    write(dir.path(), "worn/worn 0/b.wav", RATE, &clipped);
    let finding = look(dir.path());
    assert_eq!(only(&finding, Severity::Warning, Subject::Clipped).recordings, ["worn/worn 0/b.wav"]);

    // An offset is no signal.
    let silent: Vec<f32> = machine(31, 12_000, 12_000.0).iter().map(|x| 0.5 + 0.001 * x).collect();
    write(dir.path(), "worn/worn 0/b.wav", RATE, &silent);
    let finding = look(dir.path());
    assert_eq!(only(&finding, Severity::Warning, Subject::Silent).recordings, ["worn/worn 0/b.wav"]);
}

/// The audit of the clean folder with `copy` of a recording of bearing `normal 0` under another name.
fn with_copy(name: &str, rate: u32, copy: impl Fn(&[f32]) -> Vec<f32>) -> Audit {
    let dir = clean();
    write(dir.path(), name, rate, &copy(&machine(1, 12_000, 12_000.0)));
    look(dir.path())
}

#[test]
fn the_same_samples_under_two_names_are_an_error() {
    let audit = with_copy("normal/normal 0/b.wav", RATE, <[f32]>::to_vec);
    let finding = only(&audit, Severity::Error, Subject::Copy);
    assert_eq!(finding.recordings, ["normal/normal 0/a.wav", "normal/normal 0/b.wav"]);
    assert!(finding.finding.contains("hold the same samples"), "{finding:?}");
}

#[test]
fn a_shifted_stretch_is_found_with_its_places_and_gain() {
    let own = machine(40, 12_000, 12_000.0);
    // Samples 3000 to 5000 of the original from 1000 on, upside down, at half the size and with an offset.
    let stretch = |original: &[f32]| {
        let mut signal = own.clone();
        for i in 0..2000 {
            signal[1000 + i] = 0.125 - 0.5 * original[3000 + i];
        }
        signal
    };
    let audit = with_copy("worn/worn 0/b.wav", RATE, stretch);
    let finding = only(&audit, Severity::Error, Subject::Copy);
    assert_eq!(finding.recordings, ["normal/normal 0/a.wav", "worn/worn 0/b.wav"]);
    let words: Vec<_> = finding.finding.split(' ').collect();
    let number = |index: usize| words[index].trim_end_matches(',').parse::<f64>().unwrap();
    assert!((1850.0..=2000.0).contains(&number(0)), "{finding:?}");
    assert!(finding.finding.contains("times -2.0000"), "{finding:?}");
    let [from, at] = ["from sample ", "a.wav from sample "].map(|before| {
        let text = finding.finding.split(before).nth(1).unwrap();
        text.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<usize>().unwrap()
    });
    assert_eq!(at - from, 2000, "{finding:?}");
}

#[test]
fn a_stretch_of_the_same_bearing_is_a_warning() {
    let audit = with_copy("normal/normal 0/b.wav", RATE, |original| original[4000..9000].to_vec());
    only(&audit, Severity::Warning, Subject::Copy);
}

#[test]
fn a_copy_that_was_saved_with_16_bits_is_found() {
    let coarse = |original: &[f32]| original[500..].iter().map(|x| (x * 8192.0).round() / 32768.0).collect();
    let audit = with_copy("worn/worn 1/b.wav", RATE, coarse);
    let finding = only(&audit, Severity::Error, Subject::Copy);
    assert!(finding.finding.contains("times 4.0"), "{finding:?}");
}

#[test]
fn a_copy_that_was_resampled_is_found() {
    let dir = clean();
    let high = machine(50, 48_000, 48_000.0);
    write(dir.path(), "normal/normal 0/high.wav", 48_000, &high);
    write(dir.path(), "worn/worn 0/low.wav", RATE, &resample(&high, 48_000.0, 12_000.0).unwrap());
    let audit = look(dir.path());
    let finding = about(&audit, Subject::Copy);
    assert_eq!(finding.recordings, ["normal/normal 0/high.wav", "worn/worn 0/low.wav"]);
    assert!(finding.finding.contains("(both at 12000 Hz)"), "{finding:?}");
}

#[test]
fn a_recording_that_repeats_itself_is_found() {
    let looped = |original: &[f32]| [&original[2000..6000], &original[2000..5000]].concat();
    let dir = clean();
    write(dir.path(), "worn/worn 0/loop.wav", RATE, &looped(&machine(60, 12_000, 12_000.0)));
    let audit = look(dir.path());
    let finding = only(&audit, Severity::Warning, Subject::Copy);
    assert_eq!(finding.recordings, ["worn/worn 0/loop.wav"]);
    assert!(finding.finding.contains("repeats"), "{finding:?}");
}

#[test]
fn pure_tones_are_no_copies() {
    let dir = clean();
    for name in ["normal/normal 0/tone.wav", "worn/worn 0/tone.wav"] {
        let phase = name.len() as f64;
        let tone: Vec<f32> = (0..12_000).map(|i| (0.37 * f64::from(i) + phase).sin() as f32).collect();
        write(dir.path(), name, RATE, &tone);
    }
    let copies: Vec<_> =
        look(dir.path()).findings.into_iter().filter(|f| f.subject == Subject::Copy).collect();
    assert!(copies.is_empty(), "{copies:#?}");
}

#[test]
fn rates_that_tell_classes_apart_are_a_warning_and_others_a_note() {
    let dir = clean();
    write(dir.path(), "normal/normal 0/b.wav", 24_000, &machine(30, 24_000, 24_000.0));
    write(dir.path(), "worn/worn 0/b.wav", 24_000, &machine(31, 24_000, 24_000.0));
    assert!(
        only(&look(dir.path()), Severity::Note, Subject::Rate)
            .finding
            .contains("6 at 12000 Hz, 2 at 24000 Hz")
    );

    let dir = clean();
    for bearing in 0..3 {
        let name = format!("worn/worn {bearing}/a.wav");
        write(dir.path(), &name, 24_000, &machine(30 + bearing, 24_000, 24_000.0));
    }
    let audit = look(dir.path());
    let finding = only(&audit, Severity::Warning, Subject::Rate);
    assert!(finding.finding.ends_with("by its rate alone: normal, worn"), "{finding:?}");
}

/// `dataset.toml` for recordings with their conditions, bearings, and further lines.
fn listing(entries: &[(&str, &str, &str)]) -> String {
    let entry = |(index, (file, condition, more)): (usize, &(&str, &str, &str))| {
        format!(
            "[[recording]]\nfile = \"{file}\"\ncondition = \"{condition}\"\nbearing = \"{index}\"\n{more}\n"
        )
    };
    entries.iter().enumerate().map(entry).collect()
}

#[test]
fn shaft_lines_tell_a_rate_that_is_wrong_by_four() {
    for (stated, truth) in [(12_000, 48_000.0), (48_000, 12_000.0)] {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name}.wav"));
        let mut entries = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let rate = if index == 5 { truth } else { f64::from(stated) };
            write(dir.path(), name, stated, &machine(index as u64, 140_000, rate));
            let condition = if index < 3 { "normal" } else { "worn" };
            entries.push((name.as_str(), condition, "rpm = 1800"));
        }
        fs::write(dir.path().join("dataset.toml"), listing(&entries)).unwrap();
        let audit = look(dir.path());
        let finding = only(&audit, Severity::Warning, Subject::Rate);
        assert_eq!(finding.recordings, ["f.wav"]);
        assert!(
            finding.finding.contains(&format!("{truth} Hz does")) && finding.finding.contains("suggests"),
            "{finding:?}"
        );
    }
}

#[test]
fn an_empty_upper_band_suggests_a_lower_original_rate() {
    let dir = clean();
    let low = machine(30, 3000, 3000.0);
    write(dir.path(), "worn/worn 0/b.wav", RATE, &resample(&low, 3000.0, 12_000.0).unwrap());
    let audit = look(dir.path());
    let finding = only(&audit, Severity::Warning, Subject::Rate);
    assert_eq!(finding.recordings, ["worn/worn 0/b.wav"]);
    assert!(finding.finding.contains("suggests"), "{finding:?}");
}

#[test]
fn unequal_classes_and_few_or_unknown_bearings_are_found() {
    let dir = clean();
    write(dir.path(), "worn/worn 0/long.wav", RATE, &machine(30, 48_000, 12_000.0));
    let audit = look(dir.path());
    let finding = only(&audit, Severity::Note, Subject::Classes);
    assert!(finding.finding.contains("2.3 to 1 in time: normal 30 %, worn 70 %"), "{finding:?}");
    write(dir.path(), "worn/worn 0/longer.wav", RATE, &machine(31, 330_000, 12_000.0));
    only(&look(dir.path()), Severity::Warning, Subject::Classes);

    let dir = clean();
    fs::remove_dir_all(dir.path().join("worn/worn 2")).unwrap();
    let audit = look(dir.path());
    assert!(only(&audit, Severity::Warning, Subject::Bearings).finding.starts_with("worn: 2 bearings only"));

    let dir = clean();
    write(dir.path(), "worn/unknown.wav", RATE, &machine(30, 3000, 12_000.0));
    let audit = look(dir.path());
    let finding = only(&audit, Severity::Warning, Subject::Bearings);
    assert!(
        finding.finding.starts_with("worn: the bearing of 1 of 4 recordings is not known"),
        "{finding:?}"
    );

    let dir = clean();
    fs::remove_dir_all(dir.path().join("worn")).unwrap();
    only(&look(dir.path()), Severity::Error, Subject::Classes);
}

#[test]
fn labels_and_rates_that_contradict_the_catalogue_are_errors() {
    let dir = clean();
    let file = fs::read(fixture("cwru.mat")).unwrap();
    fs::write(dir.path().join("105.mat"), &file).unwrap();
    let found = |condition: &str, more: &str| {
        fs::write(dir.path().join("dataset.toml"), listing(&[("105.mat", condition, more)])).unwrap();
        let audit = look(dir.path());
        let checksum = about(&audit, Subject::Checksum);
        assert_eq!(
            (checksum.severity, &checksum.recordings[..]),
            (Severity::Warning, &["105.mat".to_owned()][..])
        );
        let of_subject = |subject| audit.findings.iter().filter(|f| f.subject == subject).cloned().collect();
        (of_subject(Subject::Label), of_subject(Subject::Rate))
    };
    for (condition, contradicts) in [
        ("ball", true),
        ("OR021@6_2", true),
        ("Normal_0", true),
        ("B014", true),
        ("IR007_1", false),
        ("inner race", false),
        ("inner and outer race", false),
        ("worn", false),
    ] {
        let (labels, rates): (Vec<Finding>, Vec<Finding>) = found(condition, "rate = 12000");
        assert_eq!(labels.len(), usize::from(contradicts), "{condition}: {labels:?}");
        assert!(
            labels
                .iter()
                .all(|f| f.severity == Severity::Error && f.finding.contains("inner race of CWRU 105"))
        );
        assert!(rates.is_empty(), "{rates:?}");
    }
    let (_, rates) = found("inner race", "rate = 48000");
    assert_eq!((rates.len(), rates[0].severity), (1, Severity::Error));
    assert!(rates[0].finding.contains("48000 Hz, the catalogue says 12000 Hz"), "{rates:?}");

    // Without a dataset.toml a folder's name is what its user believes.
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("ball")).unwrap();
    fs::write(dir.path().join("ball/105.mat"), &file).unwrap();
    let audit = look(dir.path());
    assert!(about(&audit, Subject::Label).finding.starts_with("its folder says 'ball'"));
}

const WINDOW: usize = 1000;

/// A record for each start of a recording of the clean folder.
fn records(dir: &Path, name: &str, part: Part, starts: &[usize]) -> Vec<SplitRecord> {
    let dataset = load(dir, &ReadOptions::default()).unwrap();
    let recording = dataset.recordings.iter().find(|recording| recording.name == name).expect(name);
    let record = |&start: &usize| SplitRecord {
        recording: name.to_owned(),
        sha256: recording.sha256.clone(),
        bearing: recording.facts.bearing.clone(),
        start,
        part,
        condition: recording.facts.condition.clone().unwrap(),
    };
    starts.iter().map(record).collect()
}

fn look_with(dir: &Path, records: &[Vec<SplitRecord>], window: Option<usize>) -> Audit {
    let records = records.concat();
    audit(dir, &ReadOptions::default(), Some(SavedSplit { records: &records, window })).unwrap()
}

const NORMAL: &str = "normal/normal 0/a.wav";
const WORN: &str = "worn/worn 0/a.wav";

#[test]
fn a_split_by_bearing_is_clean() {
    let dir = clean();
    let dir = dir.path();
    let split = [
        records(dir, NORMAL, Part::Train, &[0, 500]),
        records(dir, "normal/normal 1/a.wav", Part::Validation, &[0]),
        records(dir, "normal/normal 2/a.wav", Part::Test, &[0]),
        records(dir, WORN, Part::Test, &[0, 500]),
    ];
    assert_eq!(look_with(dir, &split, Some(WINDOW)).findings, []);
    let audit = look_with(dir, &split, None);
    only(&audit, Severity::Note, Subject::Split);
}

#[test]
fn recordings_and_windows_on_both_sides_are_errors() {
    let dir = clean();
    let dir = dir.path();
    let apart = [records(dir, NORMAL, Part::Validation, &[0]), records(dir, NORMAL, Part::Test, &[1000])];
    let audit = look_with(dir, &apart, Some(WINDOW));
    assert!(only(&audit, Severity::Error, Subject::Leak).finding.starts_with("1 recording both trained"));

    for start in [1, 999, 2001, 2999] {
        let overlapping =
            [records(dir, NORMAL, Part::Train, &[0, 2000]), records(dir, NORMAL, Part::Test, &[start])];
        let audit = look_with(dir, &overlapping, Some(WINDOW));
        assert_eq!(audit.count(Severity::Error), 2, "{start}: {audit:#?}");
        let finding = audit.findings.iter().find(|f| f.finding.contains("with samples of")).unwrap();
        assert!(finding.finding.starts_with("1 window of the test part"), "{finding:?}");
    }
    let validation =
        [records(dir, NORMAL, Part::Train, &[0]), records(dir, NORMAL, Part::Validation, &[999])];
    let audit = look_with(dir, &validation, Some(WINDOW));
    only(&audit, Severity::Warning, Subject::Leak);
}

#[test]
fn a_bearing_on_both_sides_is_an_error() {
    let dir = clean();
    let dir = dir.path();
    write(dir, "normal/normal 0/b.wav", RATE, &machine(30, 12_000, 12_000.0));
    let split =
        [records(dir, NORMAL, Part::Train, &[0]), records(dir, "normal/normal 0/b.wav", Part::Test, &[0])];
    let audit = look_with(dir, &split, Some(WINDOW));
    let finding = only(&audit, Severity::Error, Subject::Leak);
    assert!(finding.finding.starts_with("bearing 'normal 0' was trained"), "{finding:?}");
    assert_eq!(finding.recordings.len(), 2);
}

#[test]
fn a_copy_on_both_sides_is_an_error_of_the_split() {
    let dir = clean();
    let dir = dir.path();
    write(dir, "normal/normal 1/b.wav", RATE, &machine(1, 12_000, 12_000.0)[2000..8000]);
    let split =
        [records(dir, NORMAL, Part::Train, &[0]), records(dir, "normal/normal 1/b.wav", Part::Test, &[0])];
    let audit = look_with(dir, &split, Some(WINDOW));
    let finding = about(&audit, Subject::Leak);
    assert!(finding.finding.starts_with("trained (or validated) and tested: "), "{finding:?}");
    assert_eq!(finding.severity, Severity::Error);
}

#[test]
fn a_split_of_other_recordings_or_labels_is_told() {
    let dir = clean();
    let dir = dir.path();
    let mut changed = records(dir, NORMAL, Part::Train, &[0]);
    changed[0].condition = "worn".into();
    let mut missing = records(dir, WORN, Part::Test, &[0]);
    missing[0].sha256 = "0".repeat(64);
    let audit = look_with(dir, &[changed, missing], Some(WINDOW));
    let words: Vec<_> = audit.findings.iter().map(|f| (f.subject, f.severity, f.finding.as_str())).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(
        words
            .iter()
            .all(|(subject, severity, _)| (*subject, *severity) == (Subject::Split, Severity::Warning))
    );
    assert!(words[0].2.starts_with("1 of 2 recordings in the split are not in this folder"), "{words:?}");
    assert_eq!(words[1].2, "labelled normal here and worn in the split");
}

#[test]
#[ignore = "needs the CWRU files: set GPU_BEARING_CWRU and run with --include-ignored"]
fn the_cwru_files_share_nothing_and_a_wrong_rate_of_the_normals_is_told() {
    let findings = look(&cwru()).findings;
    assert!(findings.iter().all(|f| !matches!(f.subject, Subject::Copy | Subject::Silent)), "{findings:#?}");
    let rates: Vec<_> = findings.iter().filter(|f| f.subject == Subject::Rate).collect();
    assert!(matches!(rates[..], [mixed] if mixed.finding.starts_with("sampling rates differ")), "{rates:#?}");

    // As a user would export them: WAV files of 12 kHz, all of them.
    let dir = tempfile::tempdir().unwrap();
    let recordings = load(&cwru(), &ReadOptions::default()).unwrap().recordings;
    let mut text = String::new();
    for recording in recordings.iter().filter(|r| r.facts.load == Some(0.0)) {
        let name = format!("{}.wav", recording.facts.cwru.unwrap());
        write(dir.path(), &name, 12_000, &recording.signal);
        let (condition, rpm) = (recording.facts.condition.as_deref().unwrap(), recording.facts.rpm.unwrap());
        text += &format!("[[recording]]\nfile = \"{name}\"\ncondition = \"{condition}\"\nrpm = {rpm}\n");
    }
    fs::write(dir.path().join("dataset.toml"), text).unwrap();
    let audit = look(dir.path());
    let finding = about(&audit, Subject::Rate);
    assert_eq!(finding.recordings, ["97.wav"]);
    assert!(finding.finding.contains("48000 Hz does"), "{finding:?}");
}
