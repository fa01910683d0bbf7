/** One message of a stream of server-sent events. */
export interface Message { id: string; event: string; data: string }

/**
 * Reads server-sent events from pieces of text, wherever these are cut. A message that is not closed by a blank line is
 * never given: after a broken connection it comes again, whole.
 */
export class SseParser {
  private rest = '';
  private id = '';
  private event = '';
  private data: string[] = [];

  push(piece: string): Message[] {
    const messages: Message[] = [];
    this.rest += piece;
    let start = 0;
    for (;;) {
      const end = this.lineEnd(start);
      if (end < 0) break;
      const message = this.line(this.rest.slice(start, end));
      if (message) messages.push(message);
      start = end + (this.rest.startsWith('\r\n', end) ? 2 : 1);
    }
    this.rest = this.rest.slice(start);
    return messages;
  }

  /** Finds the end of a line; a CR at the very end may be half of a CRLF, so it waits for the next piece. */
  private lineEnd(from: number): number {
    for (let i = from; i < this.rest.length; i++) {
      const c = this.rest.charCodeAt(i);
      if (c === 10) return i;
      if (c === 13) return i + 1 < this.rest.length ? i : -1;
    }
    return -1;
  }

  private line(line: string): Message | null {
    if (line === '') return this.close();
    if (line.startsWith(':')) return null;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
    if (field === 'id') this.id = value;
    else if (field === 'event') this.event = value;
    else if (field === 'data') this.data.push(value);
    return null;
  }

  private close(): Message | null {
    const message = this.data.length ? { id: this.id, event: this.event || 'message', data: this.data.join('\n') } : null;
    this.event = '';
    this.data = [];
    return message;
  }
}
