// The theme's values under names of our own, for the few style sheets here: Cloudscape's names end in a hash. They are set on
// the body, where the mode's class is, so that they change with it.
import * as t from '@cloudscape-design/design-tokens';

export function startTokens() {
  const names: Record<string, string> = {
    '--oc-text': t.colorTextBodyDefault,
    '--oc-faint': t.colorTextBodySecondary,
    '--oc-border': t.colorBorderDividerDefault,
    '--oc-surface': t.colorBackgroundContainerContent,
    '--oc-head': t.colorBackgroundContainerHeader,
    '--oc-page': t.colorBackgroundLayoutMain,
    '--oc-focus': t.colorBorderItemFocused,
    '--oc-accent': t.colorTextLinkDefault,
    '--oc-good': t.colorTextStatusSuccess,
    '--oc-bad': t.colorTextStatusError,
    '--oc-info': t.colorTextStatusInfo,
    '--oc-keyword': t.colorChartsPaletteCategorical4,
    '--oc-mono': t.fontFamilyMonospace,
  };
  for (const [name, value] of Object.entries(names)) document.body.style.setProperty(name, value);
}
