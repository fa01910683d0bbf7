import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { Failure } from '../live/events.ts';
import { sentence, wordsFor } from './words.ts';

export interface FailureActions { onEdit?: () => void; onSources?: () => void; onAsk?: () => void; onAgain?: () => void }

export default function FailureView({ failure: f, job, onEdit, onSources, onAsk, onAgain }: { failure: Failure; job: string } & FailureActions) {
  const w = wordsFor(f);
  return (
    <SpaceBetween size="s">
      <Alert type="error" header={w.title}>
        <SpaceBetween size="xs">
          <div className="oc-wrap">{sentence(f)}</div>
          {f.wrong && !!f.nearest?.length && <div>Did you mean {f.nearest.map((n, i) => <span key={n}>{i > 0 && ' or '}<Box variant="code">{n}</Box></span>)}?</div>}
          <div>{w.next}</div>
          <SpaceBetween size="xs" direction="horizontal">
            {onEdit && w.actions.includes('edit') && <Button iconName="edit" onClick={onEdit}>{f.line ? `Edit the program at line ${f.line}` : 'Edit the program'}</Button>}
            {onSources && w.actions.includes('sources') && <Button onClick={onSources}>Show the files</Button>}
            {onAsk && w.actions.includes('ask') && <Button onClick={onAsk}>Ask in other words</Button>}
            {onAgain && w.actions.includes('again') && <Button iconName="refresh" onClick={onAgain}>Run it again</Button>}
          </SpaceBetween>
        </SpaceBetween>
      </Alert>
      {f.traceback && (
        <ExpandableSection headerText="Traceback" variant="footer">
          <pre className="oc-text" tabIndex={0} role="region" aria-label="Traceback">{f.traceback}</pre>
        </ExpandableSection>
      )}
      <Box fontSize="body-s" color="text-body-secondary">Job id: {job}</Box>
    </SpaceBetween>
  );
}
