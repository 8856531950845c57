//! Training with frozen layers: what stays, what learns, and that it learns as in the whole network.

use std::collections::BTreeSet;

use gpu_bearing::gpu::Gpu;
use gpu_bearing::nn::lower::Recipe;
use gpu_bearing::nn::network::{Options, Trained};
use gpu_bearing::nn::parameters::Entry;
use gpu_bearing::nn::{Model, ParameterTable, Variants, initialise};
use libtest_mimic::{Failed, Trial};

use crate::device::{Device, RowTest};
use crate::network::{Fixture, bits, every_layer, options};

/// Every test here, in every variant that the adapter runs.
pub(crate) fn trials(device: &Device) -> Vec<Trial> {
    let tests: [(&str, RowTest); 3] = [
        ("frozen parameters stay bit-equal, all others learn", stay),
        ("what learns has the whole network's gradients", gradients),
        ("dropout among frozen layers at the start is off", dropout),
    ];
    device.row_trials("freeze", &tests)
}

/// From the start up, in the middle, every other one, and all but the output layer.
const SETS: [&[&str]; 4] = [
    &["image1", "image2", "conv1", "conv2"],
    &["lstm1"],
    &["image1", "conv1", "lstm1", "lstm2"],
    &["image1", "image2", "conv1", "conv2", "lstm1", "conv3", "lstm2"],
];

const ROWS_OF_BATCHES: [usize; 3] = [4, 4, 3];

fn fixture<'g>(
    gpu: &'g Gpu,
    variants: &Variants,
    model: &Model,
    frozen: &[&str],
    clip_norm: Option<f64>,
) -> Result<Fixture<'g>, Failed> {
    let frozen: BTreeSet<String> = frozen.iter().map(|name| (*name).to_owned()).collect();
    let recipe = Recipe { frozen, ..Recipe::default() };
    let options = Options { clip_norm, recipe, ..options(variants, 4) };
    let fixture = Fixture::with(gpu, model, &ROWS_OF_BATCHES, &options, usize::MAX)?;
    fixture.network.set_parameters(&initialise(model, 5)?);
    Ok(fixture)
}

fn is_frozen(entry: &Entry, frozen: &[&str]) -> bool {
    frozen.contains(&entry.layer_name())
}

/// With dropout and clipping.
fn stay(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?;
    let table = ParameterTable::new(&model)?;
    let before = initialise(&model, 5)?;
    for frozen in SETS {
        let Trained { snapshot, .. } = fixture(gpu, variants, &model, frozen, Some(0.1))?.whole_epoch()?;
        for entry in table.entries() {
            let (name, range) = (&entry.name, entry.range());
            let same = bits(&snapshot.parameters[range.clone()]) == bits(&before[range.clone()]);
            assert_eq!(same, is_frozen(entry, frozen), "{frozen:?}: {name}");
            let still = [&snapshot.m, &snapshot.v].map(|flat| flat[range.clone()].iter().all(|x| *x == 0.0));
            assert_eq!(still, [same; 2], "{frozen:?}: moments of {name}");
        }
    }
    Ok(())
}

/// Without dropout, which is off among frozen layers. The same kernels in the same order: the same bits.
fn gradients(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?.with_dropout(0.0)?;
    let table = ParameterTable::new(&model)?;
    let first_batch = |frozen: &[&str]| -> Result<_, Failed> {
        let mut fixture = fixture(gpu, variants, &model, frozen, None)?;
        fixture.order.truncate(ROWS_OF_BATCHES[0]);
        let trained = fixture.whole_epoch()?;
        Ok((bits(&trained.rows.loss), fixture.network.gradients()?))
    };
    let (whole_loss, whole) = first_batch(&[])?;
    for frozen in SETS {
        let (loss, gradients) = first_batch(frozen)?;
        assert_eq!(loss, whole_loss, "{frozen:?}");
        for entry in table.entries() {
            let (own, expected) = (&gradients[entry.range()], &whole[entry.range()]);
            assert!(expected.iter().any(|x| *x != 0.0), "{}", entry.name);
            if is_frozen(entry, frozen) {
                assert!(own.iter().all(|x| *x == 0.0), "{frozen:?}: nobody computes {}", entry.name);
            } else {
                assert!(bits(own) == bits(expected), "{frozen:?}: {}", entry.name);
            }
        }
    }
    Ok(())
}

fn dropout(gpu: &Gpu, variants: &Variants) -> Result<(), Failed> {
    let model = every_layer()?;
    // 'drop0' stands between image1 and image2, 'drop1' between conv1 and conv2, 'drop2' between conv3 and lstm2.
    for (frozen, off) in [
        (&["image1", "image2", "conv1", "conv2", "lstm1", "conv3", "lstm2"][..], true),
        (&["image1", "image2", "conv1", "conv2", "lstm1", "conv3"], false),
        (&["image1", "image2", "conv1"], false),
    ] {
        let mut fixture = fixture(gpu, variants, &model, frozen, None)?;
        fixture.order.truncate(ROWS_OF_BATCHES[0]);
        let order = fixture.order.clone();
        let classified = fixture.network.classify(&order, &mut |_| ())?;
        let trained = fixture.whole_epoch()?;
        assert_eq!(bits(&trained.rows.loss) == bits(&classified.loss), off, "{frozen:?}");
    }
    Ok(())
}
