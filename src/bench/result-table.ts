import type { BenchResult } from './page';

const COLUMNS = ['strategy', 'weights', 'ms per token', 'dispatches', 'submits', 'bind groups', 'checksum'];

/** Results as a table; the last column says how many times as fast as its peer the first strategy of each storage type is. */
export function resultTable({ suites }: BenchResult): HTMLTableElement {
  const table = document.createElement('table');
  addRow(table.createTHead(), 'th', [...COLUMNS, 'speed']);
  const body = table.createTBody();
  const rows = suites.decode ?? [];
  for (const row of rows) {
    const slowest = Math.max(
      ...rows.filter(({ dtype }) => dtype === row.dtype).map(({ ms_per_token }) => ms_per_token),
    );
    addRow(body, 'td', [
      row.name,
      row.dtype,
      row.ms_per_token.toFixed(2),
      row.dispatches_per_token.toFixed(0),
      row.submits_per_token.toFixed(0),
      row.bind_groups_per_token.toFixed(0),
      row.checksum,
      `${(slowest / row.ms_per_token).toFixed(1)} x`,
    ]);
  }
  return table;
}

function addRow(section: HTMLTableSectionElement, tag: 'td' | 'th', cells: readonly string[]): void {
  const row = section.insertRow();
  for (const text of cells) {
    const cell = document.createElement(tag);
    cell.textContent = text;
    row.append(cell);
  }
}
