import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect, settled } from './inspect.mjs';
import { ask, begun, file, page, person, run, state, token, upload, visitor, write } from './world.mjs';

test('P11 R43 every page, tab and theme: no violation of axe, nothing wider than the page, no “undefined”', async () => {
  const { tab, close: leave } = await person({ expect: ['404'] });
  await begun(tab);
  const good = new URL(tab.url()).pathname;
  await write(tab, 'import altair as alt\nimport pandas as pd\nprint("x")\nframe = pd.DataFrame({"month": ["Jan", "Feb", "Mar"], "sales": [3, 5, 4]})\ndisplay(frame)\nalt.Chart(frame).mark_bar().encode(x="month", y="sales")');
  await run(tab);
  await state(tab, 'Completed');
  const charted = new URL(tab.url()).pathname;
  await write(tab, 'print("x")\nraise ValueError("no")');
  await run(tab);
  await state(tab, 'Failed');
  const bad = new URL(tab.url()).pathname;
  const session = good.split('/')[2];
  const source = await tab.evaluate(async ([s, t]) => (await (await fetch(`/api/v1/sessions/${s}/sources`, { headers: { Authorization: `Bearer ${t}` } })).json()).items[0].id, [session, await token()]);
  const [a, b] = [good, bad].map(p => p.split('/')[3]);
  const places = {
    'ask': '/ask', 'answer': good, 'chart': charted, 'failure': bad, 'preview': `${good}?source=${source}`,
    ...Object.fromEntries(['program', 'attempts', 'reads', 'log'].map(t => [t, `${good}?tab=${t}`])), 'failed program': `${bad}?tab=program`,
    'history': '/history', 'no match': `/history?filter=${encodeURIComponent('{"t":[["question",":","nothing like it"]]}')}`, 'sessions': '/history?view=sessions',
    'compare': `/compare?a=${a}&b=${b}`, 'nothing to compare': '/compare', 'cluster': '/cluster', 'settings': '/settings', 'no page': '/nowhere', 'no session': '/ask/NOSUCHSESSION',
  };
  for (const [name, place] of Object.entries(places)) {
    await tab.goto(page + place);
    await settled(tab);
    await inspect(tab, name);
  }
  await leave();
});

test('P11 the page to sign in: no violation of axe in any theme, also with a mistake', async () => {
  const { tab, close: leave } = await person({ signedIn: false });
  await settled(tab);
  await inspect(tab, 'sign in');
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.getByText('Give your email address and your password.').waitFor();
  await inspect(tab, 'sign in with a mistake');
  await leave();
});

test('P11 R52 what a first visit loads keeps to its budgets', async () => {
  const { tab, close: leave } = await person();
  await begun(tab);
  const good = new URL(tab.url()).pathname;
  await leave();
  for (const [place, most, known] of [['/sign-in', 250, false], ['/history', 430, true], ['/cluster', 430, true], ['/settings', 430, true], ['/ask', 540, true], [good, 540, true]]) {
    const { kilobytes, requests } = await visitor(place, known);
    console.log(`${place.replace(/[0-9A-Z]{26}/g, '…').padEnd(12)} ${kilobytes.toFixed(0)} KB of JavaScript and CSS over gzip in ${requests} requests, of ${most}`);
    assert.ok(kilobytes <= most, `${place}: ${kilobytes.toFixed(1)} KB, at most ${most}`);
  }
});

test('S4 names, cells, errors and charts with scripts in them do nothing', async () => {
  const { tab, close: leave } = await person();
  const evil = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
  await upload(tab, file('<img src=x onerror=window.pwned=1>.csv', `"${evil.replaceAll('"', '""')}",n\n"${evil.replaceAll('"', '""')}",1\nb,2\n`));
  await tab.getByRole('button', { name: /^Preview/ }).click();
  await tab.getByRole('dialog').getByRole('button', { name: 'Close the preview' }).press('Escape');
  await tab.getByRole('dialog').waitFor({ state: 'detached' });
  await ask(tab, 'How many rows are there?');
  await state(tab, 'Completed');
  await write(tab, `import pandas as pd, altair as alt
evil = ${JSON.stringify(evil)}
print(evil)
display(pd.DataFrame({evil: [evil, "javascript:alert(1)"], "n": [1, 2]}))
display({"mimetype": evil})
chart = alt.Chart(pd.DataFrame({"x": [evil, "b"], "y": [1, 2], "u": ["javascript:window.pwned=1", "https://example.com/"]})).mark_bar().encode(
    x=alt.X("x", title=evil), y="y", href="u", tooltip="x")
display(chart)
chart.transform_calculate(z="window.pwned = 1").encode(color="z:N")`);
  await run(tab);
  await tab.locator('.oc-job-facts').getByText(/Completed|Failed/).waitFor({ timeout: 90_000 });
  await tab.getByRole('tab', { name: 'Answer' }).click();
  await tab.locator('.oc-chart svg').first().waitFor();
  await write(tab, `raise ValueError(${JSON.stringify(evil)})`);
  await run(tab);
  await state(tab, 'Failed');
  await tab.getByRole('tab', { name: 'Log' }).click();
  assert.equal(await tab.evaluate(() => window.pwned), undefined);
  await leave();
});
