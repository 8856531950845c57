// conv1d_max_pool1d.subgroup: the gradients of a convolution from those of the max-pool behind it.
//
// Of the SIZE steps that a window of the pool sees, one passes its gradient on. So a gradient of the pool's output,
// y (N, T, C_out), stands for one of the convolution's, at step s = SIZE * t + position[n, t, o], and the sums of
// conv1d (which see) shrink to an eighth:
//
//   input_gradient:   dx[n, p, i] = sum over t, o, tap with s + tap - left = p of dy[n, t, o] * w[tap, i, o],
//                     with INPUT_RELU times KEPT_SCALE, and 0 where x_kept is not positive
//   weight_gradient:  dw[tap, i, o] = sum over n, t of x[n, s + tap - left, i] * dy[n, t, o];  db[o] = sum of dy
//
// With RELU, dy counts only where y is positive: the convolution ends in a ReLU. The weight gradient is cut along
// (n, t) into `splits` owners, added up by gradient_sum. Backward keeps x, y and position.
//
// This variant needs subgroups of LANES invocations, 64-bit integers and stride 1, and as many lanes as a window has
// steps, LANES = SIZE, none fewer than taps: then lanes are neighbouring steps, a window's eight taps
// reach into two groups of LANES steps, and the place of its maximum becomes a rotation of lanes. Channels and
// filters come in whole runs of RUN. Loads, from textures as in conv1d.subgroup, cost more than
// products, so in input_gradient a subgroup holds the weights of FILTERS filters while it walks along a sequence, and
// in weight_gradient what it has loaded of x meets SUM_FILTERS filters.

override RELU: bool = false;
override INPUT_RELU: bool = false;
override KEPT_SCALE: f32 = 1.0; // as in conv1d

struct Shape {
    batch: u32,       // N
    length: u32,      // input steps of the convolution, L
    pooled: u32,      // steps of y, T
    channels: u32,    // C_in
    filters: u32,     // C_out
    kernel: u32,
    left: u32,        // zero rows that the convolution reads before the first step
    rows: u32,        // rows of a sequence that it reads, padding included
    x_start: u32,     // element of x at which the first window of the first sequence begins
    x_sequence: u32,  // elements from one sequence of x to the next
    y_start: u32,
    y_sequence: u32,
    dy_start: u32,
    dy_sequence: u32,
    dx_start: u32,
    dx_sequence: u32,
    kept_start: u32,    // as dx, for x_kept
    kept_sequence: u32,
    splits: u32,        // owners of the weight gradient's sum
    dw_split: u32,      // elements from one owner's dw to the next
    db_split: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var x: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var w: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var y_kept: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var position_kept: texture_storage_2d<rgba32uint, read>;
@group(0) @binding(5) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var<storage, read> x_kept: array<vec4<u64>>;
@group(0) @binding(7) var<storage, read_write> dx: array<vec4<u64>>;
@group(0) @binding(8) var<storage, read_write> dw: array<vec4f>;
@group(0) @binding(9) var<storage, read_write> db: array<vec4f>;

const LANES = 8u;
const RUN = 8u;          // neighbours loaded together
const ROW_TEXELS = 1024u; // texels in a row of a texture
const FILTERS = 32u;     // whose weights a subgroup holds in input_gradient
const SUM_FILTERS = 16u; // whose weights' gradients a subgroup sums in weight_gradient
const STRIP = 4u;        // windows that it takes at once there

// RUN neighbouring words.
struct Words {
    low: vec4u,
    high: vec4u,
}

// RUN neighbouring floats.
struct Floats {
    low: vec4f,
    high: vec4f,
}

fn floats(pairs: vec4<u64>) -> Floats {
    let front = vec4u(pairs); // the lower half of each u64 is the first
    let back = vec4u(pairs >> vec4u(32u));
    let low = vec4u(front.x, back.x, front.y, back.y);
    let high = vec4u(front.z, back.z, front.w, back.w);
    return Floats(bitcast<vec4f>(low), bitcast<vec4f>(high));
}

// RUN neighbours as u64: half the stores.
fn pairs(run: Floats) -> vec4<u64> {
    let low = bitcast<vec4u>(run.low);
    let high = bitcast<vec4u>(run.high);
    return vec4<u64>(vec4u(low.xz, high.xz)) | vec4<u64>(vec4u(low.yw, high.yw)) << vec4u(32u);
}

// Where element `at` of an operand stands in its texture.
fn texel(at: u32) -> vec2u {
    return vec2u(at / 4u % ROW_TEXELS, at / 4u / ROW_TEXELS);
}

// RUN neighbouring filters of a window: their gradients, and where their maxima stood.
struct Peaks {
    gradient: Floats,
    position: Words,
}

// Those from filter o on of window t of sequence n; no gradients where there is no such window or filter.
fn peaks(n: u32, t: u32, o: u32) -> Peaks {
    let exists = t < shape.pooled && o < shape.filters;
    let at = select(0u, t * shape.filters + o, exists);
    let source = shape.dy_start + n * shape.dy_sequence + at;
    let gradient = Floats(textureLoad(dy, texel(source)), textureLoad(dy, texel(source + 4u)));
    let place = n * shape.pooled * shape.filters + at;
    let position = Words(textureLoad(position_kept, texel(place)), textureLoad(position_kept, texel(place + 4u)));
    var low = vec4<bool>(exists);
    var high = vec4<bool>(exists);
    if RELU {
        let source = shape.y_start + n * shape.y_sequence + at;
        let y = Floats(textureLoad(y_kept, texel(source)), textureLoad(y_kept, texel(source + 4u)));
        low = low & (y.low > vec4f(0.0));
        high = high & (y.high > vec4f(0.0));
    }
    let passed = Floats(select(vec4f(0.0), gradient.low, low), select(vec4f(0.0), gradient.high, high));
    return Peaks(passed, position);
}

// What windows give RUN channels: in the group of steps that a window begins with, and in the next.
struct Sums {
    near: Floats,
    far: Floats,
}

// sums + a filter's weights, tap by lane, turned to the steps that its maximum met, times its gradient
fn scatter(sums: Sums, weights: Floats, position: u32, gradient: f32, lane: u32) -> Sums {
    let inside = lane >= position;
    let turn = (lane - position) % LANES;
    let near = select(0.0, gradient, inside);
    let far = select(gradient, 0.0, inside);
    let low = subgroupShuffle(weights.low, turn);
    let high = subgroupShuffle(weights.high, turn);
    return Sums(
        Floats(sums.near.low + low * near, sums.near.high + high * near),
        Floats(sums.far.low + low * far, sums.far.high + high * far),
    );
}

// The sums after the RUN filters whose maxima `holder` holds.
fn scatter_run(
    sums: Sums,
    weights: ptr<function, array<Floats, FILTERS>>,
    first: u32,
    peak: Peaks,
    holder: u32,
    lane: u32,
) -> Sums {
    let p = subgroupShuffle(peak.position.low, holder);
    let q = subgroupShuffle(peak.position.high, holder);
    let g = subgroupShuffle(peak.gradient.low, holder);
    let h = subgroupShuffle(peak.gradient.high, holder);
    var s = sums;
    s = scatter(s, (*weights)[first], p.x, g.x, lane);
    s = scatter(s, (*weights)[first + 1u], p.y, g.y, lane);
    s = scatter(s, (*weights)[first + 2u], p.z, g.z, lane);
    s = scatter(s, (*weights)[first + 3u], p.w, g.w, lane);
    s = scatter(s, (*weights)[first + 4u], q.x, h.x, lane);
    s = scatter(s, (*weights)[first + 5u], q.y, h.y, lane);
    s = scatter(s, (*weights)[first + 6u], q.z, h.z, lane);
    s = scatter(s, (*weights)[first + 7u], q.w, h.w, lane);
    return s;
}

// RUN filters' weights of one input channel, tap by lane; lanes past the last tap hold zeros.
fn weights_of(lane: u32, channel: u32, o: u32) -> Floats {
    let tap = min(lane, shape.kernel - 1u);
    let source = (tap * shape.channels + channel) * shape.filters + min(o, shape.filters - RUN);
    let run = Floats(textureLoad(w, texel(source)), textureLoad(w, texel(source + 4u)));
    let exists = lane < shape.kernel;
    return Floats(select(vec4f(0.0), run.low, exists), select(vec4f(0.0), run.high, exists));
}

// Those of RUN channels, filter by filter.
fn hold_weights(weights: ptr<function, array<Floats, FILTERS>>, first: u32, lane: u32, channel: u32, o: u32) {
    let a = weights_of(lane, channel, o);
    let b = weights_of(lane, channel + 1u, o);
    let c = weights_of(lane, channel + 2u, o);
    let d = weights_of(lane, channel + 3u, o);
    let e = weights_of(lane, channel + 4u, o);
    let f = weights_of(lane, channel + 5u, o);
    let g = weights_of(lane, channel + 6u, o);
    let h = weights_of(lane, channel + 7u, o);
    (*weights)[first] = Floats(vec4f(a.low.x, b.low.x, c.low.x, d.low.x), vec4f(e.low.x, f.low.x, g.low.x, h.low.x));
    (*weights)[first + 1u] = Floats(vec4f(a.low.y, b.low.y, c.low.y, d.low.y), vec4f(e.low.y, f.low.y, g.low.y, h.low.y));
    (*weights)[first + 2u] = Floats(vec4f(a.low.z, b.low.z, c.low.z, d.low.z), vec4f(e.low.z, f.low.z, g.low.z, h.low.z));
    (*weights)[first + 3u] = Floats(vec4f(a.low.w, b.low.w, c.low.w, d.low.w), vec4f(e.low.w, f.low.w, g.low.w, h.low.w));
    (*weights)[first + 4u] = Floats(vec4f(a.high.x, b.high.x, c.high.x, d.high.x), vec4f(e.high.x, f.high.x, g.high.x, h.high.x));
    (*weights)[first + 5u] = Floats(vec4f(a.high.y, b.high.y, c.high.y, d.high.y), vec4f(e.high.y, f.high.y, g.high.y, h.high.y));
    (*weights)[first + 6u] = Floats(vec4f(a.high.z, b.high.z, c.high.z, d.high.z), vec4f(e.high.z, f.high.z, g.high.z, h.high.z));
    (*weights)[first + 7u] = Floats(vec4f(a.high.w, b.high.w, c.high.w, d.high.w), vec4f(e.high.w, f.high.w, g.high.w, h.high.w));
}

@compute @workgroup_size(LANES)
fn input_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // A subgroup owns a sequence, step by lane and counted from `left` before the first, in RUN channels.
    let index = group.y * groups.x + group.x;
    let blocks = shape.channels / RUN;
    let n = min(index / blocks, shape.batch - 1u);
    let channel = index % blocks * RUN;
    let end = (shape.length + shape.left + LANES - 1u) / LANES;
    for (var o = 0u; o < shape.filters; o += FILTERS) {
        var weights: array<Floats, FILTERS>;
        hold_weights(&weights, 0u, lane, channel, o);
        hold_weights(&weights, 8u, lane, channel, o + 8u);
        hold_weights(&weights, 16u, lane, channel, o + 16u);
        hold_weights(&weights, 24u, lane, channel, o + 24u);
        var sums = Sums();
        // Half of the lanes hold the filters of a window, the others those of the next.
        for (var first = 0u; first < end + 1u; first += 2u) {
            let peak = peaks(n, first + lane / 4u, o + lane % 4u * RUN);
            for (var t = first; t < first + 2u; t++) {
                // The group of steps before has met its last window. What stands behind its store, the compiler would put off
                // until there, and keep 256 shuffled weights for it. Before the first group p wraps, past the last step.
                let p = (t - 1u) * LANES + lane - shape.left;
                // A folded grid may have workgroups too many, which repeat the last sequence.
                if p < shape.length && index / blocks < shape.batch {
                    let i = n * shape.dx_sequence + p * shape.channels + channel;
                    let to = (shape.dx_start + i) / RUN;
                    var a = sums.near.low;
                    var b = sums.near.high;
                    if INPUT_RELU {
                        let i = n * shape.kept_sequence + p * shape.channels + channel;
                        let kept = floats(x_kept[(shape.kept_start + i) / RUN]);
                        a = select(vec4f(0.0), a * KEPT_SCALE, kept.low > vec4f(0.0));
                        b = select(vec4f(0.0), b * KEPT_SCALE, kept.high > vec4f(0.0));
                    }
                    if o > 0u {
                        let before = floats(dx[to]);
                        a += before.low;
                        b += before.high;
                    }
                    dx[to] = pairs(Floats(a, b));
                }
                let holder = (t - first) * 4u;
                sums = Sums(sums.far, Floats());
                sums = scatter_run(sums, &weights, 0u, peak, holder, lane);
                sums = scatter_run(sums, &weights, 8u, peak, holder + 1u, lane);
                sums = scatter_run(sums, &weights, 16u, peak, holder + 2u, lane);
                sums = scatter_run(sums, &weights, 24u, peak, holder + 3u, lane);
            }
        }
    }
}

// RUN channels of a row of the sequence at `at`; a row past the last, which no tap meets, is that one.
fn run_of_x(at: u32, row: u32) -> Floats {
    let source = at + min(row, shape.rows - 1u) * shape.channels;
    return Floats(textureLoad(x, texel(source)), textureLoad(x, texel(source + 4u)));
}

// sum + the inputs that a maximum saw, tap by lane, times its gradient
fn correlate(sum: Floats, near: Floats, far: Floats, position: u32, gradient: f32, lane: u32) -> Floats {
    let inside = lane >= position;
    let turn = (lane + position) % LANES;
    let low = subgroupShuffle(select(far.low, near.low, inside), turn);
    let high = subgroupShuffle(select(far.high, near.high, inside), turn);
    return Floats(sum.low + low * gradient, sum.high + high * gradient);
}

// The sums of one filter after a strip of windows, whose maxima STRIP lanes from `first` on hold.
fn correlate_strip(
    sum: Floats,
    x: ptr<function, array<Floats, STRIP + 1u>>,
    positions: u32,
    gradients: f32,
    first: u32,
    lane: u32,
) -> Floats {
    var s = sum;
    s = correlate(s, (*x)[0], (*x)[1], subgroupShuffle(positions, first), subgroupShuffle(gradients, first), lane);
    s = correlate(s, (*x)[1], (*x)[2], subgroupShuffle(positions, first + 1u), subgroupShuffle(gradients, first + 1u), lane);
    s = correlate(s, (*x)[2], (*x)[3], subgroupShuffle(positions, first + 2u), subgroupShuffle(gradients, first + 2u), lane);
    s = correlate(s, (*x)[3], (*x)[4], subgroupShuffle(positions, first + 3u), subgroupShuffle(gradients, first + 3u), lane);
    return s;
}

// Writes four filters' gradients of RUN channels' weights.
fn store(to: u32, a: Floats, b: Floats, c: Floats, d: Floats) {
    let row = shape.filters / 4u;
    dw[to] = vec4f(a.low.x, b.low.x, c.low.x, d.low.x);
    dw[to + row] = vec4f(a.low.y, b.low.y, c.low.y, d.low.y);
    dw[to + 2u * row] = vec4f(a.low.z, b.low.z, c.low.z, d.low.z);
    dw[to + 3u * row] = vec4f(a.low.w, b.low.w, c.low.w, d.low.w);
    dw[to + 4u * row] = vec4f(a.high.x, b.high.x, c.high.x, d.high.x);
    dw[to + 5u * row] = vec4f(a.high.y, b.high.y, c.high.y, d.high.y);
    dw[to + 6u * row] = vec4f(a.high.z, b.high.z, c.high.z, d.high.z);
    dw[to + 7u * row] = vec4f(a.high.w, b.high.w, c.high.w, d.high.w);
}

@compute @workgroup_size(LANES)
fn weight_gradient(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    // A subgroup owns all taps, by lane, of RUN channels and SUM_FILTERS filters.
    let index = group.y * groups.x + group.x;
    let filter_blocks = (shape.filters + SUM_FILTERS - 1u) / SUM_FILTERS;
    let blocks = filter_blocks * (shape.channels / RUN);
    let split = index / blocks;
    let o = index % filter_blocks * SUM_FILTERS;
    let channel = index % blocks / filter_blocks * RUN;
    let strips = (shape.pooled + STRIP - 1u) / STRIP;
    let total = shape.batch * strips;
    let share = (total + shape.splits - 1u) / shape.splits;
    let begin = min(split * share, total);
    let end = min(begin + share, total);
    var sums: array<Floats, SUM_FILTERS>;
    var runs: array<Floats, STRIP + 1u>;
    var bias = Floats();
    for (var strip = begin; strip < end; strip++) {
        let n = strip / strips;
        let first = (strip - n * strips) * STRIP;
        let peak = peaks(n, first + lane % STRIP, o + lane / STRIP * RUN);
        let p = peak.position;
        let g = peak.gradient;
        bias = Floats(bias.low + g.low, bias.high + g.high);
        let at = shape.x_start + n * shape.x_sequence + channel;
        let step = first * LANES + lane;
        runs[0] = run_of_x(at, step);
        runs[1] = run_of_x(at, step + LANES);
        runs[2] = run_of_x(at, step + 2u * LANES);
        runs[3] = run_of_x(at, step + 3u * LANES);
        runs[4] = run_of_x(at, step + 4u * LANES);
        sums[0] = correlate_strip(sums[0], &runs, p.low.x, g.low.x, 0u, lane);
        sums[1] = correlate_strip(sums[1], &runs, p.low.y, g.low.y, 0u, lane);
        sums[2] = correlate_strip(sums[2], &runs, p.low.z, g.low.z, 0u, lane);
        sums[3] = correlate_strip(sums[3], &runs, p.low.w, g.low.w, 0u, lane);
        sums[4] = correlate_strip(sums[4], &runs, p.high.x, g.high.x, 0u, lane);
        sums[5] = correlate_strip(sums[5], &runs, p.high.y, g.high.y, 0u, lane);
        sums[6] = correlate_strip(sums[6], &runs, p.high.z, g.high.z, 0u, lane);
        sums[7] = correlate_strip(sums[7], &runs, p.high.w, g.high.w, 0u, lane);
        sums[8] = correlate_strip(sums[8], &runs, p.low.x, g.low.x, STRIP, lane);
        sums[9] = correlate_strip(sums[9], &runs, p.low.y, g.low.y, STRIP, lane);
        sums[10] = correlate_strip(sums[10], &runs, p.low.z, g.low.z, STRIP, lane);
        sums[11] = correlate_strip(sums[11], &runs, p.low.w, g.low.w, STRIP, lane);
        sums[12] = correlate_strip(sums[12], &runs, p.high.x, g.high.x, STRIP, lane);
        sums[13] = correlate_strip(sums[13], &runs, p.high.y, g.high.y, STRIP, lane);
        sums[14] = correlate_strip(sums[14], &runs, p.high.z, g.high.z, STRIP, lane);
        sums[15] = correlate_strip(sums[15], &runs, p.high.w, g.high.w, STRIP, lane);
    }
    if split < shape.splits {
        let to = (split * shape.dw_split + (lane * shape.channels + channel) * shape.filters + o) / 4u;
        if lane < shape.kernel {
            store(to, sums[0], sums[1], sums[2], sums[3]);
            store(to + 1u, sums[4], sums[5], sums[6], sums[7]);
        }
        if lane < shape.kernel && o + RUN < shape.filters {
            store(to + 2u, sums[8], sums[9], sums[10], sums[11]);
            store(to + 3u, sums[12], sums[13], sums[14], sums[15]);
        }
        // A lane has summed every STRIP-th window of RUN filters.
        let low = bias.low + subgroupShuffle(bias.low, lane ^ 1u);
        let high = bias.high + subgroupShuffle(bias.high, lane ^ 1u);
        let held = o + lane / STRIP * RUN;
        let whole_low = low + subgroupShuffle(low, lane ^ 2u);
        let whole_high = high + subgroupShuffle(high, lane ^ 2u);
        if channel == 0u && lane % STRIP == 0u && held < shape.filters {
            let to = (split * shape.db_split + held) / 4u;
            db[to] = whole_low;
            db[to + 1u] = whole_high;
        }
    }
}
