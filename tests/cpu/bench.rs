//! The arithmetic of the bench: roof, forecast, comparison, growth, memory in use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gpu_bearing::gpu::memory::{Place, live_elements, places};
use gpu_bearing::gpu::plan::Arena;
use gpu_bearing::gpu::profile::Clock;
use gpu_bearing::gpu::roof::{Bound, Roof};
use gpu_bearing::gpu::{Binding, Kernel, Launch, Slice};
use gpu_bearing::nn::Model;
use gpu_bearing::report;
use gpu_bearing::train::bench::forecast::{CLASSES, Cost, Figures, Term, forecast};
use gpu_bearing::train::bench::scaling::{Point, Series};
use gpu_bearing::train::bench::{Bench, KernelCost, Pairs, Spread, Subject};

const ROOF: Roof = Roof { gb_per_s: 10.0, gflop_per_s: 100.0 };

fn launch(flop: u64, bytes: u64, binds: &[Slice]) -> Launch {
    Launch {
        label: "test".into(),
        kernel: Kernel { shader: "relu", variant: "standard", entry: "forward", constants: BTreeMap::new() },
        bindings: binds.iter().map(|slice| ("x", Binding::Fixed(*slice))).collect(),
        shape: Vec::new(),
        workgroups: 1,
        barriers: 0,
        flop,
        bytes,
    }
}

fn spread(median: f64) -> Spread {
    Spread { median, min: median, max: median }
}

#[test]
fn a_floor_is_the_longer_of_arithmetic_and_bytes() {
    // 2 GFLOP at 100 GFLOP/s are 20 ms; 0.1 GB at 10 GB/s 10 ms.
    let (seconds, bound) = ROOF.floor(&launch(2_000_000_000, 100_000_000, &[]));
    assert!((seconds - 0.020).abs() < 1e-12 && bound == Bound::Arithmetic, "{seconds} {bound:?}");
    let (seconds, bound) = ROOF.floor(&launch(1_000, 100_000_000, &[]));
    assert!((seconds - 0.010).abs() < 1e-12 && bound == Bound::Memory, "{seconds} {bound:?}");
}

#[test]
fn a_forecast_adds_up_floors_and_launches() {
    let adapter = Figures { name: "test", roof: ROOF, launch_us: 500.0 };
    let launches = [launch(2_000_000_000, 0, &[]), launch(0, 50_000_000, &[]), launch(10, 0, &[])];
    let cost = Cost::of(&launches, &adapter);
    assert!((cost.arithmetic_ms - 20.0).abs() < 1e-6, "{cost:?}");
    assert!((cost.memory_ms - 5.0).abs() < 1e-6, "{cost:?}");
    assert!((cost.launches_ms - 1.5).abs() < 1e-9, "{cost:?}");
    assert!((cost.total_ms() - 26.5).abs() < 1e-6, "{cost:?}");
    assert_eq!(cost.dominant(), Term::Arithmetic);
    assert_eq!(Cost::of(&launches[1..], &adapter).dominant(), Term::Memory);
    assert_eq!(Cost::of(&launches[2..], &adapter).dominant(), Term::Launches);
}

#[test]
fn the_forecast_of_a_model_counts_every_launch_once() {
    let model = Model::default_for(6).unwrap();
    let of = |batch| forecast(&model, batch, Some("standard"), &BTreeSet::new(), CLASSES.to_vec()).unwrap();
    let forecast = of(32);
    let sum =
        |of: fn(&Cost) -> f64| -> f64 { forecast.kernels.iter().map(|kernel| of(&kernel.costs[2])).sum() };
    assert!((sum(Cost::total_ms) - forecast.steps[2].total_ms()).abs() < 1e-9);
    let launches: usize = forecast.kernels.iter().map(|kernel| kernel.launches).sum();
    assert!((forecast.steps[2].launches_ms - launches as f64 * CLASSES[2].launch_us * 1e-3).abs() < 1e-9);
    // Of one more window only what grows with the batch: a step of this model takes about 26 MFLOP a window.
    let flop = |batch| of(batch).kernels.iter().map(|kernel| kernel.flop).sum::<u64>() as f64;
    assert!((20e6..30e6).contains(&(flop(33) - flop(32))), "{}", flop(33) - flop(32));
    let text = report::bench::forecast(&forecast);
    for figure in ["1500", "40000", "launches", "nothing was measured", "conv1d.forward"] {
        assert!(text.contains(figure), "{text}");
    }
}

#[test]
fn a_buffer_is_live_from_its_first_launch_to_its_last() {
    let mut arena = Arena::default();
    let [a, b, c] = [("a", 100), ("b", 10), ("c", 1)].map(|(name, len)| arena.allocate(name, len));
    let unused = arena.allocate("unused", 1000);
    let launches = [launch(0, 0, &[a, b]), launch(0, 0, &[b, c]), launch(0, 0, &[b])];
    let launches: Vec<&Launch> = launches.iter().collect();
    assert_eq!(live_elements(&arena, &launches, &[]), 110);
    assert_eq!(live_elements(&arena, &launches[1..], &[]), 11);
    assert_eq!(live_elements(&arena, &launches[1..], &[a.buffer]), 111);
    assert_eq!(live_elements(&arena, &[], &[unused.buffer]), 1000);
}

#[test]
fn buffers_stand_one_behind_the_other_in_allocations() {
    let place = |allocation, offset| Place { allocation, offset };
    // The third does not fit behind the first two, the fourth does not fit anywhere.
    let (found, lengths) = places(&[100, 256, 600, 5000, 32], 1024);
    assert_eq!(found, [place(0, 0), place(0, 256), place(1, 0), place(2, 0), place(3, 0)]);
    assert_eq!(lengths, [512, 768, 5120, 256]);
    assert_eq!(places(&[], 1024), (vec![], vec![]));
}

#[test]
fn ratios_are_taken_pair_by_pair() {
    // The machine slows down by ten, and both with it.
    let pairs = Pairs::of("work".into(), &[(1.0, 2.0), (10.0, 20.0), (9.0, 10.0)], String::new());
    assert_eq!(pairs.ratio, Spread { median: 0.5, min: 0.5, max: 0.9 });
    assert_eq!(pairs.ours_ms, Spread { median: 9.0, min: 1.0, max: 10.0 });
    assert_eq!(pairs.theirs_ms.median, 10.0);
}

#[test]
fn growth_is_from_a_size_to_a_larger_one() {
    let point = |size, ms, gflop: u64| Point { size, step_ms: spread(ms), flop: gflop * 1_000_000_000 };
    let series = |points| Series { what: "batch", points };
    assert_eq!(point(8, 30.0, 2).ms_per_gflop(), 15.0);
    // 20, 10, 12, 11 ms a GFLOP: that it fell from 20 is no growth.
    let falling = series(vec![point(1, 20.0, 1), point(2, 20.0, 2), point(4, 48.0, 4), point(8, 88.0, 8)]);
    assert!((falling.growth() - 1.2).abs() < 1e-12);
    assert_eq!(series(vec![point(1, 20.0, 1), point(2, 20.0, 2)]).growth(), 1.0);
    let svg = report::bench::scaling_plot(&[falling], "a < b");
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    assert_eq!(svg.matches("<circle").count(), 4, "{svg}");
    assert!(svg.contains("a &lt; b") && !svg.contains("NaN"), "{svg}");
}

fn bench(kernels: &[(&str, &str, f64)]) -> Bench {
    let kernel = |&(name, variant, ms): &(&str, &str, f64)| KernelCost {
        name: name.into(),
        variant: variant.into(),
        launches: 1,
        ms,
        flop: 1,
        bytes: 1,
        floor_ms: ms / 4.0,
    };
    Bench {
        subject: Subject::new(&Model::default_for(6).unwrap(), 32, &BTreeSet::new()).unwrap(),
        adapter: "an adapter".into(),
        repeats: 7,
        train_step_ms: spread(20.0),
        infer_360_ms: spread(40.0),
        first_step_ms: 100.0,
        launches_per_step: 1,
        submits_per_epoch: 1,
        waits_per_epoch: 1,
        steps_per_epoch: 10,
        device_bytes: 2,
        live_bytes: 1,
        process_bytes: None,
        clock: Clock::Timestamps,
        roof: ROOF,
        kernels: kernels.iter().map(kernel).collect(),
    }
}

#[test]
fn a_comparison_adds_up_variants_and_keeps_what_only_one_has() {
    let before = bench(&[("conv", "standard", 8.0), ("conv", "subgroup", 2.0), ("gone", "standard", 1.0)]);
    let mut after = bench(&[("conv", "tiled", 5.0), ("new", "standard", 3.0)]);
    after.train_step_ms = spread(10.0);
    let changes = after.changes_from(&before);
    let rows: Vec<_> =
        changes.iter().map(|c| (c.work.as_str(), c.before_ms, c.after_ms, c.ratio())).collect();
    assert_eq!(
        rows,
        [
            ("training step", Some(20.0), Some(10.0), Some(0.5)),
            ("classify 360", Some(40.0), Some(40.0), Some(1.0)),
            ("conv", Some(10.0), Some(5.0), Some(0.5)),
            ("new", None, Some(3.0), None),
            ("gone", Some(1.0), None, None),
        ]
    );
}

#[test]
fn a_comparison_wants_the_same_model_and_batch() {
    let before = bench(&[]);
    let path = Path::new("before.json");
    before.check_subject(&before.subject, path).unwrap();
    let other = Subject { batch: 16, ..before.subject.clone() };
    let error = before.check_subject(&other, path).unwrap_err().to_string();
    assert_eq!(
        error,
        "before.json: measured cnn-lstm (window 400, 348822 parameters) at batch 32, \
         this run cnn-lstm (window 400, 348822 parameters) at batch 16: give the same --model and --batch"
    );
    // The same name for another network.
    let other = Subject { multiply_adds: 1, ..before.subject.clone() };
    before.check_subject(&other, path).unwrap_err();
}

#[test]
fn what_bench_prints_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("before.json");
    let before = bench(&[("conv", "standard", 8.0)]);
    std::fs::write(&path, serde_json::to_string_pretty(&before).unwrap()).unwrap();
    assert_eq!(Bench::read(&path).unwrap(), before);
    assert_eq!(before.kernels[0].roof_share(), 0.25);
    std::fs::write(&path, "{}").unwrap();
    let error = Bench::read(&path).unwrap_err().to_string();
    assert!(error.contains("before.json: is not what `gpu-bearing bench --json`"), "{error}");
}
