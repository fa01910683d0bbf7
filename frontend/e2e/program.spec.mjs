import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begun, jobOf, moved, person, run, state, write } from './world.mjs';

test('R15 R25 R44 a program is changed, fails in plain words, is corrected, saved, loaded and reset', async () => {
  const { tab, close: leave } = await person();
  await begun(tab);
  const original = jobOf(tab);
  await write(tab, 'import ray\nds = ray.data.read_csv("sales.csv")\nds.sum("amont")');
  await tab.reload();
  await tab.getByText('Changed', { exact: true }).waitFor(); // a change outlives a reload
  await run(tab);
  await state(tab, 'Failed');
  await tab.getByText('The program names a column that does not exist').waitFor();
  await tab.getByRole('button', { name: 'Edit the program at line 3' }).click();
  await tab.getByRole('textbox', { name: 'Program' }).waitFor();
  await write(tab, 'import ray\nds = ray.data.read_csv("sales.csv")\nds.sum("amount")');
  await run(tab);
  await state(tab, 'Completed');
  await tab.getByRole('tab', { name: 'Program' }).click();
  const saved = tab.waitForEvent('download');
  await tab.getByRole('button', { name: 'Save .py' }).click();
  assert.match((await saved).suggestedFilename(), /\.py$/);
  await tab.getByTestId('program-file').setInputFiles({ name: 'mine.txt', mimeType: 'text/plain', buffer: Buffer.from('print("loaded")\n') });
  await tab.getByRole('textbox', { name: 'Program' }).getByText('loaded').waitFor();
  await tab.getByRole('button', { name: 'Reset' }).click();
  await tab.getByRole('textbox', { name: 'Program' }).getByText('amount').first().waitFor();
  assert.notEqual(jobOf(tab), original);
  await leave();
});

test('R13 R44 a program is checked without a run, copied, and then run on all rows', async () => {
  const { tab, context, close: leave } = await person({ permissions: ['clipboard-read', 'clipboard-write'] });
  await begun(tab);
  await write(tab, 'import ray\nds = ray.data.read_csv("sales.csv")\nds.count()');
  await tab.getByRole('button', { name: 'Copy', exact: true }).click();
  await tab.getByText('The program is on the clipboard.').waitFor();
  assert.match(await tab.evaluate(() => navigator.clipboard.readText()), /ds\.count\(\)/);
  const before = tab.url();
  await tab.getByRole('button', { name: 'Check only' }).click();
  await moved(tab, before);
  await state(tab, 'Completed');
  await tab.getByRole('tab', { name: 'Answer' }).click();
  await tab.getByText('The program passed its check', { exact: true }).waitFor();
  assert.equal(await tab.getByLabel('Steps of this job').getByText('Run it on all rows').count(), 0);
  const checked = tab.url();
  await tab.getByRole('button', { name: 'Run it on all rows' }).click();
  await moved(tab, checked);
  await state(tab, 'Completed');
  await tab.getByRole('region', { name: 'Answer' }).getByText('300', { exact: true }).waitFor();
  await context.clearPermissions();
  await leave();
});
