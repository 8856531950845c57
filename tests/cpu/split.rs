//! Splits: nothing on both sides, the strictest rule, what is said where it leaks, and `split.csv`.

use std::collections::{BTreeMap, BTreeSet};

use gpu_bearing::Result;
use gpu_bearing::data::split::{Holdout, Part, Rule, Scheme, Split};
use gpu_bearing::data::split_record::{read, scored, write};
use gpu_bearing::data::windows::{Cut, Scale, Scaling, Window, cut};
use gpu_bearing::data::{Facts, Recording};
use proptest::prelude::*;

/// By the strictest rule unless one is given.
fn draw(
    recordings: &[Recording],
    rule: Option<Rule>,
    length: usize,
    stride: usize,
    seed: u64,
) -> Result<Split> {
    let rule = rule.unwrap_or(Rule::strictest(recordings));
    Split::draw(recordings, &Scheme::drawn(rule, Cut { length, stride, most: None }, seed))
}

const PARTS: [Part; 3] = [Part::Train, Part::Validation, Part::Test];

/// A recording whose samples are unlike those of any other `name`.
fn recording(name: &str, condition: &str, bearing: Option<&str>, samples: usize) -> Recording {
    let offset: u32 = name.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let signal = (0..samples).map(|i| (i + offset as usize % 65_521) as f32).collect();
    let facts = Facts {
        condition: Some(condition.to_owned()),
        bearing: bearing.map(str::to_owned),
        ..Facts::default()
    };
    Recording::new(name, signal, 12_000.0, facts)
}

/// `bearings` bearings of one condition with `each` recordings.
fn of_class(condition: &str, bearings: usize, each: usize) -> Vec<Recording> {
    (0..bearings)
        .flat_map(|b| (0..each).map(move |r| (b, r)))
        .map(|(b, r)| {
            recording(&format!("{condition}/{b}-{r}"), condition, Some(&format!("{condition} {b}")), 4000)
        })
        .collect()
}

fn bearings_of(recordings: &[Recording], windows: &[Window], class: usize) -> BTreeSet<String> {
    windows
        .iter()
        .filter(|window| window.label == class)
        .map(|window| recordings[window.recording].facts.bearing.clone().unwrap())
        .collect()
}

#[test]
fn by_bearing_each_part_has_its_own_bearings() {
    let recordings =
        [of_class("normal", 5, 2), of_class("ball", 4, 1), of_class("inner race", 3, 3)].concat();
    let split = draw(&recordings, None, 400, 400, 1).unwrap();
    assert_eq!(split.rule, Rule::Bearing, "the strictest that the metadata allows");
    assert_eq!(split.classes, ["normal", "ball", "inner race"], "healthy first, then by name");
    assert!(!split.leaky);
    // Two bearings of the last class train; recordings of these two validate.
    for (class, counts) in [[3, 1, 1], [2, 1, 1], [2, 1, 1]].into_iter().enumerate() {
        let sets = PARTS.map(|part| bearings_of(&recordings, split.part(part), class));
        assert_eq!(sets.each_ref().map(BTreeSet::len), counts);
        assert!(sets[2].is_disjoint(&sets[0]) && sets[2].is_disjoint(&sets[1]));
        assert_eq!(sets[0].is_disjoint(&sets[1]), class < 2);
    }
    assert_eq!(
        split.notes,
        [
            "validation of inner race: other recordings of the bearings trained on, since there are too few to spare one"
        ]
    );
    assert_eq!(split.divisions[2].validation, Some(Rule::Recording));
    assert_eq!(split.train.len() + split.validation.len() + split.test.len(), 10 * recordings.len());
}

#[test]
fn the_seed_decides_who_tests() {
    let recordings = [of_class("normal", 5, 1), of_class("ball", 5, 1)].concat();
    let tested = |seed| {
        let split = draw(&recordings, None, 400, 400, seed).unwrap();
        assert_eq!(split, draw(&recordings, None, 400, 400, seed).unwrap());
        split.test
    };
    let draws: Vec<_> = (0..20).map(tested).collect();
    let distinct = (0..20).filter(|&i| !draws[..i].contains(&draws[i])).count();
    assert!(distinct > 10, "{distinct} of 20 seeds differ");
}

#[test]
fn a_class_with_too_few_bearings_is_named() {
    // As in CWRU: one healthy bearing at four loads; and a class with one recording.
    let recordings = [
        of_class("normal", 1, 4),
        of_class("ball", 3, 4),
        of_class("looseness", 1, 1),
        of_class("inner race", 2, 1),
    ]
    .concat();
    let split = draw(&recordings, None, 400, 400, 1).unwrap();
    assert_eq!(split.rule, Rule::Bearing);
    let rules: Vec<_> = split.divisions.iter().map(|d| (d.class.as_str(), d.rule, d.leaky)).collect();
    assert_eq!(
        rules,
        [
            ("normal", Rule::Recording, true),
            ("ball", Rule::Bearing, false),
            ("inner race", Rule::Time, true),
            ("looseness", Rule::Time, true)
        ]
    );
    assert!(split.leaky);
    assert_eq!(
        split.notes,
        [
            "normal: divided by recording, not by bearing (1 bearing, 4 recordings): the same bearing is on both sides",
            "inner race: divided by time, not by bearing (2 bearings, 2 recordings): the same bearing is on both sides",
            "looseness: divided by time, not by bearing (1 bearing, 1 recording): the same bearing is on both sides",
            "validation of ball: other recordings of the bearings trained on, since there are too few to spare one",
        ]
    );
}

#[test]
fn where_no_class_can_follow_the_rule_its_name_is_that_of_the_one_applied() {
    let recordings = [of_class("normal", 1, 4), of_class("ball", 2, 2)].concat();
    let split = draw(&recordings, Some(Rule::Bearing), 400, 400, 1).unwrap();
    assert_eq!(split.rule, Rule::Recording);
    assert_eq!(split.notes.len(), 2);
}

#[test]
fn unknown_bearings_allow_no_split_by_bearing() {
    let mut recordings = [of_class("normal", 3, 1), of_class("ball", 3, 1)].concat();
    recordings[4].facts.bearing = None;
    let split = draw(&recordings, None, 400, 400, 1).unwrap();
    assert_eq!(split.rule, Rule::Recording);
    assert!(split.leaky);
    assert_eq!(
        split.notes,
        ["ball: divided by recording: the bearings are not known, so the same one may be on both sides"]
    );
    let message = draw(&recordings, Some(Rule::Bearing), 400, 400, 1).unwrap_err().to_string();
    assert!(message.contains("ball/1-0") && message.contains("--split recording"), "{message}");
}

#[test]
fn a_bearing_that_stands_in_two_classes_stands_in_one_part() {
    // Recorded healthy, then damaged.
    let mut recordings = of_class("normal", 6, 1);
    recordings.extend(
        (0..4).map(|b| recording(&format!("worn/{b}"), "inner race", Some(&format!("normal {b}")), 4000)),
    );
    for seed in 0..50 {
        let split = draw(&recordings, None, 400, 400, seed).unwrap();
        let mut stands_in: BTreeMap<_, BTreeSet<Part>> = BTreeMap::new();
        for part in PARTS {
            for window in split.part(part) {
                stands_in.entry(&recordings[window.recording].facts.bearing).or_default().insert(part);
            }
        }
        assert!(stands_in.values().all(|parts| parts.len() == 1), "seed {seed}");
        assert!(!split.leaky, "{:?}", split.notes);
    }
}

#[test]
fn a_class_with_two_bearings_does_not_choose_for_a_class_with_three() {
    // Two of three healthy bearings, later damaged; with fewer bearings than parts they are dealt as the
    // healthy class needs it.
    let mut recordings = of_class("normal", 3, 1);
    for name in ["normal 0", "normal 1"] {
        let worn = |r: usize| recording(&format!("{name} worn {r}"), "inner race", Some(name), 4000);
        recordings.extend([worn(0), worn(1)]);
    }
    let mut tested = BTreeSet::new();
    for seed in 0..50 {
        let split = draw(&recordings, None, 400, 400, seed).unwrap();
        // Where neither of the two tests, the damaged class has to be divided otherwise.
        let worn = if split.held_out == ["normal 2"] { Rule::Recording } else { Rule::Bearing };
        let rules: Vec<_> = split.divisions.iter().map(|division| division.rule).collect();
        assert_eq!(rules, [Rule::Bearing, worn], "seed {seed}");
        tested.extend(bearings_of(&recordings, &split.test, 0));
    }
    assert_eq!(tested.len(), 3, "every healthy bearing tests for some seed: {tested:?}");
}

/// As in CWRU: a healthy bearing and three of each of two faults, one a size, all at four loads.
fn rig() -> Vec<Recording> {
    let of = |condition: &str, bearing: &str, size: Option<f64>| {
        (0..4)
            .map(|load| {
                let mut recording = recording(&format!("{bearing}/{load}"), condition, Some(bearing), 4000);
                recording.facts.load = Some(f64::from(load));
                recording.facts.fault_size = size;
                recording
            })
            .collect::<Vec<_>>()
    };
    let mut recordings = of("normal", "normal", None);
    for condition in ["ball", "inner race"] {
        for size in [0.007, 0.014, 0.021] {
            recordings.extend(of(condition, &format!("{condition} {size}"), Some(size)));
        }
    }
    recordings
}

fn held_out(recordings: &[Recording], rule: Rule, names: &str) -> Result<Split> {
    let holdout = Some(Holdout::read(names, rule, recordings)?);
    Split::draw(recordings, &Scheme { holdout, ..Scheme::drawn(rule, Cut::whole(400), 0) })
}

/// What the windows of a part say, each once.
fn in_part<T: Ord>(
    recordings: &[Recording],
    split: &Split,
    part: Part,
    class: &str,
    what: impl Fn(&Recording) -> T,
) -> BTreeSet<T> {
    let label = split.classes.iter().position(|name| name == class).unwrap();
    let windows = split.part(part).iter().filter(|window| window.label == label);
    windows.map(|window| what(&recordings[window.recording])).collect()
}

#[test]
fn a_fault_size_held_out_tests_in_every_class_that_has_it() {
    let recordings = rig();
    let split = held_out(&recordings, Rule::FaultSize, "0.0070").unwrap();
    assert_eq!((split.rule, &split.held_out[..]), (Rule::FaultSize, &["0.007".to_owned()][..]));
    let size = |r: &Recording| r.facts.fault_size.map(|inch| (inch * 1000.0) as u32);
    for class in ["ball", "inner race"] {
        assert_eq!(in_part(&recordings, &split, Part::Test, class, size), [Some(7)].into());
        assert_eq!(in_part(&recordings, &split, Part::Train, class, size), [Some(14), Some(21)].into());
        // Other recordings of the bearings trained on, none of which loses all of its own.
        let name = |r: &Recording| r.name.clone();
        let [train, validation] =
            [Part::Train, Part::Validation].map(|part| in_part(&recordings, &split, part, class, name));
        assert!(train.is_disjoint(&validation));
        assert_eq!((train.len(), validation.len()), (6, 2));
    }
    assert!(split.leaky, "normal has one bearing");
    let leaks: Vec<bool> = split.divisions.iter().map(|division| division.leaky).collect();
    assert_eq!(leaks, [true, false, false]);
    assert!(split.notes[0].starts_with("normal: divided by recording, not by fault-size (4 recordings)"));
}

#[test]
fn a_load_held_out_leaks_the_bearings_and_says_so() {
    let recordings = rig();
    let load = |r: &Recording| r.facts.load.map(|hp| hp as u32);
    let split = held_out(&recordings, Rule::Load, "3").unwrap();
    for class in &split.classes {
        assert_eq!(in_part(&recordings, &split, Part::Test, class, load), [Some(3)].into());
        assert_eq!(in_part(&recordings, &split, Part::Validation, class, load).len(), 1, "a load of its own");
        assert_eq!(in_part(&recordings, &split, Part::Train, class, load).len(), 2);
    }
    assert!(split.leaky);
    assert_eq!(split.notes, ["normal, ball, inner race: divided by load: the same bearing is on both sides"]);

    // From one load to another: what is at the other two takes no part, and stretches validate.
    let split = held_out(&recordings, Rule::Load, "0:2").unwrap();
    for class in &split.classes {
        assert_eq!(in_part(&recordings, &split, Part::Test, class, load), [Some(2)].into());
        assert_eq!(in_part(&recordings, &split, Part::Train, class, load), [Some(0)].into());
        assert_eq!(in_part(&recordings, &split, Part::Validation, class, load), [Some(0)].into());
    }
    assert!(
        split.notes.iter().any(|note| note.contains("other stretches of the recordings")),
        "{:?}",
        split.notes
    );
    assert!(split.divisions.iter().all(|division| division.validation == Some(Rule::Time)));
}

#[test]
fn bearings_held_out_by_name_test() {
    let recordings = rig();
    let split = held_out(&recordings, Rule::Bearing, "ball 0.014, inner race 0.021").unwrap();
    assert_eq!(split.held_out, ["ball 0.014", "inner race 0.021"]);
    assert_eq!(bearings_of(&recordings, &split.test, 1), ["ball 0.014".to_owned()].into());
    assert_eq!(
        bearings_of(&recordings, &split.train, 2),
        ["inner race 0.007".to_owned(), "inner race 0.014".to_owned()].into()
    );
    // Drawn, the same bearings come up in turn.
    let drawn: BTreeSet<Vec<String>> =
        (0..60).map(|seed| draw(&recordings, None, 400, 400, seed).unwrap().held_out).collect();
    assert_eq!(drawn.len(), 9, "three bearings of each of two classes");
}

#[test]
fn what_cannot_be_held_out_is_named() {
    let recordings = rig();
    for (rule, names, expected) in [
        (Rule::Load, "7", "there is no load '7' among the recordings; there are 0 hp, 1 hp, 2 hp, 3 hp"),
        (Rule::FaultSize, "ball", "there is no fault-size 'ball'"),
        (Rule::Bearing, "ball 0.007,ball", "there is no bearing 'ball'"),
        (Rule::Load, "0,1,2,3", "hold out fewer of 0 hp"),
        (Rule::Load, "1:1", "what is tested on cannot be learned from"),
        (Rule::Time, "0.5", "--split time draws what it tests on"),
    ] {
        let message = held_out(&recordings, rule, names).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains(&format!("--holdout {names}")), "{message}");
    }
    let unknown = [of_class("normal", 3, 1), of_class("ball", 3, 1)].concat();
    for (rule, what) in [(Rule::Load, "load"), (Rule::FaultSize, "fault size")] {
        let message = draw(&unknown, Some(rule), 400, 400, 0).unwrap_err().to_string();
        assert!(message.contains(&format!("the {what} of normal/0-0 is not known")), "{message}");
    }
}

#[test]
fn fewer_windows_are_spread_over_the_recording() {
    let recordings = of_class("normal", 1, 1);
    let starts = |most| {
        let windows = cut(&recordings, &[0], &Cut { length: 400, stride: 400, most }).unwrap();
        windows.into_iter().map(|window| window.start).collect::<Vec<_>>()
    };
    assert_eq!(starts(Some(3)), [0, 1200, 2400]);
    assert_eq!(starts(Some(1)), [0]);
    assert_eq!(starts(Some(100)), starts(None));
    assert_eq!(starts(None).len(), 10);
}

#[test]
fn by_time_the_parts_are_stretches_with_a_gap() {
    let recordings = [of_class("normal", 1, 1), of_class("ball", 1, 1)].concat();
    let split = draw(&recordings, Some(Rule::Time), 100, 50, 4).unwrap();
    assert!(split.leaky);
    for r in 0..2 {
        let mut spans: Vec<(usize, usize)> = PARTS
            .iter()
            .map(|part| {
                let starts = || split.part(*part).iter().filter(|w| w.recording == r).map(|w| w.start);
                let (first, last) = (starts().min().unwrap(), starts().max().unwrap());
                assert_eq!(starts().count(), (last - first) / 50 + 1, "a stretch without holes");
                (first, last + 100)
            })
            .collect();
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[1].0 - pair[0].1 >= 100), "{spans:?}");
    }
    // 79 windows a recording, of which two gaps of 3 are left out.
    assert_eq!(split.left_out, 12);
    assert_eq!([split.train.len(), split.validation.len(), split.test.len()], [2 * 43, 2 * 15, 2 * 15]);
}

#[test]
fn bad_input_is_named() {
    let recordings = [of_class("normal", 3, 1), of_class("ball", 3, 1)].concat();
    let refused =
        |recordings: &[Recording], window| draw(recordings, None, window, window, 0).unwrap_err().to_string();

    let message = refused(&recordings, 4001);
    assert!(
        message.contains("normal/0-0") && message.contains("4000") && message.contains("4001"),
        "{message}"
    );

    let mut unknown = recordings.clone();
    unknown[3].facts.condition = None;
    assert!(refused(&unknown, 400).contains("ball/0-0"));

    assert!(refused(&recordings[..3], 400).contains("normal"), "one class");
    assert!(refused(&[], 400).contains("needs at least 2"));

    let mut copied = recordings.clone();
    copied.push(Recording { name: "copy.wav".into(), ..recordings[0].clone() });
    let message = refused(&copied, 400);
    assert!(message.contains("normal/0-0") && message.contains("copy.wav"), "{message}");

    let message = refused(&[of_class("normal", 1, 1), of_class("ball", 3, 1)].concat(), 1000);
    assert!(message.contains("class 'normal'") && message.contains("validation"), "{message}");
}

#[test]
fn records_survive_the_file() {
    let mut recordings = [of_class("normal", 3, 1), of_class("ball", 3, 1)].concat();
    recordings[0].facts.bearing = None;
    recordings[1].name = "odd, \"name\"/1.wav".into();
    let records = draw(&recordings, None, 400, 400, 0).unwrap().records(&recordings);
    assert_eq!(records.len(), 60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("split.csv");
    write(&path, &records).unwrap();
    assert_eq!(read(&path).unwrap(), records);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary stays");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("recording,sha256,bearing,start,part,condition\n"), "{text}");

    std::fs::write(&path, text.replacen(",validation,", ",vaildation,", 1)).unwrap();
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("split.csv") && message.contains("vaildation"), "{message}");
}

#[test]
fn only_what_was_not_used_is_scored() {
    let recordings = [of_class("normal", 3, 2), of_class("ball", 1, 1)].concat();
    let labels = [0, 0, 0, 0, 0, 0, 1];
    let split = draw(&recordings, None, 400, 200, 3).unwrap();
    let records = split.records(&recordings);
    let windows = cut(&recordings, &labels, &Cut { length: 400, stride: 200, most: None }).unwrap();

    let own = scored(&recordings, &windows, &records);
    assert_eq!(own.windows, split.test, "evaluating a run on its own data gives its test windows");
    assert_eq!(own.left_out, windows.len() - split.test.len());
    assert!(own.bearing_seen.is_empty());

    // A copy under another name is recognised; a new recording of a trained bearing is scored and named.
    let trained = &recordings[split.train[0].recording];
    let new = [
        Recording { name: "renamed.wav".into(), ..trained.clone() },
        recording("new/trained bearing", "normal", trained.facts.bearing.as_deref(), 1000),
        recording("new/new bearing", "normal", Some("never seen"), 1000),
    ];
    let windows = cut(&new, &[0, 0, 0], &Cut { length: 400, stride: 200, most: None }).unwrap();
    let scores = scored(&new, &windows, &records);
    assert_eq!(scores.left_out, 19);
    assert_eq!(scores.windows, windows[19..]);
    assert_eq!(scores.bearing_seen, ["new/trained bearing"]);
}

#[test]
fn scaling_uses_the_training_windows_alone() {
    let signal = vec![1.0, 3.0, 1.0, 3.0, 100.0, 100.0, 100.0, 104.0];
    let recordings = [Recording::new("a", signal, 1.0, Facts::default())];
    let windows = cut(&recordings, &[0], &Cut { length: 4, stride: 4, most: None }).unwrap();

    let train = Scaling::fit(Scale::Train, &recordings, &windows[..1], 4);
    assert_eq!(train, Scaling::Train { mean: 2.0, deviation: 1.0 });
    assert_eq!(train.all_figures(&recordings, &windows, 4), [(2.0, 1.0), (2.0, 1.0)]);

    let window = Scaling::fit(Scale::Window, &recordings, &windows[..1], 4);
    assert_eq!(window.all_figures(&recordings, &windows, 4), [(2.0, 1.0), (101.0, 1.0 / 3f32.sqrt())]);

    assert_eq!(Scaling::None.figures(&[5.0, 9.0]), (0.0, 1.0));
}

#[test]
fn a_silent_window_is_not_amplified() {
    assert_eq!(Scaling::Window.figures(&[0.0; 8]), (0.0, 1.0));
    // Rounding of a large offset.
    assert_eq!(Scaling::Window.figures(&[1e6, 1e6, 1e6, 1e6 + 0.0625]).1, 1.0);
    // A small signal is a signal.
    assert_eq!(Scaling::Window.figures(&[1e-9, -1e-9]), (0.0, 1e9));
}

/// Recordings of 2 or 3 conditions, few bearings (some shared by conditions, some unknown), some short.
fn metadata() -> impl Strategy<Value = Vec<Recording>> {
    let one = (0..3usize, 0..8usize, 200..1500usize);
    (prop::collection::vec(one, 2..24), any::<bool>()).prop_map(|(ones, known)| {
        ones.into_iter()
            .enumerate()
            .map(|(i, (condition, bearing, samples))| {
                let bearing = (known || bearing > 0).then(|| format!("b{bearing}"));
                let condition = ["normal", "ball", "inner race"][condition];
                recording(&format!("{i}.wav"), condition, bearing.as_deref(), samples)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_sample_is_in_two_parts(
        recordings in metadata(),
        rule in prop::sample::select(vec![None, Some(Rule::Recording), Some(Rule::Time), Some(Rule::Window)]),
        length in 20..60usize,
        stride in 5..90usize,
        seed in any::<u64>(),
    ) {
        let Ok(split) = draw(&recordings, rule, length, stride, seed) else {
            // Too few recordings or one class: an error, checked above.
            return Ok(());
        };
        let mut owner: Vec<Vec<Option<Part>>> = recordings.iter().map(|r| vec![None; r.signal.len()]).collect();
        let mut bearing_in: BTreeMap<&str, BTreeSet<Part>> = BTreeMap::new();
        for part in PARTS {
            for window in split.part(part) {
                for sample in &mut owner[window.recording][window.start..window.start + length] {
                    prop_assert!(sample.is_none_or(|other| other == part), "{:?} in {part} too", sample);
                    *sample = Some(part);
                }
                if let Some(bearing) = recordings[window.recording].facts.bearing.as_deref() {
                    bearing_in.entry(bearing).or_default().insert(part);
                }
            }
        }
        // Every class is in every part, and a bearing on both sides is never kept quiet.
        for part in PARTS {
            for label in 0..split.classes.len() {
                prop_assert!(split.part(part).iter().any(|window| window.label == label));
            }
        }
        let shared = |parts: &BTreeSet<Part>| parts.len() > 1 && parts.contains(&Part::Test);
        if bearing_in.values().any(shared) {
            prop_assert!(split.leaky && !split.notes.is_empty());
        }
        for (label, division) in split.divisions.iter().enumerate() {
            let leaks = recordings.iter().any(|r| {
                r.facts.condition.as_deref() == Some(&split.classes[label])
                    && r.facts.bearing.as_deref().is_some_and(|b| shared(&bearing_in[b]))
            });
            prop_assert!(division.leaky || !leaks, "{division:?}");
            let on_its_test = |note: &&String| !note.starts_with("validation of ");
            prop_assert_eq!(split.notes.iter().filter(on_its_test).any(|note| note.contains(&division.class)),
                division.leaky || division.rule != rule.unwrap_or(Rule::strictest(&recordings)));
        }
        let total = cut(&recordings, &vec![0; recordings.len()], &Cut { length, stride, most: None }).unwrap().len();
        prop_assert_eq!(split.train.len() + split.validation.len() + split.test.len() + split.left_out, total);
    }
}
