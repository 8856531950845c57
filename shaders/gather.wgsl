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
    counter_low: u32,        // dropout counter
    counter_high: u32,
    step_size: f32,          // Adam: learning rate / (1 - beta1^t)
    second_scale: f32,       // Adam: 1 / sqrt(1 - beta2^t)
}

struct Window {
    start: u32,
    part_label: u32, // part in the upper 16 bits, label in the lower
    mean: f32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> signal: array<f32>;
@group(0) @binding(3) var<storage, read> windows: array<Window>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read_write> x: array<f32>;
@group(0) @binding(6) var<storage, read_write> labels: array<u32>;

const WORKGROUP = 64u;
const STRETCH = 256u; // neighbouring samples of a row that a workgroup owns

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
    let window = windows[order[step.first + row]];
    if window.part_label >> 16u != shape.part {
        return;
    }
    for (var t = first; t < end; t += WORKGROUP) {
        x[to + t] = (signal[window.start + t] - window.mean) * window.scale;
    }
    if first == 0u {
        labels[row] = window.part_label & 0xffffu;
    }
}
