import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, begun, page, person, run, state, write } from './world.mjs';

test('R43 R47 a reload in the middle, and a second tab, show the same job to its end', async () => {
  const { tab, context, close: leave } = await person();
  await begun(tab);
  await write(tab, 'import time\nfor i in range(12):\n    print(f"line {i}", flush=True)\n    time.sleep(0.3)\n"done"');
  await run(tab);
  await tab.getByRole('tab', { name: 'Log' }).click();
  await tab.getByText('line 1', { exact: true }).first().waitFor({ timeout: 60_000 });
  const second = await context.newPage();
  await second.goto(tab.url()); // it gets the sign-in from the first tab
  await tab.reload();
  for (const t of [tab, second]) {
    await state(t, 'Completed');
    await t.getByText(/^24 lines$/).waitFor();
    assert.deepEqual(await ran(t), [...lines(12), ...lines(12)], 'once on the sample and once on all rows, in order');
  }
  await leave();
});

test('R47 a connection that drops in the middle loses no line and doubles none', async () => {
  const { tab, context, close: leave } = await person({ expect: ['ERR_INTERNET_DISCONNECTED', 'net::'] });
  await begun(tab);
  await write(tab, 'import time\nfor i in range(20):\n    print(f"line {i}", flush=True)\n    time.sleep(0.25)\n"done"');
  await run(tab);
  await tab.getByRole('tab', { name: 'Log' }).click();
  await tab.getByText('line 2', { exact: true }).first().waitFor({ timeout: 60_000 });
  await context.setOffline(true);
  await tab.getByText(/^(Offline|Reconnecting)$/).waitFor();
  await context.setOffline(false);
  await state(tab, 'Completed');
  await tab.getByText(/^40 lines$/).waitFor();
  await leave();
});

test('R19 a job that runs is stopped at once, and stays stopped', async () => {
  const { tab, close: leave } = await person();
  await begun(tab);
  await write(tab, 'import time\nprint("here", flush=True)\ntime.sleep(300)');
  await run(tab);
  await tab.getByRole('tab', { name: 'Log' }).click();
  await tab.getByText('here', { exact: true }).waitFor({ timeout: 60_000 });
  await tab.getByRole('button', { name: 'Stop', exact: true }).click();
  await state(tab, 'Stopped');
  await tab.reload();
  await state(tab, 'Stopped');
  await leave();
});

const lines = n => Array.from({ length: n }, (_, i) => `line ${i}`);
const ticking = (n, pause) => `import time\nfor i in range(${n}):\n    print(f"line {i}", flush=True)\n    time.sleep(${pause})\n"done"`;

async function ran(tab) {
  const texts = await tab.locator('.oc-log-text').allInnerTexts();
  return texts.filter(l => l.startsWith('line'));
}

test('R47 a proxy that buffers the stream, and a tab that sleeps, lose no line and double none', async () => {
  const { tab, context, close: leave } = await person({ expect: ['net::ERR'] });
  await begun(tab);
  await tab.setViewportSize({ width: 1440, height: 2000 });
  await write(tab, ticking(12, 0.8));
  await run(tab);
  const buffered = await context.newPage();
  await buffered.setViewportSize({ width: 1440, height: 2000 });
  await buffered.route('**/events?*', route => (route.request().headers().accept === 'text/event-stream' ? undefined : route.continue())); // a stream that never says anything
  await buffered.goto(`${tab.url()}?tab=log`);
  await tab.getByRole('tab', { name: 'Log' }).click();
  await tab.getByText('line 1', { exact: true }).first().waitFor({ timeout: 60_000 });
  const life = await context.newCDPSession(tab);
  await life.send('Page.setWebLifecycleState', { state: 'frozen' });
  await buffered.getByText('Live, in steps').waitFor({ timeout: 30_000 });
  await life.send('Page.setWebLifecycleState', { state: 'active' });
  for (const t of [tab, buffered]) {
    await state(t, 'Completed');
    await t.getByText(/^24 lines$/).waitFor();
    assert.deepEqual(await ran(t), [...lines(12), ...lines(12)], 'once on the sample and once on all rows, in order');
  }
  await buffered.unrouteAll({ behavior: 'ignoreErrors' });
  await leave();
});

test('R59 R19 a job that waits for a cell says so, and goes on when the one before it is stopped', async () => {
  const { tab, context, close: leave } = await person();
  await begun(tab);
  await write(tab, 'import time\nprint("here", flush=True)\ntime.sleep(300)');
  await run(tab);
  await tab.getByRole('tab', { name: 'Log' }).click();
  await tab.getByText('here', { exact: true }).waitFor({ timeout: 60_000 });
  const second = await context.newPage();
  await second.goto(tab.url());
  await second.getByRole('button', { name: 'Ask about sales.csv again' }).click();
  await ask(second, 'How many rows are there?');
  await second.getByLabel('Steps of this job').getByText(/waiting for a cell/).waitFor();
  await tab.getByRole('button', { name: 'Stop', exact: true }).click();
  await state(tab, 'Stopped');
  await state(second, 'Completed');
  await leave();
});

test('R46 the state of Ray is asked every 30 s while the page is seen, and at once when it is seen again', async () => {
  const { tab, close: leave } = await person();
  await tab.clock.install();
  let asked = 0;
  tab.on('request', r => { if (r.url().endsWith('/ray/status')) asked++; });
  await tab.goto(`${page}/settings`);
  await tab.getByRole('button', { name: /^Ray \d+\.\d+/ }).or(tab.getByRole('link', { name: /^Ray \d+\.\d+/ })).first().waitFor(); // with its version
  const wait = async n => {
    for (let i = 0; asked < n && i < 50; i++) await new Promise(resolve => { setTimeout(resolve, 50); });
    return asked;
  };
  const first = asked;
  await tab.clock.fastForward(31_000);
  assert.ok(await wait(first + 1) > first, 'asked again after 30 s');
  const look = visible => tab.evaluate(v => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (v ? 'visible' : 'hidden') });
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => !v });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, visible);
  await tab.waitForLoadState('networkidle').catch(() => {});
  await look(false);
  const before = asked;
  await tab.clock.fastForward(61_000);
  await new Promise(resolve => { setTimeout(resolve, 500); });
  assert.equal(asked, before, 'nothing is asked while nobody looks');
  await look(true);
  assert.ok(await wait(before + 1) > before, 'asked at once when somebody looks again');
  await leave();
});
