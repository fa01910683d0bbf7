/** A program while the model writes it. */
export default function Draft({ text }: { text: string }) {
  return <pre className="oc-text oc-lines" tabIndex={0} role="region" aria-label="The program as it is written" aria-busy>{text}<span className="oc-caret" /></pre>;
}
