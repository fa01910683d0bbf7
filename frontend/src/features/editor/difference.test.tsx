import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { difference } from './difference.ts';
import DiffView from './DiffView.tsx';

const text = (rows: ReturnType<typeof difference>, side: 'left' | 'right') => rows.map(r => r[side]?.text).filter(t => t !== undefined);

describe('R44 the difference of two programs', () => {
  it('pairs what changed, and numbers both sides', () => {
    expect(difference('a\nb\nc', 'a\nB\nc\nd')).toEqual([
      { kind: 'same', left: { number: 1, text: 'a' }, right: { number: 1, text: 'a' } },
      { kind: 'changed', left: { number: 2, text: 'b' }, right: { number: 2, text: 'B' } },
      { kind: 'same', left: { number: 3, text: 'c' }, right: { number: 3, text: 'c' } },
      { kind: 'changed', left: undefined, right: { number: 4, text: 'd' } },
    ]);
  });

  it('folds long parts that are the same, and says how long they are', () => {
    const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
    const rows = difference(lines.join('\n'), [...lines.slice(0, 50), 'new', ...lines.slice(50)].join('\n'));
    expect(rows.filter(r => r.kind === 'skipped').map(r => r.skipped)).toEqual([47, 47]);
    expect(rows).toHaveLength(9);
  });

  it('loses no line of either side', () => {
    const a = 'x\n\ny\nz';
    const b = '\ny\nq\nz\n';
    expect(text(difference(a, b), 'left')).toEqual(['x', '', 'y', 'z']);
    expect(text(difference(a, b), 'right')).toEqual(['', 'y', 'q', 'z']);
  });

  it('says that two programs are the same', () => {
    render(<DiffView a="x" b={'x\n'} left="A" right="B" />);
    expect(screen.getByText('The two programs are the same.')).toBeVisible();
  });
});
