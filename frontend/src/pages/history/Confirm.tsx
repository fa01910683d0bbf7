import { useState, type ReactNode } from 'react';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';

/** Asks before something cannot be undone. */
export default function Confirm({ title, action, children, onConfirm, onCancel }: {
  title: string;
  action: string;
  children: ReactNode;
  onConfirm: () => Promise<void>;
  onCancel: () => void;
}) {
  const [busy, setBusy] = useState(false);
  return (
    <Modal visible header={title} onDismiss={onCancel} closeAriaLabel="Close" footer={
      <Box float="right">
        <SpaceBetween size="xs" direction="horizontal">
          <Button variant="link" onClick={onCancel}>Cancel</Button>
          <Button variant="primary" loading={busy} onClick={() => { setBusy(true); void onConfirm().finally(() => setBusy(false)); }}>{action}</Button>
        </SpaceBetween>
      </Box>
    }>{children}</Modal>
  );
}
