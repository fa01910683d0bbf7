// The states that every view of data has besides the good one.
import type { ReactNode } from 'react';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { ApiError, messageOf } from '../api/client.ts';

export const Loading = ({ what }: { what: string }) => (
  <Box padding="l" textAlign="center" color="text-body-secondary"><Spinner /> Loading {what}…</Box>
);

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Box textAlign="center" padding="l" color="inherit">
      <SpaceBetween size="xs">
        <Box variant="strong">{title}</Box>
        {children && <Box color="text-body-secondary">{children}</Box>}
        {action}
      </SpaceBetween>
    </Box>
  );
}

/** Says what went wrong and offers the next step. */
export function Problem({ error, retry, what }: { error: unknown; retry?: () => void; what: string }) {
  const status = error instanceof ApiError ? error.status : -1;
  const trace = error instanceof ApiError ? error.problem.trace_id : undefined;
  const header = status === 0 ? 'Offline' : status === 403 ? 'No permission' : status === 404 ? 'Not found' : `${what} could not be loaded`;
  const text = status === 403 ? 'Your account may not see this. Ask an administrator.' : messageOf(error);
  return (
    <Alert type={status === 403 || status === 404 ? 'warning' : 'error'} header={header}
      action={retry && status !== 403 && status !== 404 ? <Button iconName="refresh" onClick={retry}>Try again</Button> : undefined}>
      {text}{trace && <Box color="text-body-secondary" fontSize="body-s">Trace id: {trace}</Box>}
    </Alert>
  );
}
