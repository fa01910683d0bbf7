import { Link } from 'react-router';
import Header from '@cloudscape-design/components/header';
import { usePage } from '../app/page.ts';
import { Empty } from '../app/states.tsx';

export default function NotFoundPage() {
  usePage('Not found');
  return (
    <>
      <Header variant="h1">Not found</Header>
      <Empty title="There is no such page" action={<Link className="oc-link" to="/ask">Go to the questions</Link>}>The address may be mistyped.</Empty>
    </>
  );
}
