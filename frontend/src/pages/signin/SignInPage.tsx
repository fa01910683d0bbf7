import { useEffect } from 'react';
import { Navigate, useSearchParams } from 'react-router';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { SignInForm, useAuth } from '../../app/auth.tsx';

/** A path of this page to go to after signing in; never another origin. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) ? next : '/ask';
}

export default function SignInPage() {
  const { token, expired } = useAuth();
  const [query] = useSearchParams();
  useEffect(() => { document.title = 'Sign in · orcray'; }, []);
  if (token && !expired) return <Navigate to={safeNext(query.get('next'))} replace />;
  return (
    <main className="oc-signin">
      <SpaceBetween size="l">
        <Box textAlign="center">
          <img src="/favicon.svg" alt="" width={48} height={48} />
          <h1 className="oc-brand">orcray</h1>
          <Box color="text-body-secondary">Ask about your data. orcray writes a Ray program, proves it on a sample, and runs it.</Box>
        </Box>
        <Container header={<Header variant="h2">Sign in</Header>}>
          <SignInForm />
        </Container>
        <ExpandableSection headerText="Where do I find my password?">
          <Box variant="p">On your own machine, orcray made an account for you when it started: the email address and the password are in the file <Box variant="code">var/owner.json</Box>, and <Box variant="code">make run</Box> prints them. On a shared installation, ask whoever runs it.</Box>
        </ExpandableSection>
      </SpaceBetween>
    </main>
  );
}
