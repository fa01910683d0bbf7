// Draws a Vega-Lite chart that a program made. The chart is data: its expressions are interpreted, not evaluated, and it can
// fetch nothing and lead nowhere.
import * as vega from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile, type Config, type TopLevelSpec } from 'vega-lite';

export interface Colors { text: string; faint: string; grid: string; background: string }

const refused = () => Promise.reject(new Error('A chart cannot load anything from elsewhere.'));

/** A loader that refuses: data, images and links of a chart come from generated code. */
function closedLoader(): vega.Loader {
  const loader = vega.loader();
  loader.load = refused;
  loader.sanitize = refused;
  loader.http = refused;
  loader.file = refused;
  return loader;
}

function config(c: Colors): Config {
  const axis = { labelColor: c.faint, titleColor: c.text, gridColor: c.grid, domainColor: c.grid, tickColor: c.grid };
  return {
    background: c.background,
    font: "'Open Sans', sans-serif",
    title: { color: c.text, subtitleColor: c.faint },
    axis,
    legend: { labelColor: c.faint, titleColor: c.text },
    header: { labelColor: c.faint, titleColor: c.text },
    view: { stroke: c.grid },
    style: { text: { fill: c.text } } as never,
  } as Config;
}

/** Draws spec into container and gives a function that ends it. It rejects with a sentence when the chart cannot be drawn. */
export async function draw(container: HTMLElement, spec: Record<string, unknown>, colors: Colors, width: number): Promise<vega.View> {
  const fitted = { ...spec } as Record<string, unknown>;
  delete fitted.background;
  if (!('width' in fitted) && 'mark' in fitted) {
    fitted.width = Math.max(160, width);
    fitted.autosize = { type: 'fit-x', contains: 'padding' };
  }
  const own = (typeof fitted.config === 'object' && fitted.config) || {};
  fitted.config = { ...own, background: undefined };
  const quiet = { level: () => quiet, error: () => quiet, warn: () => quiet, info: () => quiet, debug: () => quiet };
  const { spec: compiled } = compile(fitted as unknown as TopLevelSpec, { config: config(colors), logger: quiet as never });
  const view = new vega.View(vega.parse(compiled, undefined, { ast: true }), {
    expr: expressionInterpreter, loader: closedLoader(), renderer: 'svg', container, hover: true, logLevel: vega.Error,
  });
  await view.runAsync();
  return view;
}
