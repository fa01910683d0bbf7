// Looks at a page as a whole: what axe says, whether it fits, whether something was left empty in a text.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = process.env.ORCRAY_PICTURES; // a folder: then every page is kept as it looked

async function violations(tab) {
  await tab.evaluate(axe); // through the debugger, so the page's policy stays as it is
  return tab.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(', ')}`));
}

// What the parts of a job say until its log is there, also of one that has ended.
const withoutLog = 'Waiting to start\\.|Nothing was (printed|read) yet|It appears here while';

/** The page is there when nothing on it waits any more. */
export async function settled(tab) {
  await tab.getByRole('heading').first().waitFor();
  await tab.waitForFunction(waits => !new RegExp(waits).test(document.body.innerText) && !document.querySelector('main [class*=spinner]'), `Loading |Looking at|${withoutLog}`);
}

/** Looks at the page in both themes and three widths; axe looks at both themes, and once more where the page is narrow. */
export async function inspect(tab, name) {
  for (const mode of ['light', 'dark']) {
    await tab.emulateMedia({ colorScheme: mode, reducedMotion: 'reduce' });
    for (const width of [1440, 768, 320]) {
      await tab.setViewportSize({ width, height: 900 });
      const at = `${name} in ${mode} at ${width}`;
      await tab.evaluate(() => new Promise(resolve => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
      await tab.waitForFunction(() => document.documentElement.scrollWidth <= window.innerWidth, null, { timeout: 5_000 })
        .catch(() => assert.fail(`${at} is wider than the page`));
      if (width === 1440 || (width === 320 && mode === 'light')) assert.deepEqual(await violations(tab), [], at);
      if (pictures) await tab.screenshot({ path: path.join(pictures, `${name.replace(/\W+/g, '-')}-${width}-${mode}.png`), fullPage: true });
    }
  }
  await tab.setViewportSize({ width: 1440, height: 900 });
  const labels = await tab.evaluate(() => [document.body.innerText, ...[...document.querySelectorAll('[aria-label]')].map(e => e.ariaLabel)]);
  assert.ok(!labels.some(t => t?.includes('undefined')), name);
}
