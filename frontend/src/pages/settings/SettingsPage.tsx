import { useQuery } from '@tanstack/react-query';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { signOut } from '../../app/auth.tsx';
import { bytes, number, plural, when } from '../../app/format.ts';
import { usePage } from '../../app/page.ts';
import { prefer, usePreferences, type Preferences } from '../../app/preferences.ts';
import { healthQuery, meQuery, modelsQuery, settingsQuery } from '../../app/queries.ts';
import { Empty, Loading, Problem } from '../../app/states.tsx';
import PasswordForm from './PasswordForm.tsx';

export default function SettingsPage() {
  usePage('Settings');
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Settings</Header>
      <Appearance />
      <Models />
      <Limits />
      <Account />
    </SpaceBetween>
  );
}

/** A segmented control shows its own label where the page is narrow. */
function Appearance() {
  const p = usePreferences();
  return (
    <Container header={<Header variant="h2" description="Kept in this browser.">Appearance</Header>}>
      <SpaceBetween size="xl" direction="horizontal">
        <div>
          <div className="oc-wide-label" aria-hidden>Theme</div>
          <SegmentedControl label="Theme" selectedId={p.mode} onChange={e => prefer({ mode: e.detail.selectedId as Preferences['mode'] })}
            options={[{ id: 'system', text: 'As the system' }, { id: 'light', text: 'Light' }, { id: 'dark', text: 'Dark' }]} />
        </div>
        <div>
          <div className="oc-wide-label" aria-hidden>Density</div>
          <SegmentedControl label="Density" selectedId={p.density} onChange={e => prefer({ density: e.detail.selectedId as Preferences['density'] })}
            options={[{ id: 'comfortable', text: 'Comfortable' }, { id: 'compact', text: 'Compact' }]} />
        </div>
      </SpaceBetween>
    </Container>
  );
}

const dollars = (n: number | undefined) => (n === undefined ? 'not known' : n === 0 ? 'free' : `$${n}`);

/** The models that can be chosen for a question, and whether the one in use answers. */
function Models() {
  const models = useQuery(modelsQuery);
  const check = useQuery(healthQuery).data?.checks.find(c => c.name === 'model');
  if (models.isError && !models.data) return <Problem error={models.error} what="The models" retry={() => void models.refetch()} />;
  return (
    <Table items={models.data ?? []} trackBy="id" wrapLines loading={models.isPending} loadingText="Loading the models" ariaLabels={{ tableLabel: 'Models' }}
      header={<Header description="Choose one beside the question. Which ones there are is set where orcray was installed." actions={check && <StatusIndicator type={check.ok ? 'success' : 'error'}>{check.ok ? 'Answers' : check.detail || 'Does not answer'}</StatusIndicator>}>Models</Header>}
      empty={<Empty title="No models">Connect one with the setting ORCRAY_MODEL.</Empty>}
      columnDefinitions={[
        { id: 'name', header: 'Model', isRowHeader: true, minWidth: 200, cell: m => <>{m.name}{m.default && <Box variant="span" color="text-body-secondary"> (default)</Box>}</> },
        { id: 'provider', header: 'Provider', minWidth: 110, cell: m => m.provider },
        { id: 'in', header: 'Input, per million tokens', minWidth: 130, cell: m => dollars(m.input_usd_per_million) },
        { id: 'out', header: 'Output, per million tokens', minWidth: 130, cell: m => dollars(m.output_usd_per_million) },
      ]} />
  );
}

function Limits() {
  const limits = useQuery(settingsQuery);
  if (limits.isError && !limits.data) return <Problem error={limits.error} what="The limits" retry={() => void limits.refetch()} />;
  if (!limits.data) return <Loading what="the limits" />;
  const l = limits.data;
  return (
    <Container header={<Header variant="h2" description="They are set where orcray was installed: orcray config lists every setting.">Limits</Header>}>
      <KeyValuePairs columns={4} items={[
        { label: 'Largest file', value: bytes(l.max_upload_bytes) },
        { label: 'Runs in a cell up to', value: bytes(l.place_limit_bytes) },
        { label: 'Longest question', value: bytes(l.max_question_bytes) },
        { label: 'Longest program', value: bytes(l.max_program_bytes) },
        { label: 'Proof on a sample', value: plural(l.validate_seconds, 'second') },
        { label: 'Run on all rows', value: plural(l.execute_seconds, 'second') },
        { label: 'Longest run that can be asked for', value: plural(l.max_execute_seconds, 'second') },
        { label: 'Jobs per minute', value: number(l.jobs_per_minute) },
      ]} />
    </Container>
  );
}

function Account() {
  const me = useQuery(meQuery);
  if (me.isError && !me.data) return <Problem error={me.error} what="Your account" retry={() => void me.refetch()} />;
  if (!me.data) return <Loading what="your account" />;
  return (
    <Container header={<Header variant="h2" actions={<Button onClick={signOut}>Sign out</Button>}>Account</Header>}>
      <SpaceBetween size="l">
        <KeyValuePairs columns={4} items={[
          { label: 'Email address', value: <span className="oc-wrap">{me.data.email}</span> },
          { label: 'Name', value: me.data.full_name || '–' },
          { label: 'Role', value: me.data.role === 'admin' ? 'Administrator' : 'User' },
          { label: 'Since', value: when(me.data.created_at) },
        ]} />
        <PasswordForm email={me.data.email} />
      </SpaceBetween>
    </Container>
  );
}
