// y[c, r, k] = (channel c of x[top + r, left + k] / 255 - mean_c) / std_c
//
// x [., stride]: pixels, 8-bit channels in a u32, red lowest; constants: three means, three standard deviations; y [3, height, width].
// One invocation per value.

override WG: u32 = 64;

struct Params { stride: u32, left: u32, top: u32, width: u32, height: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> constants: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let column = group.x * WG + lane;
  let row = group.y;
  let channel = group.z;
  if (column >= params.width || row >= params.height || channel >= 3u) { return; }
  let pixel = x[(params.top + row) * params.stride + params.left + column];
  let value = f32((pixel >> (8u * channel)) & 255u);
  y[(channel * params.height + row) * params.width + column] = (value / 255.0 - constants[channel]) / constants[3u + channel];
}
