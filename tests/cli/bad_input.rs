//! What a user can get wrong: each ends with the right exit code and one message that names the object and the remedy.
//! Most need no adapter.

use std::fs;
use std::process::Stdio;

use gpu_bearing::nn::{Checkpoint, Model, Scaling, initialise};

use crate::setup::{MODEL, RATE, Test, Workshop, failure, signal, write_wav};

pub(crate) const TRIALS: &[Test] = &[
    ("predict names bad recordings and remedies", recordings),
    ("predict names bad models and remedies", models),
    ("train names bad folders and remedies", folders),
    ("train names bad options and remedies", options),
    ("train names bad configurations with their line", configurations),
    ("data info refuses nothing for a mere hint", hints),
    #[cfg(unix)]
    ("a path that is not UTF-8 is refused", not_utf8),
    ("every option's help gives its default", help),
];

/// The run's folder is made once an adapter is open.
pub(crate) const TRIALS_ON_ADAPTER: &[Test] = &[
    ("train refuses a folder that it must not or cannot write", out),
    ("a number that is no adapter's index is part of a name", adapter_number),
];

/// Arguments, and parts of the message that they must get.
struct Case<'a> {
    arguments: &'a [&'a str],
    code: i32,
    says: &'a [&'a str],
}

fn case<'a>(arguments: &'a [&'a str], says: &'a [&'a str]) -> Case<'a> {
    Case { arguments, code: 2, says }
}

fn check(workshop: &Workshop, before: &[&str], cases: &[Case<'_>]) {
    for case in cases {
        let arguments = [before, case.arguments].concat();
        let output = workshop.command(&arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
        let message = failure(output, case.code);
        // Read with `cargo test --test cli bad -- --nocapture`.
        println!("{}\n    {}", arguments.join(" "), message.trim_end().replace('\n', "\n    "));
        for part in case.says {
            assert!(message.contains(part), "{arguments:?} should say '{part}':\n{message}");
        }
    }
}

/// A model for recordings at [`RATE`], untrained.
fn write_checkpoint(workshop: &Workshop) {
    let model = Model::parse(MODEL, "model.toml", 2).unwrap();
    let checkpoint = Checkpoint {
        parameters: initialise(&model, 0).unwrap(),
        model,
        classes: vec!["normal".into(), "worn".into()],
        rate: Some(f64::from(RATE)),
        scaling: Scaling::None,
        temperature: None,
        familiarity: Vec::new(),
        seed: 0,
        variants: Default::default(),
        version: "0.1.0".into(),
        training: None,
    };
    checkpoint.save(&workshop.path("model.safetensors")).unwrap();
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/mat/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn recordings() {
    let workshop = Workshop::new();
    write_checkpoint(&workshop);
    let good = signal(1000, 0.3);
    let with_nan: Vec<f32> = (0..1000).map(|i| if i == 7 { f32::NAN } else { good[i] }).collect();
    for (name, samples) in [
        ("good.wav", &good[..]),
        ("nan.wav", &with_nan),
        ("silent.wav", &[0.0; 1000]),
        ("empty.wav", &[]),
        ("short.wav", &good[..63]),
    ] {
        write_wav(&workshop.path(name), RATE, samples);
    }
    write_wav(&workshop.path("slow.wav"), 4000, &good);
    let whole = workshop.read("good.wav");
    fs::write(workshop.path("truncated.wav"), &whole[..whole.len() / 2]).unwrap();
    fs::write(workshop.path("head.wav"), &whole[..20]).unwrap();
    fs::write(workshop.path("noise.wav"), [7; 500]).unwrap();
    fs::write(workshop.path("table.csv"), "1,2,3").unwrap();
    let mat = fs::read(fixture("cwru.mat")).unwrap();
    fs::write(workshop.path("cut.mat"), &mat[..mat.len() - 100]).unwrap();
    fs::write(workshop.path("noise.mat"), [7; 500]).unwrap();
    let [version73, level4, channels, nan, cwru] =
        ["version73.mat", "level4.mat", "channels.mat", "nan.mat", "cwru.mat"].map(fixture);

    check(
        &workshop,
        &["predict", "model.safetensors"],
        &[
            case(&["missing.wav"], &["missing.wav: cannot be read: No such file"]),
            case(&["data"], &["data: is a folder", "gpu-bearing eval RUN --data data"]),
            case(&["table.csv"], &["table.csv: neither .wav nor .mat", "convert"]),
            case(&["truncated.wav"], &["truncated.wav: "]),
            case(&["head.wav"], &["head.wav: "]),
            case(&["noise.wav"], &["noise.wav: "]),
            case(&["empty.wav"], &["empty.wav: holds no sample", "leave it out"]),
            case(&["nan.wav"], &["nan.wav: sample 7 (from 0) is NaN", "leave the recording out"]),
            case(&["silent.wav"], &["silent.wav: the signal is constant", "check sensor"]),
            case(&["short.wav"], &["short.wav: 63 samples at 8000 Hz are fewer than a window of 64"]),
            case(
                &["slow.wav"],
                &["slow.wav: recorded at 4000 Hz, below the model's rate of 8000 Hz", "--target-rate"],
            ),
            case(&["good.wav", "--channel", "2"], &["good.wav: --channel 2: there is 1 channel"]),
            case(
                &[&cwru],
                &[
                    "cwru.mat: its sampling rate is unknown, since MAT files carry none",
                    "--rate",
                    "dataset.toml",
                ],
            ),
            case(
                &[&cwru, "--rate", "12000", "--variable", "X"],
                &["cwru.mat: has no variable 'X' (--variable)"],
            ),
            case(&[&channels, "--rate", "12000"], &["channels.mat: ", "--channel"]),
            case(&[&nan, "--rate", "12000"], &["nan.mat: "]),
            case(
                &[&version73, "--rate", "12000"],
                &["version73.mat: a MAT file of version 7.3 (HDF5), which cannot be read"],
            ),
            case(&[&level4, "--rate", "12000"], &["level4.mat: a MAT file of level 4, which cannot be read"]),
            case(&["cut.mat", "--rate", "12000"], &["cut.mat: ", "cut short or damaged"]),
            case(&["noise.mat", "--rate", "12000"], &["noise.mat: not a MAT file"]),
            case(&["-"], &["standard input: "]),
            case(
                &["good.wav", "silent.wav", "nan.wav"],
                &["2 of 3 recordings cannot be used (--skip-bad", "silent.wav: ", "nan.wav: "],
            ),
            case(
                &["silent.wav", "nan.wav", "--skip-bad"],
                &["2 of 2 recordings cannot be used; --skip-bad leaves nothing"],
            ),
            case(&[], &["<FILE>", "required"]),
        ],
    );
}

fn models() {
    let workshop = Workshop::new();
    write_checkpoint(&workshop);
    let whole = workshop.read("model.safetensors");
    fs::write(workshop.path("cut.safetensors"), &whole[..whole.len() - 50]).unwrap();
    fs::write(workshop.path("noise.safetensors"), [7; 300]).unwrap();
    fs::create_dir(workshop.path("folder")).unwrap();
    let foreign = format!("{}/tests/goldens/small.pytorch.safetensors", env!("CARGO_MANIFEST_DIR"));
    let file = "data/worn/worn 1/a.wav";
    check(
        &workshop,
        &["predict"],
        &[
            case(&["missing", file], &["missing: cannot be read: No such file"]),
            case(&["folder", file], &["folder: is no run's folder", "`train` named"]),
            case(&["cut.safetensors", file], &["cut.safetensors: is truncated", "copy it again"]),
            case(&["noise.safetensors", file], &["noise.safetensors: is truncated or no safetensors file"]),
            case(
                &[&foreign, file],
                &[
                    "small.pytorch.safetensors: has no 'gpu_bearing' metadata",
                    "give a file that gpu-bearing has saved",
                ],
            ),
            case(&[file, file], &["a.wav: is truncated or no safetensors file"]),
        ],
    );
    check(
        &workshop,
        &["eval"],
        &[
            case(&["missing"], &["missing: is no run's folder"]),
            case(&["model.safetensors"], &["model.safetensors: is no run's folder"]),
        ],
    );
}

fn folders() {
    let workshop = Workshop::new();
    for folder in [
        "empty",
        "tables",
        "one/normal",
        "short/a",
        "short/b",
        "bad/a",
        "bad/b",
        "copies/a",
        "copies/b",
        "flat",
    ] {
        fs::create_dir_all(workshop.path(folder)).unwrap();
    }
    fs::write(workshop.path("tables/a.csv"), "1,2").unwrap();
    write_wav(&workshop.path("flat/a.wav"), RATE, &signal(1000, 0.1));
    write_wav(&workshop.path("one/normal/a.wav"), RATE, &signal(1000, 0.1));
    write_wav(&workshop.path("short/a/a.wav"), RATE, &signal(63, 0.1));
    write_wav(&workshop.path("short/b/b.wav"), RATE, &signal(1000, 0.1));
    write_wav(&workshop.path("bad/a/a.wav"), RATE, &signal(1000, 0.1));
    write_wav(&workshop.path("bad/b/silent.wav"), RATE, &[0.0; 1000]);
    fs::write(workshop.path("bad/b/noise.wav"), [7; 500]).unwrap();
    for copy in ["copies/a/a.wav", "copies/b/b.wav"] {
        write_wav(&workshop.path(copy), RATE, &signal(1000, 0.1));
    }
    fs::create_dir(workshop.path("listed")).unwrap();
    fs::write(workshop.path("listed/dataset.toml"), "[[recording]]\nfile = \"a.wav\"\n").unwrap();
    check(
        &workshop,
        &["train", "--model", "model.toml", "--data"],
        &[
            case(&["missing"], &["missing: cannot be read: No such file"]),
            case(&["empty"], &["empty: no .wav or .mat file in it (it is empty)", "dataset.toml"]),
            case(&["tables"], &["tables: no .wav or .mat file in it (it has 1 .csv)"]),
            case(&["flat"], &["a.wav: lies at the top, so its condition is unknown: move it into a folder"]),
            case(&["one"], &["one condition (normal)", "at least 2"]),
            case(
                &["short"],
                &["a/a.wav: 63 samples at 8000 Hz are fewer than a window of 64", "--window", "--skip-bad"],
            ),
            case(
                &["bad"],
                &[
                    "2 of 3 recordings cannot be used (--skip-bad",
                    "b/noise.wav: ",
                    "b/silent.wav: the signal is constant",
                ],
            ),
            case(&["copies"], &["a/a.wav and b/b.wav hold the same samples", "leave one of them out"]),
            case(&["listed"], &["dataset.toml: ", "line 1", "condition"]),
            case(&["data", "--window", "900", "--split", "time"], &["leave no window", "--window"]),
            case(
                &["data", "--target-rate", "9000"],
                &["recorded at 8000 Hz, below the model's rate of 9000 Hz"],
            ),
            case(
                &["data", "--protocol", "paper"],
                &["the paper's protocol at 1 hp needs 6 of the CWRU recordings and lacks 6", "98.mat"],
            ),
        ],
    );
    assert!(!workshop.path("runs").exists(), "bad input leaves no run behind");
}

fn options() {
    let workshop = Workshop::new();
    fs::write(workshop.path("broken.toml"), "name = \"x\"\n[input]\nwindow = 9\nchannels = 1\nkanals = 1\n")
        .unwrap();
    check(
        &workshop,
        &["train", "--data", "data"],
        &[
            case(
                &["--split", "bearings"],
                &["'bearings'", "--split", "`bearing`, `fault-size`, `load`, `recording`, `time`, `window`"],
            ),
            case(&["--scale", "max"], &["'max'", "--scale", "`train`, `window`, `none`"]),
            case(&["--balance", "yes"], &["'yes'", "--balance", "`on` or `off`"]),
            case(&["--protocol", "papers"], &["'papers'", "--protocol", "`paper`"]),
            case(&["--epochs", "0"], &["--epochs 0: must be at least 1"]),
            case(&["--batch", "0"], &["--batch 0: must be at least 1"]),
            case(&["--batch", "5000000000"], &["--batch 5000000000: must be at most 65535"]),
            case(&["--epochs", "18446744073709551615"], &["must be at most 1000000000"]),
            case(&["--patience", "18446744073709551615"], &["must be at most 1000000000"]),
            case(&["--window", "16777217"], &["--window 16777217: must be at most 16777216"]),
            case(&["--stride", "18446744073709551615"], &["--stride", "must be at most 16777216"]),
            case(&["--channel", "18446744073709551615"], &["--channel", "must be at most 65535"]),
            case(&["--batch", "many"], &["'many'", "--batch"]),
            case(&["--window", "0"], &["--window 0: must be at least 1"]),
            case(&["--stride", "0"], &["--stride 0: must be at least 1"]),
            case(&["--learning-rate", "-1"], &["--learning-rate -1: must be above 0"]),
            case(&["--learning-rate", "nan"], &["--learning-rate NaN: must be above 0"]),
            case(&["--clip-norm", "0"], &["--clip-norm 0: must be above 0"]),
            case(&["--dropout", "1"], &["--dropout 1: must be at least 0 and below 1"]),
            case(&["--schedule", "linear"], &["'linear'", "`constant`, `step`, `cosine`, `plateau`"]),
            case(&["--schedule-epochs", "0"], &["--schedule-epochs 0: must be at least 1"]),
            case(&["--schedule-epochs", "3"], &["--schedule-epochs is for --schedule step or plateau"]),
            case(&["--schedule-factor", "1"], &["--schedule-factor 1: must be above 0 and below 1"]),
            case(
                &["--schedule", "cosine", "--schedule-factor", "0.5"],
                &["--schedule-factor is for --schedule step or plateau"],
            ),
            case(
                &["--min-learning-rate", "1e-5"],
                &["--min-learning-rate is for --schedule step, cosine or plateau"],
            ),
            case(
                &["--schedule", "cosine", "--min-learning-rate", "0.001"],
                &["--min-learning-rate 0.001: must be below --learning-rate 0.001"],
            ),
            case(&["--warmup", "-1"], &["--warmup -1: must be at least 0"]),
            case(&["--warmup", "20"], &["--warmup 20: must be shorter than the run of --epochs 20"]),
            case(&["--weight-decay", "nan"], &["--weight-decay NaN: must be at least 0"]),
            case(
                &["--reject", "1"],
                &["'1'", "--reject", "must be a share of at least 0 and below 1, as in 1%"],
            ),
            case(&["--reject", "100%"], &["'100%'", "as in 1% or 0.01"]),
            case(&["--reject", "few"], &["'few'", "as in 1% or 0.01"]),
            case(&["--reject=-1%"], &["'-1%'", "as in 1% or 0.01"]),
            case(
                &["--protocol", "paper", "--reject", "1%"],
                &["no validation set", "leave --reject 0.01 out"],
            ),
            case(
                &["--protocol", "paper", "--leave-out", "ball"],
                &["six conditions", "leave --leave-out ball out"],
            ),
            case(&["--label-smoothing", "1"], &["--label-smoothing 1: must be at least 0 and below 1"]),
            case(&["--class-weights", "even"], &["--class-weights", "'even' is no weight", "`balanced`"]),
            case(&["--class-weights", "1,0"], &["'0' is no weight", "above 0"]),
            case(&["--class-weights", "balanced"], &["--balance on already", "add --balance off"]),
            case(&["--augment-gain", "1"], &["--augment-gain 1: must be at least 0 and below 1"]),
            case(&["--augment-shift", "32768"], &["--augment-shift 32768: must be at most 32767"]),
            case(&["--augment-noise", "-90"], &["--augment-noise -90: must be from -60 to 120 dB"]),
            case(
                &["--protocol", "paper", "--schedule", "plateau"],
                &["no validation set", "leave --schedule plateau out"],
            ),
            case(&["--rate", "0"], &["--rate 0: must be above 0"]),
            case(&["--target-rate", "inf"], &["--target-rate inf: must be above 0"]),
            case(&["--load", "2"], &["--load 2 picks recordings for --protocol:"]),
            case(
                &["--protocol", "paper", "--patience", "3"],
                &["no validation set", "leave --patience 3 out"],
            ),
            case(
                &["--protocol", "paper", "--window", "500"],
                &["windows of 400 samples", "leave --window 500 out"],
            ),
            case(&["--protocol", "paper", "--stride", "200"], &["leave --stride 200 out"]),
            case(
                &["--protocol", "paper", "--target-rate", "6000"],
                &["does not resample", "leave --target-rate 6000 out"],
            ),
            case(&["--protocol", "paper", "--balance", "on"], &["leave --balance on out"]),
            case(&["--protocol", "paper", "--scale", "train"], &["does not scale", "leave --scale out"]),
            case(
                &["--protocol", "paper", "--split", "bearing"],
                &["divides by window", "leave --split bearing out"],
            ),
            case(
                &["--protocol", "paper-by-time", "--split", "window"],
                &["divides by time", "leave --split window out"],
            ),
            case(
                &["--model", "resnet"],
                &["resnet: no such model file, and the built-in models are: cnn-lstm, cnn-lstm-flatten, "],
            ),
            case(&["--model", "broken.toml"], &["broken.toml:5: ", "kanals"]),
            case(
                &["--model", "model.toml", "--window", "3"],
                &["window of 3 samples", "max_pool1d 'pool1': size 4"],
            ),
            case(&["--resume", "nowhere"], &["nowhere: is no run's folder", "`train` named"]),
            case(&["--config", "a.toml", "--resume", "b"], &["cannot be used with"]),
        ],
    );
    check(
        &workshop,
        &["bench"],
        &[
            case(&["--batch", "5000000000"], &["--batch 5000000000: must be at most 65535"]),
            case(&["--repeats", "0"], &["--repeats 0: must be at least 1"]),
        ],
    );
}

fn hints() {
    let workshop = Workshop::new();
    let mut clipped = signal(1000, 0.3);
    clipped[10..14].fill(2.0);
    clipped[30..34].fill(2.0);
    write_wav(&workshop.path("clipped.wav"), RATE, &clipped);
    let output = crate::setup::success(workshop.run(&["data", "info", "clipped.wav"]));
    assert!(output.contains("hint: clipped.wav: seems clipped"), "{output}");
}

#[cfg(unix)]
fn not_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let workshop = Workshop::new();
    let name = std::ffi::OsStr::from_bytes(b"d\xffta");
    let output = workshop.command(&["train", "--data"]).arg(name).output().unwrap();
    let error = failure(output, 2);
    assert!(error.contains("--data ") && error.contains("not UTF-8"), "{error}");
}

fn configurations() {
    let workshop = Workshop::new();
    fs::write(workshop.path("key.toml"), "epochs = 3\n\nbatchsize = 3\n").unwrap();
    fs::write(workshop.path("type.toml"), "seed = 1\nepochs = \"three\"\n").unwrap();
    fs::write(workshop.path("value.toml"), "split = \"bearings\"\n").unwrap();
    fs::write(workshop.path("weights.toml"), "class_weights = \"1,x\"\n").unwrap();
    fs::write(workshop.path("syntax.toml"), "epochs = 3\nbatch 4\n").unwrap();
    check(
        &workshop,
        &["train", "--config"],
        &[
            case(&["missing.toml"], &["missing.toml: cannot be read"]),
            case(&["key.toml"], &["key.toml:3: unknown field `batchsize`", "`batch`"]),
            case(&["type.toml"], &["type.toml:2: ", "expected usize"]),
            case(&["value.toml"], &["value.toml:1: ", "`bearing`"]),
            case(&["weights.toml"], &["weights.toml:1: ", "'x' is no weight"]),
            case(&["syntax.toml"], &["syntax.toml:2: "]),
        ],
    );
}

fn out() {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("full")).unwrap();
    fs::write(workshop.path("full/notes.txt"), "mine").unwrap();
    check(
        &workshop,
        &["train", "--data", "data", "--model", "model.toml", "--out"],
        &[
            case(&["full"], &["full: is not empty", "--out", "--resume full"]),
            case(&["model.toml/run"], &["model.toml/run: the run's folder cannot be made there", "--out"]),
        ],
    );
    assert_eq!(workshop.read("full/notes.txt"), b"mine");
    check(
        &workshop,
        &["train", "--data", "data", "--model", "model.toml"],
        &[case(&["--variant", "nope"], &["--variant nope: unknown; there are:", "standard"])],
    );
    assert!(!workshop.path("runs").exists(), "a run that cannot start leaves no folder behind");
}

fn adapter_number() {
    let workshop = Workshop::new();
    let adapters = gpu_bearing::gpu::adapter::list();
    let numbers = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .map(Into::into)
            .collect()
    };
    check(
        &workshop,
        &["bench", "--adapter"],
        &[case(&["987654321"], &["--adapter 987654321: no such adapter; there are:", &adapters[0].name])],
    );
    for number in numbers(&adapters[0].name) {
        if number.parse::<usize>().is_ok_and(|number| number >= adapters.len()) {
            // It gets as far as the variant.
            let says = ["--variant nope: unknown"];
            check(&workshop, &["bench", "--adapter"], &[case(&[&number, "--variant", "nope"], &says)]);
        }
    }
}

fn help() {
    let workshop = Workshop::new();
    for command in ["train", "eval", "predict"] {
        let text = crate::setup::success(workshop.run(&[command, "--help"]));
        let options: Vec<&str> =
            text.split("\n      --").skip(1).filter(|option| option.contains('<')).collect();
        assert!(options.len() > 3, "{text}");
        for option in options {
            let words = option.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains("[default: "), "{command} --{words}");
        }
    }
}
