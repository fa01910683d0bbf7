import { api, ApiError, refusal, take } from '../../api/client.ts';

export interface Sending {
  file: File;
  session: string;
  signal: AbortSignal;
  onProgress: (sent: number) => void;
  onSent: () => void;
}

/** Headers that a browser sets by itself and lets nobody else set. */
const own = new Set(['content-length', 'host']);

/** Sends a file straight to the object store, at the address that the API signed for exactly this many bytes. */
function put(url: string, method: string, headers: Record<string, string>, s: Sending): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing about what was sent so far
    const abort = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) {
      if (!own.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.onprogress = e => s.onProgress(e.loaded);
    // 412: the file arrived before, and its answer was lost; completing the upload checks it either way.
    request.onload = () => (request.status < 300 || request.status === 412 ? resolve() : reject(new ApiError(request.status, `The storage refused the file (status ${request.status}). Try again.`)));
    request.onerror = () => reject(new ApiError(0, 'The connection broke while the file was sent. Try again.'));
    request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
    request.onloadend = () => s.signal.removeEventListener('abort', abort);
    s.signal.addEventListener('abort', abort);
    request.send(s.file);
  });
}

/**
 * Uploads a file and has it looked at. It rejects with what the person can do: the server's sentence for a file that it
 * refuses, AbortError when the upload was cancelled. What was begun and not finished is removed.
 */
export async function send(s: Sending): Promise<void> {
  const upload = await take(api.POST('/api/v1/uploads', {
    body: { session_id: s.session, name: s.file.name, size: s.file.size }, signal: s.signal,
  }));
  try {
    await put(upload.url, upload.method, upload.headers, s);
    s.onSent();
    await complete(upload.id, s.signal);
  } catch (e) {
    if (!(e instanceof ApiError && e.status === 422)) await discard(s.session, upload.id); // a refused file stays in the list, with its reason
    throw e;
  }
}

const completeTries = 20;

/** Has the file looked at; asks again as long as the server says that other files come first. */
async function complete(upload: string, signal: AbortSignal) {
  for (let tries = 1; ; tries++) {
    const { data, error, response } = await api.POST('/api/v1/uploads/{upload}/complete', { params: { path: { upload } }, signal });
    if (data) return;
    const wait = Number(response.headers.get('Retry-After'));
    if (response.status !== 429 || !wait || tries === completeTries) throw await refusal(response, error);
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, wait * 1000);
      signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }
}

async function discard(session: string, source: string) {
  await api.DELETE('/api/v1/sessions/{session}/sources/{source}', { params: { path: { session, source } } }).catch(() => {});
}
