// Scores of one query against up to WG keys of a medium, into `scores`; the kernel declares `q`, `keys` and params.

var<workgroup> scores: array<f32, WG>;

fn tile_scores(lane: u32, query: u32, first: u32, count: u32) {
  if (lane < count) {
    var sum = 0.0;
    for (var c = 0u; c < params.d; c++) { sum += f32(q[query + c]) * f32(keys[first + lane * params.d + c]); }
    scores[lane] = sum * params.scale;
  }
  workgroupBarrier();
}
