// Where the rows of a step stand when they are not one text: with TREE, places holds the position of each row [rows], then its path [rows, stride]:
// the cache slots of the tokens behind the first `prefix`, which all rows share. Without TREE row r stands at position + r, and slots are positions.
// The kernel declares `places` and params with rows and position; for slots also prefix and stride.

override TREE: u32 = 0;

fn position_of(row: u32) -> u32 {
  if (TREE == 1u) { return places[row]; }
  return params.position + row;
}
