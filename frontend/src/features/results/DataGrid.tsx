import { useVirtualizer } from '@tanstack/react-virtual';
import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import Icon from '@cloudscape-design/components/icon';
import type { Cell, TableData } from '../live/events.ts';
import './grid.css';
import { brief, isNumeric, show, sorted } from './values.ts';

const rowHeight = 30;
const maxShown = 300; // characters of a cell; the rest is in its title

export interface Sorting { column: number; descending: boolean }

/** The widths of the columns, from the names and from rows spread over the whole; in characters. */
function widths(columns: TableData['columns'], rows: Cell[][]): number[] {
  const step = Math.max(1, Math.floor(rows.length / 200));
  return columns.map((c, i) => {
    let most = c.name.length + 4;
    for (let r = 0; r < rows.length; r += step) most = Math.max(most, show(rows[r]![i]).length);
    return Math.min(48, Math.max(8, most + 2));
  });
}

/**
 * A table of any length: only the rows in sight are in the page. Cloudscape's Table shows every row it is given and takes
 * a second for a thousand.
 */
export default function DataGrid({ columns, rows, label, onSorted, most = 420 }: {
  columns: TableData['columns'];
  rows: Cell[][];
  label: string;
  onSorted?: (rows: Cell[][]) => void;
  most?: number; // height in pixels
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const [sorting, setSorting] = useState<Sorting | null>(null);
  const shown = useMemo(
    () => (sorting ? sorted(rows, sorting.column, columns[sorting.column]!.type, sorting.descending) : rows),
    [rows, columns, sorting],
  );
  const template = useMemo(() => widths(columns, rows).map(w => `minmax(calc(${w}ch + 20px), ${w}fr)`).join(' '), [columns, rows]);
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12 });

  const [bar, setBar] = useState(0); // the height of a scroll bar below the rows
  useLayoutEffect(() => {
    const el = scroller.current!;
    setBar(el.scrollWidth > el.clientWidth ? Math.max(12, el.offsetHeight - el.clientHeight) : 2);
  }, [template]);

  const sortBy = (column: number) => {
    const next = sorting?.column !== column ? { column, descending: false } : sorting.descending ? null : { column, descending: true };
    setSorting(next);
    onSorted?.(next ? sorted(rows, column, columns[column]!.type, next.descending) : rows);
    scroller.current!.scrollTop = 0;
  };

  return (
    <div ref={scroller} className="oc-grid" tabIndex={0} role="region" aria-label={`${label}, scroll area`} style={{ height: Math.min(most, (shown.length + 1) * rowHeight + bar) }}>
      <div role="table" className="oc-grid-table" aria-label={label} aria-rowcount={shown.length + 1} aria-colcount={columns.length}>
        <div role="rowgroup" className="oc-grid-head">
          <div role="row" aria-rowindex={1} className="oc-grid-row" style={{ gridTemplateColumns: template }}>
            {columns.map((c, i) => {
              const here = sorting?.column === i ? sorting : null;
              return (
                <div role="columnheader" key={i} aria-colindex={i + 1} aria-sort={here ? (here.descending ? 'descending' : 'ascending') : 'none'}>
                  <button type="button" className={isNumeric(c.type) ? 'oc-grid-sort oc-grid-right' : 'oc-grid-sort'} onClick={() => sortBy(i)} title={`${c.name} (${c.type}): sort`}>
                    <span>{c.name || '(no name)'}</span>
                    <Icon name={here ? (here.descending ? 'caret-down-filled' : 'caret-up-filled') : 'caret-down'} size="small" />
                  </button>
                </div>
              );
            })}
          </div>
        </div>
        <div role="rowgroup" className="oc-grid-body" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(item => (
            <div role="row" aria-rowindex={item.index + 2} key={item.key} className="oc-grid-row oc-grid-line"
              style={{ gridTemplateColumns: template, height: item.size, transform: `translateY(${item.start}px)` }}>
              {columns.map((c, i) => <GridCell key={i} index={i} value={shown[item.index]![i]} type={c.type} />)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}

function GridCell({ value, type, index }: { value: Cell | undefined; type: string; index: number }) {
  const exact = show(value);
  const text = brief(value, type);
  const missing = value === null || value === undefined;
  const number = isNumeric(type) && !missing;
  return (
    <div role="cell" aria-colindex={index + 1} className={number ? 'oc-cell oc-number' : 'oc-cell'} title={exact.length > 24 || exact !== text ? exact.slice(0, 4000) : undefined}>
      {missing ? <span className="oc-missing">no value</span> : text.length > maxShown ? `${text.slice(0, maxShown)}…` : text}
    </div>
  );
}
