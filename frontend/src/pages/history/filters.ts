import type { PropertyFilterProps } from '@cloudscape-design/components/property-filter';
import type { Job } from '../../app/queries.ts';

export const properties = ['question', 'status', 'kind', 'session', 'model', 'source', 'failure'] as const;

/** Reads a filter from the address; anything that is no filter is none. */
export function readFilter(text: string | null): PropertyFilterProps.Query {
  const none: PropertyFilterProps.Query = { tokens: [], operation: 'and' };
  try {
    const parsed = JSON.parse(text ?? '') as { o?: string; t?: [string | null, string, string][] };
    if (!Array.isArray(parsed.t)) return none;
    const tokens = parsed.t
      .filter(t => Array.isArray(t) && t.every((x, i) => typeof x === 'string' || (i === 0 && x === null)))
      .map(([key, operator, value]) => ({ ...(key && { propertyKey: key }), operator, value }));
    return { tokens, operation: parsed.o === 'or' ? 'or' : 'and' };
  } catch {
    return none;
  }
}

/** Writes a filter for the address; empty when nothing is filtered. */
export function writeFilter(q: PropertyFilterProps.Query): string {
  if (!q.tokens.length) return '';
  return JSON.stringify({ ...(q.operation === 'or' && { o: 'or' }), t: q.tokens.map(t => [t.propertyKey ?? null, t.operator, String(t.value)]) });
}

/** What the server can filter by itself: one status, one kind. The rest is filtered here. */
export function serverPart(q: PropertyFilterProps.Query): { status?: Job['status']; kind?: Job['kind'] } {
  if (q.operation !== 'and') return {};
  const only = (key: string) => {
    const found = q.tokens.filter(t => t.propertyKey === key && t.operator === '=');
    return found.length === 1 ? (found[0]!.value as string) : undefined;
  };
  return { status: only('status') as Job['status'] | undefined, kind: only('kind') as Job['kind'] | undefined };
}
