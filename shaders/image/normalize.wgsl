// y[c, r, k] = (channel c of x[top + r, left + k] / 255 - mean_c) / std_c
//
// x [., stride] RGBA pixels of 8 bits, one u32 each, red lowest; constants: three means, three standard deviations; y [3, height, width].

override WG: u32 = 64;

struct Params { stride: u32, left: u32, top: u32, width: u32, height: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> constants: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k = group.x * WG + lane;
  let r = group.y;
  let c = group.z;
  if (k >= params.width) { return; }
  let pixel = x[(params.top + r) * params.stride + params.left + k];
  let value = f32((pixel >> (8u * c)) & 255u) / 255.0;
  y[(c * params.height + r) * params.width + k] = (value - constants[c]) / constants[3u + c];
}
