//! `data audit` and `data fetch`: what they print and how they end. None needs an adapter.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::Value;

use crate::setup::{RATE, Test, Workshop, failure, signal, success, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("data audit ends well where nothing is wrong", clean),
    ("data audit ends with 1 where a finding is an error", copies),
    ("data audit reads a split", split),
    ("data fetch keeps nothing that is not the published file", wrong_content),
    ("data fetch names what to mend in its options", fetch_options),
];

fn clean() {
    let workshop = Workshop::new();
    let text = success(workshop.run(&["data", "audit", "data"]));
    assert_eq!(text, "6 recordings (a folder per condition)\nnothing found\n");
    let json: Value =
        serde_json::from_str(&success(workshop.run(&["data", "audit", "data", "--json"]))).unwrap();
    assert_eq!(
        (&json["layout"], &json["recordings"], &json["findings"]),
        (&"folders".into(), &6.into(), &Value::Array(vec![]))
    );
    let text = failure(workshop.run(&["data", "audit", "missing"]), 2);
    assert!(text.contains("missing: cannot be read"), "{text}");
}

fn copies() {
    let workshop = Workshop::new();
    let original = signal(2000, 0.07);
    write_wav(&workshop.path("data/worn/worn 1/copy.wav"), RATE, &original[300..1700]);
    let output = workshop.run(&["data", "audit", "data"]);
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    let text = failure(output, 1);
    assert!(text.contains("data: the audit has 1 error among 1 finding"), "{text}");
    assert!(table.contains("severity") && table.contains("1 error, 0 warnings, 0 notes"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 110), "{table}");

    let output = workshop.run(&["data", "audit", "data", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &json["findings"][0];
    assert_eq!((&finding["severity"], &finding["subject"]), (&"error".into(), &"copy".into()));
    assert_eq!(finding["recordings"], serde_json::json!(["normal/normal 1/a.wav", "worn/worn 1/copy.wav"]));
}

fn split() {
    let workshop = Workshop::new();
    let row = |start: usize, part: &str| {
        format!("normal/normal 1/a.wav,{},normal 1,{start},{part},normal\n", "0".repeat(64))
    };
    let rows = row(0, "train") + &row(32, "test");
    let head = "recording,sha256,bearing,start,part,condition\n";
    fs::write(workshop.path("split.csv"), format!("{head}{rows}")).unwrap();
    let audit = ["data", "audit", "data", "--split"];
    let leaks = |more: &[&str]| -> Vec<String> {
        let output = workshop.run(&[&audit[..], more, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(1));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = json["findings"].as_array().unwrap();
        let leaks = findings.iter().filter(|finding| finding["subject"] == "leak");
        leaks.map(|finding| finding["finding"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(leaks(&["split.csv"]), ["1 recording both trained (or validated) and tested"]);
    assert_eq!(leaks(&["split.csv", "--window", "64"]).len(), 2);
    assert_eq!(leaks(&["split.csv", "--window", "32"]).len(), 1);

    // A run's folder says what its window is.
    fs::create_dir(workshop.path("run")).unwrap();
    fs::copy(workshop.path("split.csv"), workshop.path("run/split.csv")).unwrap();
    fs::write(workshop.path("run/config.toml"), "window = 64\n").unwrap();
    assert_eq!(leaks(&["run"]).len(), 2);
    let text = failure(workshop.run(&["data", "audit", "data", "--split", "data"]), 2);
    assert!(text.contains("data: is no run's folder"), "{text}");
}

fn wrong_content() {
    let workshop = Workshop::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("http://{}", listener.local_addr().unwrap());
    let bytes = 2_910_792; // of no matter: the length is the server's first lie
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
        }
    });
    let fetch = ["data", "fetch", "cwru", "--only", "97,105", "--out", "new", "--mirror", &mirror];
    let text = failure(workshop.run(&fetch), 1);
    assert!(text.contains("2 of 2 files could not be fetched into new; the same command goes on"), "{text}");
    assert!(
        text.contains("97.mat: the server offers 2910792 bytes, the published file has 3903344"),
        "{text}"
    );
    assert_eq!(fs::read_dir(workshop.path("new")).unwrap().count(), 0);

    let output = workshop.run(&[&fetch[..], &["--json"]].concat());
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["files"][1]["file"], "105.mat");
    assert_eq!(json["files"][1]["outcome"], "failed");
    assert_eq!(output.status.code(), Some(1));
}

fn fetch_options() {
    let workshop = Workshop::new();
    for (arguments, says) in [
        (&["cwru", "--only", "113"][..], "--only 113: expected a CWRU number"),
        (&["cwru", "--mirror", "ftp://x"], "'ftp://x' is no address to fetch from"),
        (&["other"], "'other'"),
        (&["cwru", "--parallel", "0"], "--parallel"),
    ] {
        let text = failure(workshop.run(&[&["data", "fetch"], arguments].concat()), 2);
        assert!(text.contains(says), "{text}");
    }
    assert!(!workshop.path("cwru").exists());
    let help = success(workshop.run(&["data", "fetch", "--help"]));
    assert!(help.contains("for your own use"), "{help}");
}
