//! The paper's data rule.

use std::fs;
use std::path::Path;

use gpu_bearing::data::protocol::{self, paper_recordings, paper_split, sample_recordings};
use gpu_bearing::data::split::Rule;
use gpu_bearing::data::windows::Window;
use gpu_bearing::data::{Dataset, Facts, ReadOptions, Recording, folder};

use crate::catalogue::cwru as cwru_files;
use crate::mat::fixture;
use crate::wav::floats;

/// A stand-in for a CWRU file: every number gives other samples.
fn cwru(number: u32, samples: usize, rate: f64) -> Recording {
    let signal = (0..samples).map(|i| (i as f32) * 1e-3 + number as f32).collect();
    let facts = Facts {
        condition: Some("as the catalogue names it".into()),
        bearing: Some(format!("bearing {number}")),
        cwru: Some(number),
        ..Facts::default()
    };
    Recording::new(format!("{number}.mat"), signal, rate, facts)
}

/// 1 hp as it lies at hand, among others: 112 640 normal samples at 48 kHz, faults above 120 000.
fn one_hp() -> Vec<Recording> {
    let mut recordings: Vec<_> =
        [131, 100, 119, 169, 106, 158, 145, 130].map(|n| cwru(n, 121_000 + n as usize, 12_000.0)).into();
    recordings.push(cwru(98, 112_640, 48_000.0));
    recordings
}

fn per_class(windows: &[Window]) -> Vec<usize> {
    (0..6).map(|label| windows.iter().filter(|window| window.label == label).count()).collect()
}

#[test]
fn picks_the_paper_s_recordings_in_its_label_order() {
    let picked = paper_recordings(&one_hp(), 1).unwrap();
    let numbers: Vec<_> = picked.iter().map(|recording| recording.facts.cwru.unwrap()).collect();
    assert_eq!(numbers, [98, 119, 106, 145, 131, 158]);
    let lengths: Vec<_> = picked.iter().map(|recording| recording.signal.len()).collect();
    assert_eq!(lengths, [112_640, 120_000, 120_000, 120_000, 120_000, 120_000]);
    assert_eq!(picked[0].rate, 48_000.0, "the paper does not resample");
    assert_eq!(picked[1].sha256, cwru(119, 121_119, 12_000.0).sha256, "still known by all its samples");
}

#[test]
fn every_load_has_its_numbers() {
    for (load, numbers) in [
        (0, [97, 118, 105, 144, 130, 156]),
        (1, [98, 119, 106, 145, 131, 158]),
        (2, [99, 120, 107, 146, 132, 159]),
        (3, [100, 121, 108, 147, 133, 160]),
    ] {
        let recordings = numbers.map(|n| cwru(n, 400, 12_000.0));
        let picked = paper_recordings(&recordings, load).unwrap();
        assert_eq!(picked.iter().map(|r| r.facts.cwru.unwrap()).collect::<Vec<_>>(), numbers);
    }
}

#[test]
fn divides_eight_to_two_by_window_and_says_that_it_leaks() {
    let picked = paper_recordings(&one_hp(), 1).unwrap();
    let split = paper_split(&picked, Rule::Window, 7).unwrap();
    assert_eq!(
        split.classes,
        ["normal", "ball", "inner race", "outer race @3:00", "outer race @6:00", "outer race @12:00"]
    );
    assert_eq!(per_class(&split.train), [225, 240, 240, 240, 240, 240]);
    assert_eq!(per_class(&split.test), [56, 60, 60, 60, 60, 60]);
    assert!(split.validation.is_empty());
    assert_eq!(split.left_out, 0);
    assert!(split.leaky);
    let notes = split.notes.join("\n");
    assert!(notes.contains("the same bearing is on both sides"), "{notes}");
    assert!(notes.contains("98.mat at 48000 Hz"), "{notes}");

    assert_eq!(split, paper_split(&picked, Rule::Window, 7).unwrap());
    assert_ne!(split.test, paper_split(&picked, Rule::Window, 8).unwrap().test, "drawn anew for each seed");
}

#[test]
fn the_full_set_gives_1440_to_360() {
    let recordings = [98, 119, 106, 145, 131, 158].map(|n| cwru(n, 483_903, 48_000.0));
    let split = paper_split(&paper_recordings(&recordings, 1).unwrap(), Rule::Window, 0).unwrap();
    assert_eq!((split.train.len(), split.test.len()), (1440, 360));
}

/// Files that would each stop the reading of the whole folder.
fn put_bad_files(dir: &Path) {
    fs::write(dir.join("own.wav"), floats(&[0.0, 1.0, 0.5])).unwrap();
    fs::write(dir.join("107.mat"), b"not a MAT file").unwrap();
    fs::write(dir.join("notes.mat"), b"").unwrap();
    assert!(folder::load(dir, &ReadOptions::default()).is_err());
}

fn numbers(dataset: &Dataset) -> Vec<u32> {
    dataset.recordings.iter().map(|recording| recording.facts.cwru.unwrap()).collect()
}

#[test]
fn only_the_paper_s_recordings_are_read_out_of_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    // The fixture passes for any number.
    for number in [98, 119, 106, 145, 131, 158, 97, 169] {
        fs::copy(fixture("cwru.mat"), dir.path().join(format!("{number}.mat"))).unwrap();
    }
    put_bad_files(dir.path());
    let read = |load| protocol::load(dir.path(), load, &ReadOptions::default());
    let dataset = read(1).unwrap();
    assert_eq!(numbers(&dataset), [98, 106, 119, 131, 145, 158]);
    assert_eq!(paper_recordings(&dataset.recordings, 1).unwrap().len(), 6);
    assert_eq!(numbers(&read(0).unwrap()), [97]);
    assert!(numbers(&read(3).unwrap()).is_empty());
    assert!(read(4).unwrap_err().to_string().contains("--load 4"));
    // 107 is one of the six at 2 hp: its damage is what to say.
    let message = read(2).unwrap_err().to_string();
    assert!(message.contains("107.mat: not a MAT file"), "{message}");

    // The same by a list.
    let entry = |file| format!("[[recording]]\nfile = \"{file}\"\ncondition = \"x\"\n");
    let listing = ["107.mat", "131.mat", "own.wav", "notes.mat", "gone.wav"].map(entry).concat();
    fs::write(dir.path().join("dataset.toml"), listing).unwrap();
    assert_eq!(numbers(&read(1).unwrap()), [131]);
}

#[cfg(unix)]
#[test]
#[ignore = "needs the CWRU files: set GPU_BEARING_CWRU and run with --include-ignored"]
fn bad_files_beside_the_cwru_files_do_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(std::path::absolute(cwru_files()).unwrap(), dir.path().join("cwru")).unwrap();
    put_bad_files(dir.path());
    let dataset = protocol::load(dir.path(), 1, &ReadOptions::default()).unwrap();
    assert_eq!(numbers(&dataset), [98, 106, 119, 131, 145, 158]);
    let picked = paper_recordings(&dataset.recordings, 1).unwrap();
    assert!(paper_split(&picked, Rule::Window, 0).unwrap().leaky);
}

#[test]
fn missing_recordings_are_one_error() {
    let message = paper_recordings(&one_hp()[..4], 1).unwrap_err().to_string();
    for number in ["98.mat (normal)", "106.mat", "145.mat", "158.mat"] {
        assert!(message.contains(number), "{message}");
    }
    assert!(!message.contains("119.mat"), "{message}");
    let message = paper_recordings(&one_hp(), 4).unwrap_err().to_string();
    assert!(message.contains("--load 4"), "{message}");
}

#[test]
fn divided_by_time_no_window_lies_between_windows_of_the_other_part() {
    let picked = paper_recordings(&one_hp(), 1).unwrap();
    let split = paper_split(&picked, Rule::Time, 3).unwrap();
    assert_eq!(split.rule, Rule::Time);
    assert!(split.leaky && split.validation.is_empty());
    for label in 0..6 {
        let of = |windows: &[Window]| -> Vec<usize> {
            windows.iter().filter(|window| window.label == label).map(|window| window.start).collect()
        };
        let (train, test) = (of(&split.train), of(&split.test));
        assert!(!train.is_empty() && !test.is_empty());
        let (first, last) = (*test.first().unwrap(), *test.last().unwrap());
        let apart =
            |start: &usize| *start >= last + 2 * protocol::WINDOW || *start + 2 * protocol::WINDOW <= first;
        assert!(train.iter().all(apart), "a gap of one window at least");
    }
}

#[test]
fn the_sample_stands_in_with_one_recording_a_condition_of_that_load() {
    for load in 0..4 {
        let picked = sample_recordings(load).unwrap();
        assert_eq!(picked.len(), 6);
        assert!(picked.iter().all(|recording| recording.facts.load == Some(f64::from(load))));
        let split = paper_split(&picked, Rule::Window, 0).unwrap();
        assert_eq!(split.classes[0], "normal");
        assert_eq!((per_class(&split.train), per_class(&split.test)), (vec![48; 6], vec![12; 6]));
    }
    assert!(sample_recordings(4).unwrap_err().to_string().contains("0, 1, 2 and 3 hp"));
}
