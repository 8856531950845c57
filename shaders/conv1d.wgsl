// conv1d: 1-D convolution as a matrix product, for every product of the network.
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
// This variant is standard WGSL: an invocation owns ROWS x COLUMNS outputs in registers, neighbours own
// neighbouring columns of the same rows.

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
const ROWS = 8u;
const COLUMNS = 4u;

// Columns past the last are computed from the last and not stored.
fn column_indices(column: u32, columns: u32) -> vec4u {
    return min(vec4u(column, column + 1u, column + 2u, column + 3u), vec4u(columns - 1u));
}

fn finished(sum: vec4f) -> vec4f {
    return select(sum, max(sum, vec4f(0.0)), RELU);
}

@compute @workgroup_size(WORKGROUP)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let tiles = (shape.filters + COLUMNS - 1u) / COLUMNS;
    let row = index / tiles * ROWS;
    let rows = shape.batch * shape.steps;
    if row >= rows {
        return;
    }
    let column = index % tiles * COLUMNS;
    let columns = column_indices(column, shape.filters);
    var at: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        let m = min(row + r, rows - 1u);
        at[r] = shape.x_start + m / shape.steps * shape.x_sequence + m % shape.steps * shape.x_step;
    }
    let bias = vec4f(b[columns.x], b[columns.y], b[columns.z], b[columns.w]);
    var sum: array<vec4f, ROWS>;
    sum[0] = bias;
    sum[1] = bias;
    sum[2] = bias;
    sum[3] = bias;
    sum[4] = bias;
    sum[5] = bias;
    sum[6] = bias;
    sum[7] = bias;
    for (var k = 0u; k < shape.depth; k++) {
        let source = columns + k * shape.filters;
        let weight = vec4f(w[source.x], w[source.y], w[source.z], w[source.w]);
        sum[0] += x[at[0] + k] * weight;
        sum[1] += x[at[1] + k] * weight;
        sum[2] += x[at[2] + k] * weight;
        sum[3] += x[at[3] + k] * weight;
        sum[4] += x[at[4] + k] * weight;
        sum[5] += x[at[5] + k] * weight;
        sum[6] += x[at[6] + k] * weight;
        sum[7] += x[at[7] + k] * weight;
    }
    for (var r = 0u; r < ROWS; r += POOL) {
        let m = row + r;
        if m >= rows {
            break;
        }
        var best = finished(sum[r]);
        var best_at = vec4u(0u);
        for (var j = 1u; j < POOL; j++) {
            let value = finished(sum[r + j]);
            let higher = value > best;
            best = select(best, value, higher);
            best_at = select(best_at, vec4u(j), higher);
        }
        let to = shape.y_start + m / shape.steps * shape.y_sequence + m % shape.steps / POOL * shape.filters;
        for (var j = 0u; j < COLUMNS; j++) {
            if column + j < shape.filters {
                y[to + column + j] = best[j];
                if KEEP_POSITION {
                    position[m / POOL * shape.filters + column + j] = best_at[j];
                }
            }
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn input_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let tiles = (shape.channels + COLUMNS - 1u) / COLUMNS;
    // A phase's positions are p = q * stride + phase; phases have equally many tiles of rows.
    let positions = (shape.length + shape.stride - 1u) / shape.stride;
    let rows = shape.batch * positions;
    let row_tiles = (rows + ROWS - 1u) / ROWS;
    let phase = index / tiles / row_tiles;
    if phase >= shape.stride {
        return;
    }
    let row = index / tiles % row_tiles * ROWS;
    let column = index % tiles * COLUMNS;
    let columns = column_indices(column, shape.channels);
    // The phase meets taps first_tap, first_tap + stride, ...; later taps meet earlier steps of dy.
    let first_tap = (phase + shape.left) % shape.stride;
    let latest = (phase + shape.left) / shape.stride;
    let taps = (shape.kernel + shape.stride - 1u - first_tap) / shape.stride;
    var at: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        let m = min(row + r, rows - 1u);
        let n = m / positions;
        let q = m % positions;
        at[r] = shape.dy_start + n * shape.dy_sequence + (q + latest) * shape.filters;
    }
    var sum: array<vec4f, ROWS>;
    sum[0] = vec4f(0.0);
    sum[1] = vec4f(0.0);
    sum[2] = vec4f(0.0);
    sum[3] = vec4f(0.0);
    sum[4] = vec4f(0.0);
    sum[5] = vec4f(0.0);
    sum[6] = vec4f(0.0);
    sum[7] = vec4f(0.0);
    for (var tap = 0u; tap < taps; tap++) {
        let back = tap * shape.filters;
        let base = (columns + (first_tap + tap * shape.stride) * shape.channels) * shape.filters;
        for (var o = 0u; o < shape.filters; o++) {
            let source = base + o;
            let weight = vec4f(w[source.x], w[source.y], w[source.z], w[source.w]);
            sum[0] += dy[at[0] - back + o] * weight;
            sum[1] += dy[at[1] - back + o] * weight;
            sum[2] += dy[at[2] - back + o] * weight;
            sum[3] += dy[at[3] - back + o] * weight;
            sum[4] += dy[at[4] - back + o] * weight;
            sum[5] += dy[at[5] - back + o] * weight;
            sum[6] += dy[at[6] - back + o] * weight;
            sum[7] += dy[at[7] - back + o] * weight;
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        let m = row + r;
        let n = m / positions;
        let p = m % positions * shape.stride + phase;
        if m < rows && p < shape.length {
            for (var j = 0u; j < COLUMNS; j++) {
                let i = p * shape.channels + column + j;
                if column + j < shape.channels {
                    var value = sum[r][j];
                    if RELU {
                        let passes = x_kept[shape.kept_start + n * shape.kept_sequence + i] > 0.0;
                        value = select(0.0, value * KEPT_SCALE, passes);
                    }
                    dx[shape.dx_start + n * shape.dx_sequence + i] = value;
                }
            }
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * WORKGROUP + lane;
    let tiles = (shape.filters + COLUMNS - 1u) / COLUMNS;
    let row_tiles = (shape.depth + ROWS - 1u) / ROWS;
    let split = index / tiles / row_tiles;
    if split >= shape.splits {
        return;
    }
    let row = index / tiles % row_tiles * ROWS;
    let column = index % tiles * COLUMNS;
    let columns = column_indices(column, shape.filters);
    let total = shape.batch * shape.steps;
    let share = (total + shape.splits - 1u) / shape.splits;
    let begin = min(split * share, total);
    let end = min(begin + share, total);
    var sum: array<vec4f, ROWS>;
    sum[0] = vec4f(0.0);
    sum[1] = vec4f(0.0);
    sum[2] = vec4f(0.0);
    sum[3] = vec4f(0.0);
    sum[4] = vec4f(0.0);
    sum[5] = vec4f(0.0);
    sum[6] = vec4f(0.0);
    sum[7] = vec4f(0.0);
    var bias = vec4f(0.0);
    let last = shape.depth - 1u - row;
    for (var m = begin; m < end; m++) {
        let n = m / shape.steps;
        let t = m % shape.steps;
        let source = columns + shape.dy_start + n * shape.dy_sequence + t * shape.filters;
        let gradient = vec4f(dy[source.x], dy[source.y], dy[source.z], dy[source.w]);
        let at = shape.x_start + n * shape.x_sequence + t * shape.x_step + row;
        sum[0] += x[at + min(0u, last)] * gradient;
        sum[1] += x[at + min(1u, last)] * gradient;
        sum[2] += x[at + min(2u, last)] * gradient;
        sum[3] += x[at + min(3u, last)] * gradient;
        sum[4] += x[at + min(4u, last)] * gradient;
        sum[5] += x[at + min(5u, last)] * gradient;
        sum[6] += x[at + min(6u, last)] * gradient;
        sum[7] += x[at + min(7u, last)] * gradient;
        bias += gradient;
    }
    for (var j = 0u; j < COLUMNS; j++) {
        if column + j < shape.filters {
            for (var r = 0u; r < ROWS; r++) {
                if row + r < shape.depth {
                    dw[split * shape.dw_split + (row + r) * shape.filters + column + j] = sum[r][j];
                }
            }
            if row == 0u {
                db[split * shape.db_split + column + j] = bias[j];
            }
        }
    }
}
