import Box from '@cloudscape-design/components/box';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { SignInForm, signOut } from './auth.tsx';

/** Asks for the password again when the token has ended. The page behind it stays as it is, and goes on after it. */
export default function Renewal({ email }: { email: string }) {
  return (
    <Modal visible header="Sign in again" onDismiss={() => {}} closeAriaLabel="Close">
      <SpaceBetween size="m">
        <Box>Your sign-in has ended. Nothing you typed is lost: what you were doing goes on when you are back.</Box>
        <SignInForm email={email} onCancel={signOut} />
      </SpaceBetween>
    </Modal>
  );
}
