//! The plans of a lowered model: how many launches they take, and that these fit every adapter.

use std::collections::{BTreeMap, BTreeSet};

use crate::variants::adapter;
use gpu_bearing::gpu::Launch;
use gpu_bearing::gpu::adapter::{AdapterInfo, AdapterType};
use gpu_bearing::gpu::plan::Arena;
use gpu_bearing::gpu::shader::Access;
use gpu_bearing::nn::lower::{Capacity, Lowered, Lowering, Recipe, Task, lower};
use gpu_bearing::nn::network::Options;
use gpu_bearing::nn::variants::{ROWS, Row};
use gpu_bearing::nn::{Model, Tensor};

pub(crate) const CLASSES: usize = 6;

/// Frozen layers: none, and some from the start and in the middle.
const FROZEN: [&[&str]; 2] = [&[], &["conv1", "conv2", "dense1"]];

/// A network of sequences, one of images too, and one of recurrent layers alone.
const MODELS: [&str; 3] = ["cnn-lstm", "cnn2d-lstm", "lstm"];

#[test]
fn windows_are_classified_in_few_batches_of_equal_size() {
    let model = Model::default_for(CLASSES).unwrap();
    let batch = |model: &Model, windows, binding: u64| {
        let info = AdapterInfo { storage_binding_bytes: binding, ..adapter(AdapterType::Software, 8) };
        let of = |row: &Row| Options::scoring(&info, model, windows, row.variants()).unwrap().batch;
        let batches: BTreeSet<usize> = ROWS.iter().map(of).collect();
        assert_eq!(batches.len(), 1, "in every row alike: {batches:?}");
        batches.into_iter().next().unwrap()
    };
    for (windows, expected) in [(360, 120), (128, 128), (129, 65), (1, 1), (0, 1)] {
        assert_eq!(batch(&model, windows, 1 << 27), expected, "{windows} windows");
    }
    // The longest tensor has (400 + 7) * 16 elements a window, padding included: 40 windows in 2^20 bytes.
    assert_eq!(batch(&model, 360, 1 << 20), 40);
    // However large a binding may be, no tensor has more than 2^25 bytes: the gates of 64 units 400 * 256 * 4 a window.
    let text = Model::load("lstm", CLASSES).unwrap().to_toml().replace("units = 32", "units = 64");
    let wide = Model::parse(&text, "wide.toml", CLASSES).unwrap();
    assert_eq!(batch(&wide, 360, 1 << 40), 72);
}

fn lowered(row: &Row, model: &str, batch: usize) -> Lowered {
    lowered_with(row, model, batch, &[]).unwrap()
}

/// A model with layers frozen.
pub(crate) fn lowered_with(
    row: &Row,
    model: &str,
    batch: usize,
    frozen: &[&str],
) -> gpu_bearing::Result<Lowered> {
    let capacity = Capacity { batch, windows: batch, order: batch, signal_parts: vec![4000] };
    let frozen = frozen.iter().map(|name| (*name).to_owned()).collect();
    let recipe = Recipe { frozen, ..Recipe::default() };
    let options = Lowering { variants: row.variants(), clip_norm: None, task: Task::Training, recipe };
    lower(&Model::load(model, CLASSES).unwrap(), &capacity, &options)
}

/// The launches of a training step.
fn training_step(row: &Row, model: &str, batch: usize) -> Vec<Launch> {
    let lowered = lowered(row, model, batch);
    [lowered.gradients.launches, lowered.update.launches].concat()
}

/// Every row of variants with every model here, whole and with layers frozen.
fn networks() -> impl Iterator<Item = (&'static Row, &'static str, &'static [&'static str])> {
    ROWS.iter().flat_map(|row| {
        let whole = MODELS.map(|model| (row, model, FROZEN[0]));
        whole.into_iter().chain([(row, MODELS[0], FROZEN[1])])
    })
}

/// On a fast adapter a launch costs more than most kernels' work at batch 32.
#[test]
fn a_training_step_takes_few_launches() {
    for row in ROWS {
        let launches = training_step(row, MODELS[0], 32).len();
        // A software adapter waits for each, so both gradients of a product are one there.
        let most = if row.name == "subgroup" { 33 } else { 40 };
        assert!(launches <= most, "{}: {launches} launches, dropout included", row.name);
    }
}

/// A projection of one channel is dearer to write and to read than to compute.
#[test]
fn the_walk_of_an_lstm_projects_an_input_of_one_channel_where_it_can() {
    for row in ROWS {
        let own = |launch: &Launch| launch.label == "lstm1" && launch.kernel.shader == "conv1d";
        let launches = training_step(row, "lstm", 32);
        let products: Vec<_> =
            launches.iter().filter(|launch| own(launch)).map(|launch| launch.kernel.entry).collect();
        let expected: &[&str] = match row.name {
            "subgroup" => &["weight_gradient"],
            _ => &["forward", "weight_gradient", "weight_gradient"],
        };
        assert_eq!(products, expected, "{}", row.name);
    }
}

/// Constants such as a tile's size are chosen when a model is lowered: here at small, usual and large batches.
#[test]
fn every_kernel_of_a_training_step_fits_the_default_limits() {
    for (row, model, _) in networks() {
        for batch in [1, 32, 512] {
            for launch in training_step(row, model, batch) {
                let entry = launch.kernel.reflect().unwrap();
                let invocations: u32 = entry.workgroup_size.iter().product();
                let bytes = entry.workgroup_memory;
                assert!(invocations <= 256, "{} of '{}': {invocations}", launch.kernel, launch.label);
                assert!(bytes <= 16 << 10, "{} of '{}': {bytes} bytes", launch.kernel, launch.label);
            }
        }
    }
}

/// A large GPU has some hundred cores, and each wants a workgroup of its own at least.
#[test]
fn the_tiled_variant_fills_a_gpu() {
    let tiled = ROWS.iter().find(|row| row.name == "tiled").unwrap();
    let mut sizes = BTreeSet::new();
    for batch in [32, 512] {
        for launch in
            training_step(tiled, MODELS[0], batch).iter().filter(|launch| launch.kernel.shader == "conv1d")
        {
            let [lanes @ .., _] = launch.kernel.reflect().unwrap().workgroup_size;
            sizes.insert(lanes);
            // A product this small is done before a second core could help.
            if launch.flop > 5_000_000 {
                let (kernel, groups) = (&launch.kernel, launch.workgroups);
                assert!(groups >= 24, "{kernel} of '{}': {groups} workgroups", launch.label);
            }
        }
    }
    assert!(sizes.contains(&[8, 8]) && sizes.contains(&[16, 16]), "{sizes:?}");
}

/// Most bytes of a step are tensors of which few are in use together.
#[test]
fn buffers_that_share_memory_are_never_in_use_together() {
    for (row, model, frozen) in networks() {
        let lowered = lowered_with(row, model, 32, frozen).unwrap();
        let buffers = &lowered.arena.buffers;
        let mut memories: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, buffer) in buffers.iter().enumerate() {
            memories.entry(buffer.memory).or_default().push(index);
        }
        let shared: Vec<&Vec<usize>> = memories.values().filter(|memory| memory.len() > 1).collect();
        assert!(!shared.is_empty(), "{}: nothing is shared", row.name);
        assert!(shared.iter().all(|memory| memory.iter().all(|index| buffers[*index].scratch)));
        let binds =
            |launch: &Launch, index: usize| launch.bindings.iter().any(|(_, b)| b.buffer().0 == index);
        for run in [vec![&lowered.infer], vec![&lowered.gradients, &lowered.update]] {
            let launches: Vec<&Launch> = run.iter().flat_map(|plan| &plan.launches).collect();
            for memory in &shared {
                // The buffer that each launch finds in the memory: once it has given way it never comes back.
                let mut found: Vec<usize> = Vec::new();
                for launch in &launches {
                    let bound: Vec<usize> =
                        memory.iter().copied().filter(|index| binds(launch, *index)).collect();
                    assert!(
                        bound.len() <= 1,
                        "{} of '{}' binds two of one memory",
                        launch.kernel,
                        launch.label
                    );
                    found.extend(bound);
                }
                found.dedup();
                let different: BTreeSet<usize> = found.iter().copied().collect();
                assert_eq!(found.len(), different.len(), "{}: {}", row.name, buffers[memory[0]].name);
            }
        }
    }
}

/// The launches of a network that is explained: all of its weights stay, and the last launch gives the input's gradient.
#[test]
fn an_explained_network_has_the_gradient_of_its_input_alone() {
    for (row, model) in ROWS.iter().flat_map(|row| MODELS.map(|model| (row, model))) {
        let lowered = explained(row, model);
        assert!(lowered.update.launches.is_empty());
        let launches = &lowered.gradients.launches;
        let unwanted = |launch: &Launch| {
            ["weight_gradient", "gradients"].contains(&launch.kernel.entry)
                || ["gradient_sum", "dropout"].contains(&launch.kernel.shader)
        };
        assert!(!launches.iter().any(unwanted), "{} {model}", row.name);
        let dx = lowered.io.dx.unwrap();
        let binds = |launch: &&Launch| launch.bindings.iter().any(|(_, b)| b.buffer() == dx.slice.buffer);
        assert_eq!(launches.iter().filter(binds).count(), 1);
        assert!(binds(&launches.last().unwrap()), "{} {model}", row.name);
    }
}

fn explained(row: &Row, model: &str) -> Lowered {
    let capacity = Capacity { batch: 32, windows: 32, order: 32, signal_parts: vec![4000] };
    let options = Lowering {
        variants: row.variants(),
        clip_norm: None,
        task: Task::Explaining,
        recipe: Recipe::default(),
    };
    lower(&Model::load(model, CLASSES).unwrap(), &capacity, &options).unwrap()
}

/// What a run reads of scratch it has written before: the first launch that binds it writes it.
#[test]
fn scratch_is_written_before_it_is_read() {
    let trained = networks().map(|(row, model, frozen)| lowered_with(row, model, 32, frozen).unwrap());
    let explained = ROWS.iter().flat_map(|row| MODELS.map(|model| explained(row, model)));
    for lowered in trained.chain(explained) {
        for run in [vec![&lowered.infer], vec![&lowered.gradients, &lowered.update]] {
            let mut seen = BTreeSet::new();
            for launch in run.iter().flat_map(|plan| &plan.launches) {
                let entry = launch.kernel.reflect().unwrap();
                for (name, binding) in &launch.bindings {
                    let buffer = &lowered.arena.buffers[binding.buffer().0];
                    if buffer.scratch && seen.insert(binding.buffer()) {
                        let info = entry.bindings.iter().find(|info| info.name == *name).unwrap();
                        assert_eq!(
                            info.access,
                            Access::ReadWrite,
                            "{}: {name} of {}",
                            buffer.name,
                            launch.kernel
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn sequences_of_whole_kib_rows_stand_a_cache_line_apart() {
    let mut arena = Arena::default();
    let mut sequence = |channels, padding| {
        let tensor = Tensor::allocate_staggered(&mut arena, "x", (3, 6, channels), padding);
        assert_eq!(tensor.slice.len, 3 * tensor.sequence());
        // Seen as single elements, it begins and ends at the same places.
        let single = tensor.viewed(6 * channels, 1);
        assert_eq!((single.start(), single.sequence()), (tensor.start(), tensor.sequence()));
        (tensor.start(), tensor.sequence())
    };
    assert_eq!(sequence(256, (0, 0)), (0, 6 * 256 + 16));
    assert_eq!(sequence(512, (2, 1)), (2 * 512, 9 * 512 + 16));
    assert_eq!(sequence(128, (1, 0)), (128, 7 * 128));
}
