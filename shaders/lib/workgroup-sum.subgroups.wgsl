// Sum of one f32 per invocation over a workgroup of WG (a power of two) invocations; every invocation gets the sum.
// The twin of workgroup-sum.wgsl for devices with subgroups: one barrier pair instead of log2(WG).
// Subgroups are taken to be contiguous ranges of lanes, true of 1-D workgroups on the drivers that are tested.

var<workgroup> partial: array<f32, WG>;

fn workgroup_sum(lane: u32, value: f32) -> f32 {
  let size = subgroupAdd(1u);
  let within = subgroupAdd(value);
  if (lane % size == 0u) { partial[lane / size] = within; }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < (WG + size - 1u) / size; i++) { sum += partial[i]; }
  workgroupBarrier(); // the next call may overwrite partial
  return sum;
}
