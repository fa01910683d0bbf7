import { useState, useSyncExternalStore } from 'react';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { auth } from '../api/auth.ts';
import { messageOf, signIn } from '../api/client.ts';
import { queryClient } from './queries.ts';

export const useAuth = () => useSyncExternalStore(auth.subscribe, auth.snapshot);

export function signOut() {
  auth.signOut();
  queryClient.clear();
}

/** Email and password. onDone is called after the server took them. */
export function SignInForm({ email: known, onDone, onCancel }: { email?: string; onDone?: () => void; onCancel?: () => void }) {
  const [email, setEmail] = useState(known ?? '');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const submit = async () => {
    if (!email || !password) {
      setError('Give your email address and your password.');
      return;
    }
    setBusy(true);
    setError('');
    try {
      await signIn(email, password);
      onDone?.();
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={e => { e.preventDefault(); void submit(); }}>
      <SpaceBetween size="m">
        {error && <Alert type="error">{error}</Alert>}
        <FormField label="Email address">
          <Input value={email} onChange={e => setEmail(e.detail.value)} type="email" autoComplete="username" disabled={!!known} name="username" autoFocus={!known} />
        </FormField>
        <FormField label="Password">
          <Input value={password} onChange={e => setPassword(e.detail.value)} type="password" autoComplete="current-password" name="password" autoFocus={!!known} />
        </FormField>
        <Box float={onCancel ? 'right' : undefined}>
          <SpaceBetween size="xs" direction="horizontal">
            {onCancel && <Button variant="link" onClick={onCancel} formAction="none">Sign out</Button>}
            <Button variant="primary" loading={busy} fullWidth={!onCancel}>Sign in</Button>
          </SpaceBetween>
        </Box>
      </SpaceBetween>
    </form>
  );
}
