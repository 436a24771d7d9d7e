import { browserGpu, openDevice } from '../gpu/device';
import { type DecodeResult, decodeSuite } from './decode/suite';
import { countGpuCalls } from './gpu-calls';
import { resultTable } from './result-table';

/** bench.html: reads its numbers from the address (`suite`, `rounds`, `tokens`, `autorun`), shows a table, and leaves the result as JSON in the page. */

export interface BenchResult {
  adapter: string;
  suites: { decode?: DecodeResult[] };
}

const wanted = new URL(location.href).searchParams;
const button = document.querySelector('button');
const status = document.querySelector('[role="status"]');
const calls = countGpuCalls();

function say(text: string): void {
  if (status) status.textContent = text;
  console.info(text); // scripts/bench.mjs passes it on
}

function count(name: string): number | undefined {
  if (!wanted.has(name)) return undefined;
  const value = Number(wanted.get(name));
  if (Number.isInteger(value) && value >= 1 && value <= 100) return value;
  throw new Error(`${name}=${wanted.get(name)}: a whole number from 1 to 100 is expected.`);
}

async function run(): Promise<BenchResult> {
  const suite = wanted.get('suite') ?? 'decode';
  if (suite !== 'decode') throw new Error(`There is no suite "${suite}"; there is: decode.`);
  const options = { rounds: count('rounds') ?? 4, tokens: count('tokens'), onProgress: say };
  const gpu = await openDevice(browserGpu());
  try {
    return { adapter: gpu.adapter, suites: { decode: await decodeSuite(gpu, calls, options) } };
  } finally {
    gpu[Symbol.dispose]();
  }
}

async function runAndShow(): Promise<void> {
  if (button) button.disabled = true;
  document.body.dataset.state = 'running';
  try {
    const result = await run();
    document.querySelector('#result')?.replaceChildren(resultTable(result));
    const json = document.querySelector('#json');
    if (json) json.textContent = JSON.stringify(result, null, 2);
    say(`Done, on ${result.adapter}.`);
    document.body.dataset.state = 'done';
  } catch (error) {
    say(`Failed: ${error instanceof Error ? error.message : error}`);
    document.body.dataset.state = 'failed';
  }
  if (button) button.disabled = false;
}

button?.addEventListener('click', runAndShow);
if (wanted.has('autorun')) await runAndShow();
