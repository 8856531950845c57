//! gpu-bearing: train, test and run bearing-fault classifiers on any GPU.
//!
//! # The way of the data
//! A recording becomes mono f32 at one sampling rate ([`data`]) and is uploaded whole, once. A window is a recording,
//! a start and a label; an epoch is an order of windows. The gather kernel cuts and scales a batch out of the recordings on the
//! device; forward, loss, backward and Adam follow there. The host sends an order and one small record a step, and
//! reads once an epoch.
//!
//! # The house
//! Imports run one way: `cli` (in the binary) calls [`train`] and [`report`]; `report` shows what `train` found; `train` calls [`nn`], [`data`] and [`physics`]; `nn`
//! calls [`gpu`]; `data`, `gpu` and [`physics`], what is known of bearings without learning, know none of the others;
//! `write`, [`shell`] and [`error`] serve all. Only `gpu` names wgpu.
//!
//! A layer that computes has one name in four places: its shader in `shaders/`, its shapes and launches in [`nn`], its
//! f64 twin in [`mod@reference`], its test in `tests/gpu`. To add one, write these four and name it in [`nn::model`].
//!
//! A model is lowered to plans, [`gpu::Plan`]: buffers, kernels, bindings, workgroup counts, as plain data that can be printed
//! and counted. Only [`gpu::executor`] turns a plan into calls.
//!
//! Activations are channel-last, (N, L, C), so the input row of a convolution is a contiguous run of floats and
//! conv1d is a matrix product. A dense layer at every time step is conv1d with kernel 1, and so is an LSTM's input projection: one
//! shader serves the network. An LSTM walks through time inside one kernel, which on a software adapter projects an input of one
//! channel too.
//!
//! # What a software adapter wants
//! The `subgroup` variants are written for Mesa's llvmpipe (eight lanes, AVX2), after reading its machine code:
//! * A load of a buffer inside a loop tests the execution mask and fetches the buffer's address and bound anew in every
//!   lane, 13 instructions, and takes 7 more a component; as a u64, two elements are one component. A load of four
//!   elements from a texture is eight loads of 16 bytes and a transposition, 56 instructions for all eight lanes: a
//!   third. So products read their operands from textures, and other kernels load and store `vec2<u64>`. Uniform buffers
//!   cost what textures do and hold 64 KiB.
//! * There a texture is rows of memory, and the one that an operand is read from shares them with the operand's buffer
//!   (`gpu/raw_memory.rs`). When operands were copied into textures, in one thread while the others waited, that was a sixth of
//!   a training step and a tenth of a classification.
//! * What lanes share is loaded once and shuffled: two instructions from a lane that the compiler knows, one from any other, so
//!   products hide the lane from it.
//! * A variable that lives through a loop is copied under the mask, five instructions a turn, so a turn should add
//!   several products to each sum, and all of them before the next sum is begun: in the other order every sum goes
//!   through memory.
//! * wgpu counts the turns of every loop, lest one never ends: a tenth of a product, and then no loop is unrolled. Ours
//!   are proven to end by a test and not counted (`gpu/pipeline.rs`). A loop of a constant count is unrolled as long as
//!   that makes some 800 operations; beyond, as in one loop over the 32 rows of a tile, an array indexed by its variable is no
//!   register, and the kernel four times slower.
//! * A core is held up by the number of vector instructions, of which a load from a texture has forty. So a product's tile is 32
//!   rows high: a third fewer loads a multiply-add than with 16, a tenth less time. 48 and 64 rows are no faster. Nor are eight
//!   terms a turn, whose right operand does not fit the 32 registers; unrolled twice, code outgrows the instruction cache, 13 %.
//! * Rows of 1 or 2 KiB all stand in the same few places of a cache, and 32 of them push out each other. So sequences of such
//!   rows stand a cache line apart ([`nn::tensor`]).
//! * What stands behind a store is put off by the compiler until it is needed, and what it needs is kept in memory: a kernel
//!   that stores in a loop stores first and sums then, a sixth less time for the gradient behind a pool.
//! * A multiply-add is two instructions, also as `fma`, a division one per lane, workgroup memory no cheaper than a
//!   buffer, a barrier of a workgroup larger than a subgroup very dear, a launch 20 to 70 us, a workgroup as much as a
//!   hundred multiply-adds.
//! * A launch is cut into equal shares, one a thread, whatever else the cores have to do. So a product starts few workgroups, and
//!   each takes tile after tile until none is left ([`gpu::shader::TAKEN`]): 12 % less time in a product, bits as before.
//! * A launch waits for its last workgroup, and the next one for that launch, also where it needs nothing of it. So the two
//!   gradients of a product share one ([`nn::conv1d::gradients`]), which takes up to a tenth less time; and trainings
//!   side by side, each on a device of its own with one thread a core, take four fifths of the time of one after the other
//!   ([`train::queue`]).
//! * Each launch wakes all threads of the driver while it holds a lock that they take first. Where Linux lets a thread that
//!   wakes up take the core of the one that woke it, both wait for each other; as a batch process (`main.rs`) they do not, and
//!   an epoch takes a twentieth less.
//! * What is written to be read once is worth computing where it is read: an LSTM over 400 samples of one channel takes a sixth
//!   less time for a step when its walk projects them itself ([`nn::lstm`]).
//! * Fewer instructions alone are not less time: convolving steps in pairs, with three products for four (a fast FIR
//!   algorithm), saved a sixth of them, gained nothing in conv2 and lost a tenth in conv3 and conv4. Nor is a quotient by
//!   floats, all lanes at once, faster in a product than one by integers, lane after lane.
//!
//! # Rules
//! * **WGSL owns the interface.** Binding numbers, struct layouts and workgroup sizes are read from the shader
//!   ([`gpu::shader`]); the host binds by name, and a wrong name is an error.
//! * **A variant is a whole file** with the entries and bindings of `standard`, of which it may read one from a texture. It
//!   may deal its tiles out, and have an entry for two launches in one. A shader that only one kind of adapter gains from has
//!   no `standard`, and lowering goes without it elsewhere. [`nn::variants`] says which one runs where, unless [`nn::tuned`] has kept what was measured there.
//! * **Same seed, same adapter, same variants: same bits.** No float atomics; every output has one owner and one order
//!   of summation; randomness is counted, not timed.
//! * **Letters**: N batch, L length or T time, C channels, K taps, H hidden (of images H height, W width); x, w, b, y, and
//!   dx, dw, db, dy for gradients. LSTM gates stand in the order i, f, g, o. Parameters, gradients and Adam's moments are
//!   one flat buffer each, described by [`nn::ParameterTable`].
//! * **Barriers** stand in uniform control flow: clamp an index and select, never return early.
//! * **Three witnesses a kernel**: the f64 twin, central differences on that twin, a golden file made by PyTorch. Outputs
//!   start as NaN with guards behind them; every tolerance is a constant with its reason.
//! * **Errors** name the object, both numbers and the remedy ([`Error`]). Files are written aside and renamed. No
//!   accuracy is printed without its split.

pub mod data;
pub mod error;
pub mod gpu;
pub mod nn;
pub mod physics;
pub mod reference;
pub mod report;
pub mod shell;
pub mod train;
mod write;

pub use error::{Error, Result};
