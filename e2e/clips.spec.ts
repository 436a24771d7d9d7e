import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { complaints, give, openChat, pick, sample, type Upload } from './helpers';

const SITE = 'http://localhost:5181/apps/flamingo/';
const TYPES = { mp4: 'video/mp4', webm: 'video/webm', gif: 'image/gif', png: 'image/png', webp: 'image/webp' };

function clip(name: string): Upload {
  const type = name.split('.')[1] as keyof typeof TYPES;
  return { name, mimeType: TYPES[type], buffer: readFileSync(`e2e/clips/${name}`) };
}

/** What a clip gave: the grey in the middle of each frame, and its facts; or the error. */
interface Got {
  greys?: number[];
  way?: string;
  times?: number[];
  duration?: number;
  code?: string;
  message?: string;
}

/** An empty page with the built library in it. */
async function openLibrary(page: Page): Promise<void> {
  await page.route('**/clips.html', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto(`${SITE}clips.html`);
  await page.evaluate(async () => {
    const library = './flamingo-web/index.js';
    const { clipFrames, cameraClip } = (await import(/* @vite-ignore */ library)) as typeof import('../src/index');
    const look = (frames: readonly unknown[]) =>
      frames.map((frame) => {
        const context = new OffscreenCanvas(96, 72).getContext('2d')!;
        context.drawImage(frame as ImageBitmap, 0, 0);
        return context.getImageData(48, 36, 1, 1).data[0];
      });
    Object.assign(window, { clipFrames, cameraClip, look });
  });
}

function read(page: Page, file: Upload, options: object): Promise<Got> {
  const { name, mimeType, buffer } = file;
  return page.evaluate(
    async ({ name, mimeType, base64, options }) => {
      const { clipFrames, look } = window as unknown as {
        clipFrames: typeof import('../src/index').clipFrames;
        look(frames: readonly unknown[]): number[];
      };
      const source = new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type: mimeType });
      try {
        const clip = await clipFrames(source, options as { frames: number });
        const { way, times, duration } = clip;
        return { greys: look(clip), way, times: [...times], duration };
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        return { code, message };
      }
    },
    { name, mimeType, base64: buffer.toString('base64'), options },
  );
}

/** Which of the twelve frames a grey is. */
const frameOf = (grey: number) => Math.round((grey - 16) / 18);

test('exact frames of MP4, WebM, GIF, APNG and WebP; of four hours only what is needed; by seeking the same', async ({
  page,
}) => {
  await openLibrary(page);
  for (const name of ['steps.mp4', 'steps.webm', 'steps.gif', 'steps.png', 'steps.webp']) {
    const video = /mp4|webm/.test(name);
    const frames = async (options: object) => {
      const got = await read(page, clip(name), options);
      expect(got.way, `${name}: ${got.message}`).toBe(video ? 'webcodecs' : 'image decoder');
      return got.greys?.map(frameOf);
    };
    expect(await frames({ frames: 12 }), name).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(await frames({ frames: 3, fps: 1 }), name).toEqual([0, 4, 8]);
    expect(await frames({ frames: 2, start: 1.3, end: 2.6 }), name).toEqual([5, 10]);
  }
  const long = await read(page, clip('four-hours.mp4'), { frames: 8 });
  expect(long.duration).toBe(14400);
  expect(long.times?.map((time) => Math.round(time))).toEqual([0, 2050, 4110, 6160, 8220, 10270, 12330, 14390]);
  expect(long.greys).toEqual([...long.greys!].sort((a, b) => a - b));

  await page.evaluate(() => Reflect.deleteProperty(globalThis, 'VideoDecoder'));
  for (const name of ['steps.mp4', 'steps.webm']) {
    const { greys, way } = await read(page, clip(name), { frames: 3, fps: 1, start: 0.1 });
    expect(way).toBe('video element');
    expect(greys?.map(frameOf), name).toEqual([0, 4, 8]);
  }
});

test('what is no clip is told with what was found; a camera and a row of pictures are clips', async ({ page }) => {
  await openLibrary(page);
  const whole = clip('steps.mp4').buffer;
  const damaged = Buffer.from(whole);
  damaged.fill(0x55, whole.indexOf('mdat') + 4); // the structure is whole, the pictures are not
  const mp4 = (name: string, buffer: Buffer): Upload => ({ name, mimeType: 'video/mp4', buffer });
  const bad: [Upload, RegExp][] = [
    [mp4('empty.mp4', Buffer.alloc(0)), /^empty\.mp4 is empty/],
    [mp4('cut.mp4', whole.subarray(0, 600)), /^cut\.mp4 /],
    [mp4('half.mp4', whole.subarray(0, whole.length - 200)), /^half\.mp4 gave 2 of 4 frames: the one at 1\.83 s/],
    [mp4('damaged.mp4', damaged), /^damaged\.mp4 .*0 of 4 frames/],
    [mp4('text.mp4', Buffer.from('not a video')), /^text\.mp4 is no MP4.*cannot play it/],
    [clip('sound.mp4'), /^sound\.mp4 has no video \(1 audio tracks\)/],
    [clip('mpeg4.mp4'), /^mpeg4\.mp4 has mp4v.* of 96 x 72, and this browser cannot play it/],
  ];
  for (const [file, expected] of bad) {
    const got = await read(page, file, { frames: 4 });
    expect(got, file.name).toMatchObject({ code: 'media-unreadable', message: expect.stringMatching(expected) });
  }
  expect(await read(page, clip('steps.gif'), { frames: 0 })).toMatchObject({ code: 'invalid-option' });
  expect(await read(page, clip('steps.webm'), { frames: 2, start: 9 })).toMatchObject({ code: 'invalid-option' });

  const got = await page.evaluate(async () => {
    const { clipFrames, cameraClip, look } = window as unknown as {
      clipFrames: typeof import('../src/index').clipFrames;
      cameraClip: typeof import('../src/index').cameraClip;
      look(frames: readonly unknown[]): number[];
    };
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [96, 72];
    const context = canvas.getContext('2d')!;
    let grey = 0;
    const timer = setInterval(() => {
      context.fillStyle = `rgb(${grey}, ${grey}, ${grey})`;
      context.fillRect(0, 0, 96, 72);
      grey = Math.min(250, grey + 5);
    }, 20);
    const stream = canvas.captureStream(30);
    const live = await cameraClip(stream, { frames: 3, fps: 5 });
    const stopping = new AbortController();
    const stopped = cameraClip(stream, { frames: 9, signal: stopping.signal }).catch((error) => error.code);
    setTimeout(() => stopping.abort(), 100);
    const aborted = await stopped;
    stream.getTracks()[0].stop();
    const ended = await cameraClip(stream, { frames: 1 }).catch((error) => error.code);
    clearInterval(timer);
    const pictures = Array.from({ length: 12 }, () => new ImageData(1, 1));
    const row = await clipFrames({ pictures, rate: 4 }, { frames: 3, fps: 1 });
    const chosen = row.map((picture) => pictures.indexOf(picture as ImageData));
    return { camera: look(live), way: live.way, aborted, ended, chosen };
  });
  expect(got).toMatchObject({ way: 'camera', aborted: 'aborted', ended: 'media-unreadable', chosen: [0, 4, 8] });
  expect(got.camera).toHaveLength(3);
  expect(got.camera[2]).toBeGreaterThan(got.camera[0] + 20);
});

test('a video and a GIF become one thumbnail each, are sent as one medium, and answered about', async ({ page }) => {
  const problems = complaints(page);
  const on = await openChat(page);
  const scripts: string[] = [];
  page.on('request', (request) => request.url().endsWith('.js') && scripts.push(request.url()));
  await pick(page, [sample('red-circle')]);
  await expect(on.thumbnails).toHaveCount(1);
  await expect(on.thumbnails.first()).not.toContainText('frame');
  expect(scripts, 'what reads videos is loaded with the first one').toEqual([]);
  await give(on.message, 'drop', [clip('steps.mp4'), clip('steps.gif')]);
  await expect(on.thumbnails).toHaveCount(3);
  expect(scripts.length).toBeGreaterThan(1);
  await expect(on.thumbnails.nth(1).getByText('8 frames')).toBeVisible();
  await expect(page.getByRole('img', { name: 'Picture 2 of 3: steps.mp4, clip of 8 frames' })).toBeVisible();
  await expect(page.getByRole('img', { name: 'Picture 3 of 3: steps.gif, clip of 8 frames' })).toBeVisible();
  await expect(page.getByText('it sees the frames of a clip all at once')).toBeVisible();
  await give(on.message, 'paste', [clip('mpeg4.mp4')]);
  await expect(on.alert).toContainText('mpeg4.mp4 has mp4v');
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '8'));
  await on.message.fill('What moves?');
  await on.send.click();
  await expect(on.user.getByRole('img', { name: 'steps.mp4, clip of 8 frames' })).toBeVisible();
  await expect(on.assistant).not.toBeEmpty();
  await expect(on.send).toBeVisible();

  const video = [...clip('steps.webm').buffer];
  const answer = await page.evaluate(async (bytes) => {
    const chat = document.querySelector('flamingo-chat')!;
    await chat.newChat();
    [chat.maxTokens, chat.clipFrames] = [8, 3];
    const value = new Blob([new Uint8Array(bytes)], { type: 'video/webm' });
    return await chat.ask([
      { type: 'video', value },
      { type: 'text', value: 'What moves?' },
    ]);
  }, video);
  await expect(on.assistant).toHaveText(answer);
  await expect(on.user.getByText('3 frames')).toBeVisible();
  expect(problems).toEqual([]);
});
