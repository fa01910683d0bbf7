import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import type { Cell } from '../live/events.ts';
import { chartRows, describe as words } from './ChartOutput.tsx';
import { csv, tsv } from './csv.ts';
import DataGrid from './DataGrid.tsx';
import { fileName } from './save.ts';
import { brief, sorted } from './values.ts';

const columns = [{ name: 'name', type: 'string' }, { name: 'n', type: 'int64' }];

describe('S4 a table as CSV', () => {
  it('runs no formula in a spreadsheet', () => {
    const evil = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '＝1', '=cmd|\' /C calc\'!A0'];
    for (const line of csv([{ name: 'v', type: 'string' }], evil.map(v => [v])).split(/\r\n(?=["'])/).slice(1)) {
      expect(line.replace(/^"/, '')).toMatch(/^'/);
    }
    expect(csv([{ name: '=HYPERLINK("x")', type: 'string' }], [])).toContain(`"'=HYPERLINK(""x"")"`);
    expect(tsv([{ name: 'v', type: 'string' }], [['=1']])).toBe("v\n'=1");
  });

  it('keeps numbers as numbers, negative ones and those too large for a double', () => {
    expect(csv(columns, [['a', -5], ['b', '-9007199254740993'], ['c', -1e-7]])).toBe('\uFEFFname,n\r\na,-5\r\nb,-9007199254740993\r\nc,-1e-7\r\n');
  });

  it('quotes what needs it and leaves missing values empty', () => {
    expect(csv(columns, [['a,"b"\nc', null], ['', 0]])).toBe('\uFEFFname,n\r\n"a,""b""\nc",\r\n,0\r\n');
  });
});

describe('R45 the table of an answer', () => {
  it('sorts numbers as numbers, also those that came as text, and missing ones last', () => {
    const rows: Cell[][] = [['b', '9007199254740993'], ['a', 2], ['d', null], ['c', '10']];
    expect(sorted(rows, 1, 'int64', false).map(r => r[0])).toEqual(['a', 'c', 'b', 'd']);
    expect(sorted(rows, 1, 'int64', true).map(r => r[0])).toEqual(['b', 'c', 'a', 'd']);
    expect(sorted([['x10'], ['x9'], ['X1']], 0, 'string', false).map(r => r[0])).toEqual(['X1', 'x9', 'x10']);
  });

  it('hides the noise of doubles and nothing else', () => {
    expect(brief(8091.250000000003, 'float')).toBe('8091.25');
    expect(brief(0.1, 'float')).toBe('0.1');
    expect(brief('9007199254740993', 'int64')).toBe('9007199254740993');
  });

  it('shows hostile texts as text and says how many rows there are', async () => {
    const alert = vi.spyOn(window, 'alert').mockImplementation(() => {});
    render(<DataGrid columns={[{ name: '<img src=x onerror=alert(1)>', type: 'string' }]} rows={[['<script>alert(1)</script>']]} label="Answer" />);
    const table = screen.getByRole('table', { name: 'Answer' });
    expect(table).toHaveAttribute('aria-rowcount', '2');
    await userEvent.click(within(table).getByRole('button', { name: /img src/ }));
    expect(within(table).getByRole('columnheader')).toHaveAttribute('aria-sort', 'ascending');
    expect(document.querySelector('script, img')).toBeNull();
    expect(alert).not.toHaveBeenCalled();
  });

  it('names files after the question, and never by a path', () => {
    expect(fileName('../../etc/passwd', 'csv')).toBe('etc-passwd.csv');
    expect(fileName('Umsatz je Region?', 'csv')).toBe('umsatz-je-region.csv');
    expect(fileName('¿?', 'csv')).toBe('orcray.csv');
  });

  it('tells a chart in words and as a table', () => {
    const spec = { mark: { type: 'bar' }, data: { name: 'd' }, datasets: { d: [{ x: 'east', y: 1.5 }] }, encoding: { x: { field: 'x', title: 'region' }, y: { field: 'y' } } };
    expect(words(spec)).toBe('bar chart of y by region. Its data follows as a table.');
    expect(chartRows(spec)).toEqual({ columns: [{ name: 'x', type: 'string' }, { name: 'y', type: 'float' }], rows: [['east', 1.5]], total: 1 });
    expect(chartRows({ data: { url: 'https://example.com/x.csv' } })).toBeNull();
  });
});
