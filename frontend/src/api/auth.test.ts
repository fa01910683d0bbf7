import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** Tabs in one process: each message is heard by all the others at once. */
class Channel {
  static open: Channel[] = [];
  onmessage: ((e: { data: unknown }) => void) | null = null;
  constructor() { Channel.open.push(this); }
  postMessage(data: unknown) { for (const c of Channel.open) if (c !== this) c.onmessage?.({ data }); }
}

/** Opens a tab, which has kept a token through a reload or has none. */
async function tab(kept?: string) {
  sessionStorage.clear();
  if (kept) sessionStorage.setItem('orcray.token', kept);
  vi.resetModules();
  return (await import('./auth.ts')).auth;
}

const tokenOf = (person: string, n = 1) => `head.${btoa(JSON.stringify({ sub: person, n }))}.signature`;
const [ada, grace] = [tokenOf('ada'), tokenOf('grace')];

beforeEach(() => { Channel.open = []; vi.stubGlobal('BroadcastChannel', Channel); });
afterEach(() => vi.unstubAllGlobals());

test('R47 a new tab has the sign-in of another, also of one that was loading when it asked', async () => {
  const early = await tab();
  expect(early.token).toBeNull();
  const reloaded = await tab(ada);
  expect(early.token).toBe(ada);
  expect((await tab()).token).toBe(ada);
  reloaded.signOut();
  expect(early.token).toBeNull();
});

test('R47 a sign-out is not undone by a tab that was loading meanwhile', async () => {
  const waiting = await tab(); // at the sign-in page
  const mine = await tab(ada);
  mine.signOut();
  await tab(ada);
  expect([mine.token, waiting.token]).toEqual([null, null]);
  await tab(grace); // nor by that of another person
  expect([mine.token, waiting.token]).toEqual([null, null]);
  await tab(); // nor by what a new one is answered
  expect([mine.token, waiting.token]).toEqual([null, null]);
});

test('R47 a tab that starts changes nobody’s sign-in, and no dead one is brought back', async () => {
  const first = await tab(ada);
  await tab(grace);
  expect(first.token).toBe(ada);
  const going = first.renewed(ada); // the server refused it
  await tab(ada);
  expect(first.snapshot().expired).toBe(true);
  const again = tokenOf('ada', 2);
  (await tab()).signIn(again);
  await going;
  expect(first.token).toBe(again);
});
