//! `spectrum`: what a recording shows without a model. Needs no adapter.

use gpu_bearing::data::sample;
use serde_json::Value;

use crate::setup::{Test, Workshop, failure, signal, success, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("spectrum names the struck part, draws it and prints JSON", of_sample),
    ("spectrum names what it needs", needs),
];

/// A workshop with `spall.wav`, and its shaft speed.
fn with_spall() -> (Workshop, String) {
    let workshop = Workshop::new();
    let recordings = sample::recordings().unwrap();
    let spall = recordings.iter().find(|r| r.name == "outer-race/5.wav").unwrap();
    write_wav(&workshop.path("spall.wav"), spall.rate as u32, &spall.signal);
    (workshop, spall.facts.rpm.unwrap().to_string())
}

fn of_sample() {
    let (workshop, rpm) = with_spall();
    let arguments = ["spectrum", "spall.wav", "--bearing", "6205", "--rpm", &rpm];
    let text = success(workshop.run(&[&arguments[..], &["--svg", "out.svg"]].concat()));
    assert!(text.contains("verdict  outer race (score ") && text.ends_with("drawing  out.svg\n"), "{text}");
    let outer = text.lines().find(|line| line.starts_with("outer race")).unwrap();
    assert!(outer.contains("BPFO") && outer.contains("3.5848") && outer.contains("1x 2x"), "{outer}");

    let report: Value =
        serde_json::from_str(&success(workshop.run(&[&arguments[..], &["--json"]].concat()))).unwrap();
    assert_eq!(report["verdict"], "outer race");
    assert_eq!(report["rpm"].as_f64().unwrap().to_string(), rpm);
    let faults = report["faults"].as_array().unwrap();
    assert_eq!((faults.len(), &faults[0]["fault"]), (4, &Value::from("outer race")));
    let struck = faults[0]["lines"][0]["frequency_hz"].as_f64().unwrap();
    let shaft = report["shaft_hz"].as_f64().unwrap();
    assert!((struck / shaft / 3.5848 - 1.0).abs() < 0.02, "{struck} {shaft}");
    assert!(report["spectrum"]["amplitudes"].as_array().unwrap().len() > 100);

    let svg = String::from_utf8(workshop.read("out.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.matches("<polyline").count() == 2, "{svg}");
    for symbol in ["BPFI", "BPFO", "2 BSF", "FTF"] {
        assert_eq!(svg.matches(&format!(">{symbol}</text>")).count(), 1, "{symbol}");
    }
}

fn needs() {
    let (workshop, rpm) = with_spall();
    let refuse = |arguments: &[&str], says: &[&str]| {
        let message = failure(workshop.run(&[&["spectrum"], arguments].concat()), 2);
        assert!(says.iter().all(|part| message.contains(part)), "{message}");
    };
    refuse(&["spall.wav", "--rpm", &rpm], &["spall.wav", "--bearing 6205, 6203 or N,d,D,ANGLE"]);
    refuse(&["spall.wav", "--bearing", "6205"], &["spall.wav", "--rpm"]);
    refuse(&["spall.wav", "--bearing", "6205", "--rpm", "-3"], &["--rpm"]);
    refuse(&["spall.wav", "--bearing", "9,8", "--rpm", &rpm], &["--bearing", "9,8", "N,d,D,ANGLE"]);
    refuse(&["none.wav", "--bearing", "6205", "--rpm", &rpm], &["none.wav", "cannot be read"]);
    write_wav(&workshop.path("short.wav"), 8000, &signal(2000, 0.1));
    refuse(&["short.wav", "--bearing", "6205", "--rpm", "1800"], &["short.wav", "at least 16 turns"]);
    let svg = ["spall.wav", "--bearing", "6205", "--rpm", &rpm, "--svg", "no/where.svg"];
    assert!(failure(workshop.run(&[&["spectrum"], &svg[..]].concat()), 1).contains("no/where.svg"));
}
