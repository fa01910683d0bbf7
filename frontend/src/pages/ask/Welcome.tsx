import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { api, take } from '../../api/client.ts';
import { when } from '../../app/format.ts';

/** What a person sees who has not begun: the three things to do, and the way back to what they did before. */
export default function Welcome() {
  const sessions = useQuery({ queryKey: ['sessions', 'recent'], queryFn: async () => (await take(api.GET('/api/v1/sessions', { params: { query: { limit: 5 } } }))).items });
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">How it works</Header>}>
        <ol className="oc-how">
          <li><strong>Drop a file</strong>: CSV, JSON lines or Parquet. orcray looks at it and tells what it found.</li>
          <li><strong>Ask in plain words</strong>, for example “average price by region” or “bar chart of orders per month”.</li>
          <li><strong>Watch and check</strong>: the program is written, proven on a sample, then run on all rows. You can read it, change it and run it again.</li>
        </ol>
      </Container>
      {!!sessions.data?.length && (
        <Container header={<Header variant="h2">Go on with</Header>}>
          <ul className="oc-list">
            {sessions.data.map(s => (
              <li key={s.id} className="oc-recent"><Link to={`/ask/${s.id}`}>{s.name || 'Session without a name'}</Link><Box variant="span" color="text-body-secondary" fontSize="body-s">{when(s.updated_at)}</Box></li>
            ))}
          </ul>
        </Container>
      )}
    </SpaceBetween>
  );
}
