// max_pool1d: maximum over windows of `size` time steps, stride = size; an incomplete last window is dropped.
//
//   y[n, t, c] = max over j of x[n, t * size + j, c];  position[n, t, c] = the first j that attains it
//   dx[n, t * size + j, c] = dy[n, t, c] where j = position[n, t, c], otherwise 0
//
// With RELU the gradient also passes through the ReLU below the pool: it is 0 where y is not positive.
// Backward keeps position (and y with RELU). Every element of dx has one owner, the dropped tail included.

override RELU: bool = false;

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
@group(0) @binding(3) var<storage, read_write> position: array<u32>;
@group(0) @binding(4) var<storage, read> y_kept: array<f32>;
@group(0) @binding(5) var<storage, read> position_kept: array<u32>;
@group(0) @binding(6) var<storage, read> dy: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;

const WORKGROUP = 64u;
const WINDOWS = 4u; // that an invocation owns in backward
const RUN = 1u;     // channels of an invocation

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
    var best = x[base];
    var at = 0u;
    for (var j = 1u; j < shape.size; j++) {
        let value = x[base + j * shape.channels];
        if value > best {
            best = value;
            at = j;
        }
    }
    y[shape.y_start + n * shape.y_sequence + i] = best;
    position[index] = at;
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    // An invocation owns WINDOWS windows of one channel; the dropped tail is a window without a maximum.
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let windows = (shape.length + shape.size - 1u) / shape.size;
    let blocks = (windows + WINDOWS - 1u) / WINDOWS;
    let rest = index / shape.channels;
    let n = rest / blocks;
    if n >= shape.batch {
        return;
    }
    let c = index % shape.channels;
    let begin = rest % blocks * WINDOWS;
    let kept = n * shape.pooled * shape.channels;
    for (var window = begin; window < min(begin + WINDOWS, windows); window++) {
        var value = 0.0;
        var at = 0u;
        if window < shape.pooled {
            let pooled = window * shape.channels + c;
            at = position_kept[kept + pooled];
            value = dy[shape.dy_start + n * shape.dy_sequence + pooled];
            if RELU {
                value = select(0.0, value, y_kept[shape.y_start + n * shape.y_sequence + pooled] > 0.0);
            }
        }
        let first = window * shape.size;
        let base = shape.dx_start + n * shape.dx_sequence + first * shape.channels + c;
        for (var j = 0u; j < min(shape.size, shape.length - first); j++) {
            dx[base + j * shape.channels] = select(0.0, value, j == at);
        }
    }
}
