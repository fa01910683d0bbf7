import { describe, expect, it } from 'vitest';
import { SseParser } from './sse.ts';

const stream = ': padding\nretry: 1000\n\nid: 1\nevent: status\ndata: {"a":1}\n\nid: 2\r\ndata: two\r\ndata: lines\r\n\r\n: still here\n\nid: 3\ndata: last\n\n';
const messages = [
  { id: '1', event: 'status', data: '{"a":1}' },
  { id: '2', event: 'message', data: 'two\nlines' },
  { id: '3', event: 'message', data: 'last' },
];

describe('R47 the reader of live events', () => {
  it('gives the same messages wherever the stream is cut', () => {
    for (let size = 1; size <= stream.length; size++) {
      const parser = new SseParser();
      const got = [];
      for (let i = 0; i < stream.length; i += size) got.push(...parser.push(stream.slice(i, i + size)));
      expect(got, `pieces of ${size}`).toEqual(messages);
    }
  });

  it('does not give a message that is not closed', () => {
    const parser = new SseParser();
    expect(parser.push('id: 9\ndata: half')).toEqual([]);
    expect(parser.push('\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ id: '9', event: 'message', data: 'half' }]);
  });
});
