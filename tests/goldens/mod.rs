//! Reads the golden files that `make.py` wrote beside this file, and repeats its batches.
//! A test crate takes it in with `#[path = "../goldens/mod.rs"] mod goldens;`.

#![allow(dead_code, reason = "each test crate uses its own part")]

use std::path::PathBuf;

use safetensors::tensor::{Dtype, SafeTensors};

/// The path of golden file `name`.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

/// The bytes of golden file `name`.
pub(crate) fn read(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

/// Shape and values of an F32 tensor of an opened file.
pub(crate) fn floats(file: &SafeTensors<'_>, name: &str) -> (Vec<usize>, Vec<f32>) {
    let (shape, bytes) = tensor(file, name, Dtype::F32);
    (shape, bytes.into_iter().map(f32::from_le_bytes).collect())
}

/// Shape and values of an I32 tensor of an opened file: labels, positions, lengths; none is negative.
pub(crate) fn integers(file: &SafeTensors<'_>, name: &str) -> (Vec<usize>, Vec<u32>) {
    let (shape, bytes) = tensor(file, name, Dtype::I32);
    (
        shape,
        bytes.into_iter().map(|bytes| i32::from_le_bytes(bytes).try_into().expect("not negative")).collect(),
    )
}

fn tensor(file: &SafeTensors<'_>, name: &str, dtype: Dtype) -> (Vec<usize>, Vec<[u8; 4]>) {
    let tensor = file.tensor(name).unwrap_or_else(|cause| panic!("{name}: {cause}"));
    assert_eq!(tensor.dtype(), dtype, "{name}");
    (tensor.shape().to_vec(), tensor.data().as_chunks().0.to_vec())
}

/// The cases of `kernels.safetensors`: each one's operation and scalars by its name.
pub(crate) fn cases(bytes: &[u8]) -> serde_json::Map<String, serde_json::Value> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).expect("a safetensors file");
    let entries = metadata.metadata().as_ref().expect("metadata");
    serde_json::from_str(&entries["cases"]).expect("JSON")
}

/// The batch that make.py's `batch` describes: x (rows, window, channels) and a label per row.
pub(crate) fn batch(
    step: usize,
    rows: usize,
    window: usize,
    channels: usize,
    classes: usize,
) -> (Vec<f32>, Vec<u32>) {
    let mut x = Vec::with_capacity(rows * window * channels);
    for row in 0..rows {
        let mut state = (32 * step + row) as u32;
        let period = 10 + 7 * (row % classes);
        for time in 0..window {
            for _ in 0..channels {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state / 512) as f32 / (1 << 23) as f32 - 0.5;
                x.push(if time % period == 0 { noise + 1.0 } else { noise });
            }
        }
    }
    (x, (0..rows).map(|row| (row % classes) as u32).collect())
}
