// max_pool1d.subgroup: maximum over windows of `size` time steps, stride = size; an incomplete last window is dropped.
//
//   y[n, t, c] = max over j of x[n, t * size + j, c];  position[n, t, c] = the first j that attains it
//   dx[n, t * size + j, c] = dy[n, t, c] where j = position[n, t, c], otherwise 0
//
// With RELU the gradient also passes through the ReLU below the pool: it is 0 where y is not positive.
// Backward keeps position (and y with RELU). Every element of dx has one owner, the dropped tail included.
//
// This variant needs 64-bit integers. It is made for a software adapter, where two elements as one u64 are loaded and
// stored in the time of one: an invocation takes RUN neighbouring channels. Channels and places come in whole runs.

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
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec2<u64>>;
@group(0) @binding(3) var<storage, read_write> position: array<vec2<u64>>;
@group(0) @binding(4) var<storage, read> y_kept: array<vec2<u64>>;
@group(0) @binding(5) var<storage, read> position_kept: array<vec2<u64>>;
@group(0) @binding(6) var<storage, read> dy: array<vec2<u64>>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec2<u64>>;

const WORKGROUP = 64u;
const WINDOWS = 4u; // that an invocation owns in backward
const RUN = 4u;     // channels of an invocation

// Two floats of each u64, the lower half first.
fn floats(pairs: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(words(pairs));
}

fn words(pairs: vec2<u64>) -> vec4u {
    let low = vec2u(pairs);
    let high = vec2u(pairs >> vec2u(32u));
    return vec4u(low.x, high.x, low.y, high.y);
}

// Four words as two u64: half the stores.
fn pairs(words: vec4u) -> vec2<u64> {
    return vec2<u64>(words.xz) | vec2<u64>(words.yw) << vec2u(32u);
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = ((group.y * groups.x + group.x) * WORKGROUP + lane) * RUN;
    let row = shape.pooled * shape.channels;
    if index >= shape.batch * row {
        return;
    }
    let n = index / row;
    let i = index % row;
    let t = i / shape.channels;
    let c = i % shape.channels;
    let base = shape.x_start + n * shape.x_sequence + t * shape.size * shape.channels + c;
    var best = floats(x[base / RUN]);
    var at = vec4u(0u);
    for (var j = 1u; j < shape.size; j++) {
        let value = floats(x[(base + j * shape.channels) / RUN]);
        at = select(at, vec4u(j), value > best);
        best = select(best, value, value > best);
    }
    y[(shape.y_start + n * shape.y_sequence + i) / RUN] = pairs(bitcast<vec4u>(best));
    position[index / RUN] = pairs(at);
}

@compute @workgroup_size(WORKGROUP)
fn backward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    // An invocation owns WINDOWS windows of RUN channels; the dropped tail is a window without a maximum.
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let runs = shape.channels / RUN;
    let windows = (shape.length + shape.size - 1u) / shape.size;
    let blocks = (windows + WINDOWS - 1u) / WINDOWS;
    let rest = index / runs;
    let n = rest / blocks;
    if n >= shape.batch {
        return;
    }
    let c = index % runs * RUN;
    let begin = rest % blocks * WINDOWS;
    let kept = n * shape.pooled * shape.channels;
    for (var window = begin; window < min(begin + WINDOWS, windows); window++) {
        var value = vec4f(0.0);
        var at = vec4u(0u);
        if window < shape.pooled {
            let pooled = window * shape.channels + c;
            at = words(position_kept[(kept + pooled) / RUN]);
            value = floats(dy[(shape.dy_start + n * shape.dy_sequence + pooled) / RUN]);
            if RELU {
                let y = floats(y_kept[(shape.y_start + n * shape.y_sequence + pooled) / RUN]);
                value = select(vec4f(0.0), value, y > vec4f(0.0));
            }
        }
        let first = window * shape.size;
        let base = shape.dx_start + n * shape.dx_sequence + first * shape.channels + c;
        for (var j = 0u; j < min(shape.size, shape.length - first); j++) {
            let passed = select(vec4f(0.0), value, vec4u(j) == at);
            dx[(base + j * shape.channels) / RUN] = pairs(bitcast<vec4u>(passed));
        }
    }
}
