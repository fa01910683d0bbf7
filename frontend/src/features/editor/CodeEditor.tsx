import { useEffect, useRef } from 'react';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { python } from '@codemirror/lang-python';
import { bracketMatching, foldGutter, HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Annotation, Compartment, EditorState } from '@codemirror/state';
import { Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const theme = EditorView.theme({
  '&': { color: 'var(--oc-text)', backgroundColor: 'var(--oc-surface)', fontSize: '13px', border: '1px solid var(--oc-border)', borderRadius: '8px', maxHeight: '60vh', overflow: 'hidden' },
  '&.cm-focused': { outline: '2px solid var(--oc-focus)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--oc-mono)', overflow: 'auto', minHeight: '180px', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--oc-text)' },
  '.cm-cursor': { borderLeftColor: 'var(--oc-text)' },
  '.cm-gutters': { backgroundColor: 'var(--oc-surface)', color: 'var(--oc-faint)', border: 'none', borderRight: '1px solid var(--oc-border)' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent', color: 'var(--oc-text)', fontWeight: '700' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { backgroundColor: 'color-mix(in srgb, var(--oc-accent) 28%, transparent)' },
  '.cm-wrong': { boxShadow: 'inset 4px 0 0 var(--oc-bad)', textDecoration: 'underline wavy var(--oc-bad)', textUnderlineOffset: '4px' },
  '.cm-panels': { backgroundColor: 'var(--oc-head)', color: 'var(--oc-text)' },
  '.cm-panels input, .cm-panels button': { color: 'var(--oc-text)', background: 'var(--oc-surface)', border: '1px solid var(--oc-border)' },
});

const colors = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--oc-keyword)' },
  { tag: tags.string, color: 'var(--oc-good)' },
  { tag: tags.comment, color: 'var(--oc-faint)', fontStyle: 'italic' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--oc-info)' },
  { tag: [tags.function(tags.variableName), tags.meta], color: 'var(--oc-accent)' },
]);

/**
 * Replaces a selection before the browser does: Chromium keeps the look of what it replaces with style attributes, which the
 * page's policy blocks, and says so each time.
 */
const replacing = EditorView.domEventHandlers({
  beforeinput(e, view) {
    const plain = e.inputType === 'insertText' && e.data !== null && !view.composing && !view.state.readOnly;
    if (!plain || (view.state.selection.main.empty && !e.data!.includes('\n'))) return false;
    e.preventDefault();
    view.dispatch(view.state.replaceSelection(e.data!), { userEvent: 'input.type', scrollIntoView: true });
    return true;
  },
});

/** Marks a change that the page made, so that it is not told back to the page. */
const ours = Annotation.define<boolean>();

const wrongLine = Decoration.line({ class: 'cm-wrong' });

function marking(line: number | undefined) {
  return EditorView.decorations.compute(['doc'], state =>
    line && line <= state.doc.lines ? Decoration.set(wrongLine.range(state.doc.line(line).from)) : Decoration.none);
}

/**
 * A Python editor. It lives in a shadow root: there CodeMirror adopts its style sheets, which the page's policy allows, while in
 * the document it would add a <style>, which the policy forbids. The theme's variables are inherited into it.
 */
export default function CodeEditor({ value, onChange, onRun, label, failedLine, readOnly = false }: {
  value: string;
  onChange?: (value: string) => void;
  onRun?: () => void;
  label: string;
  failedLine?: number;
  readOnly?: boolean;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const mark = useRef(new Compartment());
  const now = useRef({ onChange, onRun });
  useEffect(() => { now.current = { onChange, onRun }; });

  useEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: 'open' });
    const parent = document.createElement('div');
    root.replaceChildren(parent);
    const created = new EditorView({
      parent, root,
      state: EditorState.create({
        doc: value,
        extensions: [
          keymap.of([{ key: 'Mod-Enter', run: () => { now.current.onRun?.(); return true; } }, ...searchKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
          lineNumbers(), foldGutter(), history(), drawSelection(), bracketMatching(), highlightActiveLine(), highlightSelectionMatches(),
          search({ top: true }), indentUnit.of('    '), python(), syntaxHighlighting(colors), theme,
          replacing, mark.current.of(marking(failedLine)),
          EditorState.readOnly.of(readOnly),
          EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
          EditorView.updateListener.of(u => {
            if (u.docChanged && !u.transactions.some(t => t.annotation(ours))) now.current.onChange?.(u.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = created;
    return () => { created.destroy(); view.current = null; };
    // The editor is made once for a label; later values go in as changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [label, readOnly]);

  useEffect(() => {
    const v = view.current;
    if (!v || v.state.doc.toString() === value) return;
    v.dispatch({ changes: { from: 0, to: v.state.doc.length, insert: value }, annotations: ours.of(true) });
  }, [value]);

  useEffect(() => {
    const v = view.current;
    if (!v) return;
    v.dispatch({ effects: mark.current.reconfigure(marking(failedLine)) });
    if (failedLine && failedLine <= v.state.doc.lines) v.dispatch({ effects: EditorView.scrollIntoView(v.state.doc.line(failedLine).from, { y: 'center' }) });
  }, [failedLine]);

  return <div ref={host} data-testid="editor" />;
}
