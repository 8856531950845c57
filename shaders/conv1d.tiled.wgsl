// conv1d.tiled: 1-D convolution as a matrix product, for every product of the network.
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
// This variant is for GPUs. A workgroup of DOWN x ACROSS lanes owns a tile of (DOWN * ROWS) x (ACROSS * COLUMNS)
// outputs, a lane ROWS x COLUMNS of them in registers. The sum is cut into slices of SLICE terms; both operands'
// parts of a slice stand in workgroup memory, each loaded once a tile, a vec4 a lane: for SLICE * 16 multiply-adds
// a lane reads 2 * SLICE vec4. The memory has two halves: while a slice is multiplied the next one is loaded into
// the other half, so a slice costs one barrier. Lanes side by side read addresses side by side.

override RELU: bool = false;
override KEPT_SCALE: f32 = 1.0;
override POOL: u32 = 1u; // 1 (none), 2, 4 or 8
override KEEP_POSITION: bool = false;
override DOWN: u32 = 8u;   // lanes along a tile's rows
override ACROSS: u32 = 8u; // lanes along a tile's columns

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

const ROWS = 4u;    // of a lane: the components of a vec4 of the left operand
const COLUMNS = 4u; // of a lane: those of a vec4 of the right one
const SLICE = 8u;

// Element k * (lanes + 1) + l of a half is term k of lane l; the one vec4 between keeps writes along k, whose
// neighbours are a row of lanes apart, off one memory bank.
var<workgroup> left: array<vec4f, 2u * SLICE * (DOWN + 1u)>;
var<workgroup> right: array<vec4f, 2u * SLICE * (ACROSS + 1u)>;
// Where each row of the tile begins in the left operand.
var<workgroup> row_starts: array<vec4u, DOWN>;

fn left_place(slice: u32, k: u32, lane: u32) -> u32 {
    return (slice % 2u * SLICE + k) * (DOWN + 1u) + lane;
}

fn right_place(slice: u32, k: u32, lane: u32) -> u32 {
    return (slice % 2u * SLICE + k) * (ACROSS + 1u) + lane;
}

// Four neighbours from `first` on; those past the last of `count` are the last: computed and not stored.
fn neighbours(first: u32, count: u32) -> vec4u {
    return min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(count - 1u));
}

fn multiply_add(sum: ptr<function, array<vec4f, ROWS>>, l: u32, r: u32) {
    let rows = left[l];
    let columns = right[r];
    (*sum)[0] = fma(vec4f(rows.x), columns, (*sum)[0]);
    (*sum)[1] = fma(vec4f(rows.y), columns, (*sum)[1]);
    (*sum)[2] = fma(vec4f(rows.z), columns, (*sum)[2]);
    (*sum)[3] = fma(vec4f(rows.w), columns, (*sum)[3]);
}

fn multiply_slice(sum: ptr<function, array<vec4f, ROWS>>, slice: u32, lane: vec3u) {
    let l = left_place(slice, 0u, lane.y);
    let r = right_place(slice, 0u, lane.x);
    multiply_add(sum, l, r);
    multiply_add(sum, l + 1u * (DOWN + 1u), r + 1u * (ACROSS + 1u));
    multiply_add(sum, l + 2u * (DOWN + 1u), r + 2u * (ACROSS + 1u));
    multiply_add(sum, l + 3u * (DOWN + 1u), r + 3u * (ACROSS + 1u));
    multiply_add(sum, l + 4u * (DOWN + 1u), r + 4u * (ACROSS + 1u));
    multiply_add(sum, l + 5u * (DOWN + 1u), r + 5u * (ACROSS + 1u));
    multiply_add(sum, l + 6u * (DOWN + 1u), r + 6u * (ACROSS + 1u));
    multiply_add(sum, l + 7u * (DOWN + 1u), r + 7u * (ACROSS + 1u));
}

fn load_forward(slice: u32, column: u32, index: u32) {
    for (var i = index; i < SLICE * DOWN; i += DOWN * ACROSS) {
        let k = slice * SLICE + i % SLICE;
        let at = row_starts[i / SLICE] + min(k, shape.depth - 1u);
        let values = vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
        left[left_place(slice, i % SLICE, i / SLICE)] = select(vec4f(0.0), values, k < shape.depth);
    }
    for (var i = index; i < SLICE * ACROSS; i += DOWN * ACROSS) {
        let k = slice * SLICE + i / ACROSS;
        let at = neighbours(column + i % ACROSS * COLUMNS, shape.filters) + min(k, shape.depth - 1u) * shape.filters;
        let values = vec4f(w[at.x], w[at.y], w[at.z], w[at.w]);
        right[right_place(slice, i / ACROSS, i % ACROSS)] = select(vec4f(0.0), values, k < shape.depth);
    }
}

fn finished(sum: vec4f) -> vec4f {
    return select(sum, max(sum, vec4f(0.0)), RELU);
}

// The maxima of some rows, column by column, and the first row that attains each.
struct Peak {
    value: vec4f,
    at: vec4u,
}

fn higher(peak: Peak, value: vec4f, at: vec4u) -> Peak {
    let rises = value > peak.value;
    return Peak(select(peak.value, value, rises), select(peak.at, at, rises));
}

// The peaks of a window of 2 * ROWS rows, for its upper lane: the lower one hands its half up through `left`, where
// every lane finds an element of its own, since ACROSS is at most 2 * SLICE.
fn higher_of_two_lanes(peak: Peak, lane: vec3u) -> Peak {
    let place = lane.y * ACROSS + lane.x;
    // The last slice is still being read.
    workgroupBarrier();
    if lane.y % 2u == 1u {
        left[place - ACROSS] = peak.value;
        left[place] = vec4f(peak.at);
    }
    workgroupBarrier();
    return higher(peak, left[place], vec4u(left[place + ACROSS]) + ROWS);
}

@compute @workgroup_size(ACROSS, DOWN)
fn forward(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_id) lane: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = group.y * groups.x + group.x;
    let tiles = (shape.filters + ACROSS * COLUMNS - 1u) / (ACROSS * COLUMNS);
    let first_row = tile / tiles * DOWN * ROWS;
    let first_column = tile % tiles * ACROSS * COLUMNS;
    let rows = shape.batch * shape.steps;
    // What the grid has too much: whole workgroups.
    if first_row >= rows {
        return;
    }
    if index < DOWN {
        let m = neighbours(first_row + index * ROWS, rows);
        row_starts[index] = shape.x_start + m / shape.steps * shape.x_sequence + m % shape.steps * shape.x_step;
    }
    workgroupBarrier();
    let column = first_column + lane.x * COLUMNS;
    let columns = neighbours(column, shape.filters);
    let bias = vec4f(b[columns.x], b[columns.y], b[columns.z], b[columns.w]);
    var sum = array<vec4f, ROWS>(bias, bias, bias, bias);
    let slices = (shape.depth + SLICE - 1u) / SLICE;
    load_forward(0u, first_column, index);
    for (var slice = 0u; slice < slices; slice++) {
        workgroupBarrier();
        if slice + 1u < slices {
            load_forward(slice + 1u, first_column, index);
        }
        multiply_slice(&sum, slice, lane);
    }
    let own = min(POOL, ROWS);
    for (var r = 0u; r < ROWS; r += own) {
        var peak = Peak(finished(sum[r]), vec4u(0u));
        for (var j = 1u; j < own; j++) {
            peak = higher(peak, finished(sum[r + j]), vec4u(j));
        }
        if POOL > ROWS {
            peak = higher_of_two_lanes(peak, lane);
        }
        let m = first_row + lane.y * ROWS + r;
        if m < rows && m % POOL == 0u {
            let to = shape.y_start + m / shape.steps * shape.y_sequence + m % shape.steps / POOL * shape.filters;
            for (var j = 0u; j < COLUMNS; j++) {
                if column + j < shape.filters {
                    y[to + column + j] = peak.value[j];
                    if KEEP_POSITION {
                        position[m / POOL * shape.filters + column + j] = peak.at[j];
                    }
                }
            }
        }
    }
}

// A slice's terms are neighbouring output channels of one tap, so both operands are read along them.
fn load_input_gradient(slice: u32, slices_per_tap: u32, first_tap: u32, column: u32, index: u32) {
    let tap = slice / slices_per_tap;
    let first = slice % slices_per_tap * SLICE;
    let back = tap * shape.filters;
    for (var i = index; i < SLICE * DOWN; i += DOWN * ACROSS) {
        let o = first + i % SLICE;
        let at = row_starts[i / SLICE] - back + min(o, shape.filters - 1u);
        let values = vec4f(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
        left[left_place(slice, i % SLICE, i / SLICE)] = select(vec4f(0.0), values, o < shape.filters);
    }
    let weights = (first_tap + tap * shape.stride) * shape.channels;
    for (var i = index; i < SLICE * ACROSS; i += DOWN * ACROSS) {
        let o = first + i % SLICE;
        let inputs = neighbours(column + i / SLICE * COLUMNS, shape.channels);
        let at = (weights + inputs) * shape.filters + min(o, shape.filters - 1u);
        let values = vec4f(w[at.x], w[at.y], w[at.z], w[at.w]);
        right[right_place(slice, i % SLICE, i / SLICE)] = select(vec4f(0.0), values, o < shape.filters);
    }
}

@compute @workgroup_size(ACROSS, DOWN)
fn input_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_id) lane: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = group.y * groups.x + group.x;
    let tiles = (shape.channels + ACROSS * COLUMNS - 1u) / (ACROSS * COLUMNS);
    // A phase's positions are p = q * stride + phase; phases have equally many tiles of rows.
    let positions = (shape.length + shape.stride - 1u) / shape.stride;
    let rows = shape.batch * positions;
    let row_tiles = (rows + DOWN * ROWS - 1u) / (DOWN * ROWS);
    let phase = tile / tiles / row_tiles;
    // What the grid has too much: whole workgroups.
    if phase >= shape.stride {
        return;
    }
    let first_row = tile / tiles % row_tiles * DOWN * ROWS;
    let first_column = tile % tiles * ACROSS * COLUMNS;
    // The phase meets taps first_tap, first_tap + stride, ...; later taps meet earlier steps of dy.
    let first_tap = (phase + shape.left) % shape.stride;
    let latest = (phase + shape.left) / shape.stride;
    let taps = (shape.kernel + shape.stride - 1u - first_tap) / shape.stride;
    if index < DOWN {
        let m = neighbours(first_row + index * ROWS, rows);
        row_starts[index] =
            shape.dy_start + m / positions * shape.dy_sequence + (m % positions + latest) * shape.filters;
    }
    workgroupBarrier();
    var sum = array<vec4f, ROWS>();
    let slices_per_tap = (shape.filters + SLICE - 1u) / SLICE;
    let slices = taps * slices_per_tap;
    if slices > 0u {
        load_input_gradient(0u, slices_per_tap, first_tap, first_column, index);
    }
    for (var slice = 0u; slice < slices; slice++) {
        workgroupBarrier();
        if slice + 1u < slices {
            load_input_gradient(slice + 1u, slices_per_tap, first_tap, first_column, index);
        }
        multiply_slice(&sum, slice, lane);
    }
    let column = first_column + lane.x * COLUMNS;
    for (var r = 0u; r < ROWS; r++) {
        let m = first_row + lane.y * ROWS + r;
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

// A slice's terms are neighbouring rows m; both operands are read along the tile's rows and columns.
fn load_weight_gradient(slice: u32, begin: u32, end: u32, row: u32, column: u32, index: u32) {
    for (var i = index; i < SLICE * DOWN; i += DOWN * ACROSS) {
        let m = begin + slice * SLICE + i / DOWN;
        let used = m < end;
        let start =
            shape.x_start + select(0u, m / shape.steps * shape.x_sequence + m % shape.steps * shape.x_step, used);
        let at = start + neighbours(row + i % DOWN * ROWS, shape.depth);
        let values = vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
        left[left_place(slice, i / DOWN, i % DOWN)] = select(vec4f(0.0), values, used);
    }
    for (var i = index; i < SLICE * ACROSS; i += DOWN * ACROSS) {
        let m = begin + slice * SLICE + i / ACROSS;
        let used = m < end;
        let start =
            shape.dy_start + select(0u, m / shape.steps * shape.dy_sequence + m % shape.steps * shape.filters, used);
        let at = start + neighbours(column + i % ACROSS * COLUMNS, shape.filters);
        let values = vec4f(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
        right[right_place(slice, i / ACROSS, i % ACROSS)] = select(vec4f(0.0), values, used);
    }
}

@compute @workgroup_size(ACROSS, DOWN)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_id) lane: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = group.y * groups.x + group.x;
    let tiles = (shape.filters + ACROSS * COLUMNS - 1u) / (ACROSS * COLUMNS);
    let row_tiles = (shape.depth + DOWN * ROWS - 1u) / (DOWN * ROWS);
    let split = tile / tiles / row_tiles;
    // What the grid has too much: whole workgroups.
    if split >= shape.splits {
        return;
    }
    let first_row = tile / tiles % row_tiles * DOWN * ROWS;
    let first_column = tile % tiles * ACROSS * COLUMNS;
    let total = shape.batch * shape.steps;
    let share = (total + shape.splits - 1u) / shape.splits;
    let begin = min(split * share, total);
    let end = min(begin + share, total);
    let slices = (end - begin + SLICE - 1u) / SLICE;
    // The first row's lanes see all of dy.
    let owns_bias = first_row == 0u && lane.y == 0u;
    var bias = vec4f(0.0);
    var sum = array<vec4f, ROWS>();
    load_weight_gradient(0u, begin, end, first_row, first_column, index);
    for (var slice = 0u; slice < slices; slice++) {
        workgroupBarrier();
        if slice + 1u < slices {
            load_weight_gradient(slice + 1u, begin, end, first_row, first_column, index);
        }
        multiply_slice(&sum, slice, lane);
        if owns_bias {
            for (var k = 0u; k < SLICE; k++) {
                bias += right[right_place(slice, k, lane.x)];
            }
        }
    }
    let row = first_row + lane.y * ROWS;
    let column = first_column + lane.x * COLUMNS;
    for (var j = 0u; j < COLUMNS; j++) {
        if column + j < shape.filters {
            for (var r = 0u; r < ROWS; r++) {
                if row + r < shape.depth {
                    dw[split * shape.dw_split + (row + r) * shape.filters + column + j] = sum[r][j];
                }
            }
            if owns_bias {
                db[split * shape.db_split + column + j] = bias[j];
            }
        }
    }
}
