// average_pool1d: mean over windows of `size` time steps, stride = size; an incomplete last window is dropped.
//
//   y[n, t, c] = 1 / size * sum over j of x[n, t * size + j, c]
//   dx[n, t * size + j, c] = dy[n, t, c] / size, and 0 in the dropped tail
//
// Backward keeps nothing.

struct Shape {
    batch: u32,      // N
    length: u32,     // input time steps, L
    pooled: u32,     // output time steps, L / size
    channels: u32,   // C
    size: u32,
    x_start: u32,
    x_sequence: u32,
    y_start: u32,
    y_sequence: u32,
    dx_start: u32,
    dx_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

const WORKGROUP = 64u;

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let row = shape.pooled * shape.channels;
    if index >= shape.batch * row {
        return;
    }
    let n = index / row;
    let i = index % row;
    let t = i / shape.channels;
    let c = i % shape.channels;
    let base = shape.x_start + n * shape.x_sequence + t * shape.size * shape.channels + c;
    var sum = 0.0;
    for (var j = 0u; j < shape.size; j++) {
        sum += x[base + j * shape.channels];
    }
    y[shape.y_start + n * shape.y_sequence + i] = sum / f32(shape.size);
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let row = shape.length * shape.channels;
    if index >= shape.batch * row {
        return;
    }
    let n = index / row;
    let i = index % row;
    let window = i / shape.channels / shape.size;
    var value = 0.0;
    if window < shape.pooled {
        let pooled = window * shape.channels + i % shape.channels;
        value = dy[shape.dy_start + n * shape.dy_sequence + pooled] / f32(shape.size);
    }
    dx[shape.dx_start + n * shape.dx_sequence + i] = value;
}
