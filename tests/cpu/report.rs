//! Pages and drawings of finished runs, written from the files that a run leaves.

use std::fs;
use std::path::Path;

use gpu_bearing::report::drawing::Drawing;
use gpu_bearing::report::plot::{Curve, Panel, Scale};
use gpu_bearing::report::runs::{self, Run, differences};
use gpu_bearing::report::{confusion, curves, folder, model_card, page, run_page};
use gpu_bearing::train::RunFolder;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const HOSTILE: &str = "<script>alert(\"1\")</script> & 'x'\u{1}";

fn figures(loss: f64, accuracy: f64) -> Value {
    json!({ "loss": loss, "accuracy": accuracy, "balanced_accuracy": accuracy / 2.0, "windows": 40 })
}

pub(crate) fn summary() -> Value {
    json!({
        "version": "0.0.9", "adapter": "an adapter", "model": "tiny", "parameters": 1234, "window": 64,
        "variants": { "conv1d": "tiled", "relu": "standard" }, "rate": 8000.0, "synthetic": true, "protocol": null,
        "split": "recording", "leaky": true, "divisions": [], "notes": ["a note < here"], "seed": 5, "epochs": 3,
        "best_epoch": 2, "train_seconds": 1.25, "classes": ["normal", HOSTILE, "absent"],
        "train": figures(0.1, 0.975), "validation": figures(0.2, 0.85), "test": figures(0.123456789, 0.725),
        "confusion": [[18, 2, 0], [9, 11, 0], [0, 0, 0]],
    })
}

pub(crate) fn epochs() -> Vec<Value> {
    let epoch = |epoch: usize| {
        json!({
            "epoch": epoch, "split": "recording", "learning_rate": 0.001, "seconds": 0.5, "test": null,
            "train": figures(1.0 / epoch as f64, 0.5), "validation": figures(0.9 / epoch as f64, 0.4),
        })
    };
    (1..=3).map(epoch).collect()
}

/// Further figures of a classifier: `share` by window, a little more by recording.
pub(crate) fn scores(share: f64) -> Value {
    let shown = |rows: usize, share: f64| {
        json!({
            "rows": rows, "accuracy": share, "balanced_accuracy": share + 0.001, "macro_f1": share + 0.002,
            "macro_auroc": share + 0.003,
        })
    };
    let point = |threshold: f64, false_alarms: u64, missed_faults: u64| json!({ "threshold": threshold, "false_alarms": false_alarms, "missed_faults": missed_faults });
    json!({
        "windows": shown(40, share), "recordings": shown(9, share + 0.1), "interval": null,
        "alarms": {
            "healthy": 3, "false_alarms": 1, "faulty": 6, "missed_faults": 2,
            "curve": [point(0.0, 0, 6), point(0.25, 1, 4), point(0.75, 3, 0)],
        },
    })
}

/// A summary with all that a run keeps.
pub(crate) fn full_summary() -> Value {
    let mut bins = vec![json!({ "count": 0, "confidence": null, "accuracy": null }); 15];
    bins[14] = json!({ "count": 40, "confidence": 0.99, "accuracy": 0.625 });
    let reliability = |error: f64| json!({ "bins": bins, "error": error });
    let mut full = summary();
    let division = |class: &str, leaky: bool| json!({ "class": class, "rule": "recording", "bearings": 2, "recordings": 7, "leaky": leaky });
    full["divisions"] =
        json!([division("normal", true), division(HOSTILE, false), division("absent", false)]);
    full["scores"] = scores(0.611);
    full["calibration"] = json!({
        "temperature": { "value": 1.875, "clamped": false }, "before": reliability(0.365),
        "after": reliability(0.122),
    });
    full["baselines"] = json!({
        "samples": 4096, "fault_frequencies": false, "rows": 77, "forest": scores(0.755), "logistic": scores(0.522),
    });
    full
}

/// Writes a run's folder, as `train` does.
pub(crate) fn write_run(path: &Path, summary: &Value, epochs: &[Value], config: &str) -> RunFolder {
    fs::create_dir_all(path).unwrap();
    fs::write(path.join("config.toml"), config).unwrap();
    fs::write(path.join("summary.json"), summary.to_string()).unwrap();
    let lines: Vec<String> = epochs.iter().map(|epoch| format!("{epoch}\n")).collect();
    fs::write(path.join("metrics.jsonl"), lines.concat()).unwrap();
    RunFolder::open(path).unwrap()
}

pub(crate) fn run(summary: &Value, epochs: &[Value]) -> Run {
    let folder = TempDir::new().unwrap();
    Run::read(&write_run(folder.path(), summary, epochs, "batch = 32\nmodel = \"a < b\"\n")).unwrap()
}

fn file<'a>(files: &'a [(&str, String)], name: &str) -> &'a str {
    &files.iter().find(|file| file.0 == name).unwrap().1
}

#[test]
fn the_page_shows_the_figures_of_the_summary() {
    let page = run_page::page(&[run(&summary(), &epochs())], "gpu-bearing report 'a b'");
    for part in [
        "72.5 %",
        "36.2 %",
        "0.1235",
        "97.5 %",
        "85.0 %",
        "66.7 %",
        "84.6 %",
        "1234",
        "64 samples, 8000 Hz",
        "1.2 s",
        "tiled (conv1d); standard otherwise",
        "gpu-bearing 0.0.9",
        "a note &lt; here",
        "a &lt; b",
        "kept: 2",
        "gpu-bearing report 'a b'",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    // Nothing is fetched and nothing runs.
    for part in ["<script", "<link", "src=", "http:", "https:", "url(", "@import"] {
        assert!(!page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn no_accuracy_stands_without_its_split_and_what_is_wrong_with_it() {
    let runs = [run(&summary(), &epochs()), run(&summary(), &epochs())];
    for runs in [&runs[..1], &runs[..]] {
        let page = run_page::page(runs, "");
        let holds_accuracy =
            |text: &&str| text.contains("72.5 %") || text.contains("97.5 %") || text.contains("85.0 %");
        let cards =
            page.split("<div class=\"card\">").skip(1).map(|card| card.split("</div>").next().unwrap());
        let rows = page.split("<tr>").skip(1).map(|row| row.split("</tr>").next().unwrap());
        let places: Vec<&str> = cards.chain(rows).filter(holds_accuracy).collect();
        // A card or a row of the comparison, and three parts a run.
        assert_eq!(places.len(), 4 * runs.len(), "{places:?}");
        for place in places {
            for word in ["split by recording", ">synthetic<", ">leaky<"] {
                assert!(place.contains(word), "{word}: {place}");
            }
        }
        let plots = page.matches("accuracy, %").count() + page.matches("validation (split").count();
        assert!(plots > 0 && page.contains("(split by recording; synthetic; leaky)"), "{page}");
        for (name, text) in run_page::files(runs) {
            let word = if name.ends_with(".json") {
                "\"leaky\": true"
            } else {
                "split by recording; synthetic; leaky"
            };
            assert!(text.contains(word), "{name}: {text}");
        }
    }
}

#[test]
fn a_hostile_class_name_stays_text() {
    let runs = [run(&summary(), &epochs())];
    let page = run_page::page(&runs, HOSTILE);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    let files = run_page::files(&runs);
    let svg = file(&files, "confusion.svg");
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;") && !svg.contains('\u{1}'), "{svg}");
    let mut reader = csv::Reader::from_reader(file(&files, "classes.csv").as_bytes());
    let classes: Vec<String> = reader.records().map(|record| record.unwrap()[2].to_owned()).collect();
    assert_eq!(classes, ["normal", HOSTILE, "absent"]);
    let document: Value = serde_json::from_str(file(&files, "figures.json")).unwrap();
    assert_eq!(document["runs"][0]["by_class"][1]["class"], HOSTILE);
}

#[test]
fn files_keep_every_bit() {
    let files = run_page::files(&[run(&summary(), &epochs())]);
    let document: Value = serde_json::from_str(file(&files, "figures.json")).unwrap();
    let reported = document["runs"][0].as_object().unwrap();
    for (key, value) in summary().as_object().unwrap() {
        assert_eq!(&reported[key], value, "{key}");
    }
    assert_eq!(reported["metrics"], json!(epochs()));
    assert_eq!(reported["config"], json!({ "batch": 32, "model": "a < b" }));
    let mut reader = csv::Reader::from_reader(file(&files, "epochs.csv").as_bytes());
    let column = reader.headers().unwrap().iter().position(|name| name == "train_loss").unwrap();
    let losses: Vec<f64> = reader.records().map(|record| record.unwrap()[column].parse().unwrap()).collect();
    assert_eq!(losses, [1.0, 0.5, 1.0 / 3.0]);
    let cells = csv::Reader::from_reader(file(&files, "confusion.csv").as_bytes()).into_records().count();
    assert_eq!(cells, 9);
}

#[test]
fn a_class_without_windows_has_no_figures() {
    let page = run_page::page(&[run(&summary(), &epochs())], "");
    let row = page.split("<tr>").find(|row| row.contains("3 absent</th>")).unwrap();
    assert_eq!(row.matches("–").count(), 3, "{row}");
}

#[test]
fn drawings_hold_numbers_whatever_the_run() {
    let few = |summary: Value, epochs: &[Value]| run_page::files(&[run(&summary, epochs)]);
    let mut one_epoch = summary();
    (one_epoch["epochs"], one_epoch["best_epoch"]) = (json!(1), json!(1));
    let files = few(one_epoch.clone(), &epochs()[..1]);
    let svg = file(&files, "curves.svg");
    assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (0, 4), "{svg}");
    let mut untested = one_epoch;
    untested["confusion"] = json!([[0, 0, 0], [0, 0, 0], [0, 0, 0]]);
    untested["test"] = Value::Null;
    let mut silent = epochs()[..1].to_vec();
    (silent[0]["train"], silent[0]["validation"]) = (figures(0.0, 0.0), Value::Null);
    let mut nothing = silent.clone();
    nothing[0]["train"] = Value::Null;
    let all =
        [files, few(untested.clone(), &silent), few(untested.clone(), &nothing), few(summary(), &epochs())];
    for (name, text) in all.iter().flatten().filter(|file| file.0.ends_with(".svg")) {
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"), "{name}: {text}");
        for word in ["NaN", "inf", "null"] {
            assert!(!text.contains(word), "{name}: {text}");
        }
    }
    // Without test windows the validation windows are the headline, and there is no matrix.
    let page = run_page::page(&[run(&untested, &silent)], "");
    assert!(page.contains("Accuracy, validation") && !page.contains("class=\"cell\""), "{page}");
}

#[test]
fn the_axes_of_a_plot_hold_its_points() {
    let points = vec![(1.0, 0.0), (2.0, 1.0), (400.0, 3.1)];
    let curves = vec![Curve { name: "a".into(), points }];
    let top = Panel::highest(&curves);
    let panel =
        Panel { title: "loss".into(), x: "epoch".into(), scale: Scale::Counted, top, curves, mark: None };
    let Drawing { body, .. } = panel.draw();
    let svg = body.into_string();
    // From zero at the bottom of the frame, 190 high, to 3.2 at its top; ticks at round epochs.
    assert!(svg.contains("points=\"10,190 10.8,130.6 332,5.9\""), "{svg}");
    for tick in [">3.2</text>", ">50</text>", ">400</text>"] {
        assert!(svg.contains(tick), "{tick}: {svg}");
    }
}

#[test]
fn several_runs_show_once_what_they_share() {
    let folder = TempDir::new().unwrap();
    let config = |rate: f64| format!("batch = 32\nlearning_rate = {rate}\n");
    let mut other = summary();
    other["split"] = json!("bearing");
    let folders = [
        write_run(&folder.path().join("a/001"), &summary(), &epochs(), &config(0.1)),
        write_run(&folder.path().join("a/002"), &other, &epochs(), &(config(0.2) + "clip_norm = 1.0\n")),
    ];
    let runs = runs::read(&folders).unwrap();
    assert_eq!([&runs[0].name, &runs[1].name], ["001", "002"]);
    let page = run_page::page(&runs, "");
    assert_eq!(page.matches("<dt>batch</dt>").count(), 1);
    let row = page.split("<tr>").find(|row| row.contains("learning_rate")).unwrap();
    assert!(row.contains("0.1") && row.contains("0.2"), "{row}");
    let row = page.split("<tr>").find(|row| row.contains("clip_norm")).unwrap();
    assert!(row.contains("–") && row.contains("1.0"), "{row}");
    assert!(page.contains("The splits differ"), "{page}");
    let panels = curves::of_runs(&runs);
    assert_eq!(panels[1].curves[1].name, "002: validation (split by bearing; synthetic; leaky)");

    // Folders of one name are told apart by their paths.
    let namesake = write_run(&folder.path().join("b/001"), &summary(), &epochs(), &config(0.1));
    let runs = runs::read(&[folders[0].clone(), namesake]).unwrap();
    assert_ne!(runs[0].name, runs[1].name);
    assert!(!run_page::page(&runs, "").contains("The splits differ"));
}

#[test]
fn differences_keep_the_order_of_names() {
    let list =
        |entries: &[(&str, &str)]| entries.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let (differ, same) = differences(&[list(&[("z", "1"), ("a", "2")]), list(&[("z", "1"), ("m", "3")])]);
    assert_eq!(same, [("z".to_owned(), "1".to_owned())]);
    assert_eq!(
        differ,
        [("a".into(), vec![Some("2".into()), None]), ("m".into(), vec![None, Some("3".into())])]
    );
}

#[test]
fn a_matrix_has_a_cell_for_each_pair_and_outlines_right_answers() {
    let classes: Vec<String> = (0..12).map(|class| format!("{} {class}", "long ".repeat(20))).collect();
    let rows: Vec<Vec<u64>> = (0..12).map(|row| (0..12).map(|column| row * column).collect()).collect();
    let Drawing { width, height, body, .. } = confusion::draw(&classes, &rows);
    let svg = body.into_string();
    assert_eq!(svg.matches("class=\"cell\"").count(), 144);
    assert_eq!(svg.matches("stroke-width=\"1.5\"").count(), 12);
    assert!(width < 900.0 && height < 600.0, "{width} {height}");
}

#[test]
fn nothing_but_an_earlier_report_is_replaced() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = page::frame("kind", "title", &maud::html! { "one" }, "");
    let beside = [("a.csv", "1".to_owned())];
    let page = folder::write(&at("new/report"), &text, &beside).unwrap();
    assert_eq!(page, at("new/report/index.html"));
    assert_eq!(fs::read_to_string(at("new/report/a.csv")).unwrap(), "1");
    let other = text.replace("one", "two");
    folder::write(&at("new/report"), &other, &beside).unwrap();
    assert_eq!(fs::read_to_string(&page).unwrap(), other);
    // A page alone.
    assert_eq!(folder::write(&at("page.html"), &text, &beside).unwrap(), at("page.html"));
    folder::write(&at("page.html"), &text, &beside).unwrap();
    fs::create_dir(at("empty")).unwrap();
    folder::write(&at("empty"), &text, &beside).unwrap();

    fs::create_dir(at("site")).unwrap();
    fs::write(at("site/index.html"), "<!DOCTYPE html><title>mine</title>").unwrap();
    fs::write(at("mine.html"), "mine").unwrap();
    fs::write(at("mine.txt"), "mine").unwrap();
    for (out, why) in [
        ("new", "has things in it, and is no report's folder"),
        ("site", "has things in it, and is no report's folder"),
        ("mine.html", "is there already, and is no report"),
        ("mine.txt", "is a file, and no .html"),
    ] {
        let error = folder::write(&at(out), &text, &beside).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("--out"), "{out}: {error}");
    }
    assert_eq!(fs::read_to_string(at("mine.html")).unwrap(), "mine");
}

#[test]
fn damaged_files_are_named() {
    let folder = TempDir::new().unwrap();
    let read = |summary: &Value, epochs: &[Value], config: &str| {
        Run::read(&write_run(folder.path(), summary, epochs, config)).unwrap_err().to_string()
    };
    let mut crooked = summary();
    crooked["confusion"] = json!([[1, 2], [3, 4]]);
    let mut empty = summary();
    empty.as_object_mut().unwrap().remove("seed");
    for (error, parts) in [
        (read(&crooked, &epochs(), ""), ["summary.json", "matrix of 2 rows does not fit its 3 classes"]),
        (read(&empty, &epochs(), ""), ["summary.json: is no summary", "seed"]),
        (read(&summary(), &epochs()[..2], ""), ["metrics.jsonl", "has 2 lines"]),
        (read(&summary(), &[json!({}), json!({}), json!({})], ""), ["metrics.jsonl:1", "no epoch's record"]),
        (read(&summary(), &epochs(), "a = "), ["config.toml", "value"]),
    ] {
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    }
    fs::remove_file(folder.path().join("summary.json")).unwrap();
    let error = Run::read(&RunFolder::open(folder.path()).unwrap()).unwrap_err().to_string();
    assert!(error.contains("not finished") && error.contains("--resume"), "{error}");
}

/// Each `tr` of a page.
fn table_rows(page: &str) -> Vec<&str> {
    page.split("<tr>").skip(1).map(|row| row.split("</tr>").next().unwrap()).collect()
}

#[test]
fn further_figures_stand_on_the_page_with_their_split() {
    let page = run_page::page(&[run(&full_summary(), &epochs())], "");
    for part in [
        "1 of 3",
        "2 of 6",
        "A temperature of 1.88, fitted to the validation windows, takes the expected calibration error over the test \
         windows from 36.5 % to 12.2 % (split by recording; synthetic; leaky).",
        "There is no interval over bearings",
        // Where a plain classifier wins, the page says so.
        "By window, the random forest is better than the network: balanced accuracy 75.6 % against 61.2 % (split by \
         recording; synthetic; leaky).",
        "By recording, the random forest is better than the network: balanced accuracy 85.6 % against 71.2 %",
        "77 windows of 4096 samples, the network&#39;s have 64; their features come without lines",
    ] {
        let part = part.replace("&#39;", "'");
        assert!(page.contains(&part), "{part}\n{page}");
    }
    // Accuracy by recording, F1 by window, AUROC by recording, plain classifiers by window and by recording.
    for figure in ["71.1 %", "61.3 %", "71.4 %", "75.6 %", "52.3 %", "62.3 %"] {
        let places: Vec<&str> = table_rows(&page).into_iter().filter(|row| row.contains(figure)).collect();
        assert!(!places.is_empty(), "{figure}");
        for place in places {
            for word in ["split by recording", ">synthetic<", ">leaky<"] {
                assert!(place.contains(word), "{word}: {place}");
            }
        }
    }
    assert_eq!(page.matches("test windows at temperature 1.88").count(), 2, "its title and its label");

    let mut other = full_summary();
    (other["split"], other["leaky"]) = (json!("fault-size"), json!(false));
    other["held_out"] = json!(["0.007", "0.021"]);
    other["scores"]["interval"] = json!({ "low": 0.333, "high": 0.888 });
    other["scores"]["windows"]["balanced_accuracy"] = json!(0.912);
    other["calibration"]["temperature"]["clamped"] = json!(true);
    let page = run_page::page(&[run(&other, &epochs())], "");
    for part in [
        "0.007 inch, 0.021 inch",
        "between 33.3 % and 88.8 % (95 % interval over bearings; split by fault-size; synthetic)",
        "By window, the network is better than the plain classifiers: balanced accuracy 91.2 % against 75.6 %",
        "Its confidence was left as it is",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("at temperature"), "a temperature that is not used is not drawn");
}

#[test]
fn what_is_turned_away_stands_on_page_and_card() {
    let mut summary = full_summary();
    let away = |count: u64, of: u64| json!({ "count": count, "of": of });
    summary["left_out"] = json!(["worn_out"]);
    summary["rejection"] = json!({
        "most": 0.05, "threshold": 3.5, "validation": away(0, 9), "known": away(1, 7), "unknown": away(5, 12),
        "auroc": 0.825,
    });
    let split = "split by recording; synthetic; leaky";
    let run = run(&summary, &epochs());
    for (text, name) in
        [(run_page::page(std::slice::from_ref(&run), ""), "worn_out"), (model_card::text(&run), "worn\\_out")]
    {
        for part in [
            format!("At --reject 5 %, 1 of 7 known test recordings are turned away as unknown ({split})."),
            format!("Of {name}, which it was not to know, 5 of 12 are turned away; AUROC 82.5 % ({split})."),
            "The 9 validation recordings are too few for 5 %".to_owned(),
        ] {
            assert!(text.contains(&part), "{part}: {text}");
        }
    }
}

#[test]
fn runs_side_by_side_show_decisions_by_recording() {
    let runs = [run(&full_summary(), &epochs()), run(&summary(), &epochs())];
    let page = run_page::page(&runs, "");
    let row =
        table_rows(&page).into_iter().find(|row| row.contains("1 of 3") && row.contains("85.6 %")).unwrap();
    for part in ["9 recordings", ">leaky<", "71.2 %", "2 of 6", "62.3 %"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    // An earlier run kept fewer figures.
    assert_eq!(page.matches("Plain classifiers on the same split").count(), 1);
    let old = run_page::page(&runs[1..], "");
    for heading in ["By recording</h3>", "Ranking</h3>", "Confidence</h3>", "Tested on"] {
        assert!(!old.contains(heading), "{heading}");
    }
}

#[test]
fn further_figures_are_files_that_keep_every_bit() {
    let files = run_page::files(&[run(&full_summary(), &epochs()), run(&summary(), &epochs())]);
    let records = |name: &str| -> Vec<csv::StringRecord> {
        csv::Reader::from_reader(file(&files, name).as_bytes()).records().map(Result::unwrap).collect()
    };
    let scores = records("scores.csv");
    let of = |row: usize| scores[row].iter().skip(1).collect::<Vec<_>>();
    assert_eq!(scores.len(), 6, "three classifiers by window and by recording");
    let share = |share: f64| share.to_string();
    let (split, by_recording) = ("split by recording; synthetic; leaky", 0.611 + 0.1);
    assert_eq!(of(0)[..6], [split, "network", "window", "40", "0.611", &share(0.611 + 0.001)]);
    let f1 = share(by_recording + 0.002);
    assert_eq!(of(1)[2..5], ["recording", "9", &share(by_recording)]);
    assert_eq!(of(1)[8..], [&f1, &share(by_recording + 0.003), "1", "3", "2", "6"]);
    assert_eq!(records("alarms.csv").len(), 3);
    let reliability = records("reliability.csv");
    assert_eq!(reliability.len(), 30);
    assert_eq!(reliability[29].iter().skip(2).collect::<Vec<_>>()[0], "1.875");
    for name in ["alarms.svg", "reliability.svg"] {
        assert!(file(&files, name).contains(split), "{name}");
    }
    // What no run has, is no file.
    let old = run_page::files(&[run(&summary(), &epochs())]);
    assert_eq!(old.len(), 6);
}
