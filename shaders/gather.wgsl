// gather: writes a batch of scaled windows into a padded input tensor.
//
//   x[r, t] = (signal[start_r + t] - mean_r) * scale_r     for r < step.rows
//   x[r, t] = 0                                            for the unused rows of a short batch
//   labels[r] = label_r
//
// Row r of the batch is window order[step.first + r]; a window is (start, label, mean, scale), the last two
// as the bits of an f32, with start counted in the part of the signal that is bound. A launch writes only
// the windows of its own part (see `part` below), so a signal longer than one binding takes several.
// Backward keeps nothing: recordings have no gradient.
//
// With AUGMENT, in training steps, each window is moved, scaled and made noisy by random draws:
//
//   x[r, t] = gain_r ((signal[start_r + move_r + t] - mean_r) * scale_r + NOISE rms_r z[r, t])
//   gain_r uniform in [1 - GAIN, 1 + GAIN);  move_r uniform in -back_r .. on_r;  z[r, t] normal (Box and Muller, 1958)
//
// The random streams are counter-based like dropout's, and apart from it: pcg4d (Jarzynski and Olano, "Hash Functions
// for GPU Rendering", 2020) of (counter, ROW_STREAM, r) and of (counter, NOISE_STREAM, r L + t).

override AUGMENT: bool = false;
override GAIN: f32 = 0.0;  // below 1
override NOISE: f32 = 0.0; // deviation of the noise in units of the window's RMS

struct Shape {
    batch: u32,      // rows of x, N
    length: u32,     // samples in a window, L
    x_start: u32,    // elements before the first sample of the first row: the left padding
    x_sequence: u32, // elements from one row to the next
    part: u32,       // the part of the signal that is bound
}

struct Step {
    first: u32,              // position in the epoch's order of the batch's first row
    rows: u32,               // rows in use
    counter_low: u32,        // counter of the random streams
    counter_high: u32,
    step_size: f32,          // Adam: learning rate / (1 - beta1^t)
    second_scale: f32,       // Adam: 1 / sqrt(1 - beta2^t)
    decay: f32,              // Adam: learning rate * weight decay
    total_weight: f32,       // class weights of the rows in use, summed; rows, where there are none
}

struct Window {
    start: u32,
    part_label: u32, // part in the upper 16 bits, label in the lower
    mean: f32,
    scale: f32,
}

struct Play {
    reach: u32, // samples by which a window may move: back in the upper 16 bits, on in the lower
    rms: f32,   // of x[r, ..] about its mean, before it is augmented
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> signal: array<f32>;
@group(0) @binding(3) var<storage, read> windows: array<Window>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> x: array<f32>;
@group(0) @binding(6) var<storage, read_write> labels: array<u32>;
@group(0) @binding(7) var<storage, read> plays: array<Play>; // of each window; read only with AUGMENT

const WORKGROUP = 64u;
const STRETCH = 256u; // neighbouring samples of a row that a workgroup owns
// Dropout's streams are numbered by layer; no layer has these numbers.
const ROW_STREAM = 0xffffffffu;
const NOISE_STREAM = 0xfffffffeu;

fn pcg4d(stream: u32, index: u32) -> vec4u {
    var v = vec4u(step.counter_low, step.counter_high, stream, index) * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4u(16u);
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return v;
}

// A value in [0, 1) with 24 random bits.
fn uniform_value(word: u32) -> f32 {
    return f32(word >> 8u) * 5.9604644775390625e-8;
}

fn normal_value(index: u32) -> f32 {
    let words = pcg4d(NOISE_STREAM, index);
    // A logarithm near 0 may come out on the wrong side of it.
    let radius = sqrt(max(-2.0 * log(1.0 - uniform_value(words.x)), 0.0));
    return radius * cos(6.283185307179586 * (uniform_value(words.y) - 0.5));
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    let stretches = (shape.length + STRETCH - 1u) / STRETCH;
    let row = index / stretches;
    if row >= shape.batch {
        return;
    }
    let first = index % stretches * STRETCH + lane;
    let end = min(first + STRETCH, shape.length);
    let to = shape.x_start + row * shape.x_sequence;
    if row >= step.rows {
        for (var t = first; t < end; t += WORKGROUP) {
            x[to + t] = 0.0;
        }
        if first == 0u {
            labels[row] = 0u;
        }
        return;
    }
    let number = order[step.first + row];
    let window = windows[number];
    if window.part_label >> 16u != shape.part {
        return;
    }
    var start = window.start;
    var gain = 1.0;
    var deviation = 0.0;
    if AUGMENT {
        let play = plays[number];
        let words = pcg4d(ROW_STREAM, row);
        let back = play.reach >> 16u;
        // At most 2^16 places, so that the product fits 32 bits.
        let places = back + (play.reach & 0xffffu) + 1u;
        start = start - back + (((words.y >> 16u) * places) >> 16u);
        gain = 1.0 + GAIN * (2.0 * uniform_value(words.x) - 1.0);
        deviation = NOISE * play.rms;
    }
    for (var t = first; t < end; t += WORKGROUP) {
        var value = (signal[start + t] - window.mean) * window.scale;
        if NOISE > 0.0 {
            value += deviation * normal_value(row * shape.length + t);
        }
        if AUGMENT {
            value *= gain;
        }
        x[to + t] = value;
    }
    if first == 0u {
        labels[row] = window.part_label & 0xffffu;
    }
}
