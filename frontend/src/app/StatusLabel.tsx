import { useEffect, useState } from 'react';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import { duration } from './format.ts';
import type { Job } from './queries.ts';

const looks: Record<Job['status'], { type: StatusIndicatorProps.Type; text: string }> = {
  queued: { type: 'pending', text: 'Queued' },
  processing: { type: 'in-progress', text: 'Running' },
  completed: { type: 'success', text: 'Completed' },
  failed: { type: 'error', text: 'Failed' },
  cancelled: { type: 'stopped', text: 'Stopped' },
  timed_out: { type: 'warning', text: 'Timed out' },
};

export const statusWord = (s: Job['status']) => looks[s].text;

export const StatusLabel = ({ status, stopping }: { status: Job['status']; stopping?: boolean }) => (
  <StatusIndicator type={looks[status].type}>{stopping && status === 'processing' ? 'Stopping' : looks[status].text}</StatusIndicator>
);

/** The time between two moments; while there is no second one it ticks. */
export function Elapsed({ from, to }: { from: string; to?: string }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (to) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [to]);
  return <span className="oc-elapsed">{duration((to ? Date.parse(to) : now) - Date.parse(from))}</span>;
}
