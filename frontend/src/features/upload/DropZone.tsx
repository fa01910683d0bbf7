import { useRef, useState, type DragEvent, type ReactNode } from 'react';
import Button from '@cloudscape-design/components/button';

export const accepted = '.csv,.tsv,.txt,.json,.jsonl,.ndjson,.parquet,.pq';

/** Files are dropped on it, or chosen with its button. */
export default function DropZone({ onFiles, children, hint }: { onFiles: (files: File[]) => void; children?: ReactNode; hint: string }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(0); // how many elements the pointer is inside of: children send events of their own
  const carriesFiles = (e: DragEvent) => e.dataTransfer.types.includes('Files');
  return (
    <div className={over > 0 ? 'oc-drop oc-drop-over' : 'oc-drop'}
      onDragEnter={e => { if (carriesFiles(e)) { e.preventDefault(); setOver(n => n + 1); } }}
      onDragOver={e => { if (carriesFiles(e)) e.preventDefault(); }}
      onDragLeave={() => setOver(n => Math.max(0, n - 1))}
      onDrop={e => {
        setOver(0);
        if (!carriesFiles(e)) return;
        e.preventDefault();
        onFiles([...e.dataTransfer.files]);
      }}>
      {children}
      <Button iconName="upload" onClick={() => input.current?.click()}>Choose files</Button>
      <input ref={input} type="file" multiple hidden accept={accepted} data-testid="files" onChange={e => {
        onFiles([...(e.target.files ?? [])]);
        e.target.value = '';
      }} />
      <div className="oc-hint">{hint}</div>
    </div>
  );
}
