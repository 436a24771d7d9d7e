// Sum of one vec4f per invocation over teams of LANES (a divisor of WG) neighbouring invocations; each gets its team's. Once per kernel:
// a second call might overwrite what a slower lane still reads. One barrier and LANES reads: a tree has fewer reads, but a barrier per level.

var<workgroup> team_partial: array<vec4f, WG>;

fn team_sum(lane: u32, value: vec4f) -> vec4f {
  if (LANES == 1u) { return value; }
  team_partial[lane] = value;
  workgroupBarrier();
  let first = lane - lane % LANES;
  var sum = vec4f();
  for (var i = first; i < first + LANES; i++) { sum += team_partial[i]; }
  return sum;
}
