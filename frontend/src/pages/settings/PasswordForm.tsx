import { useState } from 'react';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { api, messageOf, signIn, take } from '../../api/client.ts';
import { useNotify } from '../../app/notify.tsx';

/** Changes the password. That ends every sign-in, so this one is made anew at once. */
export default function PasswordForm({ email }: { email: string }) {
  const notify = useNotify();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const submit = async () => {
    if ([...next].length < 8) return setError('The new password needs at least 8 characters.');
    setBusy(true);
    setError('');
    try {
      await take(api.POST('/api/v1/auth/password', { body: { current, new: next } }));
      await signIn(email, next);
      setCurrent('');
      setNext('');
      notify({ type: 'success', content: 'Your password was changed. Everywhere else you are signed out.' });
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <ExpandableSection headerText="Change the password">
      <form onSubmit={e => { e.preventDefault(); void submit(); }}>
        <SpaceBetween size="m">
          {error && <Alert type="error">{error}</Alert>}
          <FormField label="Password now"><Input type="password" autoComplete="current-password" value={current} onChange={e => setCurrent(e.detail.value)} /></FormField>
          <FormField label="New password" constraintText="8 to 256 characters"><Input type="password" autoComplete="new-password" value={next} onChange={e => setNext(e.detail.value)} /></FormField>
          <Button loading={busy}>Change the password</Button>
        </SpaceBetween>
      </form>
    </ExpandableSection>
  );
}
