// Runs the browser tests against a real orcray with a real Ray, which serves the page itself: starts one in a folder of its own,
// with a language model that says what its script says, and stops both at the end.
//   node e2e/run.mjs [words of the titles to run]
// ORCRAY_AT tests an orcray that runs already; then ORCRAY_DATA is its data folder, and ORCRAY_MODEL_AT the address of its scripted model.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { scriptedModel } from './model.mjs';

const here = import.meta.dirname;
const root = path.join(here, '../..'); // where orcray finds its Python
const binary = process.env.ORCRAY_BIN ?? path.join(root, 'bin/orcray');
const built = path.join(here, '../dist');

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function world() {
  if (process.env.ORCRAY_AT) return { page: process.env.ORCRAY_AT, data: process.env.ORCRAY_DATA, model: process.env.ORCRAY_MODEL_AT, stop: async () => {} };
  if (!fs.existsSync(binary)) throw new Error(`${binary} is missing: make build`);
  if (!fs.existsSync(path.join(built, 'index.html'))) throw new Error('the page is not built: make page');
  const data = fs.mkdtempSync(path.join(os.tmpdir(), 'orcray-web-'));
  const model = await scriptedModel();
  const env = {
    ...process.env, ORCRAY_DATA: data, ORCRAY_ADDR: `127.0.0.1:${await freePort()}`, ORCRAY_PAGE: built, ORCRAY_JOBS_PER_MINUTE: '100',
    ORCRAY_OPENAI_URL: model.url, ORCRAY_OPENAI_MODEL: 'scripted',
  };
  const stop = async () => {
    model.close();
    execFileSync(binary, ['down'], { env, cwd: root, stdio: 'ignore' });
    try {
      await fs.promises.rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }); // the last cells write while they end
    } catch (e) {
      console.error(`The data of the tests' own orcray could not be removed: ${e.message}`);
    }
  };
  try {
    execFileSync(binary, ['up'], { env, cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (e) {
    await stop();
    throw e;
  }
  return { page: `http://${env.ORCRAY_ADDR}`, data, model: model.at, stop };
}

const w = await world();
const results = path.join(root, 'build/results');
fs.mkdirSync(results, { recursive: true });
const words = process.argv.slice(2);
const child = spawn(process.execPath, [
  ...words.map(t => `--test-name-pattern=${t}`),
  '--test-reporter=spec', '--test-reporter-destination=stdout',
  '--test-reporter=junit', `--test-reporter-destination=${path.join(results, 'web-browser.xml')}`, path.join(here, 'all.mjs'),
], { stdio: 'inherit', env: { ...process.env, ORCRAY_AT: w.page, ORCRAY_DATA: w.data, ORCRAY_MODEL_AT: w.model } });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', async code => {
  await w.stop();
  process.exit(code ?? 1);
});
