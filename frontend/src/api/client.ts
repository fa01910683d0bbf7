import createClient from 'openapi-fetch';
import { auth } from './auth.ts';
import type { components, paths } from './schema.d.ts';

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];

/** What the server, or the way to it, refused. message is for the person. */
export class ApiError extends Error {
  readonly status: number; // 0: the server was not reached
  readonly problem: Partial<Problem>;

  constructor(status: number, message: string, problem: Partial<Problem> = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

const unreachable = 'The server cannot be reached. Check that it runs and that you are online; nothing you typed is lost.';

const random = (bytes: number) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)), b => b.toString(16).padStart(2, '0')).join('');

/**
 * Sends a request with the session's token and a trace of its own, whose id stands in the logs of all that work on it. When the token
 * has ended, it waits for a new sign-in and sends it again.
 */
export async function authorized(input: Request): Promise<Response> {
  const trace = `00-${random(16)}-${random(8)}-01`;
  for (;;) {
    const token = auth.token;
    const request = input.clone();
    request.headers.set('traceparent', trace);
    if (token) request.headers.set('Authorization', `Bearer ${token}`);
    let response: Response;
    try {
      response = await fetch(request);
    } catch (e) {
      if (input.signal.aborted) throw e;
      throw new ApiError(0, unreachable);
    }
    if (response.status !== 401 || !token) return response;
    await auth.renewed(token);
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: authorized });

/** Makes an ApiError of an answer that is not a success. */
export async function refusal(response: Response, body?: unknown): Promise<ApiError> {
  const problem = (body ?? (await response.json().catch(() => ({})))) as Partial<Problem>;
  const text = problem.errors?.length && problem.status === 422
    ? [problem.detail, ...problem.errors.map(e => e.detail)].join(' ')
    : problem.detail;
  return new ApiError(response.status, text || `The server answered with status ${response.status}. Try again.`, problem);
}

/** Gives the data of an answer, or throws its refusal. */
export async function take<T>(answer: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw await refusal(response, error ?? {});
  return data as T;
}

export const messageOf = (e: unknown) => (e instanceof Error ? e.message : String(e));

/** Signs in with OAuth2's password form. */
export async function signIn(username: string, password: string): Promise<void> {
  let response: Response;
  try {
    response = await fetch('/api/v1/auth/token', { method: 'POST', body: new URLSearchParams({ username, password, grant_type: 'password' }) });
  } catch {
    throw new ApiError(0, unreachable);
  }
  if (!response.ok) throw await refusal(response);
  const { access_token } = (await response.json()) as { access_token: string };
  auth.signIn(access_token);
}
