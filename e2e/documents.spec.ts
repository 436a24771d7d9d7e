import { expect, type Page, test } from '@playwright/test';
import { complaints, give, openChat, sample } from './helpers';

const SITE = 'http://localhost:5181/apps/flamingo/';

/** A picture of that size as a data: address. */
function picture(page: Page, width: number, height: number): Promise<string> {
  return page.evaluate(
    ([w, h]) => {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [w, h];
      return canvas.toDataURL('image/png');
    },
    [width, height],
  );
}

test('interleave: M3W rules, CM3 markup, nothing fetched', async ({ page }) => {
  const requests: string[] = [];
  await page.route('**/documents.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
  );
  await page.goto(`${SITE}documents.html`);
  const sizes = { good: [64, 64], three: [300, 100], small: [63, 200], wide: [301, 100] } as const;
  const data: Record<string, string> = {};
  for (const [name, [w, h]] of Object.entries(sizes)) data[name] = await picture(page, w, h);
  page.on('request', (request) => requests.push(request.url()));
  const shown = await page.evaluate(async (data) => {
    const library = './flamingo-web/index.js';
    const { interleave } = (await import(/* @vite-ignore */ library)) as typeof import('../src/index');
    const file = await new Promise<Blob>((resolve) => {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [80, 90];
      canvas.toBlob((blob) => resolve(blob!));
    });
    const files = new Map([
      ['cat 1.png', file],
      ['notes.png', new Blob(['no picture'])],
    ]);
    const read = async (html: string, options = {}) => {
      const { parts, remote, leftOut } = await interleave(html, { files, ...options });
      const text = parts
        .map((part) => (part.type === 'text' ? part.value : part.type === 'image' ? '[picture]' : '<EOC>'))
        .join('');
      return { text, remote: remote.map(({ address }) => address), leftOut: leftOut.map(({ reason }) => reason) };
    };
    const img = (src: string, rest = '') => `<img src="${src}" ${rest}>`;
    const { good, three, small, wide } = data;
    return {
      paper: await read(`<p>Cute pics of my pets!</p>${img(good, 'alt="a dog"')}<p>My puppy.</p>${img(three)}<p>My
        cat  looking <b>very</b> dignified.</p>`),
      first: await read(`${img(good)} one ${img(good)}${img(good)}`),
      rules: await read(
        `a${img(small)}b${img(wide)}c${img('files/cat%201.png?x')}d${img('notes.png')}${img('gone.png')}${img('data:image/png;base64,!!')}`,
      ),
      hidden: await read(`<head><title>T</title></head><header>Site</header><nav>n</nav>
        <article><header>Headline</header><p hidden>h</p><p style="color:red; display: none">i</p>
        <script>document.title = 1; fetch('https://evil.test/')</script><style>s</style><noscript>${img(good)}</noscript>
        <!-- c --><form>f</form>Words<br>and <ul><li>one<li>two</ul><table><tr><td>1<td>2</table><pre>x
  y</pre></article><footer>Site</footer>`),
      remote: await read(
        `x${img('https://a.test/1.png')}y${img('//b.test/2.png', 'onerror="fetch(1)"')}${img('https://a.test/1.png')}${img('https://t.test/pixel.gif', 'width=1 height=1')}${img(small, 'data-src="https://c.test/late.jpg"')}${img('file:///etc/x.png')}`,
        { base: 'https://b.test/page' },
      ),
      given: await read(`x${img('https://a.test/1.png')}`, { files: new Map([['https://a.test/1.png', file]]) }),
      markup: await read(
        `<div class="o"><div><h1 id=h onclick="x()">A &amp; B</h1><p></p><a href="/c" target=x>c &lt;</a>${img(good, 'alt="a &quot;dog&quot;" class=k')}</div></div><a href="javascript:x()">d</a>${img('https://a.test/1.png')}<script>x</script>`,
        { keepMarkup: true },
      ),
      empty: await read(''),
      long: await interleave(' '.repeat(17_000_000)).catch((error) => error.code),
    };
  }, data);
  expect(shown.paper.text).toBe(
    'Cute pics of my pets!<EOC>[picture]My puppy.<EOC>[picture]My cat looking very dignified.<EOC>',
  );
  expect(shown.first.text).toBe('[picture]one<EOC>[picture]<EOC>[picture]<EOC>');
  expect(shown.rules.text).toBe('abc<EOC>[picture]d<EOC>');
  expect(shown.rules.leftOut).toEqual([
    'is 63 x 200; under 64 pixels',
    'is 301 x 100; wider or taller than 3 to 1',
    'is a text file; PNG, JPEG, WebP or GIF is expected',
    'was not given along',
    'is no readable picture',
  ]);
  expect(shown.hidden.text).toBe('Headline\nWords\nand\none\ntwo\n1 2\nx\ny<EOC>');
  expect(shown.remote).toEqual({
    text: 'xy<EOC>',
    remote: ['https://a.test/1.png', 'https://b.test/2.png', 'https://c.test/late.jpg'],
    leftOut: ['is 1 x 1; under 64 pixels', 'was not given along'],
  });
  expect(shown.given.text).toBe('x<EOC>[picture]<EOC>');
  expect(shown.markup.text).toBe(
    '<div><h1>A &amp; B</h1><a href="/c">c &lt;</a><img alt="a &quot;dog&quot;" src="[picture]"></div><a>d</a><img alt="" src="">',
  );
  expect(shown.empty).toEqual({ text: '', remote: [], leftOut: [] });
  expect(shown.long).toBe('invalid-option');
  expect(requests.filter((url) => !url.startsWith(SITE))).toEqual([]);
});

test('a pasted page says what it brings, fetches only when told, and stands in the message in order', async ({
  page,
}) => {
  const problems = complaints(page);
  const asked: string[] = [];
  const { buffer } = sample('orange-moon');
  await page.route('https://pictures.test/**', async (route) => {
    asked.push(route.request().url());
    const found = route.request().url().endsWith('moon.webp');
    const headers = { 'access-control-allow-origin': '*', 'content-type': 'image/webp' };
    await route.fulfill(found ? { headers, body: buffer } : { headers, status: 404 });
  });
  const on = await openChat(page);
  const inline = `data:image/webp;base64,${sample('red-circle').buffer.toString('base64')}`;
  const html = `<h1>Shapes</h1><img src="${inline}"><p>A circle.</p><img src="https://pictures.test/moon.webp"><p>A moon.</p><img src="https://pictures.test/gone.webp">`;
  const paste = (value: string) =>
    on.message.evaluate((box, value) => {
      const data = new DataTransfer();
      data.setData('text/html', value);
      data.setData('text/plain', 'plain words');
      box.dispatchEvent(
        new ClipboardEvent('paste', { bubbles: true, composed: true, cancelable: true, clipboardData: data }),
      );
    }, value);
  const notice = page.getByRole('group', { name: 'Web page' });

  await paste('<b>no pictures</b>');
  await expect(notice).toHaveCount(0);
  await paste(html);
  await expect(notice).toContainText(
    'The page has 5 words and 1 picture. 2 pictures more would have to be fetched from pictures.test.',
  );
  await notice.getByRole('button', { name: 'Cancel' }).click();
  await expect(on.message).toHaveValue('');
  await paste(html);
  await notice.getByRole('button', { name: 'Insert without 2 pictures' }).click();
  await expect(on.thumbnails).toHaveCount(1);
  await expect(on.message).toHaveValue('Shapes\nA circle.\nA moon.');
  expect(asked).toEqual([]);

  await page.getByRole('button', { name: 'Remove picture 1' }).click();
  await on.message.fill('');
  const saved = Buffer.from('<p>A moon: <img src="page_files/orange-moon.webp"></p><img src="missing.png">');
  const file = { name: 'page.html', mimeType: 'text/html', buffer: saved };
  await give(on.message, 'drop', [file, sample('orange-moon')]);
  await expect(notice).toContainText(
    'The page has 2 words and 1 picture. Left out: 1 (the first was not given along).',
  );
  await notice.getByRole('button', { name: 'Insert' }).click();
  await expect(on.thumbnails.getByRole('img', { name: 'Picture 1 of 1: orange-moon.webp' })).toBeVisible();
  await page.getByRole('button', { name: 'Remove picture 1' }).click();
  await on.message.fill('');
  await paste(html);
  await notice.getByRole('checkbox', { name: 'Keep the markup' }).check();
  await expect(notice).toContainText('The page has');
  await notice.getByRole('checkbox', { name: 'Keep the markup' }).uncheck();
  await notice.getByRole('button', { name: 'Fetch 2 pictures and insert' }).click();
  await expect(on.thumbnails).toHaveCount(2);
  await expect(on.alert).toContainText('1 of 2 pictures could not be fetched (pictures.test)');
  expect(asked.sort()).toEqual(['https://pictures.test/gone.webp', 'https://pictures.test/moon.webp']);
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '8'));
  await on.send.click();
  const parts = on.user.locator('.text, img');
  await expect(parts).toHaveCount(5);
  await expect(parts.nth(0)).toHaveText('Shapes');
  await expect(parts.nth(2)).toHaveText('A circle.');
  await expect(parts.nth(3)).toHaveAttribute('alt', 'moon.webp');
  await expect(parts.nth(4)).toHaveText('A moon.');
  await expect(on.assistant).not.toBeEmpty();
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
});
