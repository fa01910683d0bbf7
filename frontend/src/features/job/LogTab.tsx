import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Input from '@cloudscape-design/components/input';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { plural } from '../../app/format.ts';
import type { LogLine } from '../live/jobLog.ts';
import { save } from '../results/save.ts';

interface Line { key: string; where: string; stream: string; text: string }

/** Cuts pieces of a log into lines. A piece may hold many, and a line may come in several pieces of one stream. */
export function splitLines(pieces: LogLine[]): Line[] {
  const lines: Line[] = [];
  const open = new Map<string, Line>(); // the last line of a stream, while it has no end
  for (const p of pieces) {
    const where = `${p.step}${p.attempt > 1 ? ` ${p.attempt}` : ''}`;
    const channel = `${where}/${p.stream}`;
    const parts = p.text.split('\n');
    parts.forEach((text, i) => {
      const begun = i === 0 ? open.get(channel) : undefined;
      const isLast = i === parts.length - 1;
      if (begun) begun.text += text;
      else if (!(isLast && text === '')) lines.push({ key: `${p.seq}-${i}`, where, stream: p.stream, text });
      if (!isLast) open.delete(channel);
      else if (text !== '' && !begun) open.set(channel, lines.at(-1)!);
    });
  }
  return lines;
}

const lineHeight = 20;

/** What the program printed, or everything that Ray said; long logs scroll smoothly because only lines in sight are in the page. */
export default function LogTab({ lines: pieces, running, name }: { lines: LogLine[]; running: boolean; name: string }) {
  const [which, setWhich] = useState('clean');
  const [wanted, setWanted] = useState('');
  const scroller = useRef<HTMLDivElement>(null);
  const stick = useRef(true); // whether the end is in sight: then new lines scroll into it
  const all = useMemo(() => splitLines(pieces.filter(l => (which === 'raw' ? true : l.stream !== 'raw'))), [pieces, which]);
  const shown = useMemo(() => (wanted ? all.filter(l => l.text.toLowerCase().includes(wanted.toLowerCase())) : all), [all, wanted]);
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => lineHeight, overscan: 20 });
  useEffect(() => {
    if (running && stick.current && shown.length) virtual.scrollToIndex(shown.length - 1, { align: 'end' });
  }, [running, shown.length, virtual]);
  const empty = wanted ? 'No line holds this text.'
    : which === 'clean' && pieces.length ? 'The program printed nothing. “Everything” shows what Ray said.'
    : running ? 'Nothing was printed yet.' : 'Nothing was printed.';
  return (
    <SpaceBetween size="s">
      <div className="oc-bar">
        <SegmentedControl selectedId={which} onChange={e => setWhich(e.detail.selectedId)} label="What to show"
          options={[{ id: 'clean', text: 'Printed' }, { id: 'raw', text: 'Everything' }]} />
        <SpaceBetween size="xs" direction="horizontal">
          <Input type="search" value={wanted} onChange={e => setWanted(e.detail.value)} placeholder="Find in the log" ariaLabel="Find in the log" clearAriaLabel="Clear" />
          <Button iconName="download" disabled={!all.length} onClick={() => save(`${name}.log`, all.map(l => l.text).join('\n'))}>Download</Button>
        </SpaceBetween>
      </div>
      {shown.length === 0 ? <Box color="text-body-secondary" padding="s">{empty}</Box> : (
        <div ref={scroller} className="oc-log" tabIndex={0} role="log" aria-live="off" aria-label="Log" style={{ height: Math.min(440, shown.length * lineHeight + 24) }}
          onScroll={e => { const el = e.currentTarget; stick.current = el.scrollHeight - el.scrollTop - el.clientHeight < 40; }}>
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map(v => {
              const l = shown[v.index]!;
              return (
                <div key={l.key} ref={virtual.measureElement} data-index={v.index} className={l.stream === 'stderr' ? 'oc-log-line oc-log-error' : 'oc-log-line'} style={{ transform: `translateY(${v.start}px)` }}>
                  <span className="oc-log-where">{l.where}</span><span className="oc-log-text">{l.text || '\u00a0'}</span>
                </div>
              );
            })}
          </div>
        </div>
      )}
      {shown.length > 0 && <Box fontSize="body-s" color="text-body-secondary">{plural(shown.length, 'line')}{wanted && ` of ${all.length}`}</Box>}
    </SpaceBetween>
  );
}
