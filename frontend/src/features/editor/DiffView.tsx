import { useMemo } from 'react';
import Box from '@cloudscape-design/components/box';
import { plural } from '../../app/format.ts';
import { difference, type Row } from './difference.ts';

/** Two programs, line by line: side by side where there is room, one below the other where there is not. */
export default function DiffView({ a, b, left, right }: { a: string; b: string; left: string; right: string }) {
  const rows = useMemo(() => difference(a, b), [a, b]);
  if (!rows.some(r => r.kind === 'changed')) return <Box color="text-body-secondary">The two programs are the same.</Box>;
  return (
    <div className="oc-diff" role="region" tabIndex={0} aria-label={`Changes from ${left} to ${right}`}>
      <table>
        <thead><tr><th scope="col" colSpan={2}>{left}</th><th scope="col" colSpan={2}>{right}</th></tr></thead>
        <tbody>{rows.map((r, i) => <DiffRow key={i} row={r} />)}</tbody>
      </table>
    </div>
  );
}

function DiffRow({ row: r }: { row: Row }) {
  if (r.kind === 'skipped') return <tr className="oc-diff-skip"><td colSpan={4}>{plural(r.skipped ?? 0, 'line')} the same</td></tr>;
  const changed = r.kind === 'changed';
  const side = (s: Row['left'], mark: 'removed' | 'added') => {
    const style = changed && s ? `oc-diff-${mark}` : changed ? 'oc-diff-none' : '';
    return (
      <>
        <td className={`oc-diff-number ${style}`}>{s?.number}</td>
        <td className={`oc-diff-text ${style}`}>{changed && s && <span className="oc-diff-sign">{mark === 'added' ? '+' : '−'}<span className="oc-unseen"> {mark}: </span></span>}{s?.text}</td>
      </>
    );
  };
  return <tr>{side(r.left, 'removed')}{side(r.right, 'added')}</tr>;
}
