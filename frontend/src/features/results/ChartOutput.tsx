import { useEffect, useMemo, useRef, useState } from 'react';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { messageOf } from '../../api/client.ts';
import { useMode } from '../../app/preferences.ts';
import type { View } from 'vega';
import type { Cell, TableData } from '../live/events.ts';
import type { Colors } from './chart.ts';
import DataGrid from './DataGrid.tsx';
import { fileName, save } from './save.ts';

type Spec = Record<string, unknown>;

/** Vega needs colours, and the theme has variables: what they stand for here and now. */
function colors(el: Element): Colors {
  const probe = document.createElement('span');
  el.append(probe);
  const of = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const found = { text: of('--oc-text'), faint: of('--oc-faint'), grid: of('--oc-border'), background: of('--oc-surface') };
  probe.remove();
  return found;
}

/** What the chart shows, in words, for whoever does not see it. */
export function describe(spec: Spec): string {
  const mark = typeof spec.mark === 'string' ? spec.mark : ((spec.mark as Spec | undefined)?.type ?? 'chart');
  const encoding = (spec.encoding ?? {}) as Record<string, { title?: unknown; field?: unknown } | undefined>;
  const name = (channel: string) => encoding[channel] && String(encoding[channel].title ?? encoding[channel].field ?? '');
  const title = typeof spec.title === 'string' ? `${spec.title}. ` : '';
  const [x, y] = [name('x'), name('y')];
  return `${title}${String(mark)} chart${y ? ` of ${y}` : ''}${x ? ` by ${x}` : ''}. Its data follows as a table.`;
}

/** The chart's rows as a table, if it carries them in one place. */
export function chartRows(spec: Spec): TableData | null {
  const named = Object.values((spec.datasets ?? {}) as Record<string, unknown>)[0];
  const values = named ?? (spec.data as Spec | undefined)?.values;
  if (!Array.isArray(values) || typeof values[0] !== 'object' || values[0] === null) return null;
  const names = Object.keys(values[0] as object);
  const columns = names.map(name => ({ name, type: values.every(v => typeof (v as Spec)[name] === 'number') ? 'float' : 'string' }));
  return { columns, rows: values.map(v => names.map(n => ((v as Record<string, Cell>)[n] ?? null))), total: values.length };
}

/** The width that a chart has, in steps, so that it is drawn again when the page becomes narrower and not at every pixel. */
function useWidth(box: React.RefObject<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width / 16) * 16));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, [box]);
  return width;
}

export default function ChartOutput({ spec, title }: { spec: Spec; title: string }) {
  const box = useRef<HTMLDivElement>(null);
  const mode = useMode();
  const [error, setError] = useState('');
  const [view, setView] = useState<View | null>(null);
  const rows = useMemo(() => chartRows(spec), [spec]);
  const width = useWidth(box);

  useEffect(() => {
    if (!width) return;
    let drawn: View | null = null;
    let gone = false;
    const el = box.current!;
    setError('');
    void (async () => {
      try {
        const { draw } = await import('./chart.ts');
        if (gone) return;
        drawn = await draw(el, spec, colors(el), width);
        if (gone) drawn.finalize();
        else setView(drawn);
      } catch (e) {
        if (!gone) setError(messageOf(e));
      }
    })();
    return () => { gone = true; setView(null); drawn?.finalize(); el.replaceChildren(); };
  }, [spec, mode, width]);

  const savePicture = async () => {
    const canvas = await view!.toCanvas(2);
    canvas.toBlob(blob => { if (blob) save(fileName(title, 'png'), blob, 'image/png'); });
  };
  return (
    <SpaceBetween size="xs">
      {error && <Alert type="warning" header="This chart cannot be drawn">{error} Its data follows as a table.</Alert>}
      <div className="oc-chart" tabIndex={0} role="region" aria-label="Chart, scroll area">
        <div role="img" aria-label={describe(spec)}><div ref={box} /></div>
      </div>
      <div className="oc-bar">
        {rows ? (
          <ExpandableSection variant="footer" headerText="Data of the chart"><DataGrid columns={rows.columns} rows={rows.rows} label="Data of the chart" /></ExpandableSection>
        ) : <span />}
        <SpaceBetween size="m" direction="horizontal">
          {view && !error && <Button variant="inline-link" iconName="download" onClick={() => void savePicture()}>PNG</Button>}
          <Button variant="inline-link" iconName="download" ariaLabel="Download as a Vega-Lite specification" onClick={() => save(fileName(title, 'vl.json'), JSON.stringify(spec, null, 2), 'application/json')}>Vega-Lite</Button>
        </SpaceBetween>
      </div>
    </SpaceBetween>
  );
}
