// conv1d.small: 1-D convolution as a matrix product, for every product of the network.
//
// In channel-last layout (N, L, C) the input of one output step is a contiguous run of kernel * C_in floats, so
// convolution is a product whose left operand has rows `x_step` = stride * C_in apart. A dense layer at every
// time step and the input projection of an LSTM are convolutions with kernel 1. With m = (n, t):
//
//   forward:          y[m, o] = b[o] + sum over k < depth of x[m * x_step + k] * w[k, o],  then ReLU with RELU,
//                     then, with POOL above 1, the max-pool of that size (max_pool1d, which see)
//   input_gradient:   dx[n, p, i] = sum over tap, o with p + left - tap = s * stride
//                                   of dy[n, s, o] * w[tap, i, o]; with RELU times
//                      KEPT_SCALE, and 0 where x_kept is not positive
//   weight_gradient:  dw[k, o] = sum over m of x[m * x_step + k] * dy[m, o];  db[o] = sum over m of dy[m, o]
//
// w is (kernel, C_in, C_out), so k = tap * C_in + i and depth = kernel * C_in. Padding is zero rows around each
// sequence of x and dy. The input gradient of stride s is s interleaved products (phases), each over the taps
// that meet its positions. The weight gradient is cut along m into `splits` owners, added up by gradient_sum.
// Backward keeps x (the layer's input; with RELU it is the output of the ReLU below, or of a dropout after that
// ReLU: what it has dropped is not positive either, and what it has kept it has multiplied by KEPT_SCALE).
// With a pool the rows m of forward are those of whole windows, so none straddles two sequences, and only y and
// position (N, steps / POOL, C_out) are written, the latter with KEEP_POSITION.
//
// This variant is standard WGSL for matrices so small that compiling a kernel takes longer than all its runs: an
// invocation owns one output, and no loop is unrolled.

override RELU: bool = false;
override KEPT_SCALE: f32 = 1.0;
override POOL: u32 = 1u; // 1 (none), 2, 4 or 8
override KEEP_POSITION: bool = false;

struct Shape {
    batch: u32,       // N
    length: u32,      // input steps, L
    steps: u32,       // output steps; of forward those in whole windows of the pool
    depth: u32,       // kernel * C_in
    channels: u32,    // C_in
    filters: u32,     // C_out
    kernel: u32,
    stride: u32,
    left: u32,        // zero rows that the convolution reads before the first step
    x_start: u32,     // element of x at which the first window of the first sequence begins
    x_sequence: u32,  // elements from one sequence of x to the next
    x_step: u32,      // stride * C_in
    y_start: u32,
    y_sequence: u32,
    dx_start: u32,
    dx_sequence: u32,
    kept_start: u32,    // as dx, for x_kept
    kept_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
    splits: u32,        // owners of the weight gradient's sum
    dw_split: u32,      // elements from one owner's dw to the next
    db_split: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read> x_kept: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<storage, read_write> dw: array<f32>;
@group(0) @binding(9) var<storage, read_write> db: array<f32>;
@group(0) @binding(10) var<storage, read_write> position: array<u32>;

const WORKGROUP = 64u;
const ROWS = 1u;
const COLUMNS = 1u;

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let m = index / shape.filters;
    // A window of the pool belongs to the invocation of its first row.
    if m >= shape.batch * shape.steps || m % POOL != 0u {
        return;
    }
    let column = index % shape.filters;
    let n = m / shape.steps;
    let t = m % shape.steps;
    var best = 0.0;
    var best_at = 0u;
    for (var j = 0u; j < POOL; j++) {
        let at = shape.x_start + n * shape.x_sequence + (t + j) * shape.x_step;
        var sum = b[column];
        for (var k = 0u; k < shape.depth; k++) {
            sum += x[at + k] * w[k * shape.filters + column];
        }
        let value = select(sum, max(sum, 0.0), RELU);
        if j == 0u || value > best {
            best = value;
            best_at = j;
        }
    }
    y[shape.y_start + n * shape.y_sequence + t / POOL * shape.filters + column] = best;
    if KEEP_POSITION {
        position[m / POOL * shape.filters + column] = best_at;
    }
}

@compute @workgroup_size(WORKGROUP)
fn input_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    // Each sequence has whole strides of positions here, as in the other variants.
    let positions = (shape.length + shape.stride - 1u) / shape.stride * shape.stride;
    let n = index / shape.channels / positions;
    let p = index / shape.channels % positions;
    if n >= shape.batch || p >= shape.length {
        return;
    }
    let column = index % shape.channels;
    // The position meets taps first_tap, first_tap + stride, ...; later taps meet earlier steps of dy.
    let latest = shape.dy_start + n * shape.dy_sequence + (p + shape.left) / shape.stride * shape.filters;
    var back = 0u;
    var sum = 0.0;
    for (var tap = (p + shape.left) % shape.stride; tap < shape.kernel; tap += shape.stride) {
        for (var o = 0u; o < shape.filters; o++) {
            sum += dy[latest - back + o] * w[(tap * shape.channels + column) * shape.filters + o];
        }
        back += shape.filters;
    }
    let i = p * shape.channels + column;
    if RELU {
        let passes = x_kept[shape.kept_start + n * shape.kept_sequence + i] > 0.0;
        sum = select(0.0, sum * KEPT_SCALE, passes);
    }
    dx[shape.dx_start + n * shape.dx_sequence + i] = sum;
}

@compute @workgroup_size(WORKGROUP)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let split = index / shape.filters / shape.depth;
    if split >= shape.splits {
        return;
    }
    let k = index / shape.filters % shape.depth;
    let column = index % shape.filters;
    let total = shape.batch * shape.steps;
    let share = (total + shape.splits - 1u) / shape.splits;
    let begin = min(split * share, total);
    let end = min(begin + share, total);
    var sum = 0.0;
    var bias = 0.0;
    for (var m = begin; m < end; m++) {
        let n = m / shape.steps;
        let t = m % shape.steps;
        let gradient = dy[shape.dy_start + n * shape.dy_sequence + t * shape.filters + column];
        sum += x[shape.x_start + n * shape.x_sequence + t * shape.x_step + k] * gradient;
        bias += gradient;
    }
    dw[split * shape.dw_split + k * shape.filters + column] = sum;
    if k == 0u {
        db[split * shape.db_split + column] = bias;
    }
}
