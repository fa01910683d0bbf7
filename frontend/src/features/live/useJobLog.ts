import { useEffect, useRef, useState } from 'react';
import { authorized } from '../../api/client.ts';
import { Follower, type Link } from './follow.ts';
import { emptyLog, extend, type JobLog } from './jobLog.ts';

/** Follows a job's log from its beginning to its end. */
export function useJobLog(job: string, onEnd?: () => void): { log: JobLog; link: Link } {
  const [state, setState] = useState<{ job: string; log: JobLog; link: Link }>({ job, log: emptyLog, link: 'connecting' });
  const ended = useRef(onEnd);
  useEffect(() => { ended.current = onEnd; });
  useEffect(() => {
    setState({ job, log: emptyLog, link: 'connecting' });
    const follower = new Follower({
      url: `${location.origin}/api/v1/jobs/${encodeURIComponent(job)}/events`,
      fetch: authorized,
      onEvents: events => setState(s => ({ ...s, log: extend(s.log, events) })),
      onLink: link => {
        setState(s => (s.link === link ? s : { ...s, link }));
        if (link === 'ended') ended.current?.();
      },
    });
    follower.start();
    return () => follower.stop();
  }, [job]);
  return state.job === job ? state : { log: emptyLog, link: 'connecting' };
}
