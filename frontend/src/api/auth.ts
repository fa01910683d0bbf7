// Who is signed in. The token lives in memory and in sessionStorage, so that a reload keeps it and a closed tab forgets it; a
// cookie would be sent by the browser on its own accord, and would need protection against requests forged by other pages.
// A new tab asks the other tabs of this origin for the token, and one that was loading meanwhile tells it when it is there; signing
// out signs out all of them.

export interface AuthState {
  token: string | null;
  /** The server no longer takes the token: what is open stays open until the person signs in again. */
  expired: boolean;
  /** False for a moment after the start, while other tabs are asked. */
  settled: boolean;
}

interface Message { kind: 'ask' | 'here' | 'token' | 'signed-out'; token?: string; subject?: string }

const key = 'orcray.token';
const answerTime = 150; // ms to wait for another tab
const loadTime = 10_000; // ms in which one that was loading may still answer

function read(): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null; // storage is forbidden: the token lives in memory only
  }
}

function write(token: string | null) {
  try {
    if (token) sessionStorage.setItem(key, token);
    else sessionStorage.removeItem(key);
  } catch {
    // as above
  }
}

/** Whose token it is; two people may be signed in in two tabs. The server proves tokens, not this. */
export function subject(token: string | null): string {
  try {
    const part = (token ?? '').split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    return String((JSON.parse(atob(part)) as { sub?: string }).sub ?? '');
  } catch {
    return '';
  }
}

class Auth {
  private state: AuthState;
  private listeners = new Set<() => void>();
  private waiting: { resolve: () => void; reject: (e: Error) => void }[] = [];
  private tabs: BroadcastChannel | null = null;
  /** It asked when it started and may take the answer. A sign-out ends this: nobody is brought back by a tab that did not hear of it. */
  private asking = false;

  constructor() {
    const token = read();
    this.state = { token, expired: false, settled: token !== null };
    if (typeof BroadcastChannel === 'undefined') {
      this.state.settled = true;
      return;
    }
    this.tabs = new BroadcastChannel('orcray.auth');
    this.tabs.onmessage = (e: MessageEvent<Message>) => this.hear(e.data);
    if (token) {
      this.tabs.postMessage({ kind: 'here', token } satisfies Message);
    } else {
      this.asking = true;
      this.tabs.postMessage({ kind: 'ask' } satisfies Message);
      setTimeout(() => this.set({ settled: true }), answerTime);
      setTimeout(() => { this.asking = false; }, loadTime);
    }
  }

  private hear(m: Message) {
    if (m.kind === 'ask' && this.state.token && !this.state.expired) {
      this.tabs?.postMessage({ kind: 'here', token: this.state.token } satisfies Message);
    } else if (m.kind === 'token' && m.token && this.wants(m.token)) {
      this.accept(m.token);
    } else if (m.kind === 'here' && m.token && this.asking) {
      this.accept(m.token);
    } else if (m.kind === 'signed-out') {
      this.asking = false;
      if (m.subject === subject(this.state.token)) this.forget();
    }
  }

  private wants(token: string) {
    const { token: mine, expired } = this.state;
    return !mine || (expired && subject(token) === subject(mine));
  }

  private set(change: Partial<AuthState>) {
    this.state = { ...this.state, ...change };
    for (const f of this.listeners) f();
  }

  private accept(token: string) {
    this.asking = false;
    write(token);
    this.set({ token, expired: false, settled: true });
    for (const w of this.waiting.splice(0)) w.resolve();
  }

  private forget() {
    write(null);
    this.set({ token: null, expired: false, settled: true });
    for (const w of this.waiting.splice(0)) w.reject(new Error('signed out'));
  }

  subscribe = (f: () => void) => {
    this.listeners.add(f);
    return () => { this.listeners.delete(f); };
  };

  snapshot = () => this.state;

  get token() { return this.state.token; }

  signIn(token: string) {
    this.accept(token);
    this.tabs?.postMessage({ kind: 'token', token } satisfies Message);
  }

  signOut() {
    const gone = subject(this.state.token);
    this.forget();
    this.tabs?.postMessage({ kind: 'signed-out', subject: gone } satisfies Message);
  }

  /** Called when the server refuses a token; resolves when there is a new one, rejects when the person signs out. */
  renewed(refused: string | null): Promise<void> {
    if (this.state.token && this.state.token !== refused) return Promise.resolve();
    if (!this.state.expired) this.set({ expired: true });
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }
}

export const auth = new Auth();
