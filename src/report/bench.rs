//! What a bench prints: times, kernels under the roof, changes, ratios, forecasts.

use std::fmt::Write as _;

use super::drawing;
use super::plot::{Curve, Panel, Scale};
use super::{Align, Table};
use crate::gpu::profile::Clock;
use crate::train::bench::forecast::{Cost, Forecast, Term};
use crate::train::bench::scaling::Series;
use crate::train::bench::{Against, Bench, Change, Spread, TEST_WINDOWS, with_frozen};

/// `12.3 ms (11.0 to 14.2)`.
fn milliseconds(spread: &Spread) -> String {
    format!("{:8.1} ms ({:.1} to {:.1})", spread.median, spread.min, spread.max)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The figures of a bench as a whole.
pub fn summary(bench: &Bench) -> String {
    let Bench { subject, train_step_ms: step, infer_360_ms: classify, roof, .. } = bench;
    let per_second = |windows: usize, ms: &Spread| windows as f64 / ms.median * 1e3;
    let flop: u64 = bench.kernels.iter().map(|kernel| kernel.flop).sum();
    let process = bench.process_bytes.map_or(String::new(), |bytes| {
        format!("\n{:18}{} at the peak of this process, its driver included", "", megabytes(bytes))
    });
    format!(
        "{}, batch {}{}, median of {} repeats (fastest to slowest)\n\n\
         training step     {}, {:.0} windows/s, {:.1} GFLOP/s\n\
         classify {TEST_WINDOWS}      {}, {:.0} windows/s\n\
         start to 1st step {:8.1} ms, compilation included\n\
         launches          {:8} a step; an epoch of {} steps: {} submits, {} drained wait(s)\n\
         memory            {} on the device, {} of it in use at once{process}\n\
         roof              {:.1} GB/s by a copy, {:.1} GFLOP/s by multiply-adds in registers",
        subject.model,
        subject.batch,
        with_frozen(&subject.frozen),
        bench.repeats,
        milliseconds(step),
        per_second(subject.batch, step),
        flop as f64 / step.median / 1e6,
        milliseconds(classify),
        per_second(TEST_WINDOWS, classify),
        bench.first_step_ms,
        bench.launches_per_step,
        bench.steps_per_epoch,
        bench.submits_per_epoch,
        bench.waits_per_epoch,
        megabytes(bench.device_bytes),
        megabytes(bench.live_bytes),
        roof.gb_per_s,
        roof.gflop_per_s,
    )
}

/// The kernels of a training step, and how to read the table.
pub fn kernels(bench: &Bench) -> String {
    let mut table = Table::new(&[
        ("kernel", Align::Left),
        ("variant", Align::Left),
        ("launches", Align::Right),
        ("ms", Align::Right),
        ("share", Align::Right),
        ("MFLOP", Align::Right),
        ("GFLOP/s", Align::Right),
        ("MB", Align::Right),
        ("of roof", Align::Right),
    ]);
    let total: f64 = bench.kernels.iter().map(|kernel| kernel.ms).sum();
    for kernel in &bench.kernels {
        table.row([
            kernel.name.clone(),
            kernel.variant.clone(),
            kernel.launches.to_string(),
            format!("{:.2}", kernel.ms),
            format!("{:.0} %", 100.0 * kernel.ms / total),
            format!("{:.1}", kernel.flop as f64 / 1e6),
            format!("{:.1}", kernel.flop as f64 / kernel.ms / 1e6),
            format!("{:.1}", kernel.bytes as f64 / 1e6),
            format!("{:.0} %", 100.0 * kernel.roof_share()),
        ]);
    }
    let clock = match bench.clock {
        Clock::Timestamps => "timed by the device's timestamps",
        Clock::Alone => "each launch timed alone with its submission",
    };
    format!(
        "{table}\n\
         kernels of one training step, {clock}\n\
         of roof: the time that their arithmetic or their bytes take at least under the roof, by their time;\n\
         above 100 % where data stays in a cache"
    )
}

/// A measurement beside an earlier one, read from the file `name`.
pub fn changes(changes: &[Change], name: &str) -> String {
    let mut table = Table::new(&[
        ("work", Align::Left),
        ("before, ms", Align::Right),
        ("after, ms", Align::Right),
        ("after / before", Align::Right),
    ]);
    let cell = |ms: Option<f64>| ms.map_or("-".into(), |ms| format!("{ms:.2}"));
    for change in changes {
        table.row([change.work.clone(), cell(change.before_ms), cell(change.after_ms), cell(change.ratio())]);
    }
    format!("{table}\nbefore: {name}; medians")
}

/// The largest ratio by the least, above which a comparison is not to be trusted: idle machines stay below 1.5.
const UNSTEADY: f64 = 2.0;

/// Ours and the peer's times.
pub fn against(against: &Against) -> String {
    let mut table = Table::new(&[
        ("work", Align::Left),
        ("ours, ms", Align::Right),
        ("PyTorch, ms", Align::Right),
        ("ours / PyTorch", Align::Right),
    ]);
    for pairs in &against.pairs {
        let Spread { median, min, max } = pairs.ratio;
        table.row([
            pairs.work.clone(),
            format!("{:.1}", pairs.ours_ms.median),
            format!("{:.1}", pairs.theirs_ms.median),
            format!("{median:.2} ({min:.2} to {max:.2})"),
        ]);
    }
    let mut text = format!(
        "ours: {}\nPyTorch {} on the processor (Python {}), eager, {} core(s)\n\n{table}\n\
         medians of {} pairs, one after the other in this run; both give the same probabilities to within {:.0e}\n\n\
         PyTorch's fastest setting, of those tried:\n",
        against.adapter,
        against.torch,
        against.python,
        against.cores,
        against.repeats,
        against.largest_difference
    );
    for pairs in &against.pairs {
        let _ = writeln!(text, "  {}: {}", pairs.work, pairs.setting);
    }
    if against.pairs.iter().any(|pairs| pairs.ratio.max > UNSTEADY * pairs.ratio.min) {
        text.push_str("\nThe ratios spread widely: something else kept the machine busy; measure again when it is idle.");
    }
    text.truncate(text.trim_end().len());
    text
}

/// What a training step would cost, with all that is assumed.
pub fn forecast(forecast: &Forecast) -> String {
    let mut adapters = Table::new(&[
        ("GPU", Align::Left),
        ("GB/s", Align::Right),
        ("GFLOP/s", Align::Right),
        ("us/launch", Align::Right),
        ("arithmetic", Align::Right),
        ("memory", Align::Right),
        ("launches", Align::Right),
        ("step, ms", Align::Right),
        ("bound by", Align::Left),
    ]);
    for (adapter, cost) in forecast.adapters.iter().zip(&forecast.steps) {
        adapters.row([
            adapter.name.to_owned(),
            format!("{}", adapter.roof.gb_per_s),
            format!("{}", adapter.roof.gflop_per_s),
            format!("{}", adapter.launch_us),
            format!("{:.3}", cost.arithmetic_ms),
            format!("{:.3}", cost.memory_ms),
            format!("{:.3}", cost.launches_ms),
            format!("{:.3}", cost.total_ms()),
            term(cost).to_owned(),
        ]);
    }
    let mut columns = vec![
        ("kernel", Align::Left),
        ("launches", Align::Right),
        ("MFLOP", Align::Right),
        ("MB", Align::Right),
    ];
    columns.extend(forecast.adapters.iter().map(|adapter| (adapter.name, Align::Right)));
    let mut kernels = Table::new(&columns);
    for kernel in &forecast.kernels {
        let counts = [
            kernel.name.clone(),
            kernel.launches.to_string(),
            format!("{:.1}", kernel.flop as f64 / 1e6),
            format!("{:.1}", kernel.bytes as f64 / 1e6),
        ];
        let costs =
            kernel.costs.iter().map(|cost| format!("{:.0} {}", 1e3 * cost.total_ms(), &term(cost)[..1]));
        kernels.row(counts.into_iter().chain(costs));
    }
    let launches: usize = forecast.kernels.iter().map(|kernel| kernel.launches).sum();
    format!(
        "{}, batch {}{}: a training step from its counts, {launches} launches, {:.0} MFLOP; nothing was measured\n\n\
         {adapters}\n\
         by GPUs with these assumed figures; ms by what bounds each launch\n\n\
         {kernels}\n\
         us with the largest term: a(rithmetic), m(emory), l(aunches)\n\n\
         A launch takes as long as its arithmetic or its bytes, whichever takes longer, and what launching costs.\n\
         This is a floor: it takes bandwidth and rate for fully used, and does not see that an LSTM's time steps\n\
         wait for each other. `gpu-bearing bench` measures.",
        forecast.model,
        forecast.batch,
        with_frozen(&forecast.frozen),
        forecast.kernels.iter().map(|kernel| kernel.flop).sum::<u64>() as f64 / 1e6,
    )
}

fn term(cost: &Cost) -> &'static str {
    match cost.dominant() {
        Term::Arithmetic => "arithmetic",
        Term::Memory => "memory",
        Term::Launches => "launches",
    }
}

/// The cost of growing work.
pub fn scaling(all: &[Series]) -> String {
    let mut table = Table::new(&[
        ("what grows", Align::Left),
        ("size", Align::Right),
        ("step, ms", Align::Right),
        ("MFLOP", Align::Right),
        ("ms/GFLOP", Align::Right),
    ]);
    for series in all {
        for point in &series.points {
            table.row([
                series.what.to_owned(),
                point.size.to_string(),
                format!("{:.1}", point.step_ms.median),
                format!("{:.1}", point.flop as f64 / 1e6),
                format!("{:.1}", point.ms_per_gflop()),
            ]);
        }
    }
    let mut text = format!("{table}\n");
    for series in all {
        let _ = write!(
            text,
            "\n{}: the time a GFLOP grows at most {:.2} times from one size to a larger one",
            series.what,
            series.growth()
        );
    }
    text
}

/// The cost of growing work as an SVG, a panel a series; `title` says what was measured where.
pub fn scaling_plot(all: &[Series], title: &str) -> String {
    let curve = |series: &Series| Curve {
        name: String::new(),
        points: series.points.iter().map(|point| (point.size as f64, point.ms_per_gflop())).collect(),
    };
    let curves: Vec<Curve> = all.iter().map(curve).collect();
    let top = Panel::highest(&curves);
    let panel = |(series, curve): (&Series, Curve)| Panel {
        title: "ms/GFLOP".to_owned(),
        x: series.what.to_owned(),
        scale: Scale::Doublings,
        top,
        curves: vec![curve],
        mark: None,
    };
    let panels = all.iter().zip(curves).map(|pair| panel(pair).draw()).collect();
    drawing::file(title, &[(String::new(), panels)])
}
