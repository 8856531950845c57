//! The CWRU catalogue: complete, consistent with itself, and in agreement with files at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use gpu_bearing::data::catalogue::{self, End, Entry};
use gpu_bearing::data::grade::Grade;

#[test]
fn the_catalogue_has_all_161_files_once() {
    let entries = catalogue::entries();
    assert_eq!(entries.len(), 161);
    let numbers: BTreeSet<_> = entries.iter().map(|e| e.number).collect();
    let checksums: BTreeSet<_> = entries.iter().map(|e| &e.sha256).collect();
    assert_eq!((numbers.len(), checksums.len()), (161, 161));
    assert!(entries.is_sorted_by_key(|e| e.number));
    for entry in entries {
        assert_eq!(entry.sha256.len(), 64);
        assert!(entry.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        let nominal = [(0.0, 1797.0), (1.0, 1772.0), (2.0, 1750.0), (3.0, 1730.0)];
        assert!(nominal.contains(&(entry.load_hp, entry.rpm)), "{entry:?}");
        let healthy = entry.condition == "normal";
        assert_eq!(healthy, entry.fault_end.is_none(), "{entry:?}");
        assert_eq!(healthy, entry.fault_inch.is_none(), "{entry:?}");
        assert_eq!(entry.condition == "outer race", entry.position.is_some(), "{entry:?}");
    }
}

#[test]
fn each_series_has_the_files_of_its_published_table() {
    let mut series: BTreeMap<(String, u32), usize> = BTreeMap::new();
    for entry in catalogue::entries() {
        let end = entry.fault_end.map_or_else(|| "normal".to_owned(), |end| format!("{end:?}"));
        *series.entry((end, entry.rate_hz as u32)).or_default() += 1;
    }
    let expected = [
        // 0.007 to 0.028 inch inner race and ball (32); outer race in 7 combinations of size and position.
        (("Drive".to_owned(), 12000), 32 + 28),
        // No 0.028 inch in the 48k series.
        (("Drive".to_owned(), 48000), 24 + 28),
        // Inner race and ball (24); outer race: 12 of 0.007, 5 of 0.014, 4 of 0.021 inch.
        (("Fan".to_owned(), 12000), 24 + 21),
        (("normal".to_owned(), 48000), 4),
    ];
    assert_eq!(series.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn bearings_are_end_condition_and_size() {
    let bearing = |number| catalogue::by_number(number).unwrap().bearing();
    assert_eq!(bearing(105), "DE inner race 0.007");
    assert_eq!(bearing(278), "FE inner race 0.007");
    assert_eq!(bearing(97), "normal");
    assert_eq!(bearing(100), "normal");
    // Positions of one size are one bearing, and so are both sampling rates.
    for number in [130, 144, 156, 135, 148, 161] {
        assert_eq!(bearing(number), "DE outer race 0.007");
    }
    let all: BTreeSet<_> = catalogue::entries().iter().map(Entry::bearing).collect();
    assert_eq!(all.len(), 1 + 4 + 4 + 3 + 3 + 3 + 3, "{all:?}");
    let fan = catalogue::entries().iter().filter(|e| e.fault_end == Some(End::Fan));
    assert!(fan.clone().all(|e| e.number >= 270 && e.number < 3000 && e.bearing().starts_with("FE ")));
}

#[test]
fn the_12k_series_of_drive_end_faults_is_graded() {
    let mut grades: BTreeMap<Grade, usize> = BTreeMap::new();
    for entry in catalogue::entries() {
        let graded = entry.fault_end == Some(End::Drive) && entry.rate_hz == 12000.0;
        assert_eq!(entry.grade.is_some(), graded, "{entry:?}");
        *grades.entry(entry.grade.unwrap_or(Grade::N2)).or_default() += usize::from(graded);
    }
    // The counts of another transcription of the same table.
    let expected =
        [(Grade::Y1, 9), (Grade::Y2, 35), (Grade::P1, 1), (Grade::P2, 5), (Grade::N1, 10), (Grade::N2, 0)];
    assert_eq!(grades.into_iter().collect::<Vec<_>>(), expected);
    let grade = |number| catalogue::by_number(number).unwrap().grade.unwrap();
    assert_eq!([130, 105, 199, 185, 118].map(grade), [Grade::Y1, Grade::Y2, Grade::P1, Grade::P2, Grade::N1]);
}

#[test]
fn a_stem_names_a_file_by_its_leading_number_alone() {
    let number = |stem| catalogue::by_stem(stem).map(|entry| entry.number);
    assert_eq!(number("97"), Some(97));
    assert_eq!(number("097"), Some(97));
    assert_eq!(number("97_Normal_0"), Some(97));
    assert_eq!(number("3001-IR028"), Some(3001));
    for stem in ["98.5", "97a", "1050", "113", "", "Normal_0", "IR007_1", "99999999999999999999"] {
        assert_eq!(number(stem), None, "{stem}");
    }
}

#[test]
fn checksums_find_their_files() {
    let sha256 = "37e6612c05e65c415dcfa2ab27a3fda648a5863160fa898b884a14743044e045";
    assert_eq!(catalogue::by_sha256(sha256).unwrap().number, 98);
    assert!(catalogue::by_sha256("").is_none());
    assert!(catalogue::has_size(7742720) && !catalogue::has_size(7742721));
}

/// The folder with the CWRU files and their `manifest.tsv`.
pub(crate) fn cwru() -> PathBuf {
    std::env::var_os("GPU_BEARING_CWRU").expect("GPU_BEARING_CWRU names the folder").into()
}

/// The rows of `manifest.tsv`, by column.
pub(crate) fn manifest() -> Vec<BTreeMap<String, String>> {
    let path = cwru().join("manifest.tsv");
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(path).unwrap();
    let rows: Vec<_> = reader.deserialize().collect::<Result<_, _>>().unwrap();
    assert!(!rows.is_empty());
    rows
}

#[test]
#[ignore = "needs the CWRU files: set GPU_BEARING_CWRU and run with --include-ignored"]
fn the_catalogue_agrees_with_the_manifest() {
    for row in manifest() {
        let entry = catalogue::by_number(row["cwru"].parse().unwrap()).unwrap();
        assert_eq!(entry.condition, row["condition"]);
        assert_eq!(entry.fault_inch.unwrap_or(0.0), row["fault_inch"].parse::<f64>().unwrap());
        assert_eq!(entry.position.as_deref().unwrap_or("-"), row["position"]);
        assert_eq!(entry.load_hp, row["load_hp"].parse::<f64>().unwrap());
        assert_eq!(entry.rpm, row["rpm_nominal"].parse::<f64>().unwrap());
        assert_eq!(entry.rate_hz, row["fs_hz"].parse::<f64>().unwrap());
        let published = row["bytes"] == entry.bytes.to_string() && row["sha256"] == entry.sha256;
        // 98 to 100 may be excerpts; everything else is the published file.
        assert!(published || (98..=100).contains(&entry.number), "{}", entry.number);
    }
}
