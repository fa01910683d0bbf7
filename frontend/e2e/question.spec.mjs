import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldQuestion } from './model.mjs';
import { ask, begin, begun, file, person, sales, state, upload } from './world.mjs';

test('R14 R26 R27 R45 a file is dropped, asked about, and the answer is there with its program', async () => {
  const { tab, close: leave } = await person();
  const transfer = await tab.evaluateHandle(text => {
    const data = new DataTransfer();
    data.items.add(new File([text], 'sales.csv', { type: 'text/csv' }));
    return data;
  }, sales);
  await tab.locator('.oc-drop').dispatchEvent('drop', { dataTransfer: transfer });
  await tab.getByText('300 rows, 5 columns').waitFor();
  await tab.getByRole('button', { name: 'Preview sales.csv' }).click();
  const preview = tab.getByRole('dialog');
  await preview.getByText('0,2024-01-15,north,tea,0.5').waitFor();
  assert.equal(await preview.getByRole('table', { name: 'Columns of sales.csv' }).getByRole('row').count(), 6);
  await preview.getByRole('button', { name: 'Close the preview' }).press('Escape');
  await preview.waitFor({ state: 'detached' });
  await ask(tab, 'average amount by region');
  await state(tab, 'Completed');
  const answer = tab.getByRole('table', { name: 'Answer' });
  await answer.getByRole('cell', { name: 'north' }).waitFor();
  assert.equal(await answer.getByRole('row').count(), 4);
  const steps = tab.getByLabel('Steps of this job');
  for (const name of ['Look at the files', 'Write the program', 'Prove it on a sample', 'Run it on all rows']) await steps.getByText(name).waitFor();
  await tab.getByRole('tab', { name: 'Data read' }).click();
  await tab.getByRole('cell', { name: 'on all rows' }).waitFor();
  await tab.getByRole('tab', { name: /^Attempts/ }).click();
  await tab.getByText('written by the model').waitFor();
  begin(tab); // the others go on from here
  await leave();
});

test('R36 files are unticked after a question, unless they are pinned, and can be asked about again', async () => {
  const { tab, close: leave } = await person();
  await begun(tab);
  const tick = tab.getByRole('checkbox', { name: /Read sales.csv/ });
  await tab.getByRole('button', { name: 'Ask about sales.csv again' }).click();
  await tab.getByRole('checkbox', { name: /Read sales.csv/, checked: true }).waitFor();
  await tab.getByRole('button', { name: /Pin sales.csv/ }).click();
  await ask(tab, 'Top 2 product by number of rows');
  await state(tab, 'Completed');
  await tab.getByText('Reads sales.csv').waitFor();
  assert.ok(await tick.isChecked());
  await tab.getByRole('button', { name: /Pin sales.csv/ }).click();
  await tick.click(); // not uncheck(): it looks before the page has drawn
  await tab.getByText('No file is ticked').waitFor();
  assert.ok(!(await tick.isChecked()));
  await leave();
});

test('R28 R29 a file that cannot be used says why; a removed one is gone on the server', async () => {
  const { tab, close: leave } = await person({ expect: ['422'] });
  await upload(tab, file('sales.csv', sales));
  await tab.getByTestId('files').setInputFiles([file('nothing.csv', ''), { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from('x') }]);
  await tab.getByText(/^The file is empty/).waitFor();
  await tab.getByText(/^\.png files cannot be read/).waitFor();
  await tab.getByTestId('files').setInputFiles(file('binary.csv', '\u0000\u0001\u0002'.repeat(2000)));
  await tab.getByLabel('Files of this session').getByText('binary.csv').waitFor();
  await tab.getByRole('button', { name: 'Remove sales.csv' }).click();
  await tab.getByText('sales.csv was removed').waitFor();
  await tab.reload();
  await tab.getByLabel('Files of this session').getByText('binary.csv').waitFor();
  assert.equal(await tab.getByRole('checkbox', { name: /sales.csv/ }).count(), 0);
  await leave();
});

test('R1 R2 R10 R11 R12 a program that fails is mended by the model, and the page tells each attempt, its cause and the change', async () => {
  const { tab, close: leave } = await person();
  await begun(tab);
  await tab.getByRole('button', { name: 'Ask about sales.csv again' }).click();
  await tab.getByRole('button', { name: /^Model/ }).click();
  await tab.getByRole('option', { name: /scripted/ }).click();
  await ask(tab, heldQuestion);
  await tab.getByRole('region', { name: 'The program as it is written' }).getByText('read_csv').waitFor(); // while it streams
  const steps = tab.getByLabel('Steps of this job');
  await steps.getByText('Prove it on a sample', { exact: true }).waitFor();
  await fetch(`${process.env.ORCRAY_MODEL_AT}/continue`);
  await steps.getByText('Repair the program').waitFor();
  await state(tab, 'Completed');
  await tab.locator('.oc-job-facts').getByText('2 validations').waitFor();
  await tab.getByRole('region', { name: 'Answer' }).getByText('300', { exact: true }).waitFor();
  await tab.getByRole('tab', { name: 'Attempts (2)' }).click();
  const attempts = tab.getByRole('list', { name: 'Attempts' }).getByRole('listitem');
  await attempts.nth(0).getByText('Failed', { exact: true }).waitFor();
  await attempts.nth(0).getByText(/zero/).waitFor();
  await attempts.nth(1).getByText('Proven').waitFor();
  const change = tab.getByRole('region', { name: 'Changes from Attempt 1 to Attempt 2' });
  await change.getByText('rows // 0').waitFor();
  await leave();
});

test('R26 an upload shows how far it is, and can be cancelled', async () => {
  const { tab, context, close: leave } = await person({ expect: ['net::ERR'] });
  await upload(tab, file('sales.csv', sales));
  const link = await context.newCDPSession(tab);
  await link.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200_000 });
  const large = file('large.csv', `a,b\n${'1,2\n'.repeat(500_000)}`);
  await tab.getByTestId('files').setInputFiles(large);
  await tab.getByRole('progressbar', { name: 'Upload of large.csv' }).waitFor();
  await tab.waitForFunction(() => Number(document.querySelector('[data-testid=upload] progress')?.value) > 0);
  await tab.getByRole('button', { name: 'Cancel the upload of large.csv' }).click();
  await tab.getByTestId('upload').waitFor({ state: 'detached' });
  await link.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await tab.reload();
  await tab.getByRole('checkbox', { name: /sales.csv/ }).waitFor();
  assert.equal(await tab.getByText('large.csv').count(), 0, 'what was begun and not finished is gone on the server');
  await leave();
});
