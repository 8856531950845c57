//! Checkpoints: a trained model, and where its training stands, in one safetensors file.
//!
//! The tensors have PyTorch's names and layouts (`conv1.weight`, `lstm1.weight_hh_l0`, ...; an LSTM's second
//! bias is written as zeros and added to the first on reading), so that PyTorch loads the file as it
//! is. A checkpoint to continue from also holds Adam's moments as `adam.m.<name>` and `adam.v.<name>`.
//! The metadata entry `gpu_bearing` is a JSON document with everything else; it is one entry because
//! the order of several is not fixed, and equal checkpoints shall be equal files.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::nn::model::Model;
use crate::nn::parameters::{Entry, ParameterTable};

/// The metadata entry that holds the [`Header`].
const METADATA: &str = "gpu_bearing";
/// Prefixes of Adam's moments.
const MOMENTS: [&str; 2] = ["adam.m.", "adam.v."];

/// How samples are scaled before the network sees them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Scaling {
    /// `(x - mean) / deviation` with the figures of the training windows.
    Train {
        /// Mean of the training windows' samples.
        mean: f64,
        /// Standard deviation of the training windows' samples, above 0.
        deviation: f64,
    },
    /// Every window by its own mean and deviation.
    Window,
    /// Not at all.
    None,
}

/// A model with all that is needed to use it, and, in a run's last checkpoint, to go on training it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// The network.
    pub model: Model,
    /// Names of the conditions, in the order of the scores.
    pub classes: Vec<String>,
    /// Sampling rate in Hz to which recordings are resampled; none where they are taken as they are.
    pub rate: Option<f64>,
    /// What was done to the samples.
    pub scaling: Scaling,
    /// What the scores are divided by before their softmax is a probability to go by, fitted to validation windows; none
    /// where it is not known.
    pub temperature: Option<f64>,
    /// How familiar the run's validation recordings are, ascending: of each, the mean over its windows of the log-sum-exp
    /// of the scores. What is less familiar than most of these may be turned away. Empty where it is not known.
    pub familiarity: Vec<f64>,
    /// The run's seed.
    pub seed: u64,
    /// The shader variants in use: kernel and variant.
    pub variants: BTreeMap<String, String>,
    /// The version of gpu-bearing that wrote the file.
    pub version: String,
    /// The parameters: flat, in the device's layout, as [`ParameterTable`] says.
    pub parameters: Vec<f32>,
    /// Where training stands, if it can be continued from here.
    pub training: Option<TrainingState>,
}

/// Where training stands between two steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Epochs that are complete.
    pub epoch: usize,
    /// Steps done in the epoch under way.
    pub step_in_epoch: usize,
    /// Steps Adam has taken: the power of its bias corrections.
    pub optimizer_steps: u64,
    /// Adam's first moment, flat like the parameters.
    #[serde(skip)]
    pub m: Vec<f32>,
    /// Adam's second moment, flat like the parameters.
    #[serde(skip)]
    pub v: Vec<f32>,
    /// The trainer's own record: best epoch so far, sums of the epoch under way.
    pub trainer: serde_json::Value,
}

/// What stands in the file's metadata.
#[derive(Serialize, Deserialize)]
struct Header {
    version: String,
    /// The model file's text.
    model: String,
    /// Samples in a window, for readers that do not parse the model.
    window: usize,
    classes: Vec<String>,
    /// Hz; null where recordings are taken as they are.
    rate: Option<f64>,
    scaling: Scaling,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    familiarity: Vec<f64>,
    seed: u64,
    variants: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    training: Option<TrainingState>,
}

impl Checkpoint {
    /// Writes the checkpoint to a temporary file beside `path` and renames it, so that `path` never
    /// holds half of one.
    ///
    /// # Errors
    /// If the file cannot be written, or the model's layers do not fit each other.
    ///
    /// # Panics
    /// If a flat buffer is shorter than the model's [`ParameterTable`] says.
    pub fn save(&self, path: &Path) -> Result<()> {
        let table = ParameterTable::new(&self.model)?;
        let mut tensors = Vec::new();
        for entry in table.entries() {
            tensors.push((entry.name.clone(), entry, bytes(&entry.to_torch(&self.parameters))));
            if let Some(name) = entry.second_bias() {
                tensors.push((name, entry, bytes(&vec![0.0; entry.len])));
            }
            if let Some(training) = &self.training {
                for (prefix, moment) in MOMENTS.iter().zip([&training.m, &training.v]) {
                    tensors.push((format!("{prefix}{}", entry.name), entry, bytes(&entry.to_torch(moment))));
                }
            }
        }
        let views = tensors.iter().map(|(name, entry, bytes)| {
            let view = TensorView::new(Dtype::F32, entry.torch_shape(), bytes);
            (name, view.expect("an f32 tensor has 4 bytes an element"))
        });
        let header = serde_json::to_string(&self.header()).expect("every key of the header is a string");
        let file = safetensors::serialize(views, Some(HashMap::from([(METADATA.into(), header)])))
            .map_err(|cause| Error::failed(format!("{}: {cause}", path.display())))?;
        crate::write::replace(path, &file)
    }

    /// Reads a checkpoint that [`Checkpoint::save`] has written.
    ///
    /// # Errors
    /// All begin with the file's name: the file is missing, truncated, no safetensors file or not
    /// from gpu-bearing; a tensor is missing, unknown, of another shape or type, or not finite.
    pub fn load(path: &Path) -> Result<Self> {
        let file = std::fs::read(path).map_err(|cause| Error::read(path, &cause))?;
        Archive::open(&file).and_then(Self::decode).map_err(|error| error.within(path.display()))
    }

    fn decode(archive: Archive<'_>) -> Result<Self> {
        let Some(header) = &archive.header else {
            return Err(Error::input(format!(
                "has no '{METADATA}' metadata, so model, classes, sampling rate and scaling are unknown: \
                 give a file that gpu-bearing has saved"
            )));
        };
        let broken = |what: String| Error::input(format!("the '{METADATA}' metadata is broken: {what}"));
        if let Some(rate) = header.rate
            && !(rate.is_finite() && rate > 0.0)
        {
            return Err(broken(format!("a sampling rate of {rate} Hz")));
        }
        if let Scaling::Train { mean, deviation } = header.scaling
            && !(mean.is_finite() && deviation.is_finite() && deviation > 0.0)
        {
            return Err(broken(format!("scaling by mean {mean} and deviation {deviation}")));
        }
        if let Some(temperature) = header.temperature.filter(|value| !(value.is_finite() && *value > 0.0)) {
            return Err(broken(format!("a temperature of {temperature}")));
        }
        let model = Model::parse(&header.model, "model", header.classes.len())?;
        let table = ParameterTable::new(&model)?;
        archive.refuse_unknown(&table, &model)?;
        let parameters = archive.parameters(&table, &model)?;
        let training = match &header.training {
            None => None,
            Some(state) => {
                let [m, v] = MOMENTS.map(|prefix| archive.flat(&table, &model, prefix));
                Some(TrainingState { m: m?, v: v?, ..state.clone() })
            }
        };
        Ok(Self {
            model,
            classes: header.classes.clone(),
            rate: header.rate,
            scaling: header.scaling,
            temperature: header.temperature,
            familiarity: header.familiarity.clone(),
            seed: header.seed,
            variants: header.variants.clone(),
            version: header.version.clone(),
            parameters,
            training,
        })
    }

    fn header(&self) -> Header {
        Header {
            version: self.version.clone(),
            model: self.model.to_toml(),
            window: self.model.window,
            classes: self.classes.clone(),
            rate: self.rate,
            scaling: self.scaling,
            temperature: self.temperature,
            familiarity: self.familiarity.clone(),
            seed: self.seed,
            variants: self.variants.clone(),
            training: self.training.clone(),
        }
    }
}

/// Reads the parameters of `model` from a safetensors file with PyTorch's names and layouts, from
/// gpu-bearing or from PyTorch. Returns them flat, in the device's layout.
///
/// # Errors
/// As [`Checkpoint::load`], but the file needs no metadata.
pub fn load_parameters(path: &Path, model: &Model) -> Result<Vec<f32>> {
    let file = std::fs::read(path).map_err(|cause| Error::read(path, &cause))?;
    let table = ParameterTable::new(model)?;
    Archive::open(&file)
        .and_then(|archive| {
            archive.refuse_unknown(&table, model)?;
            archive.parameters(&table, model)
        })
        .map_err(|error| error.within(path.display()))
}

/// An opened safetensors file.
struct Archive<'a> {
    tensors: SafeTensors<'a>,
    header: Option<Header>,
}

impl<'a> Archive<'a> {
    fn open(file: &'a [u8]) -> Result<Self> {
        let tensors = SafeTensors::deserialize(file).map_err(|cause| {
            Error::input(match cause {
                SafeTensorError::MetadataIncompleteBuffer => {
                    "is truncated, or has bytes behind its last tensor: copy it again".to_owned()
                }
                cause => format!("is truncated or no safetensors file ({cause})"),
            })
        })?;
        let (_, metadata) = SafeTensors::read_metadata(file)
            .map_err(|cause| Error::input(format!("is no safetensors file ({cause})")))?;
        let header = match metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA)) {
            None => None,
            Some(text) => Some(
                serde_json::from_str(text)
                    .map_err(|cause| Error::input(format!("the '{METADATA}' metadata is broken: {cause}")))?,
            ),
        };
        Ok(Self { tensors, header })
    }

    /// Refuses tensors that the model has no place for.
    fn refuse_unknown(&self, table: &ParameterTable, model: &Model) -> Result<()> {
        let mut known = BTreeSet::new();
        let continues = self.header.as_ref().is_some_and(|header| header.training.is_some());
        for entry in table.entries() {
            known.insert(entry.name.clone());
            known.extend(entry.second_bias());
            if continues {
                known.extend(MOMENTS.map(|prefix| format!("{prefix}{}", entry.name)));
            }
        }
        let names: BTreeSet<&str> = self.tensors.names().into_iter().collect();
        match names.into_iter().find(|&name| !known.contains(name)) {
            None => Ok(()),
            Some(name) => {
                Err(Error::input(format!("tensor '{name}' belongs to no layer of model '{}'", model.name)))
            }
        }
    }

    /// The parameters, flat: the tensors of the table, and the LSTMs' second biases added to the first.
    fn parameters(&self, table: &ParameterTable, model: &Model) -> Result<Vec<f32>> {
        let mut flat = self.flat(table, model, "")?;
        for entry in table.entries() {
            let Some(name) = entry.second_bias() else { continue };
            for (first, second) in flat[entry.range()].iter_mut().zip(self.tensor(&name, entry, model)?) {
                // A first bias of -0 keeps its sign.
                if second != 0.0 {
                    *first += second;
                }
            }
        }
        Ok(flat)
    }

    /// A flat buffer of the tensors called `prefix` and an entry's name.
    fn flat(&self, table: &ParameterTable, model: &Model, prefix: &str) -> Result<Vec<f32>> {
        let mut flat = vec![0.0; table.total_len()];
        for entry in table.entries() {
            let values = self.tensor(&format!("{prefix}{}", entry.name), entry, model)?;
            entry.from_torch(&values, &mut flat);
        }
        Ok(flat)
    }

    /// The values of tensor `name`, which has the shape of `entry`.
    fn tensor(&self, name: &str, entry: &Entry, model: &Model) -> Result<Vec<f32>> {
        let shape = entry.torch_shape();
        let Ok(tensor) = self.tensors.tensor(name) else {
            return Err(Error::input(format!(
                "tensor '{name}' is missing, model '{}' needs it with shape {shape:?}",
                model.name
            )));
        };
        if tensor.shape() != shape {
            return Err(Error::input(format!(
                "tensor '{name}' is {:?}, this model needs {shape:?}",
                tensor.shape()
            )));
        }
        if tensor.dtype() != Dtype::F32 {
            return Err(Error::input(format!(
                "tensor '{name}' is {:?}, only F32 is read: convert it, in PyTorch with .float()",
                tensor.dtype()
            )));
        }
        let values: Vec<f32> =
            tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::input(format!(
                "tensor '{name}' holds {} at element {index} of {}: the training that wrote it had diverged",
                values[index],
                values.len()
            )));
        }
        Ok(values)
    }
}

/// The file format's little-endian bytes.
fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
