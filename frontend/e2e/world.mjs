// What the browser tests share: a browser, people who are signed in, files, and the two things that no page may ever do.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const page = process.env.ORCRAY_AT;
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
if (!fs.existsSync(executablePath)) throw new Error(`${executablePath} is missing: install chromium, or name yours in CHROMIUM`);
export const owner = JSON.parse(fs.readFileSync(path.join(process.env.ORCRAY_DATA, 'owner.json'), 'utf8'));

export const sales = ['order_id,day,region,product,amount', ...Array.from({ length: 300 }, (_, i) =>
  `${i},2024-${String((i % 12) + 1).padStart(2, '0')}-15,${['north', 'south', 'east'][i % 3]},${['tea', 'rice'][i % 2]},${(i * 7) % 100}.5`)].join('\n') + '\n';

export const file = (name, text) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
export const close = () => browser.close();

/** A person with a tab. close() also fails when the page wrote an error or broke its policy. */
export async function person({ email = owner.email, password = owner.password, at = '/ask', signedIn = true, expect = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, colorScheme: 'light', acceptDownloads: true, ...options });
  const faults = [];
  const elsewhere = [];
  await context.exposeBinding('orcrayFault', (_, text) => faults.push(text));
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', e => window.orcrayFault(`policy: ${e.violatedDirective} ${e.blockedURI}`)));
  context.on('request', r => { if (!r.url().startsWith(page) && !/^(blob|data):/.test(r.url())) elsewhere.push(r.url()); });
  const tab = await context.newPage();
  tab.setDefaultTimeout(30_000);
  tab.on('pageerror', e => faults.push(e.message));
  tab.on('console', m => { if (m.type() === 'error' && !expect.some(e => m.text().includes(e))) faults.push(m.text()); });
  await tab.goto(page + at);
  if (signedIn) {
    await tab.getByLabel('Email address').fill(email);
    await tab.getByRole('textbox', { name: 'Password' }).fill(password);
    await tab.keyboard.press('Enter');
    await tab.getByRole('navigation', { name: 'Side navigation' }).or(tab.getByRole('button', { name: 'Account' })).first().waitFor();
  }
  return {
    tab, context,
    close: async () => {
      await context.close();
      assert.deepEqual(faults, [], 'errors and policy violations of the page');
      assert.deepEqual(elsewhere, [], 'requests that left the origin');
    },
  };
}

/** The owner's token, for what the page itself does not do. */
export async function token() {
  const body = new URLSearchParams({ username: owner.email, password: owner.password, grant_type: 'password' });
  return (await (await fetch(`${page}/api/v1/auth/token`, { method: 'POST', body })).json()).access_token;
}

/** Opens an address with nothing kept, as on a first visit, and measures what came over the wire until the page is at rest. */
export async function visitor(place, known) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
  if (known) await context.addInitScript(t => sessionStorage.setItem('orcray.token', t), await token());
  const tab = await context.newPage();
  const loads = [];
  tab.on('requestfinished', r => { if (/\.(js|css)$/.test(new URL(r.url()).pathname)) loads.push(r.sizes()); });
  await tab.goto(page + place);
  await tab.getByRole('heading').first().waitFor();
  await tab.waitForLoadState('networkidle');
  const sizes = await Promise.all(loads);
  await context.close();
  return { kilobytes: sizes.reduce((n, s) => n + s.responseBodySize, 0) / 1024, requests: sizes.length };
}

/** Uploads files and waits until they can be asked about. */
export async function upload(tab, ...files) {
  await tab.getByTestId('files').setInputFiles(files);
  for (const f of files) await tab.getByRole('checkbox', { name: `Read ${f.name} with the next question` }).waitFor();
  await tab.getByTestId('upload').waitFor({ state: 'detached' });
}

export async function ask(tab, question) {
  const box = tab.getByRole('textbox', { name: 'Question' });
  const before = tab.url();
  await box.fill(question);
  await box.press('Control+Enter');
  await tab.waitForURL(u => u.href !== before && /\/ask\/\w+\/\w+/.test(u.pathname));
  await shown(tab);
}

/** Opens the program of the job that is shown, and puts another in its place. */
export async function write(tab, program) {
  await tab.getByRole('tab', { name: 'Program' }).click();
  const editor = tab.getByRole('textbox', { name: 'Program' });
  await editor.click();
  await tab.keyboard.press('Control+a');
  await tab.keyboard.insertText(program);
  return editor;
}

/** Runs the program in the editor, and waits for the address of the new job. */
export async function run(tab) {
  const before = tab.url();
  await tab.getByRole('button', { name: /Check and run|Run again/ }).click();
  await moved(tab, before);
}

/** Waits until the page shows another job than it did at an address; the address changes a moment before the page. */
export async function moved(tab, before) {
  await tab.waitForURL(u => u.pathname !== new URL(before).pathname);
  await shown(tab);
}

const shown = tab => tab.locator('.oc-job-facts .oc-id', { hasText: jobOf(tab) }).waitFor();

export const state = (tab, text) => tab.locator('.oc-job-facts').getByText(text, { exact: true }).waitFor({ timeout: 90_000 });

export const jobOf = tab => new URL(tab.url()).pathname.split('/')[3];

let base;

/** Makes the job that is shown the one that tests go on from. */
export const begin = tab => { base = new URL(tab.url()).pathname; };

/** Opens one answered question that tests may go on from: its session has a warm cell, so that they need not wait for another. */
export async function begun(tab) {
  if (base) {
    await tab.goto(page + base);
  } else {
    await upload(tab, file('sales.csv', sales));
    await ask(tab, 'average amount by region');
    await state(tab, 'Completed');
    begin(tab);
  }
  await state(tab, 'Completed');
}
