//! Reads the golden files that `make.py` wrote beside this file, and repeats its batches.
//! A test crate takes it in with `#[path = "../goldens/mod.rs"] mod goldens;`.

#![allow(dead_code, reason = "each test crate uses its own part")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use gpu_bearing::nn::Padding;
use gpu_bearing::nn::adam::Adam;
use gpu_bearing::nn::conv1d::Conv1d;
use gpu_bearing::nn::conv2d::Conv2d;
use gpu_bearing::nn::lstm::Lstm;
use gpu_bearing::nn::max_pool2d::MaxPool2d;
use gpu_bearing::nn::softmax_cross_entropy::Objective;
use gpu_bearing::reference::max_pool1d::Pool;
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

/// One case of `kernels.safetensors`, read whole.
pub(crate) struct Golden {
    /// The case's name.
    pub(crate) name: String,
    /// Its operation and scalars.
    pub(crate) scalars: serde_json::Value,
    floats: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    integers: BTreeMap<String, Vec<u32>>,
}

/// All cases of `kernels.safetensors`.
pub(crate) fn kernels() -> Vec<Golden> {
    let bytes = read("kernels.safetensors");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    cases(&bytes)
        .into_iter()
        .map(|(name, scalars)| {
            let mut golden =
                Golden { name, scalars, floats: BTreeMap::default(), integers: BTreeMap::default() };
            for (key, view) in file.tensors() {
                let Some(tensor) = key.strip_prefix(&format!("{}.", golden.name)) else { continue };
                if view.dtype() == Dtype::F32 {
                    golden.floats.insert(tensor.to_owned(), floats(&file, &key));
                } else {
                    golden.integers.insert(tensor.to_owned(), integers(&file, &key).1);
                }
            }
            golden
        })
        .collect()
}

impl Golden {
    /// The operation.
    pub(crate) fn op(&self) -> &str {
        self.scalars["op"].as_str().expect("an operation")
    }

    /// An integer among the scalars.
    pub(crate) fn size(&self, name: &str) -> usize {
        self.scalars[name].as_u64().expect(name) as usize
    }

    /// A float tensor.
    pub(crate) fn narrow(&self, name: &str) -> &[f32] {
        &self.floats[name].1
    }

    /// A float among the scalars, where it is there.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.scalars.get(name).map(|number| number.as_f64().expect(name))
    }

    /// What a cross-entropy is shaped by.
    pub(crate) fn objective(&self) -> Objective {
        let weights =
            |(_, weights): &(_, Vec<f32>)| weights.iter().map(|&weight| f64::from(weight)).collect();
        Objective {
            label_smoothing: self.number("smoothing").unwrap_or(0.0),
            class_weights: self.floats.get("weight").map(weights).unwrap_or_default(),
        }
    }

    /// Adam or AdamW.
    pub(crate) fn adam(&self) -> Adam {
        Adam { weight_decay: self.number("weight_decay").unwrap_or(0.0), ..Adam::default() }
    }

    /// A float tensor in f64.
    pub(crate) fn wide(&self, name: &str) -> Vec<f64> {
        self.narrow(name).iter().map(|&value| f64::from(value)).collect()
    }

    /// An integer tensor.
    pub(crate) fn integers(&self, name: &str) -> &[u32] {
        &self.integers[name]
    }

    /// The sizes of a float tensor of three axes.
    pub(crate) fn sizes(&self, name: &str) -> (usize, usize, usize) {
        let shape = &self.floats[name].0;
        (shape[0], shape[1], shape[2])
    }

    /// The sizes of a float tensor of four axes.
    fn image(&self, name: &str) -> [usize; 4] {
        self.floats[name].0[..].try_into().expect(name)
    }

    /// Rows and columns among the scalars.
    pub(crate) fn pair(&self, name: &str) -> [usize; 2] {
        [0, 1].map(|axis| self.scalars[name][axis].as_u64().expect(name) as usize)
    }

    /// What a convolution does at the ends.
    pub(crate) fn padding(&self) -> Padding {
        if self.scalars["padding"] == "same" { Padding::Same } else { Padding::Valid }
    }

    /// The geometry of a convolution or a dense layer.
    pub(crate) fn conv1d(&self) -> Conv1d {
        let filters = self.narrow("b").len();
        match self.op() {
            "dense" => Conv1d::dense(self.sizes("x"), filters),
            _ => {
                Conv1d::new(self.sizes("x"), filters, self.sizes("w").0, self.size("stride"), self.padding())
            }
        }
    }

    /// The geometry of a 2-D convolution.
    pub(crate) fn conv2d(&self) -> Conv2d {
        let [columns, rows, _, filters] = self.image("w");
        Conv2d::new(self.image("x"), filters, [rows, columns], self.pair("stride"), self.padding())
    }

    /// The geometry of a pooling layer; a global pool has no size of its own.
    pub(crate) fn pool(&self) -> Pool {
        let (batch, length, channels) = self.sizes("x");
        Pool {
            batch,
            length,
            channels,
            size: self.scalars["size"].as_u64().map_or(length, |size| size as usize),
        }
    }

    /// The geometry of a pooling layer over images.
    pub(crate) fn pool2d(&self) -> MaxPool2d {
        let [batch, height, width, channels] = self.image("x");
        MaxPool2d { batch, height, width, channels, size: self.pair("size") }
    }

    /// The geometry of an LSTM.
    pub(crate) fn lstm(&self) -> Lstm {
        let (batch, steps, channels) = self.sizes("x");
        let reverse = self.scalars["reverse"] == true;
        Lstm { batch, steps, channels, units: self.narrow("w_hh").len().isqrt() / 2, reverse }
    }

    /// The upstream gradients of an LSTM: of its sequence, if that is its output, and of its last state.
    pub(crate) fn lstm_gradients(&self) -> (Option<Vec<f64>>, Vec<f64>) {
        let (dy, mut dh) = (self.wide("dy"), self.wide("dhn"));
        let dy = if self.scalars["sequence"] == true {
            Some(dy)
        } else {
            dh.iter_mut().zip(dy).for_each(|(dh, dy)| *dh += dy);
            None
        };
        (dy, [dh, self.wide("dcn")].concat())
    }
}
