// A language model for the tests: a server that speaks the API of OpenAI, streams as one does, and answers by a script. To a
// question it has not seen it gives a program that fails, and when it is asked to mend that, one that works.
import { EventEmitter, once } from 'node:events';
import http from 'node:http';

/** The first answer to this question stops after read_csv until somebody asks for /continue, so that a test can look at the half of it. */
export const heldQuestion = 'How many rows are there, one by one?';
const longest = 20_000; // ms that it stops; orcray gives a silent model up after 30 s
const released = new EventEmitter();

const broken = 'import ray\n\nds = ray.data.read_csv("sales.csv")\nrows = ds.count()\nrows // 0\n';
const mended = 'import ray\n\nds = ray.data.read_csv("sales.csv")\nrows = ds.count()\nrows\n';
const pause = 60; // ms between two pieces, as a model takes its time

const fenced = program => `\`\`\`python\n${program}\`\`\`\n`;

async function answer(request, response) {
  let body = '';
  for await (const piece of request) body += piece;
  const { messages = [], model } = JSON.parse(body || '{}');
  const says = text => messages.some(m => String(m.content).includes(text));
  const failed = says('ZeroDivisionError');
  const held = !failed && says(heldQuestion);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  const send = (delta, finish_reason = null) =>
    response.write(`data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
  for (const piece of fenced(failed ? mended : broken).match(/[^ ]+ ?|\s+/g)) {
    send({ content: piece });
    if (held && piece.includes('read_csv')) await once(released, 'all', { signal: AbortSignal.timeout(longest) }).catch(() => {});
    await new Promise(resolve => { setTimeout(resolve, pause); });
  }
  send({}, 'stop');
  response.end('data: [DONE]\n\n');
}

export function scriptedModel() {
  const server = http.createServer((request, response) => {
    if (request.url.endsWith('/chat/completions')) return void answer(request, response).catch(() => response.destroy());
    if (request.url.endsWith('/continue')) released.emit('all');
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ object: 'list', data: [{ id: 'scripted', object: 'model' }] }));
  });
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const at = `http://127.0.0.1:${server.address().port}`;
      resolve({ at, url: `${at}/v1`, close: () => { server.closeAllConnections(); server.close(); } });
    });
  });
}
