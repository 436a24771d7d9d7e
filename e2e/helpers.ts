import { readFileSync } from 'node:fs';
import { expect, type Locator, type Page } from '@playwright/test';

/** A converted golden: random weights, long answers. What it says means nothing; that and how it is said does. */
export const MODEL = 'models/e2e/';

/** The development server; the rest of the tests visit the static build, which loads in a fraction of the time. */
export const DEV = 'http://localhost:5180/';
export const SAMPLES = 'public/samples';

export interface Upload {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

export function sample(name: string): Upload {
  return { name: `${name}.webp`, mimeType: 'image/webp', buffer: readFileSync(`${SAMPLES}/${name}.webp`) };
}

/** The controls by the names that the documentation promises. */
export function controls(page: Page) {
  const log = page.getByRole('log');
  return {
    message: page.getByRole('textbox', { name: 'Message' }),
    send: page.getByRole('button', { name: 'Send' }),
    stop: page.getByRole('button', { name: 'Stop' }),
    newChat: page.getByRole('button', { name: 'New chat' }),
    thumbnails: page.getByRole('listitem'),
    alert: page.getByRole('alert'),
    log,
    user: log.locator('[data-role="user"]'),
    assistant: log.locator('[data-role="assistant"]'),
    executor: page.getByText(/is ready\. It runs on/),
  };
}

/** Opens the page with the test model and waits until it is ready. */
export async function openChat(page: Page) {
  await page.goto(`./?model=${MODEL}&executor=wasm`);
  const on = controls(page);
  await expect(on.executor).toBeVisible();
  return on;
}

export async function pick(page: Page, files: Upload[]): Promise<void> {
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Add images' }).click();
  await (await choosing).setFiles(files);
}

/** Dispatches a real event with real files: what a drop or a paste from outside the browser gives the page. */
export async function give(target: Locator, type: 'drop' | 'paste', files: Upload[]): Promise<void> {
  const plain = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString('base64') }));
  await target.evaluate(
    (element, { type, files }) => {
      const data = new DataTransfer();
      for (const { name, mimeType, base64 } of files) {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        data.items.add(new File([bytes], name, { type: mimeType }));
      }
      const options = { bubbles: true, composed: true, cancelable: true };
      if (type === 'paste') element.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: data }));
      else {
        element.dispatchEvent(new DragEvent('dragover', { ...options, dataTransfer: data }));
        element.dispatchEvent(new DragEvent('drop', { ...options, dataTransfer: data }));
      }
    },
    { type, files: plain },
  );
}

/** Everything a page may complain about: uncaught errors, console errors, CSP violations. Read it at the end. */
export function complaints(page: Page): string[] {
  const seen: string[] = [];
  page.on('pageerror', (error) => seen.push(error.message));
  page.on('console', (message) => message.type() === 'error' && seen.push(message.text()));
  return seen;
}
