// gradient_sum: adds up the partial weight gradients of all layers in one launch, in a fixed order.
//
//   g[64 * block + i] = sum over s < count of partial[first + s * stride + i]
//
// A block is 64 neighbouring gradients of one tensor (tensors start at multiples of 64).

const WORKGROUP = 64u;
const BLOCKS = 4u; // that a workgroup sums, four gradients an invocation
const QUADS = 16u; // fours of gradients in a block

struct Block {
    block: u32,  // which block of g
    first: u32,  // its first partial sum
    count: u32,  // partial sums to add
    stride: u32, // elements from one partial sum to the next
}

struct Shape {
    blocks: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> blocks: array<Block>;
@group(0) @binding(2) var<storage, read> partial: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> g: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn sum(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = (group.y * groups.x + group.x) * BLOCKS + lane / QUADS;
    if index >= shape.blocks {
        return;
    }
    let block = blocks[index];
    let i = lane % QUADS;
    var sum = vec4f(0.0);
    for (var s = 0u; s < block.count; s++) {
        sum += partial[(block.first + s * block.stride) / 4u + i];
    }
    g[block.block * QUADS + i] = sum;
}
