import { expect, test } from '@playwright/test';
import { complaints, controls, give, MODEL, openChat, pick, sample } from './helpers';

test('pictures come by picker, drop and paste, in that order', async ({ page }) => {
  const on = await openChat(page);
  await pick(page, [sample('red-circle'), sample('orange-moon')]);
  await expect(on.thumbnails).toHaveCount(2);
  await give(on.log.locator('xpath=..'), 'drop', [sample('striped-heart')]);
  await expect(on.thumbnails).toHaveCount(3);
  await give(on.message, 'paste', [sample('mixed-shapes')]);
  const names = ['red-circle', 'orange-moon', 'striped-heart', 'mixed-shapes'];
  await expect(on.thumbnails).toHaveCount(4);
  for (const [i, name] of names.entries()) {
    await expect(on.thumbnails.nth(i).getByRole('img', { name: `Picture ${i + 1} of 4: ${name}.webp` })).toBeVisible();
  }
});

test('a picture stands where the caret was, can be moved over words and removed', async ({ page }) => {
  const on = await openChat(page);
  await on.message.fill('This is a cat: and this is?');
  await on.message.evaluate((box: HTMLTextAreaElement) => box.setSelectionRange(15, 15));
  await pick(page, [sample('red-circle')]);
  await expect(on.message).toHaveValue('This is a cat: and this is?');
  await expect(on.thumbnails).toHaveText(/^\s*This is a cat:\s*$/);
  await page.getByRole('button', { name: 'Move picture 1 left' }).click();
  await expect(on.thumbnails).toHaveText(/^\s*This is a\s*$/);
  await page.keyboard.press('Enter'); // the button keeps the focus
  await expect(on.thumbnails).toHaveText(/^\s*This is\s*$/);
  await page.getByRole('button', { name: 'Move picture 1 right' }).click();
  await on.send.click();
  const parts = on.user.locator('.text, img');
  await expect(parts).toHaveCount(3);
  await expect(parts.nth(0)).toHaveText('This is a');
  await expect(parts.nth(1)).toHaveAttribute('alt', 'red-circle.webp');
  await expect(parts.nth(2)).toHaveText('cat: and this is?');
});

test('two pictures change places, by button and by dragging', async ({ page }) => {
  const on = await openChat(page);
  await pick(page, [sample('red-circle'), sample('orange-moon')]);
  const names = () => on.thumbnails.getByRole('img').evaluateAll((all) => all.map((img) => img.getAttribute('alt')));
  await page.getByRole('button', { name: 'Move picture 2 left' }).click();
  await expect.poll(names).toEqual(['Picture 1 of 2: orange-moon.webp', 'Picture 2 of 2: red-circle.webp']);
  const [first, second] = [on.thumbnails.nth(0).getByRole('img'), on.thumbnails.nth(1).getByRole('img')];
  await second.dragTo(first, { targetPosition: { x: 4, y: 20 } });
  await expect.poll(names).toEqual(['Picture 1 of 2: red-circle.webp', 'Picture 2 of 2: orange-moon.webp']);
  await page.getByRole('button', { name: 'Remove picture 1' }).click();
  await expect.poll(names).toEqual(['Picture 1 of 1: orange-moon.webp']);
});

test('words before every picture: the page says so and puts pictures first', async ({ page }) => {
  const on = await openChat(page);
  await on.message.fill('What is this?');
  await pick(page, [sample('red-circle')]);
  await page.getByRole('button', { name: 'Put pictures first' }).click();
  await expect(page.getByRole('button', { name: 'Put pictures first' })).toBeHidden();
  await on.send.click();
  await expect(on.user.locator('.text, img').first()).toHaveAttribute('alt', 'red-circle.webp');
});

test('an answer is streamed, and the next question goes on in the same conversation', async ({ page }) => {
  const problems = complaints(page);
  const on = await openChat(page);
  await pick(page, [sample('red-circle')]);
  await on.message.fill('What colour is it?');
  await page.evaluate(() => {
    const pieces: string[] = [];
    Object.assign(window, { pieces });
    document.addEventListener('flamingo-token', (event) =>
      pieces.push((event as CustomEvent<{ text: string }>).detail.text),
    );
  });
  await page.keyboard.press('Enter');
  await expect(on.stop).toBeVisible();
  await expect(on.send).toBeVisible();
  await expect(on.assistant).not.toBeEmpty();
  const pieces = await page.evaluate(() => (window as unknown as { pieces: string[] }).pieces);
  expect(pieces.length).toBeGreaterThan(3);
  await expect(on.message).toHaveValue('');
  await on.message.fill('And now?');
  await on.send.click();
  await expect(on.assistant).toHaveCount(2);
  await expect(on.assistant.nth(1)).not.toBeEmpty();
  await expect(on.send).toBeVisible();
  expect(problems).toEqual([]);
});

test('New chat forgets the conversation: the same question gets the same answer again', async ({ page }) => {
  const on = await openChat(page);
  await page.locator('flamingo-chat').evaluate((chat) => chat.setAttribute('max-tokens', '12'));
  const ask = async () => {
    await on.message.fill('');
    await pick(page, [sample('red-circle')]);
    await on.message.fill('What colour is it?');
    await on.send.click();
    await expect(on.send).toBeVisible();
    return await on.assistant.last().textContent();
  };
  const first = await ask();
  await on.message.fill('unsent words');
  await on.newChat.click();
  await expect(on.user).toHaveCount(0);
  await expect(on.message).toHaveValue('unsent words');
  expect(await ask()).toBe(first);
});

test('ready, busy and ask: the element from a script', async ({ page }) => {
  await page.goto(`./?model=${MODEL}&executor=wasm`);
  const result = await page.evaluate(async () => {
    const chat = document.querySelector('flamingo-chat')!;
    chat.maxTokens = 8;
    await chat.ready;
    const value = await (await fetch('samples/red-circle.webp')).blob();
    const asking = chat.ask([
      { type: 'image', value },
      { type: 'text', value: 'What colour is it?' },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const busy = chat.busy;
    const second = await chat.ask([{ type: 'text', value: 'x' }]).catch((error) => error.code);
    const answer = await asking;
    const empty = await chat.ask([]).catch((error) => error.code);
    const text = new Blob(['no picture']);
    const unreadable = await chat.ask([{ type: 'image', value: text }]).catch((error) => error.code);
    return { busy, second, answer, empty, unreadable, after: chat.busy };
  });
  expect(result).toMatchObject({
    busy: true,
    second: 'invalid-option',
    empty: 'invalid-option',
    unreadable: 'media-unreadable',
  });
  expect(result.after).toBe(false);
  expect(result.answer).not.toBe('');
  await expect(controls(page).assistant).toHaveText(result.answer);
});

test('a question asked while the model loads waits for it', async ({ page }) => {
  await page.goto(`./?model=${MODEL}&executor=wasm`);
  const on = controls(page);
  await on.message.fill('What?');
  await on.send.click();
  await expect(on.assistant).not.toBeEmpty();
});

test('the same pictures and words give the same answer on WebGPU', async ({ page }) => {
  test.setTimeout(120_000);
  const ask = (executor: string) =>
    page.goto(`./?model=${MODEL}&executor=${executor}`).then(() =>
      page.evaluate(async () => {
        const chat = document.querySelector('flamingo-chat')!;
        chat.maxTokens = 8;
        await chat.ready;
        const value = await (await fetch('samples/mixed-shapes.webp')).blob();
        return await chat.ask([
          { type: 'image', value },
          { type: 'text', value: 'What do you see?' },
        ]);
      }),
    );
  const wasm = await ask('wasm');
  expect(await ask('webgpu')).toBe(wasm);
  await expect(page.getByText(/It runs on the GPU .*, as asked for/)).toBeVisible();
});

test('auto takes the CPU here, and says why', async ({ page }) => {
  await page.goto(`./?model=${MODEL}`);
  await expect(page.getByText(/It runs on the CPU \(wasm, 1 thread\): .+/)).toBeVisible();
});

test('the element’s properties say how answers are chosen, and give the model for sessions beside the conversation', async ({
  page,
}) => {
  await openChat(page);
  const { answer, again, wrong, scores } = await page.evaluate(async () => {
    const chat = document.querySelector('flamingo-chat')!;
    await chat.ready;
    const ask = () => chat.ask([{ type: 'text', value: 'Which?' }]);
    chat.generation = { responseConstraint: /dax|wug/ };
    const answer = await ask();
    chat.generation = { numBeams: 2, stop: ['\n'] };
    chat.maxTokens = 3;
    const again = await ask();
    chat.generation = { temperature: -1 };
    const wrong = await ask().catch((error: { code: string }) => error.code);
    const session = await chat.loaded!.createSession();
    await session.append(chat.loaded!.question('Which?'));
    const scores = (await session.classify(['dax', 'wug'])).map(({ text }) => text);
    await session[Symbol.asyncDispose]();
    return { answer, again, wrong, scores };
  });
  expect(answer.trim()).toMatch(/^(dax|wug)$/);
  expect(again).not.toContain('\n');
  expect(wrong).toBe('invalid-option');
  expect(scores.sort()).toEqual(['dax', 'wug']);
});
