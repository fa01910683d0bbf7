import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect, settled } from './inspect.mjs';
import { page, person } from './world.mjs';

test('P11 R40 what a new account sees: empty pages that say what to do, and no permission, without a violation of axe', async () => {
  const email = `grace.${Date.now()}@example.com`;
  const password = 'a long enough password';
  const made = await fetch(`${page}/api/v1/users`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email, password, full_name: 'Grace' }) });
  assert.equal(made.status, 201);
  const { tab, close: leave } = await person({ email, password });
  for (const [place, says] of [['/ask', 'Drop files here'], ['/history', 'Nothing was asked yet'], ['/history?view=sessions', 'No sessions yet'], ['/cluster', 'only administrators see them']]) {
    await tab.goto(page + place);
    await tab.getByText(says).first().waitFor();
    await settled(tab);
    await inspect(tab, `new ${place.replace(/\W+/g, ' ').trim()}`);
  }
  await leave();
});

test('R47 a page that loads says so, and one whose server cannot be reached offers another try', async () => {
  const { tab, close: leave } = await person({ expect: ['net::ERR'] });
  let answer = () => {};
  const late = new Promise(resolve => { answer = resolve; });
  await tab.route('**/api/v1/jobs?*', async route => { await late; await route.abort(); });
  await tab.goto(`${page}/history`);
  await tab.getByText('Loading the history').waitFor();
  await inspect(tab, 'history that loads');
  answer();
  await tab.getByText('The server cannot be reached').waitFor();
  await inspect(tab, 'history without a server');
  await tab.unrouteAll();
  await tab.getByRole('button', { name: 'Try again' }).click();
  await tab.getByRole('table', { name: 'Jobs' }).waitFor();
  await leave();
});
