import assert from 'node:assert/strict';
import { test } from 'node:test';
import { begun, jobOf, page, person, state, token } from './world.mjs';

// In a cell it ends at once; on the cluster Ray's job has an environment of its own, and it waits to be stopped.
const program = `import os, time, ray
print("rows:", ray.data.read_csv("sales.csv").count(), flush=True)
if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ:
    time.sleep(200)
"done"`;

test('R16 R19 R20 R21 R22 R43 the cluster shows its nodes and jobs live, a log is read, and a job is stopped there', async () => {
  const { tab, close: leave } = await person();
  await begun(tab);
  const response = await fetch(`${page}/api/v1/jobs`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${await token()}` },
    body: JSON.stringify({ kind: 'execute', from_job: jobOf(tab), code: program, place: 'cluster' }),
  });
  const job = await response.json();
  assert.equal(response.status, 202, JSON.stringify(job));
  await tab.goto(`${page}/ask/${job.session_id}/${job.id}`);
  await tab.getByRole('tab', { name: 'Log' }).click();
  await tab.getByText('rows: 300', { exact: true }).nth(1).waitFor({ timeout: 120_000 }); // once from the cell, once from the cluster
  await tab.goto(`${page}/cluster`);
  const nodes = tab.getByRole('table', { name: 'Nodes' });
  await nodes.getByRole('row').filter({ hasText: 'Head' }).getByText('Alive').waitFor({ timeout: 120_000 });
  const badge = /^Ray \d+\.\d+\.\d+ connected/;
  await tab.getByRole('link', { name: badge }).or(tab.getByRole('button', { name: badge })).first().waitFor({ timeout: 60_000 });
  const row = tab.getByRole('table', { name: 'Ray jobs' }).getByRole('row').filter({ hasText: job.id });
  await row.getByText('Running').waitFor({ timeout: 60_000 });
  await row.getByRole('button', { name: /^Log of/ }).click();
  const log = tab.getByRole('dialog');
  await log.getByRole('region', { name: 'Log of the Ray job' }).or(log.getByText('Nothing stands in Ray’s own log')).waitFor({ timeout: 60_000 });
  assert.match(tab.url(), /job=/, 'the log has an address');
  await log.getByRole('button', { name: 'Close the log' }).press('Escape');
  await log.waitFor({ state: 'detached' });
  const only = tab.getByRole('checkbox', { name: 'Running only' });
  assert.equal(await only.evaluate(box => { box.click(); return box.checked; }), true, 'a switch that lives in the address moves at once');
  await row.getByRole('button', { name: /^Stop/ }).click();
  await row.waitFor({ state: 'detached' });
  await tab.goto(`${page}/ask/${job.session_id}/${job.id}`);
  await state(tab, 'Stopped');
  await tab.locator('.oc-job-facts').getByText('in the cluster').waitFor();
  await leave();
});
