import { useQuery } from '@tanstack/react-query';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import type { Schemas } from '../../api/client.ts';
import { bytes, number } from '../../app/format.ts';
import { usePage } from '../../app/page.ts';
import { healthQuery, meQuery, rayQuery } from '../../app/queries.ts';
import { Empty, Loading, Problem } from '../../app/states.tsx';
import RayJobs from './RayJobs.tsx';

type Ray = Schemas['RayStatus'];

const states: Record<Ray['status'], { type: StatusIndicatorProps.Type; text: string; means: string }> = {
  connected: { type: 'success', text: 'Connected', means: 'Large data runs on it.' },
  starting: { type: 'in-progress', text: 'Starting', means: 'It takes some seconds. What needs it waits.' },
  disconnected: { type: 'error', text: 'Disconnected', means: 'Questions about small files are answered all the same, in cells. Large ones wait until it is back.' },
  stopped: { type: 'stopped', text: 'Stopped', means: 'Nothing needs it now. It starts by itself for data that is too large for a cell.' },
  off: { type: 'stopped', text: 'Switched off', means: 'Only cells answer questions here. The setting ORCRAY_CLUSTER switches it on.' },
};

const checkNames: Record<string, string> = { store: 'Store', objects: 'Files', queue: 'Queue', cells: 'Cells', ray: 'Ray', model: 'Model' };

/** What is said of a part; of the cells that work, the numbers stand above. */
const told = (c: Schemas['Health']['checks'][number]) => (c.ok && c.name === 'cells' ? 'ready' : c.detail || (c.ok ? 'works' : 'does not work'));

/** What Ray does now. Read from Ray through orcray's own API; no page of Ray's is shown inside this one. */
export default function ClusterPage() {
  usePage('Cluster');
  const ray = useQuery({ ...rayQuery, refetchInterval: 5_000 });
  const health = useQuery({ ...healthQuery, refetchInterval: 10_000 });
  const me = useQuery(meQuery);
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description="Where programs run: in cells, each a small Ray of its own, and on the cluster." actions={<Button iconName="refresh" ariaLabel="Refresh" loading={ray.isRefetching} onClick={() => { void ray.refetch(); void health.refetch(); }} />}>Cluster</Header>
      {ray.isError ? <Problem error={ray.error} what="The state of Ray" retry={() => void ray.refetch()} /> : ray.data ? <Status ray={ray.data} /> : <Loading what="the state of Ray" />}
      {health.isError ? <Problem error={health.error} what="The state of the system" retry={() => void health.refetch()} /> : health.data ? <Checks health={health.data} /> : <Loading what="the state of the system" />}
      {me.data && (me.data.role === 'admin' ? <RayJobs connected={ray.data?.status === 'connected'} />
        : <Alert type="info" header="Ray’s own jobs">They name the work of everybody, so only administrators see them. Your own jobs are in the history.</Alert>)}
    </SpaceBetween>
  );
}

function Status({ ray }: { ray: Ray }) {
  const s = states[ray.status];
  const { cells } = ray;
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Ray cluster</Header>}>
        <SpaceBetween size="m">
          <KeyValuePairs columns={2} items={[
            { label: 'State', value: <StatusIndicator type={s.type}>{s.text}</StatusIndicator> },
            { label: 'Version of Ray', value: ray.ray_version || '–' },
          ]} />
          <Box color="text-body-secondary">{ray.detail ? `${ray.detail} ` : ''}{s.means}</Box>
        </SpaceBetween>
      </Container>
      {ray.status === 'connected' && <Nodes nodes={ray.nodes} />}
      <Container header={<Header variant="h2" description="A cell answers in a second. It belongs to one session until the session lets it go.">Cells</Header>}>
        <KeyValuePairs columns={4} items={[
          { label: 'Warm, ready for a session', value: number(cells.warm) },
          { label: 'In use by a session', value: number(cells.leased) },
          { label: 'Starting', value: number(cells.starting) },
          { label: 'Jobs that wait for one', value: number(cells.waiting) },
        ]} />
      </Container>
    </SpaceBetween>
  );
}

function Nodes({ nodes }: { nodes: Ray['nodes'] }) {
  return (
    <Table items={nodes} trackBy="id" wrapLines ariaLabels={{ tableLabel: 'Nodes' }}
      header={<Header variant="h2" counter={`(${nodes.length})`} description="The machines of the cluster, and what Ray may use of each.">Nodes</Header>}
      empty={<Empty title="No nodes are known">Ray’s dashboard did not answer yet.</Empty>}
      columnDefinitions={[
        { id: 'name', header: 'Name', isRowHeader: true, minWidth: 160, cell: n => <span className="oc-wrap" title={n.id}>{n.name || n.id}</span> },
        { id: 'role', header: 'Role', minWidth: 90, cell: n => (n.head ? 'Head' : 'Worker') },
        { id: 'state', header: 'State', minWidth: 110, cell: n => <StatusIndicator type={n.state === 'ALIVE' ? 'success' : 'stopped'}>{n.state === 'ALIVE' ? 'Alive' : 'Gone'}</StatusIndicator> },
        { id: 'cpu', header: 'Cores', minWidth: 80, cell: n => number(n.cpu) },
        { id: 'gpu', header: 'GPUs', minWidth: 80, cell: n => number(n.gpu) },
        { id: 'memory', header: 'Memory', minWidth: 100, cell: n => (n.memory_bytes ? bytes(n.memory_bytes) : '–') },
      ]} />
  );
}

function Checks({ health }: { health: Schemas['Health'] }) {
  const all = { ok: { type: 'success', text: 'Everything works' }, degraded: { type: 'warning', text: 'Something does not work' }, down: { type: 'error', text: 'orcray cannot take work' } } as const;
  const s = all[health.status];
  return (
    <Container header={<Header variant="h2" actions={<StatusIndicator type={s.type}>{s.text}</StatusIndicator>}>Parts of the system</Header>}>
      <KeyValuePairs columns={3} items={health.checks.map(c => ({
        label: checkNames[c.name] ?? c.name,
        value: <StatusIndicator type={c.ok ? 'success' : 'error'}>{told(c)}</StatusIndicator>,
      }))} />
    </Container>
  );
}
