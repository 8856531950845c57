// dropout: inverted, with probability `rate` a value becomes 0, otherwise it is scaled by 1 / (1 - rate).
//
//   y[i] = x[i] * keep(i) / (1 - rate)        dx[i] = dy[i] * keep(i) / (1 - rate)
//   keep(i) = uniform(counter, layer, i) >= rate
//
// i counts the elements of (N, L, C) without padding. The random stream is counter-based (pcg4d of Jarzynski
// and Olano, "Hash Functions for GPU Rendering", 2020): backward draws the same numbers again instead of
// keeping a mask.

struct Shape {
    batch: u32,      // N
    row: u32,        // L * C
    x_start: u32,
    x_sequence: u32,
    y_start: u32,
    y_sequence: u32,
    dx_start: u32,
    dx_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
    layer: u32,      // distinguishes the streams of two dropout layers
    rate: f32,
    scale: f32,      // 1 / (1 - rate)
}

struct Step {
    first: u32,
    rows: u32,
    counter_low: u32,
    counter_high: u32,
    step_size: f32,
    second_scale: f32,
    decay: f32,
    total_weight: f32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<uniform> step: Step;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

const WORKGROUP = 64u;
const STRETCH = 256u; // neighbouring elements of a sequence that a workgroup owns

// A value in [0, 1) with 24 random bits.
fn uniform_value(element: u32) -> f32 {
    var v = vec4u(step.counter_low, step.counter_high, shape.layer, element) * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4u(16u);
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return f32(v.x >> 8u) * 5.9604644775390625e-8;
}

fn factor(element: u32) -> f32 {
    return select(0.0, shape.scale, uniform_value(element) >= shape.rate);
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    let stretches = (shape.row + STRETCH - 1u) / STRETCH;
    let n = index / stretches;
    if n >= shape.batch {
        return;
    }
    let first = index % stretches * STRETCH;
    let x_base = shape.x_start + n * shape.x_sequence;
    let y_base = shape.y_start + n * shape.y_sequence;
    for (var i = first + lane; i < min(first + STRETCH, shape.row); i += WORKGROUP) {
        y[y_base + i] = x[x_base + i] * factor(n * shape.row + i);
    }
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    let stretches = (shape.row + STRETCH - 1u) / STRETCH;
    let n = index / stretches;
    if n >= shape.batch {
        return;
    }
    let first = index % stretches * STRETCH;
    let dy_base = shape.dy_start + n * shape.dy_sequence;
    let dx_base = shape.dx_start + n * shape.dx_sequence;
    for (var i = first + lane; i < min(first + STRETCH, shape.row); i += WORKGROUP) {
        dx[dx_base + i] = dy[dy_base + i] * factor(n * shape.row + i);
    }
}
